import { describe, expect, test } from "vitest";
import { build, EMPTY, opens, type Draft } from "./draft";

const WHERE = { account: "a", symbol: "SPY", position: undefined };

function built(part: Partial<Draft>, position?: string) {
  return build({ ...EMPTY, amount: "10", ...part }, { ...WHERE, position });
}

describe("the ticket's order", () => {
  test("build when only a quantity is typed then a market order for the day that opens", () => {
    expect(built({})).toEqual({
      order: { broker_account_id: "a", symbol: "SPY", side: "buy", position_intent: "buy_to_open", order_type: "market", time_in_force: "day", quantity: "10" },
    });
  });

  test("build when an amount has separators and many digits then it goes out as it was typed, exactly", () => {
    expect(built({ amount: "1,234.5678901234", orderType: "limit", price: "0.1" })).toMatchObject({ order: { quantity: "1234.5678901234", price: "0.1" } });
  });

  test("build when dollars are given then notional and no quantity", () => {
    const result = built({ sized: "notional", amount: "500" });
    expect(result).toMatchObject({ order: { notional: "500" } });
    expect("order" in result && result.order.quantity).toBe(undefined);
  });

  test("build when dollars are to be good until canceled then told that they are for the day", () => {
    expect(built({ sized: "notional", timeInForce: "gtc" })).toMatchObject({ problems: { amount: expect.stringContaining("day only") as string } });
  });

  test.each([
    ["limit", { price: "Enter the limit price." }],
    ["stop", { stopPrice: "Enter the stop price." }],
    ["stop_limit", { price: "Enter the limit price.", stopPrice: "Enter the stop price." }],
    ["trailing_stop", { trail: "Enter how far it trails." }],
  ] as const)("build when a %s order lacks its price then the field says so", (orderType, problems) => {
    expect(built({ orderType })).toEqual({ problems });
  });

  test("build when the type has no price then what was typed for another type stays out", () => {
    expect(built({ price: "100", stopPrice: "90", trail: "1" })).toEqual({ order: expect.not.objectContaining({ price: "100" }) as unknown });
    expect(built({ orderType: "stop", price: "100", stopPrice: "90" })).toEqual({ order: expect.not.objectContaining({ price: "100" }) as unknown });
  });

  test.each(["", "0", "-1", "ten", "1e3"])("build when the quantity is '%s' then it is no order", (amount) => {
    expect(built({ amount })).toMatchObject({ problems: { amount: expect.any(String) as string } });
  });

  test("build when a stop trails by 100 percent then refused, by 99 not", () => {
    expect(built({ orderType: "trailing_stop", trailIn: "percent", trail: "100" })).toMatchObject({ problems: { trail: "A percentage below 100." } });
    expect(built({ orderType: "trailing_stop", trailIn: "percent", trail: "99" })).toMatchObject({ order: { trail_percent: "99" } });
  });

  test("build when extended hours are wanted of a market order then they stay out", () => {
    expect(built({ extendedHours: true })).toEqual({ order: expect.not.objectContaining({ extended_hours: true }) as unknown });
    expect(built({ extendedHours: true, orderType: "limit", price: "1" })).toMatchObject({ order: { extended_hours: true } });
  });
});

describe("the intent", () => {
  test.each([
    ["buy", undefined, "buy_to_open"],
    ["buy", "5", "buy_to_open"],
    ["buy", "-5", "buy_to_close"],
    ["sell", undefined, "sell_to_open"],
    ["sell", "-5", "sell_to_open"],
    ["sell", "5.0000000000", "sell_to_close"],
    ["sell", "0.0000000000", "sell_to_open"],
  ] as const)("build when one wants to %s and %s is held then %s", (side, position, intent) => {
    expect(built({ side }, position)).toMatchObject({ order: { position_intent: intent } });
  });

  test("build when the intent is said then what is held does not matter", () => {
    expect(built({ side: "sell", intent: "open" }, "5")).toMatchObject({ order: { position_intent: "sell_to_open" } });
    expect(built({ side: "sell", intent: "close" })).toMatchObject({ order: { position_intent: "sell_to_close" } });
  });

  test("opens when it may only reduce then never, whatever the intent", () => {
    expect(opens({ ...EMPTY, reduceOnly: true, intent: "open" }, undefined)).toBe(false);
  });
});

describe("the exits", () => {
  test("build when a stop and a target are given then both are in the plan", () => {
    expect(built({ withExits: true, exitStop: "90", exitTarget: "120" })).toMatchObject({ order: { exit_plan: { stop_price: "90", target_price: "120" } } });
  });

  test("build when the stop of a buy is above its target then told, of a short sale the other way", () => {
    expect(built({ withExits: true, exitStop: "120", exitTarget: "90" })).toMatchObject({ problems: { exitStop: expect.stringContaining("below") as string } });
    expect(built({ side: "sell", withExits: true, exitStop: "120", exitTarget: "90" })).toMatchObject({ order: { exit_plan: { stop_price: "120" } } });
    expect(built({ side: "sell", withExits: true, exitStop: "90", exitTarget: "120" })).toMatchObject({ problems: { exitStop: expect.stringContaining("above") as string } });
  });

  test("build when exits are on and none is typed then told, and no order without them goes out", () => {
    expect(built({ withExits: true })).toMatchObject({ problems: { exitStop: expect.any(String) as string } });
  });

  test("build when the order closes then no plan goes with it", () => {
    expect(built({ side: "sell", withExits: true, exitStop: "90" }, "10")).toEqual({ order: expect.not.objectContaining({ exit_plan: expect.anything() as unknown }) as unknown });
  });

  test("build when the broker shall hold a target alone then told that it holds stops", () => {
    expect(built({ withExits: true, exitTarget: "120", held: "broker" })).toMatchObject({ problems: { exitStop: expect.stringContaining("broker") as string } });
    expect(built({ withExits: true, exitTrail: "5", held: "broker" })).toMatchObject({ order: { exit_plan: { trail_percent: "5", held: "broker" } } });
  });
});
