/** The parts of an order as tables: legs, fills, the rules' verdicts, what was sent to the broker. */
import type { Fill, OrderAttempt, TradeLeg, TradeRiskDecision } from "@/api/schema";
import { price, quantity } from "@/money/amount";
import { Chip, FullTime, Numbers, Pnl } from "@/ui/figures";
import { Table, type Column } from "@/ui/table";

const LEGS: readonly Column<TradeLeg>[] = [
  { id: "symbol", name: "Symbol", cell: (row) => row.symbol, value: (row) => row.symbol },
  { id: "intent", name: "Intent", cell: (row) => row.position_intent.replaceAll("_", " "), value: (row) => row.position_intent },
  { id: "ratio", name: "Ratio", numeric: true, cell: (row) => row.ratio, value: (row) => row.ratio },
  { id: "quantity", name: "Quantity", numeric: true, cell: (row) => quantity(row.quantity), value: (row) => row.quantity },
  { id: "filled", name: "Filled", numeric: true, cell: (row) => quantity(row.filled_quantity), value: (row) => row.filled_quantity },
];

export function Legs({ legs }: { legs: readonly TradeLeg[] }) {
  return <Table label="Legs" columns={LEGS} rows={legs} rowKey={(row) => String(row.leg)} empty="" csv={false} />;
}

const FILLS: readonly Column<Fill>[] = [
  { id: "at", name: "When", cell: (row) => <FullTime at={row.executed_at} />, value: (row) => row.executed_at },
  { id: "symbol", name: "Symbol", cell: (row) => row.symbol, value: (row) => row.symbol },
  { id: "kind", name: "Kind", cell: (row) => (row.kind === "fill" ? "fill" : <Chip tone="warn">{row.kind}</Chip>), value: (row) => row.kind },
  { id: "quantity", name: "Quantity", numeric: true, cell: (row) => quantity(row.quantity), value: (row) => row.quantity },
  { id: "price", name: "Price, $", numeric: true, cell: (row) => price(row.price), value: (row) => row.price },
  { id: "fee", name: "Fee, $", numeric: true, cell: (row) => price(row.fee), value: (row) => row.fee },
  { id: "realised", name: "Realised", numeric: true, cell: (row) => <Pnl amount={row.realised_pnl} />, value: (row) => row.realised_pnl },
];

export function Fills({ fills }: { fills: readonly Fill[] }) {
  return <Table label="Fills" columns={FILLS} rows={fills} rowKey={(row) => row.id} empty="Nothing was filled." height={300} />;
}

const TONES = { allow: "good", deny: "bad", reduce: "warn" } as const;
const RULES: readonly Column<TradeRiskDecision>[] = [
  { id: "number", name: "#", numeric: true, cell: (row) => row.number, value: (row) => row.number },
  { id: "rule", name: "Rule", cell: (row) => <code className="text-xs">{row.rule}</code>, value: (row) => row.rule },
  { id: "verdict", name: "Verdict", cell: (row) => <Chip tone={TONES[row.verdict]}>{row.verdict}</Chip>, value: (row) => row.verdict },
  { id: "numbers", name: "What it saw", cell: (row) => <Numbers of={row.numbers} />, value: (row) => JSON.stringify(row.numbers) },
];

export function Rules({ decisions }: { decisions: readonly TradeRiskDecision[] }) {
  return <Table label="Risk rules" columns={RULES} rows={decisions} rowKey={(row) => String(row.number)} empty="No rule was asked: an order of the risk watch, or one from outside." height={360} />;
}

const ATTEMPTS: readonly Column<OrderAttempt>[] = [
  { id: "attempt", name: "#", numeric: true, cell: (row) => row.attempt, value: (row) => row.attempt },
  { id: "kind", name: "What", cell: (row) => (row.kind === "send" ? "sent" : "looked for"), value: (row) => row.kind },
  { id: "outcome", name: "Outcome", cell: (row) => row.outcome?.replaceAll("_", " ") ?? "no answer yet", value: (row) => row.outcome },
  { id: "detail", name: "Said", cell: (row) => row.detail, value: (row) => row.detail },
  { id: "broker", name: "Broker's number", optional: true, cell: (row) => <code className="text-xs">{row.broker_order_id ?? "–"}</code>, value: (row) => row.broker_order_id },
  { id: "at", name: "When", optional: true, cell: (row) => <FullTime at={row.claimed_at} />, value: (row) => row.claimed_at },
];

export function Attempts({ attempts }: { attempts: readonly OrderAttempt[] }) {
  return <Table label="At the broker" columns={ATTEMPTS} rows={attempts} rowKey={(row) => `${row.attempt}-${row.kind}`} empty="It was not sent to the broker." height={240} />;
}
