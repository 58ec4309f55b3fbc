/** A whole order in words, as it is confirmed. */
import type { ExitPlan, NewOrder } from "@/api/schema";
import { dollars, grouped, price, type Amount } from "@/money/amount";
import { counted, type Unit } from "@/orders/units";
import { LASTS } from "../placing/lasts";

const INTENTS: Record<NonNullable<NewOrder["position_intent"]>, string> = {
  buy_to_open: "Buy",
  buy_to_close: "Buy back",
  sell_to_open: "Sell short",
  sell_to_close: "Sell",
};

/** "Buy 10 shares of SPY at the market, for the day." */
export function inWords(order: NewOrder, unit: Unit = "shares"): string {
  const act = order.position_intent === undefined ? (order.side === "sell" ? "Sell" : "Buy") : INTENTS[order.position_intent];
  const much = order.notional === undefined ? counted(grouped(order.quantity), unit) : `${dollars(order.notional)} worth`;
  const also = [
    LASTS[order.time_in_force],
    ...(order.extended_hours === true ? ["also outside the regular session"] : []),
    ...(order.reduce_only === true ? ["only to make the position smaller"] : []),
  ];
  return `${act} ${much} of ${order.symbol ?? ""} ${at(order)}, ${also.join(", ")}.`;
}

function at(order: NewOrder): string {
  const limit = `at ${usd(order.price)} or better`;
  const reached = `once it trades at ${usd(order.stop_price)} or ${order.side === "sell" ? "lower" : "higher"}`;
  switch (order.order_type) {
    case "market":
      return "at the market";
    case "limit":
      return limit;
    case "stop":
      return `at the market ${reached}`;
    case "stop_limit":
      return `${limit}, ${reached}`;
    case "trailing_stop":
      return `at the market once it turns by ${order.trail_percent === undefined ? usd(order.trail_price) : `${grouped(order.trail_percent)} %`}`;
  }
}

/** How it is got out of, one sentence each. */
export function exitsInWords(plan: ExitPlan): readonly string[] {
  const said: string[] = [];
  if (plan.stop_price !== undefined) said.push(`Stop at ${usd(plan.stop_price)} or worse.`);
  if (plan.target_price !== undefined) said.push(`Target at ${usd(plan.target_price)} or better.`);
  if (plan.trail_amount !== undefined) said.push(`Trailing stop ${usd(plan.trail_amount)} behind the best price.`);
  if (plan.trail_percent !== undefined) said.push(`Trailing stop ${grouped(plan.trail_percent)} % behind the best price.`);
  if (said.length > 0) said.push(plan.held === "broker" ? "The stop also rests at the broker." : "The exit is watched by AgentTrader.");
  return said;
}

function usd(amount: Amount | undefined): string {
  return `$${price(amount)}`;
}
