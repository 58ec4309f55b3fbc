/** The rows that the dashboard keeps live: their shape, their key, and what tells a newer one from an older. */
import { z } from "zod";

/** Exact: small integers come as numbers, everything else as text (see exact.ts). */
const amount = z.union([z.string(), z.number()]).transform(String);
const maybe = amount.nullable();
const version = z.union([z.number(), z.string()]).transform(Number);
const id = z.string();
const time = z.string();

export const TradeRow = z.object({
  id,
  user_id: id,
  broker_account_id: id,
  strategy_id: id.nullable(),
  source: z.enum(["strategy", "manual", "automation", "risk", "external"]),
  symbol: z.string(),
  side: z.enum(["buy", "sell"]),
  order_type: z.enum(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
  time_in_force: z.enum(["day", "gtc", "ioc", "fok", "opg", "cls"]),
  quantity: maybe,
  notional: maybe,
  price: maybe,
  stop_price: maybe,
  trail_price: maybe,
  trail_percent: maybe,
  reduce_only: z.boolean(),
  multi_leg: z.boolean(),
  status: z.string(),
  reason: z.string(),
  refusal: z.string().nullable(),
  filled_quantity: amount,
  fill_price: maybe,
  executed_at: time.nullable(),
  event_at: time,
  status_at: time,
  good_until: time,
  cancel_requested_at: time.nullable(),
  parent_trade_id: id.nullable(),
  replaces_trade_id: id.nullable(),
  created_at: time,
  updated_at: time,
  version,
});
export type TradeRow = z.infer<typeof TradeRow>;

export const FillRow = z.object({
  id,
  user_id: id,
  broker_account_id: id,
  trade_id: id,
  leg: z.number(),
  strategy_id: id.nullable(),
  kind: z.enum(["fill", "bust", "correction"]),
  symbol: z.string(),
  side: z.enum(["buy", "sell"]),
  quantity: amount,
  price: amount,
  fee: amount,
  multiplier: amount,
  realised_pnl: amount,
  executed_at: time,
  created_at: time,
});
export type FillRow = z.infer<typeof FillRow>;

export const PositionRow = z.object({
  broker_account_id: id,
  symbol: z.string(),
  user_id: id,
  /** Shares or contracts, negative for short. */
  quantity: amount,
  /** Dollars paid for what is held; negative for short. */
  cost_basis: amount,
  multiplier: amount,
  realised_pnl: amount,
  fees: amount,
  last_event_at: time,
  updated_at: time,
  version,
});
export type PositionRow = z.infer<typeof PositionRow>;

export const StrategyRow = z.object({
  id,
  user_id: id,
  broker_account_id: id,
  name: z.string(),
  description: z.string(),
  kind: z.string(),
  config: z.record(z.string(), z.unknown()),
  symbols: z.array(z.string()),
  timeframe: z.string(),
  exits_by: z.enum(["strategy", "watched"]),
  status: z.enum(["draft", "active", "inactive", "halted", "deleted"]),
  strategy_version: z.number(),
  effective_version: z.number().nullable(),
  updated_at: time,
  version,
});
export type StrategyRow = z.infer<typeof StrategyRow>;

export const AlertRow = z.object({
  id,
  user_id: id.nullable(),
  broker_account_id: id.nullable(),
  code: z.string(),
  severity: z.enum(["info", "warning", "critical"]),
  text: z.string(),
  numbers: z.record(z.string(), z.unknown()),
  raised_at: time,
  acknowledged_at: time.nullable(),
});
export type AlertRow = z.infer<typeof AlertRow>;

export const GateRow = z.object({
  gate_key: z.string(),
  scope: z.enum(["global", "user", "account", "strategy"]),
  user_id: id.nullable(),
  broker_account_id: id.nullable(),
  strategy_id: id.nullable(),
  closed: z.boolean(),
  mode: z.enum(["no_new_entries", "cancel_working", "flatten"]),
  spare_exits: z.boolean(),
  reason: z.string(),
  needs_administrator: z.boolean(),
  changed_by: z.string(),
  changed_at: time,
  version,
});
export type GateRow = z.infer<typeof GateRow>;

export const ReportRow = z.object({
  id,
  user_id: id,
  broker_account_id: id,
  report_date: z.string(),
  realised_pnl: amount,
  unrealised_pnl: maybe,
  fees: amount,
  total_pnl: maybe,
  trades: z.number(),
  fills: z.number(),
  report_version: z.number(),
  version,
});
export type ReportRow = z.infer<typeof ReportRow>;

/** How a table is kept: what is asked of it, and how a row is told from another and from its own past. */
export interface Table<Row> {
  readonly name: string;
  readonly schema: z.ZodType<Row>;
  readonly key: (row: Row) => string;
  /** Grows with every change of a row. */
  readonly version: (row: Row) => number;
  /** The newest that a snapshot holds; older ones are asked for by the pages that show them. */
  readonly window: { orderBy: string; most: number };
  /** Rows that a snapshot holds however old they are: an order may work for months. */
  readonly always?: { column: string; values: readonly string[] };
  /** The amounts among the columns, asked for as text. */
  readonly amounts: readonly string[];
}

function table<Shape extends z.ZodRawShape>(name: string, schema: z.ZodObject<Shape>, about: Omit<Table<z.infer<z.ZodObject<Shape>>>, "name" | "schema" | "amounts">) {
  const amounts = Object.entries(schema.shape).filter(([, field]) => field === amount || field === maybe).map(([column]) => column);
  return { name, schema, amounts, ...about } as Table<z.infer<z.ZodObject<Shape>>>;
}

export const TABLES = {
  trades: table("trades", TradeRow, {
    key: (row) => row.id,
    version: (row) => row.version,
    window: { orderBy: "created_at", most: 500 },
    always: { column: "status", values: ["pending", "approved", "submitting", "submitted", "partially_filled", "cancel_pending", "replace_pending", "unknown"] },
  }),
  fills: table("fills", FillRow, { key: (row) => row.id, version: () => 1, window: { orderBy: "created_at", most: 500 } }),
  positions: table("position_books", PositionRow, {
    key: (row) => `${row.broker_account_id} ${row.symbol}`,
    version: (row) => row.version,
    window: { orderBy: "updated_at", most: 1000 },
  }),
  strategies: table("strategies", StrategyRow, { key: (row) => row.id, version: (row) => row.version, window: { orderBy: "created_at", most: 1000 } }),
  alerts: table("alerts", AlertRow, {
    key: (row) => row.id,
    // An alert changes once: when it is seen.
    version: (row) => (row.acknowledged_at === null ? 1 : 2),
    window: { orderBy: "raised_at", most: 200 },
  }),
  gates: table("trading_gates", GateRow, { key: (row) => row.gate_key, version: (row) => row.version, window: { orderBy: "changed_at", most: 1000 } }),
  reports: table("daily_pnl_reports", ReportRow, { key: (row) => row.id, version: (row) => row.version, window: { orderBy: "report_date", most: 800 } }),
} as const;

export type TableName = keyof typeof TABLES;
export type RowOf<Name extends TableName> = (typeof TABLES)[Name] extends Table<infer Row> ? Row : never;

/** What PostgREST is asked for: amounts as text. */
export function columnsOf<Row>(table: Table<Row>): string {
  const shape = (table.schema as unknown as z.ZodObject).shape;
  return Object.keys(shape).map((column) => (table.amounts.includes(column) ? `${column}::text` : column)).join(",");
}
