/** Arms the exit of a position, changes it, or takes it away. */
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Exit, GivenExit } from "@/api/schema";
import type { PositionRow } from "@/live/rows";
import { typed } from "@/money/amount";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";
import { Confirm } from "@/ui/dialog";
import { AmountInput, Checkbox, Field } from "@/ui/form";

const PARTS = [
  { part: "stop_price", label: "Stop price", unit: "$" },
  { part: "target_price", label: "Target price", unit: "$" },
  { part: "trail_amount", label: "Trailing stop, distance", unit: "$" },
  { part: "trail_percent", label: "Trailing stop, percent", unit: "%" },
] as const;
type Part = (typeof PARTS)[number]["part"];

export function ExitDialog({ position, exit, onClose }: { position: PositionRow; exit: Exit | undefined; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const [values, setValues] = useState<Record<Part, string>>(() => ({ stop_price: exit?.stop_price ?? "", target_price: exit?.target_price ?? "", trail_amount: exit?.trail_amount ?? "", trail_percent: exit?.trail_percent ?? "" }));
  const [atBroker, setAtBroker] = useState(exit?.held === "broker");
  const send = async () => {
    // All of it is said anew: what this form does not show stays as it was.
    const given: GivenExit = { broker_account_id: position.broker_account_id, symbol: position.symbol, held: atBroker ? "broker" : "here", ...kept(exit) };
    for (const { part, label } of PARTS) {
      if (values[part].trim() === "") continue;
      const amount = typed(values[part]);
      if (amount === null) throw new Error(`${label}: this is no number.`);
      given[part] = amount;
    }
    await body(api.PUT("/api/risk/exits", { body: given }));
    await queries.invalidateQueries({ queryKey: ["positions"] });
    said("The exit is armed.");
  };
  return (
    <Confirm open onOpenChange={(open) => !open && onClose()} title={`Exit of ${position.symbol}`} act={exit ? "Change the exit" : "Arm the exit"} onConfirm={send}>
      <p className="text-dim">It is watched here and closes the position at the first price that is reached. What is left out is taken away.</p>
      {PARTS.map(({ part, label, unit }) => (
        <Field key={part} label={label}><AmountInput unit={unit} value={values[part]} onChange={(event) => setValues({ ...values, [part]: event.target.value })} /></Field>
      ))}
      <Checkbox label="The stop also rests at the broker" checked={atBroker} onChange={(event) => setAtBroker(event.target.checked)} />
    </Confirm>
  );
}

function kept(exit: Exit | undefined): Partial<GivenExit> {
  if (!exit) return {};
  const { strategy_id, exit_at, delta_limit, underlying_below, underlying_above, short_strike } = exit;
  return {
    strategy_id,
    short_strike,
    ...(exit_at === null ? {} : { exit_at }),
    ...(delta_limit === null ? {} : { delta_limit }),
    ...(underlying_below === null ? {} : { underlying_below }),
    ...(underlying_above === null ? {} : { underlying_above }),
  };
}
