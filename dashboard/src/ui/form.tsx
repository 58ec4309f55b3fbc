/** Form fields: label, hint, unit, and what is wrong with it, tied together for whoever does not see them. */
import clsx from "clsx";
import { cloneElement, useId, type ComponentProps, type ReactElement, type ReactNode } from "react";

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: ReactNode;
  /** One control. */
  children: ReactElement<{ id?: string; "aria-describedby"?: string; "aria-invalid"?: boolean }>;
  className?: string;
}

export function Field({ label, hint, error, children, className }: FieldProps) {
  const id = useId();
  const about = `${id}-about`;
  const says = error ?? hint;
  return (
    <div className={clsx("flex min-w-0 flex-col gap-1", className)}>
      <label htmlFor={id} className="text-xs font-medium text-dim">{label}</label>
      {cloneElement(children, { id, ...(says ? { "aria-describedby": about } : {}), ...(error ? { "aria-invalid": true } : {}) })}
      {says && <p id={about} {...(error ? { role: "alert" } : {})} className={clsx("text-xs", error ? "text-danger" : "text-dim")}>{says}</p>}
    </div>
  );
}

const CONTROL =
  "h-9 w-full min-w-0 rounded-md border border-line bg-ground px-2.5 text-sm text-ink placeholder:text-dim aria-invalid:border-danger disabled:opacity-55";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={clsx(CONTROL, className)} {...rest} />;
}

/** An amount, typed as text so that no digit is lost, with its unit behind it. */
export function AmountInput({ unit, className, ...rest }: ComponentProps<"input"> & { unit: string }) {
  return (
    <span className="relative block">
      <input inputMode="decimal" autoComplete="off" className={clsx(CONTROL, "pr-16 text-right tabular-nums", className)} {...rest} />
      <span aria-hidden className="pointer-events-none absolute inset-y-0 right-2.5 flex items-center text-xs text-dim">{unit}</span>
    </span>
  );
}

export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select className={clsx(CONTROL, className)} {...rest} />;
}

export function TextArea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={clsx(CONTROL, "h-auto py-2", className)} {...rest} />;
}

export function Checkbox({ label, className, ...rest }: Omit<ComponentProps<"input">, "type"> & { label: ReactNode }) {
  return (
    <label className={clsx("inline-flex items-center gap-2 text-sm", className)}>
      <input type="checkbox" className="size-4 accent-accent" {...rest} />
      {label}
    </label>
  );
}

interface SegmentsProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly { value: Value; label: ReactNode }[];
  onChange: (value: Value) => void;
}

/** A choice of few, all in sight. */
export function Segments<Value extends string>({ label, value, options, onChange }: SegmentsProps<Value>) {
  return (
    <div role="radiogroup" aria-label={label} className="inline-flex rounded-md border border-line bg-ground p-0.5">
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          onClick={() => onChange(option.value)}
          className={clsx("h-7 rounded px-2.5 text-xs font-medium whitespace-nowrap", option.value === value ? "bg-raised text-ink" : "text-dim hover:text-ink")}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
