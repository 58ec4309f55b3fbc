/** A trade and all that is on record of it. */
import { z } from "@hono/zod-openapi";
import { OrderType, PositionIntent, Side, TimeInForce } from "./orders.ts";
import { Amount, Id, Time, Version } from "./values.ts";

const STATUSES = [
  "pending",
  "approved",
  "rejected",
  "submitting",
  "submitted",
  "partially_filled",
  "filled",
  "cancel_pending",
  "canceled",
  "replace_pending",
  "replaced",
  "expired",
  "unknown",
] as const;

/** Those of an order that is over; it may still get late fills. */
export const FINAL = ["rejected", "filled", "canceled", "replaced", "expired"] as const;
export const TradeStatus = z.enum(STATUSES).openapi("TradeStatus", { description: "unknown: sent, and the broker has not said whether it has it." });

export const TradeNote = z.object({
  text: z.string(),
  changed_by: z.string(),
  updated_at: Time,
  version: Version,
}).openapi("TradeNote");

export const GivenNote = z.strictObject({
  text: z.string().max(4000).openapi({ description: "At most 4000 characters; an empty one takes the note away." }),
}).openapi("GivenNote");

export const Trade = z.object({
  id: Id,
  broker_account_id: Id,
  strategy_id: Id.nullable(),
  strategy_version: z.int().nullable(),
  source: z.enum(["strategy", "manual", "automation", "risk", "external"]),
  symbol: z.string().openapi({ description: "Of an order with several legs that of the first." }),
  side: Side,
  order_type: OrderType,
  time_in_force: TimeInForce,
  quantity: Amount.nullable(),
  notional: Amount.nullable(),
  price: Amount.nullable(),
  stop_price: Amount.nullable(),
  trail_price: Amount.nullable(),
  trail_percent: Amount.nullable(),
  planned_stop: Amount.nullable(),
  reduce_only: z.boolean(),
  multi_leg: z.boolean(),
  extended_hours: z.boolean(),
  parent_trade_id: Id.nullable(),
  replaces_trade_id: Id.nullable(),
  reprices_trade_id: Id.nullable(),
  oco_group: Id.nullable(),
  status: TradeStatus,
  reason: z.string(),
  refusal: z.string().nullable().openapi({ description: "Why it was rejected, expired or cancelled, as CODE: key=value." }),
  client_order_id: z.string(),
  broker_order_id: z.string().nullable(),
  filled_quantity: Amount,
  fill_price: Amount.nullable().openapi({ description: "Average of the fills." }),
  executed_at: Time.nullable(),
  event_at: Time,
  status_at: Time,
  good_until: Time,
  cancel_requested_at: Time.nullable(),
  cancel_reason: z.string().nullable(),
  note: z.union([TradeNote, z.null()]).openapi({ description: "The trader's own words; null where they never wrote any, empty where they took it away." }),
  version: Version,
}).openapi("Trade");

export const TradeLeg = z.object({
  leg: z.int(),
  symbol: z.string(),
  side: Side,
  position_intent: PositionIntent,
  ratio: z.int(),
  quantity: Amount.nullable(),
  filled_quantity: Amount,
}).openapi("TradeLeg");

export const Fill = z.object({
  id: Id,
  leg: z.int(),
  kind: z.enum(["fill", "bust", "correction"]),
  corrects_fill_id: Id.nullable(),
  symbol: z.string(),
  side: Side,
  quantity: Amount,
  price: Amount,
  fee: Amount,
  realised_pnl: Amount.openapi({ description: "Dollars that it added to the account's realised P&L, fees not deducted." }),
  executed_at: Time,
}).openapi("Fill");

export const Transition = z.object({
  number: z.int(),
  from_status: z.union([TradeStatus, z.null()]),
  to_status: TradeStatus,
  actor: z.string(),
  reason: z.string(),
  event_at: Time,
  at: Time.openapi({ description: "Machine time: what latency is measured with." }),
}).openapi("TradeTransition");

export const RiskDecision = z.object({
  number: z.int(),
  rule: z.string(),
  verdict: z.enum(["allow", "deny", "reduce"]),
  numbers: z.record(z.string(), z.unknown()).openapi({ description: "What the rule saw." }),
  at: Time,
}).openapi("TradeRiskDecision");

export const Attempt = z.object({
  attempt: z.int(),
  kind: z.enum(["send", "look"]),
  outcome: z.enum(["accepted", "rejected", "unknown", "not_seen", "not_placed", "adopted"]).nullable(),
  detail: z.string(),
  broker_order_id: z.string().nullable(),
  claimed_at: Time,
  answered_at: Time.nullable(),
}).openapi("OrderAttempt");

export const TradeDetail = Trade.extend({
  exit_plan: z.record(z.string(), z.unknown()).nullable().openapi({ description: "How its position is got out of, as it was ordered." }),
  legs: z.array(TradeLeg),
  fills: z.array(Fill),
  transitions: z.array(Transition),
  risk_decisions: z.array(RiskDecision),
  attempts: z.array(Attempt),
}).openapi("TradeDetail");
