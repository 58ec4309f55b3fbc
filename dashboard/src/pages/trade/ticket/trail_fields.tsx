/** How far something trails behind the best price, in dollars or in percent of it. */
import { AmountInput, Field, Select } from "@/ui/form";
import type { Distance } from "./draft";

interface Props {
  label: string;
  inLabel: string;
  value: string;
  unit: Distance;
  error: string | undefined;
  onValue: (value: string) => void;
  onUnit: (unit: Distance) => void;
}

export function TrailFields({ label, inLabel, value, unit, error, onValue, onUnit }: Props) {
  return (
    <>
      <Field label={label} error={error}>
        <AmountInput unit={unit === "dollars" ? "$" : "%"} value={value} onChange={(event) => onValue(event.target.value)} />
      </Field>
      <Field label={inLabel}>
        <Select value={unit} onChange={(event) => onUnit(event.target.value as Distance)}>
          <option value="dollars">Dollars</option>
          <option value="percent">Percent</option>
        </Select>
      </Field>
    </>
  );
}
