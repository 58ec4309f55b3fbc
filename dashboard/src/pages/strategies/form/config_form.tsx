/** The form of a kind's configuration, made from its JSON Schema, in the theme's own controls. */
// Not by the package's index: that one names a validator which makes code from text, and which is not installed.
import Form from "@rjsf/core/lib/components/Form.js";
import type { ErrorSchema, RJSFSchema } from "@rjsf/utils";
import type { Ref } from "react";
import { TEMPLATES, WIDGETS } from "./controls";
import { validator } from "./validator";

export type Config = Record<string, unknown>;
export type ConfigFormHandle = Form<unknown>;

interface Props {
  schema: RJSFSchema;
  config: Config;
  onChange: (config: Config) => void;
  disabled?: boolean;
  /** What the platform found wrong, by field. */
  found: Readonly<Record<string, readonly string[]>>;
  ref: Ref<ConfigFormHandle>;
}

/** Stands inside of a form: whoever submits asks `validateForm()` of the handle first. */
export function ConfigForm({ schema, config, onChange, disabled = false, found, ref }: Props) {
  const extra = Object.fromEntries(Object.entries(found).map(([name, errors]) => [name, { __errors: [...errors] }])) as ErrorSchema<unknown>;
  return (
    <Form<unknown>
      ref={ref}
      tagName="div"
      idPrefix="config"
      schema={schema}
      formData={config}
      validator={validator}
      widgets={WIDGETS}
      templates={TEMPLATES}
      disabled={disabled}
      extraErrors={extra}
      showErrorList={false}
      noHtml5Validate
      // What is wrong stands at its field; without this it is told to the console, too.
      onError={() => undefined}
      liveValidate="onBlur"
      onChange={({ formData }) => onChange((formData ?? {}) as Config)}
    >
      <></>
    </Form>
  );
}
