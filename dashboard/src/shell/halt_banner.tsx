/** What is halted, on every page: a trader must not wonder why nothing is bought. */
import { useMemo } from "react";
import { Link } from "react-router";
import { useRows } from "@/live/hooks";
import { accountName, useAccounts } from "@/session/accounts";
import type { GateRow } from "@/live/rows";

const MODES: Record<GateRow["mode"], string> = {
  no_new_entries: "no new entries",
  cancel_working: "no new entries, working entries are canceled",
  flatten: "everything is closed",
};

export function HaltBanner() {
  const { rows } = useRows("gates");
  const { byId } = useAccounts();
  const strategies = useRows("strategies").rows;
  const closed = useMemo(() => rows.filter((gate) => gate.closed), [rows]);
  if (closed.length === 0) return null;
  const name = (gate: GateRow) => {
    if (gate.strategy_id !== null) return strategies.find(({ id }) => id === gate.strategy_id)?.name ?? "a strategy";
    if (gate.broker_account_id !== null) {
      const account = byId.get(gate.broker_account_id);
      return account ? accountName(account) : "an account";
    }
    return gate.scope === "global" ? "the whole platform" : "all of your trading";
  };
  return (
    <div role="status" className="border-b border-danger/50 bg-danger/15 px-4 py-2 text-sm">
      {closed.map((gate) => (
        <p key={gate.gate_key}>
          <strong className="text-danger">Halted: {name(gate)}</strong> ({MODES[gate.mode]}){gate.reason !== "" && `: ${gate.reason}`}
        </p>
      ))}
      <Link to="/risk" className="text-accent underline">See and lift halts</Link>
    </div>
  );
}
