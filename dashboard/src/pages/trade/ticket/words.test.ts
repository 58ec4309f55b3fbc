import { expect, test } from "vitest";
import type { NewOrder } from "@/api/schema";
import { exitsInWords, inWords } from "./words";

const ORDER: NewOrder = { broker_account_id: "a", symbol: "SPY", side: "buy", position_intent: "buy_to_open", order_type: "market", time_in_force: "day", quantity: "10" };

test("inWords when it is a market order then all of it is said", () => {
  expect(inWords(ORDER)).toBe("Buy 10 shares of SPY at the market, for the day.");
  expect(inWords({ ...ORDER, quantity: "1" })).toBe("Buy 1 share of SPY at the market, for the day.");
});

test("inWords when it is short, in dollars, or only reduces then that is said", () => {
  expect(inWords({ ...ORDER, side: "sell", position_intent: "sell_to_open" })).toContain("Sell short 10 shares");
  const { quantity, ...sized } = ORDER;
  expect(quantity).toBe("10");
  expect(inWords({ ...sized, notional: "1500" })).toBe("Buy $1,500.00 worth of SPY at the market, for the day.");
  expect(inWords({ ...ORDER, reduce_only: true })).toContain("only to make the position smaller");
});

test("inWords when it has prices then each is said with what it does", () => {
  expect(inWords({ ...ORDER, side: "sell", position_intent: "sell_to_close", order_type: "stop_limit", price: "99", stop_price: "100", time_in_force: "gtc" }))
    .toBe("Sell 10 shares of SPY at $99.00 or better, once it trades at $100.00 or lower, good until canceled.");
  expect(inWords({ ...ORDER, order_type: "trailing_stop", trail_percent: "2.5" })).toContain("once it turns by 2.5 %");
});

test("exitsInWords when there is a bracket then stop, target and who watches", () => {
  expect(exitsInWords({ stop_price: "90", target_price: "120" })).toEqual(["Stop at $90.00 or worse.", "Target at $120.00 or better.", "The exit is watched by AgentTrader."]);
  expect(exitsInWords({ trail_percent: "5", held: "broker" }).at(-1)).toBe("The stop also rests at the broker.");
});
