/** The ledger's states and orders in a trader's words: the same everywhere. */
import type { TradeRow } from "@/live/rows";
import { price, quantity } from "@/money/amount";

type Tone = "plain" | "good" | "bad" | "warn" | "accent";

interface State {
  name: string;
  tone: Tone;
  /** What it means, and what can be done. */
  about: string;
}

export const STATES: Readonly<Record<string, State>> = {
  pending: { name: "pending", tone: "plain", about: "Placed; the risk rules have not judged it yet." },
  approved: { name: "approved", tone: "plain", about: "Every risk rule lets it pass; it is about to be sent." },
  rejected: { name: "rejected", tone: "bad", about: "Refused, by a risk rule or by the broker. Nothing was traded." },
  submitting: { name: "submitting", tone: "accent", about: "Being sent to the broker." },
  submitted: { name: "working", tone: "accent", about: "The broker has it and works it." },
  partially_filled: { name: "partly filled", tone: "accent", about: "A part is traded; the rest is working." },
  filled: { name: "filled", tone: "good", about: "All of it is traded." },
  cancel_pending: { name: "canceling", tone: "warn", about: "The broker was asked to cancel it; it may still be filled until it says so." },
  canceled: { name: "canceled", tone: "plain", about: "Canceled; what was filled before stays." },
  replace_pending: { name: "replacing", tone: "warn", about: "The broker was asked to put another in its place; it may still be filled until it says so." },
  replaced: { name: "replaced", tone: "plain", about: "Another order has taken its place." },
  expired: { name: "expired", tone: "plain", about: "Its time is over; what was filled before stays." },
  unknown: { name: "unknown", tone: "warn", about: "Whether the broker has it is not known yet. It is looked for; nothing is sent twice." },
};

const OVER = new Set(["rejected", "filled", "canceled", "replaced", "expired"]);

export function stateOf(status: string): State {
  return STATES[status] ?? { name: status, tone: "plain", about: "" };
}

/** Not over yet: it may still be filled. */
export function isWorking({ status }: { status: string }): boolean {
  return !OVER.has(status);
}

/** Can be asked to be replaced: the broker has it, and nothing is asked of it already. */
export function isReplaceable({ status }: { status: string }): boolean {
  return status === "submitted" || status === "partially_filled";
}

type Ordered = Pick<TradeRow, "order_type" | "price" | "stop_price" | "trail_price" | "trail_percent">;

/** "limit 270.50", "stop 260.00 limit 259.50", "trailing 2 %" */
export function terms(order: Ordered): string {
  switch (order.order_type) {
    case "market":
      return "market";
    case "limit":
      return `limit ${price(order.price)}`;
    case "stop":
      return `stop ${price(order.stop_price)}`;
    case "stop_limit":
      return `stop ${price(order.stop_price)} limit ${price(order.price)}`;
    case "trailing_stop":
      return order.trail_percent === null ? `trailing $${price(order.trail_price)}` : `trailing ${quantity(order.trail_percent)} %`;
  }
}

/** How much: "10", or "$500" where it is for an amount of dollars. */
export function ordered(order: Pick<TradeRow, "quantity" | "notional">): string {
  return order.quantity === null ? `$${quantity(order.notional)}` : quantity(order.quantity);
}
