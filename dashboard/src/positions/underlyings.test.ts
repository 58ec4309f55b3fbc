import { describe, expect, it } from "vitest";
import type { Greeks, Mark } from "@/live/quotes";
import type { PositionRow } from "@/live/rows";
import { underlyingOf, underlyings } from "./underlyings";

const CALL = "SPY180214C00277000";
const row = (symbol: string, quantity: string, cost_basis: string, multiplier = "1") => ({ symbol, quantity, cost_basis, multiplier, broker_account_id: "a" }) as PositionRow;
const mark = (symbol: string, price: string): [string, Mark] => [symbol, { symbol, mark: price, marked_at: "2018-02-05T15:00:00Z", source: "quote" }];
const greeks: ReadonlyMap<string, Greeks> = new Map([[CALL, { symbol: CALL, delta: "0.25", gamma: "0.01", theta: "-0.1", vega: null }]]);

describe("underlyings", () => {
  it("name the root of an option, and a share itself", () => {
    expect(underlyingOf(CALL)).toBe("SPY");
    expect(underlyingOf("QQQ")).toBe("QQQ");
  });
  it("put shares and options together: a covered call has the delta of both", () => {
    const held = [row(CALL, "-1", "-150", "100"), row("SPY", "100", "27000"), row("QQQ", "5", "900")];
    const [spy, ...others] = underlyings(held, new Map([mark(CALL, "0.5"), mark("SPY", "271")]), greeks);
    expect(others).toEqual([]);
    expect(spy).toMatchObject({ name: "SPY", delta: "75", gamma: "-1", theta: "10", open: "200" });
    expect(spy?.rows.map(({ symbol }) => symbol)).toEqual(["SPY", CALL]);
  });
  it("say nothing of what is not known of one part", () => {
    const held = [row(CALL, "1", "150", "100")];
    const [spy] = underlyings(held, new Map(), greeks);
    expect(spy).toMatchObject({ vega: null, open: null, delta: "25" });
    expect(underlyings(held, new Map(), new Map())[0]).toMatchObject({ delta: null, gamma: null });
  });
});
