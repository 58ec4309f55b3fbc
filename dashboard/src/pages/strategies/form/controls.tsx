/** The theme's controls for generated forms: a field with its label, its hint or what is wrong with it, and its unit. */
import type { FieldTemplateProps, ObjectFieldTemplateProps, RegistryWidgetsType, WidgetProps } from "@rjsf/utils";
import clsx from "clsx";
import { AmountInput, Checkbox, Input, Select } from "@/ui/form";
import { rangeInWords, rangeOf, unitOf } from "./schema";

function about(id: string): string {
  return `${id}-about`;
}

/** What ties a control to its hint and to what is wrong with it. */
function tied({ id, rawErrors }: WidgetProps) {
  return { id, "aria-describedby": about(id), ...(rawErrors && rawErrors.length > 0 ? { "aria-invalid": true as const } : {}) };
}

function FieldTemplate({ id, label, schema, children, rawErrors = [], hidden }: FieldTemplateProps) {
  if (hidden === true) return <div hidden>{children}</div>;
  if (schema.type === "object") return children;
  const range = rangeInWords(rangeOf(schema));
  const hint = [schema.description, range === "" ? undefined : `${range.charAt(0).toUpperCase()}${range.slice(1)}.`].filter(Boolean).join(". ");
  const wrong = [...new Set(rawErrors)].join("; ");
  return (
    <div className="flex min-w-0 flex-col gap-1">
      {schema.type !== "boolean" && <label htmlFor={id} className="text-xs font-medium text-dim">{label}</label>}
      {children}
      <p id={about(id)} {...(wrong === "" ? {} : { role: "alert" })} className={clsx("text-xs", wrong === "" ? "text-dim" : "text-danger")}>
        {wrong === "" ? hint : `${label} ${wrong}`}
      </p>
    </div>
  );
}

function ObjectFieldTemplate({ properties }: ObjectFieldTemplateProps) {
  return <div className="grid grid-cols-1 gap-x-5 gap-y-4 sm:grid-cols-2">{properties.map(({ content }) => content)}</div>;
}

/** Numbers and amounts are typed as text: an amount stays text, a whole number is read as one by rjsf. */
function TextWidget(props: WidgetProps) {
  const { onChange, onBlur, id, disabled, readonly, schema } = props;
  const value = props.value as string | number | undefined | null;
  const common = {
    ...tied(props),
    value: value === undefined || value === null ? "" : String(value),
    disabled: disabled === true || readonly === true,
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => onChange(event.target.value === "" ? undefined : event.target.value),
    onBlur: () => onBlur(id, value),
  };
  const counts = schema.format === "decimal" || schema.type === "integer" || schema.type === "number";
  return counts ? <AmountInput className="pr-20" unit={unitOf(schema)} {...common} /> : <Input {...common} />;
}

function SelectWidget(props: WidgetProps) {
  const { onChange, onBlur, id, disabled, options, required } = props;
  const value = props.value as unknown;
  const choices = options.enumOptions ?? [];
  const chosen = choices.findIndex((choice) => choice.value === value);
  return (
    <Select
      {...tied(props)}
      value={chosen}
      disabled={disabled === true}
      onChange={(event) => onChange(choices[Number(event.target.value)]?.value as unknown)}
      onBlur={() => onBlur(id, value)}
    >
      {chosen < 0 && <option value={-1}>{required === true ? "Choose" : "None"}</option>}
      {choices.map((choice, at) => <option key={choice.label} value={at}>{choice.label}</option>)}
    </Select>
  );
}

function CheckboxWidget(props: WidgetProps) {
  const { onChange, label, disabled } = props;
  return <Checkbox {...tied(props)} label={label} className="min-h-9" checked={props.value === true} disabled={disabled === true} onChange={(event) => onChange(event.target.checked)} />;
}

export const WIDGETS: RegistryWidgetsType = { TextWidget, SelectWidget, CheckboxWidget };
export const TEMPLATES = { FieldTemplate, ObjectFieldTemplate };
