/** The strategies that decide now: what each has made, and what it said last. */
import { Link } from "react-router";
import { useAccounts } from "@/session/accounts";
import { shown, type Wanted } from "@/strategies/listing";
import { useListed, type Card } from "@/strategies/use_listed";
import { STATES } from "@/strategies/wording";
import { Chip, Pnl } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Table, type Column } from "@/ui/table";

const RUNNING: Omit<Wanted, "account"> = { text: "", states: "running", kind: "" };

const COLUMNS: readonly Column<Card>[] = [
  { id: "name", name: "Strategy", cell: (card) => <Link className="font-medium hover:underline" to={`/strategies/${card.id}`}>{card.name}</Link>, value: (card) => card.name },
  { id: "state", name: "State", cell: (card) => <Chip tone={STATES[card.state].tone} title={STATES[card.state].means}>{STATES[card.state].word}</Chip>, value: (card) => STATES[card.state].word },
  { id: "session", name: "Session", numeric: true, cell: (card) => <Pnl amount={card.session} />, value: (card) => card.session },
  { id: "result", name: "So far", numeric: true, cell: (card) => <Pnl amount={card.result} />, value: (card) => card.result },
  { id: "said", name: "Said last", optional: true, cell: (card) => <span className="inline-block max-w-56 truncate align-bottom text-dim" title={card.last?.reason}>{card.last?.reason ?? "–"}</span>, value: (card) => card.last?.reason },
];

export function Running() {
  const { cards, loaded } = useListed();
  const { selected } = useAccounts();
  return (
    <Panel flush title="Running strategies" actions={<Link className="text-sm text-accent underline" to="/strategies">All strategies</Link>}>
      <Table label="Running strategies" columns={COLUMNS} rows={shown(cards, { ...RUNNING, account: selected?.id ?? null }, "name")} rowKey={({ id }) => id} loading={!loaded} empty="No strategy is running." height={320} />
    </Panel>
  );
}
