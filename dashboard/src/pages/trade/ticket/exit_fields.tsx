/** The exit that is armed with the first fill: stop, target, trail. */
import { AmountInput, Checkbox, Field } from "@/ui/form";
import type { Fields } from "./draft";
import { TrailFields } from "./trail_fields";

export function ExitFields({ draft, change, problems, unit }: Fields) {
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
          <TrailFields label="Exit trail" inLabel="Exit trail in" value={draft.exitTrail} unit={draft.exitTrailIn} error={problems.exitTrail} onValue={(exitTrail) => change({ exitTrail })} onUnit={(exitTrailIn) => change({ exitTrailIn })} />
          {unit === "shares" && (
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
