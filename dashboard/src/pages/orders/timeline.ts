/** The life of one trade, step by step: what happened, who did it, how long it took. */
import Big from "big.js";
import type { Fill, OrderAttempt, TradeDetail, TradeRiskDecision, TradeTransition } from "@/api/schema";
import { plain, type Amount } from "@/money/amount";

export type Step =
  | { kind: "signal"; at: string }
  | { kind: "rules"; at: string; rules: readonly TradeRiskDecision[] }
  | { kind: "moved"; at: string; moved: TradeTransition; /** Since the step before. */ tookMs: number | null }
  | { kind: "sent"; at: string; attempts: readonly OrderAttempt[] }
  | { kind: "filled"; at: string; fill: Fill; slippage: Slippage | null };

/**
 * In the order in which it happened. The transitions are the backbone, for they are numbered: times of different clocks are not
 * compared. Risk speaks before the order is approved or rejected, sendings belong to the first `submitting`, and a fill
 * stands before the first transition after it that is as new.
 */
export function timelineOf(trade: TradeDetail): Step[] {
  const steps: Step[] = [{ kind: "signal", at: trade.event_at }];
  const rules = trade.risk_decisions;
  const fills = [...trade.fills];
  let judged = rules.length === 0;
  let sent = trade.attempts.length === 0;
  let before: TradeTransition | null = null;
  for (const moved of trade.transitions) {
    if (!judged && moved.from_status !== null) {
      steps.push({ kind: "rules", at: moved.event_at, rules });
      judged = true;
    }
    while (sent && moved.to_status !== "submitted" && fills[0] && Date.parse(fills[0].executed_at) <= Date.parse(moved.event_at)) {
      steps.push(filled(trade, fills.shift()));
    }
    steps.push({ kind: "moved", at: moved.event_at, moved, tookMs: before === null ? null : Date.parse(moved.at) - Date.parse(before.at) });
    if (!sent && moved.to_status === "submitting") {
      steps.push({ kind: "sent", at: moved.event_at, attempts: trade.attempts });
      sent = true;
    }
    before = moved;
  }
  if (!judged) steps.push({ kind: "rules", at: trade.event_at, rules });
  if (!sent) steps.push({ kind: "sent", at: trade.status_at, attempts: trade.attempts });
  while (fills.length > 0) steps.push(filled(trade, fills.shift()));
  return steps;
}

function filled(trade: TradeDetail, fill: Fill | undefined): Step {
  if (!fill) throw new Error("there is no fill");
  return { kind: "filled", at: fill.executed_at, fill, slippage: slippageOf(trade, fill) };
}

export interface Slippage {
  /** Dollars per share or contract unit: above zero is worse than the reference. */
  amount: Amount;
  /** What it is measured against. */
  against: "limit" | "stop";
}

/** How much worse than its own price an order was filled; null where it had none, or has several legs, whose price is net. */
export function slippageOf(trade: Pick<TradeDetail, "multi_leg" | "price" | "stop_price">, fill: Pick<Fill, "price" | "side" | "kind">): Slippage | null {
  if (trade.multi_leg || fill.kind === "bust") return null;
  const [reference, against] = trade.stop_price !== null ? [trade.stop_price, "stop" as const] : [trade.price, "limit" as const];
  if (reference === null) return null;
  const worse = fill.side === "buy" ? new Big(fill.price).minus(reference) : new Big(reference).minus(fill.price);
  return { amount: plain(worse), against };
}

/** "0.4 s", "12 s", "3 min": how long a step took. */
export function took(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 3_600_000) return `${Math.round(milliseconds / 60_000)} min`;
  if (milliseconds < 86_400_000) return `${(milliseconds / 3_600_000).toFixed(1)} h`;
  return `${(milliseconds / 86_400_000).toFixed(1)} d`;
}
