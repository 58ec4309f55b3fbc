import { describe, expect, it } from "vitest";
import { filledOf, fits, terms, type Order } from "./order_rows";
import { changeOf } from "./replace_order";

const ORDER = {
  id: "a", broker_account_id: "one", strategy_id: null, symbol: "SPY", side: "buy", order_type: "limit", price: "182.5000000000", stop_price: null,
  trail_price: null, trail_percent: null, quantity: "10.0000000000", notional: null, filled_quantity: "4", multi_leg: false, status: "submitted",
  event_at: "2018-02-05T15:00:00+00:00", version: 3,
} as Order;
const ALL = { shown: "all", status: "", symbol: "", strategy: "" } as const;

describe("orders", () => {
  it("are shown when they work or are of today, whatever the tape's date", () => {
    const done = { ...ORDER, status: "filled" };
    expect(fits(ORDER, { ...ALL, shown: "today" }, null, false)).toBe(true);
    expect(fits(done, { ...ALL, shown: "today" }, null, false)).toBe(false);
    expect(fits(done, { ...ALL, shown: "today" }, null, true)).toBe(true);
    expect(fits(done, { ...ALL, shown: "working" }, null, true)).toBe(false);
    expect(fits(ORDER, ALL, "another", true)).toBe(false);
    expect(fits(ORDER, { ...ALL, symbol: "QQ" }, null, true)).toBe(false);
    expect(fits(ORDER, { ...ALL, strategy: "none" }, "one", true)).toBe(true);
  });

  it("are told by their terms and what is filled", () => {
    expect([terms(ORDER), filledOf(ORDER)]).toEqual(["limit 182.50", "4 / 10"]);
    expect(terms({ ...ORDER, order_type: "stop_limit", stop_price: "180" })).toBe("stop limit 180.00 / 182.50");
    expect(filledOf({ ...ORDER, quantity: null, notional: "1000" })).toBe("4 / $1,000");
  });
});

describe("a replacement", () => {
  it("names only what differs, by value", () => {
    expect(changeOf(ORDER, { price: "182.50", quantity: "10" })).toEqual({});
    expect(changeOf(ORDER, { price: "181", quantity: "10" })).toEqual({ price: "181" });
  });

  it("is none when something typed is no number", () => {
    expect(changeOf(ORDER, { price: "18x" })).toBeNull();
  });
});
