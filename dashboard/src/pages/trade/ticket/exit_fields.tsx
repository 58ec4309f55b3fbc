/** The exit that is armed with the first fill: stop, target, trail. */
import { AmountInput, Checkbox, Field, Select } from "@/ui/form";
import type { Draft, Problems } from "./draft";

interface Props {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  problems: Problems;
  shares: boolean;
}

export function ExitFields({ draft, change, problems, shares }: Props) {
  return (
    <fieldset className="flex flex-col gap-3 rounded-md border border-line p-3">
      <legend className="px-1">
        <Checkbox label="Attach exits (bracket)" checked={draft.withExits} onChange={(event) => change({ withExits: event.target.checked })} />
      </legend>
      {!draft.withExits && <p className="text-xs text-dim">Without a stop, nothing gets you out but you.</p>}
      {draft.withExits && (
        <div className="grid grid-cols-2 gap-3">
          <Field label="Exit stop" error={problems.exitStop}>
            <AmountInput unit="$" value={draft.exitStop} onChange={(event) => change({ exitStop: event.target.value })} />
          </Field>
          <Field label="Exit target" error={problems.exitTarget}>
            <AmountInput unit="$" value={draft.exitTarget} onChange={(event) => change({ exitTarget: event.target.value })} />
          </Field>
          <Field label="Exit trail" error={problems.exitTrail}>
            <AmountInput unit={draft.exitTrailIn === "dollars" ? "$" : "%"} value={draft.exitTrail} onChange={(event) => change({ exitTrail: event.target.value })} />
          </Field>
          <Field label="Exit trail in">
            <Select value={draft.exitTrailIn} onChange={(event) => change({ exitTrailIn: event.target.value as Draft["exitTrailIn"] })}>
              <option value="percent">Percent</option>
              <option value="dollars">Dollars</option>
            </Select>
          </Field>
          {shares && (
            <Checkbox
              className="col-span-2"
              label="The stop also rests at the broker"
              checked={draft.held === "broker"}
              onChange={(event) => change({ held: event.target.checked ? "broker" : "here" })}
            />
          )}
        </div>
      )}
    </fieldset>
  );
}
