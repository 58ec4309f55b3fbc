/**
 * The fixed body of a TradingView alert, its placeholders filled in: of a strategy's order, or of an alert.
 *
 * Whether an order opens or closes is told by the position after it. One that turns a position around does both; it is
 * none of ours, and is refused.
 */
import { z } from "zod";
import { Amount, EventId, EventName, Moment, Quantity, Side } from "./values.ts";

const Position = z.enum(["long", "short", "flat"]);
/** `NASDAQ:AAPL` is AAPL: the exchange in front is TradingView's. */
const Ticker = z.string().max(64).transform((text) => text.slice(text.lastIndexOf(":") + 1)).pipe(
  z.string().regex(/^[A-Z0-9][A-Z0-9./-]{0,31}$/, "is a symbol of capital letters and digits"),
);

const common = { event_id: EventId.optional(), time: Moment, ticker: Ticker };

const StrategyOrder = z.strictObject({
  ...common,
  action: Side,
  contracts: Quantity,
  market_position: Position,
  prev_market_position: Position,
  price: Amount.optional(),
  order_id: z.string().max(200).optional(),
  comment: z.string().max(300).optional(),
}).transform((said, context) => {
  const { action, market_position: after, prev_market_position: before } = said;
  const own = action === "buy" ? "long" : "short";
  const turns = before !== "flat" && after !== "flat" && before !== after;
  if (turns || (after === "flat" && before !== (own === "long" ? "short" : "long")) || (before === "flat" && after !== own)) {
    context.addIssue({
      code: "custom",
      path: ["market_position"],
      message: turns ? "turns the position around; let the strategy close first, and open with an order of its own" : `does not follow from ${action} after ${before}`,
    });
    return z.NEVER;
  }
  return {
    event_id: said.event_id,
    sent_at: said.time,
    order: {
      symbol: said.ticker,
      side: action,
      position_intent: `${action}_to_${after === own ? "open" : "close"}`,
      quantity: said.contracts,
      order_type: "market",
      time_in_force: "day",
      reason: ["TradingView", said.order_id, said.comment].filter((part) => part).join(": "),
    },
  };
});

const Alert = z.strictObject({ ...common, event: EventName, price: Amount.optional() }).transform((said) => ({
  event_id: said.event_id,
  sent_at: said.time,
  event: { event: said.event, symbol: said.ticker, value: said.price },
}));

/** Which of the two it is, is told by `event`, so that what is wrong is told of the one that was meant. */
export function tradingView(body: unknown): ReturnType<typeof StrategyOrder.safeParse> | ReturnType<typeof Alert.safeParse> {
  return typeof body === "object" && body !== null && "event" in body ? Alert.safeParse(body) : StrategyOrder.safeParse(body);
}
