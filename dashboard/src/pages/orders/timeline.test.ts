import { describe, expect, it } from "vitest";
import type { Fill, TradeDetail, TradeTransition } from "@/api/schema";
import { slippageOf, timelineOf, took } from "./timeline";

const AT = "2018-02-05T15:00:0";

function moved(number: number, to: TradeTransition["to_status"], second: number, from: TradeTransition["from_status"] = "pending"): TradeTransition {
  return { number, from_status: number === 1 ? null : from, to_status: to, actor: "fn_risk", reason: "", event_at: `${AT}${second}+00:00`, at: `2026-12-01T10:00:0${second}.25+00:00` };
}

function fill(second: number): Fill {
  return { id: String(second), leg: 0, kind: "fill", corrects_fill_id: null, symbol: "SPY", side: "buy", quantity: "1", price: "100.02", fee: "0", realised_pnl: "0", executed_at: `${AT}${second}+00:00` };
}

const TRADE = {
  event_at: `${AT}0+00:00`, status_at: `${AT}9+00:00`, price: "100", stop_price: null, multi_leg: false,
  risk_decisions: [{ number: 1, rule: "GATE", verdict: "allow", numbers: {}, at: "2026-12-01T10:00:01+00:00" }],
  attempts: [{ attempt: 1, kind: "send", outcome: "accepted", detail: "", broker_order_id: "b", claimed_at: AT, answered_at: AT }],
  transitions: [moved(1, "pending", 0), moved(2, "approved", 1), moved(3, "submitting", 2), moved(4, "submitted", 3), moved(5, "partially_filled", 5), moved(6, "filled", 7)],
  fills: [fill(5), fill(7)],
} as unknown as TradeDetail;

function told(trade: TradeDetail): string[] {
  return timelineOf(trade).map((step) => (step.kind === "moved" ? step.moved.to_status : step.kind));
}

describe("the timeline", () => {
  it("tells signal, rules, sending and fills in their order when an order was filled in two parts", () => {
    expect(told(TRADE)).toEqual(["signal", "pending", "rules", "approved", "submitting", "sent", "submitted", "filled", "partially_filled", "filled", "filled"]);
  });

  it("tells a fill last when it came after the order was over", () => {
    expect(told({ ...TRADE, transitions: [...TRADE.transitions.slice(0, 4), moved(5, "canceled", 5)], fills: [fill(8)] })).toEqual(
      ["signal", "pending", "rules", "approved", "submitting", "sent", "submitted", "canceled", "filled"]);
  });

  it("tells the rules before the rejection when risk has denied", () => {
    expect(told({ ...TRADE, transitions: [moved(1, "pending", 0), moved(2, "rejected", 1)], attempts: [], fills: [] })).toEqual(["signal", "pending", "rules", "rejected"]);
  });

  it("says how long each step took by the platform's clock, not by the tape's", () => {
    const steps = timelineOf(TRADE).filter((step) => step.kind === "moved");
    expect(steps.map(({ tookMs }) => tookMs)).toEqual([null, 1000, 1000, 1000, 2000, 2000]);
    expect([took(42), took(1234), took(90_000), took(5_400_000)]).toEqual(["42 ms", "1.2 s", "2 min", "1.5 h"]);
  });
});

describe("slippage", () => {
  it("is above zero when the fill was worse than the order's own price", () => {
    expect(slippageOf(TRADE, fill(5))).toEqual({ amount: "0.02", against: "limit" });
    expect(slippageOf(TRADE, { ...fill(5), side: "sell" })).toEqual({ amount: "-0.02", against: "limit" });
    expect(slippageOf({ ...TRADE, stop_price: "99" }, { ...fill(5), side: "sell", price: "98.5" })).toEqual({ amount: "0.5", against: "stop" });
  });

  it("is missing when the order had no price, or a net one", () => {
    expect(slippageOf({ ...TRADE, price: null }, fill(5))).toBeNull();
    expect(slippageOf({ ...TRADE, multi_leg: true }, fill(5))).toBeNull();
  });
});
