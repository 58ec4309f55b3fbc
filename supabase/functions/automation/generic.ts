/** An event of a sender who writes its body itself: an order, or something that happened. */
import { z } from "zod";
import { Amount, EventId, EventName, Moment, Quantity, Side, Symbol } from "./values.ts";

const Intent = z.enum(["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]);
const Leg = z.strictObject({ symbol: Symbol, side: Side, position_intent: Intent, ratio: z.int().min(1).max(9999).default(1) });

const Order = z.strictObject({
  symbol: Symbol.optional(),
  side: Side.optional(),
  position_intent: Intent.optional(),
  legs: z.array(Leg).min(2).max(4).optional(),
  quantity: Quantity,
  order_type: z.enum(["market", "limit", "stop", "stop_limit", "trailing_stop"]).default("market"),
  time_in_force: z.enum(["day", "gtc", "ioc", "fok", "opg", "cls"]).default("day"),
  price: Amount.optional(),
  stop_price: Quantity.optional(),
  trail_price: Quantity.optional(),
  trail_percent: Quantity.optional(),
  planned_stop: Quantity.optional(),
  exit_plan: z.record(z.string().max(50), z.union([z.string().max(100), z.boolean(), z.null()])).optional(),
  reduce_only: z.boolean().optional(),
  extended_hours: z.boolean().optional(),
  reason: z.string().max(500).optional(),
}).refine((order) => (order.legs === undefined) === (order.symbol !== undefined && order.side !== undefined && order.position_intent !== undefined), {
  message: "has symbol, side and position_intent, or legs",
});

/** Exactly one of the two: what to trade, or what happened. */
export const Generic = z.strictObject({
  event_id: EventId.optional(),
  sent_at: Moment.optional(),
  order: Order.optional(),
  event: z.strictObject({ event: EventName, symbol: Symbol.optional(), value: Amount.optional() }).optional(),
}).refine((body) => (body.order === undefined) !== (body.event === undefined), { message: "has an order or an event" });
