/** The ticket as it is filled in: text in fields, of which an order is built, or what is missing is told by field. */
import Big from "big.js";
import type { ExitPlan, NewOrder } from "@/api/schema";
import { sign, typed, type Amount, type Maybe } from "@/money/amount";
import type { Unit } from "@/orders/units";

export type Side = "buy" | "sell";
export type OrderType = NewOrder["order_type"];
export type TimeInForce = NewOrder["time_in_force"];
export type Intent = "auto" | "open" | "close";
export type Distance = "dollars" | "percent";

export interface Draft {
  side: Side;
  /** auto: closes what is held the other way, else opens. */
  intent: Intent;
  sized: "quantity" | "notional";
  amount: string;
  orderType: OrderType;
  timeInForce: TimeInForce;
  price: string;
  stopPrice: string;
  trail: string;
  trailIn: Distance;
  extendedHours: boolean;
  reduceOnly: boolean;
  withExits: boolean;
  exitStop: string;
  exitTarget: string;
  exitTrail: string;
  exitTrailIn: Distance;
  held: "here" | "broker";
}

export type Field = "amount" | "price" | "stopPrice" | "trail" | "exitStop" | "exitTarget" | "exitTrail";
export type Problems = Partial<Record<Field, string>>;
export type Built = { order: NewOrder } | { problems: Problems };

/** What the fields of the ticket are given. */
export interface Fields {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  problems: Problems;
  unit: Unit;
}

export const EMPTY: Draft = {
  side: "buy", intent: "auto", sized: "quantity", amount: "", orderType: "market", timeInForce: "day", price: "", stopPrice: "", trail: "",
  trailIn: "dollars", extendedHours: false, reduceOnly: false, withExits: false, exitStop: "", exitTarget: "", exitTrail: "", exitTrailIn: "percent",
  held: "here",
};

interface Where {
  account: string;
  symbol: string;
  /** What is held of the symbol, negative for short; null where nothing is known of it. */
  position: Maybe;
}

export const hasPrice = (draft: Draft): boolean => draft.orderType === "limit" || draft.orderType === "stop_limit";
export const hasStopPrice = (draft: Draft): boolean => draft.orderType === "stop" || draft.orderType === "stop_limit";
export const trails = (draft: Draft): boolean => draft.orderType === "trailing_stop";
/** Dollars are traded for the day, and not outside the regular session. */
export const mayBeNotional = (draft: Draft): boolean => draft.timeInForce === "day" && !draft.extendedHours;
export const mayBeExtended = (draft: Draft): boolean => draft.orderType === "limit" && draft.timeInForce === "day" && draft.sized === "quantity";

/** Whether the order opens something, as it stands. */
export function opens(draft: Draft, position: Maybe): boolean {
  if (draft.reduceOnly) return false;
  if (draft.intent !== "auto") return draft.intent === "open";
  return sign(position) !== (draft.side === "buy" ? -1 : 1);
}

export function build(draft: Draft, { account, symbol, position }: Where): Built {
  const problems: Problems = {};
  const number = (field: Field, text: string, what: string): Amount | undefined => {
    const amount = typed(text);
    if (amount !== null && new Big(amount).gt(0)) return amount;
    problems[field] = text.trim() === "" ? `Enter ${what}.` : "Enter a number above zero.";
    return undefined;
  };
  const opening = opens(draft, position);
  const order: NewOrder = {
    broker_account_id: account,
    symbol,
    side: draft.side,
    position_intent: `${draft.side}_to_${opening ? "open" : "close"}`,
    order_type: draft.orderType,
    time_in_force: draft.timeInForce,
  };
  const amount = number("amount", draft.amount, draft.sized === "quantity" ? "how many" : "how many dollars");
  if (amount !== undefined) order[draft.sized] = amount;
  if (draft.sized === "notional" && !mayBeNotional(draft)) problems.amount = "Dollars are traded for the day only; enter a quantity.";
  if (hasPrice(draft)) set(order, "price", number("price", draft.price, "the limit price"));
  if (hasStopPrice(draft)) set(order, "stop_price", number("stopPrice", draft.stopPrice, "the stop price"));
  if (trails(draft)) {
    set(order, draft.trailIn === "dollars" ? "trail_price" : "trail_percent", number("trail", draft.trail, "how far it trails"));
    if (draft.trailIn === "percent" && tooFar(draft.trail)) problems.trail = "A percentage below 100.";
  }
  if (draft.extendedHours && mayBeExtended(draft)) order.extended_hours = true;
  if (draft.reduceOnly) order.reduce_only = true;
  if (draft.withExits && opening) {
    const plan = exitPlan(draft, number, problems);
    if (plan) order.exit_plan = plan;
  }
  return Object.keys(problems).length === 0 ? { order } : { problems };
}

function exitPlan(draft: Draft, number: (field: Field, text: string, what: string) => Amount | undefined, problems: Problems): ExitPlan | null {
  const plan: ExitPlan = {};
  const given = (text: string) => text.trim() !== "";
  if (given(draft.exitStop)) set(plan, "stop_price", number("exitStop", draft.exitStop, "the stop"));
  if (given(draft.exitTarget)) set(plan, "target_price", number("exitTarget", draft.exitTarget, "the target"));
  if (given(draft.exitTrail)) {
    set(plan, draft.exitTrailIn === "dollars" ? "trail_amount" : "trail_percent", number("exitTrail", draft.exitTrail, "how far it trails"));
    if (draft.exitTrailIn === "percent" && tooFar(draft.exitTrail)) problems.exitTrail = "A percentage below 100.";
  }
  if (![draft.exitStop, draft.exitTarget, draft.exitTrail].some(given)) {
    problems.exitStop = "Enter a stop, a target or a trail, or take the exits off.";
    return null;
  }
  const { stop_price: stop, target_price: target } = plan;
  if (stop !== undefined && target !== undefined && (draft.side === "buy" ? new Big(stop).gte(target) : new Big(stop).lte(target))) {
    problems.exitStop = draft.side === "buy" ? "The stop of what is bought is below its target." : "The stop of what is sold short is above its target.";
  }
  if (draft.held === "broker") {
    if (!given(draft.exitStop) && !given(draft.exitTrail)) problems.exitStop = "The broker holds a stop or a trail; enter one.";
    else plan.held = "broker";
  }
  return plan;
}

function set<Of, Name extends keyof Of>(of: Of, name: Name, value: Of[Name] | undefined): void {
  if (value !== undefined) of[name] = value;
}

function tooFar(percent: string): boolean {
  const amount = typed(percent);
  return amount !== null && new Big(amount).gte(100);
}
