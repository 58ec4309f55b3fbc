import { describe, expect, test } from "vitest";
import { expiriesOf, inTheMoney, nearest, renewed, strikesOf, type Contract, type Right } from "./chain";
import { flipped, legInWords, netInWords, netPrice, orderOf, picked, presetLegs, wrongWith, type Leg } from "./legs";
import { atExpiry, blackScholes, now, profile, yearsUntil, type PayoffLeg } from "./payoff";

function contract(right: Right, strike: string, bid = "1.00", ask = "1.10"): Contract {
  return { symbol: `SPY180209${right === "call" ? "C" : "P"}${strike}`, right, strike, expiry: "2018-02-09", multiplier: "100", bid, ask, quotedAt: "2018-02-05T14:35:00Z", volatility: "0.2", delta: null, gamma: null, theta: null, vega: null };
}
const both = ["266", "267", "268", "269", "270", "271", "272", "273", "274"].flatMap((strike) => [contract("call", strike), contract("put", strike)]);
const rows = strikesOf(both, "2018-02-09");
const leg = (right: Right, strike: string, side: "buy" | "sell", bid?: string, ask?: string): Leg => ({ contract: contract(right, strike, bid, ask), side, opens: true, ratio: 1 });
const paid = (right: "call" | "put" | "share", strike: number, quantity: number, price: number): PayoffLeg => ({ right, strike, quantity, multiplier: right === "share" ? 1 : 100, price, volatility: 0.2 });
const terms = { account: "a", quantity: "2", lasts: "day" } as const;

describe("chain", () => {
  test("strikes when calls and puts are mixed then one row each, by value", () => {
    expect(strikesOf([contract("put", "100"), contract("call", "99.5"), contract("call", "100")], "2018-02-09").map(({ strike, call, put }) => [strike, call !== undefined, put !== undefined])).toEqual([["99.5", true, false], ["100", true, true]]);
    expect(expiriesOf(both)).toEqual(["2018-02-09"]);
  });
  test("nearest when two are as near then the lower, when none then -1", () => {
    expect(nearest([{ strike: "270" }, { strike: "271" }], "270.5")).toBe(0);
    expect(nearest([], "270")).toBe(-1);
    expect([inTheMoney("call", "269", "270"), inTheMoney("put", "269", "270"), inTheMoney("call", "270", "270")]).toEqual([true, false, false]);
  });
  test("renewed when the listed quote is older then the newer one stays", () => {
    const [one] = both as [Contract];
    const greeks = { implied_volatility: "0.3", delta: "0.5", gamma: null, theta: null, vega: null, rho: null };
    const listed = (quoted_at: string) => [{ symbol: one.symbol, quote: { bid: "2", ask: "3", quoted_at, greeks } }] as unknown as Parameters<typeof renewed>[1];
    expect(renewed([one], listed("2018-02-05T14:34:00Z"))[0]?.bid).toBe("1.00");
    expect(renewed([one], listed("2018-02-05T14:36:00Z"))[0]).toMatchObject({ bid: "2", volatility: "0.3", delta: "0.5" });
  });
});

describe("legs", () => {
  test("picked when clicked again then taken back, on the other side then changed, a fifth then left out", () => {
    const [a] = both as [Contract];
    const once = picked([], a, "buy");
    expect(picked(once, a, "buy")).toEqual([]);
    expect(picked(once, a, "sell").map(({ side }) => side)).toEqual(["sell"]);
    const four = both.slice(0, 4).reduce<readonly Leg[]>((legs, one) => picked(legs, one, "buy"), []);
    expect(picked(four, both[4] as Contract, "buy")).toHaveLength(4);
  });
  test("preset when an iron condor then four legs around the money, when a strike is missing then none", () => {
    expect(presetLegs("iron_condor", rows, "270.2")?.map(({ side, contract: { right, strike } }) => `${side} ${strike} ${right}`)).toEqual(["buy 266 put", "sell 268 put", "sell 272 call", "buy 274 call"]);
    expect(presetLegs("iron_condor", rows.slice(2), "270.2")).toBeNull();
    expect(presetLegs("put_credit", [], "270")).toBeNull();
  });
  test("net price when a credit spread then negative, natural worse than the middle", () => {
    const spread = [leg("put", "269", "sell", "2.00", "2.10"), leg("put", "267", "buy", "1.20", "1.30")];
    expect(netPrice(spread, "natural")).toBe("-0.7");
    expect(netPrice(spread, "mid")).toBe("-0.8");
    expect(netPrice(flipped(spread), "natural")).toBe("0.9");
    expect(netPrice([], "mid")).toBeNull();
    expect(netInWords("-0.8")).toBe("for a net credit of $0.80 a share or better");
    expect(legInWords(spread[0] as Leg, "2")).toBe("Sell to open 2 × 2018-02-09 269 put");
  });
  test("order when several legs then one signed price, when one then its own without a sign", () => {
    const spread = [leg("put", "269", "sell"), leg("put", "267", "buy")];
    expect(orderOf(spread, { ...terms, net: "-0.8" })).toMatchObject({ price: "-0.8", quantity: "2", legs: [{ side: "sell", position_intent: "sell_to_open", ratio: 1 }, { position_intent: "buy_to_open" }] });
    expect(orderOf([leg("put", "269", "sell")], { ...terms, net: "-1" })).toMatchObject({ price: "1", side: "sell", position_intent: "sell_to_open" });
    expect(orderOf([leg("put", "269", "sell")], { ...terms, net: "1" })).toBeNull();
    expect(orderOf(spread, { ...terms, quantity: "0.5", net: "-0.8" })).toBeNull();
    expect(wrongWith(spread.map((one) => ({ ...one, ratio: 2 })))).toMatch(/lowest terms/);
  });
});

describe("payoff", () => {
  test("profile when a put credit spread then as reckoned by hand", () => {
    // 269/267 sold for 0.80: 80 at most, 200 - 80 at worst, even at 269 - 0.80.
    const found = profile([paid("put", 269, -1, 2.05), paid("put", 267, 1, 1.25)]);
    expect(found.maxProfit).toBeCloseTo(80);
    expect(found.maxLoss).toBeCloseTo(-120);
    expect(found.breakEvens).toHaveLength(1);
    expect(found.breakEvens[0]).toBeCloseTo(268.2);
  });
  test("profile when an iron condor then two break-evens", () => {
    const found = profile([paid("put", 266, 1, 0.5), paid("put", 268, -1, 1), paid("call", 272, -1, 1), paid("call", 274, 1, 0.5)]);
    expect([found.maxProfit, found.maxLoss]).toEqual([100, -100]);
    expect(found.breakEvens).toEqual([267, 273]);
  });
  test("profile when there is no bound then null", () => {
    expect(profile([paid("call", 270, 1, 2), paid("put", 270, 1, 2)])).toEqual({ maxProfit: null, maxLoss: -400, breakEvens: [266, 274] });
    expect(profile([paid("call", 270, -1, 2)])).toEqual({ maxProfit: 200, maxLoss: null, breakEvens: [272] });
  });
  test("profile when a call is covered by shares then bounded above, and lost is what the shares cost", () => {
    expect(profile([paid("call", 272, -1, 1), paid("share", 0, 100, 270)])).toEqual({ maxProfit: 300, maxLoss: -26900, breakEvens: [269] });
  });
  test("today when at expiry then the payoff, when a volatility is missing then missing", () => {
    const legs = [paid("call", 270, 1, 2)];
    expect(now(legs, 275, 0, 0)).toBeCloseTo(atExpiry(legs, 275));
    expect(now([{ ...legs[0] as PayoffLeg, volatility: null }], 275, 0.1, 0)).toBeNull();
  });
  test("black and scholes when compared with the platform's own then the same", () => {
    // docs/options.md: puts on 470, seven days, 14 % a year, 5.3 % interest.
    for (const [strike, value] of [[460, 0.5465], [465, 1.5179], [470, 3.3996]] as const) expect(blackScholes("put", 470, strike, 7 / 365, 0.14, 0.053)).toBeCloseTo(value, 4);
  });
  test("years when New York is on winter or summer time then to four o'clock there", () => {
    expect(yearsUntil("2018-02-09", "2018-02-08T21:00:00Z") * 365).toBeCloseTo(1);
    expect(yearsUntil("2018-07-20", "2018-07-19T20:00:00Z") * 365).toBeCloseTo(1);
    expect(yearsUntil("2018-02-09", "2018-03-01T00:00:00Z")).toBe(0);
  });
});
