/** What an order says, as the ledger takes it; whether it makes sense is the ledger's to judge. */
import { z } from "@hono/zod-openapi";
import { GivenAmount, GivenQuantity, GivenTime, Id, Ticker } from "./values.ts";

export const Side = z.enum(["buy", "sell"]);
export const PositionIntent = z.enum(["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]);
export const OrderType = z.enum(["market", "limit", "stop", "stop_limit", "trailing_stop"]);
export const TimeInForce = z.enum(["day", "gtc", "ioc", "fok", "opg", "cls"]).openapi({
  description: "opg and cls are the opening and the closing auction.",
});
const Reason = z.string().max(500).openapi({ description: "Why, in words; kept with the order." });

const NewLeg = z.strictObject({
  symbol: Ticker,
  side: Side,
  position_intent: PositionIntent,
  ratio: z.int().min(1).max(9999).default(1).openapi({ description: "Contracts or shares of one unit; of all legs in lowest terms." }),
}).openapi("NewLeg");

/** The plan of an entry's exit; its first fill arms it. */
export const ExitPlan = z.strictObject({
  stop_price: GivenAmount.optional(),
  target_price: GivenAmount.optional(),
  trail_amount: GivenQuantity.optional(),
  trail_percent: GivenQuantity.optional(),
  exit_at: GivenTime.optional(),
  delta_limit: GivenQuantity.optional().openapi({ description: "Of sold options: the delta at which it is got out of, below 1." }),
  underlying_below: GivenQuantity.optional(),
  underlying_above: GivenQuantity.optional(),
  short_strike: z.boolean().optional().openapi({ description: "Of sold options: got out of when the underlying reaches the strike." }),
  held: z.enum(["here", "broker"]).optional().openapi({ description: "broker: the stop or trail of shares also rests at the broker." }),
}).openapi("ExitPlan");

export const NewOrder = z.strictObject({
  broker_account_id: Id,
  symbol: Ticker.optional().openapi({ description: "A share, or an option by its OCC symbol; of an order with legs each leg says it." }),
  side: Side.optional(),
  position_intent: PositionIntent.optional(),
  legs: z.array(NewLeg).min(2).max(4).optional().openapi({ description: "Two to four legs that fill together at one net price." }),
  order_type: OrderType.default("market"),
  time_in_force: TimeInForce.default("day"),
  quantity: GivenQuantity.optional().openapi({ description: "Shares, contracts, or units of several legs." }),
  notional: GivenQuantity.optional().openapi({ description: "Dollars to trade for, instead of a quantity." }),
  price: GivenAmount.optional().openapi({ description: "Limit price; of several legs the net price of a unit: positive pays, negative receives." }),
  stop_price: GivenQuantity.optional(),
  trail_price: GivenQuantity.optional().openapi({ description: "Distance of a trailing stop in dollars." }),
  trail_percent: GivenQuantity.optional().openapi({ description: "Distance of a trailing stop in percent." }),
  planned_stop: GivenQuantity.optional().openapi({ description: "Where it is planned to get out: what the largest loss is told by." }),
  reduce_only: z.boolean().optional().openapi({ description: "It may only make a position smaller." }),
  extended_hours: z.boolean().optional().openapi({ description: "A limit order of shares for the day, also outside the regular session." }),
  exit_plan: ExitPlan.optional(),
  parent_trade_id: Id.optional().openapi({ description: "The order that this one belongs to." }),
  oco_group: Id.optional().openapi({ description: "An id of your own: when one order of the group is filled, the others are cancelled." }),
  reason: Reason.optional(),
}).openapi("NewOrder");

export const OrderChange = z.strictObject({
  quantity: GivenQuantity.optional().openapi({ description: "Of the whole order, what is filled already included." }),
  price: GivenAmount.optional(),
  stop_price: GivenQuantity.optional(),
  trail_price: GivenQuantity.optional(),
  trail_percent: GivenQuantity.optional(),
  time_in_force: z.enum(["day", "gtc"]).optional(),
  reason: Reason.optional(),
}).openapi("OrderChange");
