import { describe, expect, test } from "vitest";
import { closings, curve, slippage, type BookedFill } from "./curve";

function fill(more: Partial<BookedFill>): BookedFill {
  return {
    id: "f", trade_id: "t", strategy_id: "s", kind: "fill", symbol: "SPY", side: "buy", quantity: "10", price: "100", multiplier: "1", fee: "0",
    strategy_realised_pnl: "0", executed_at: "2018-02-06T15:00:00+00:00", ...more,
  };
}

describe("curve", () => {
  test("nothing when nothing was booked then it is empty", () => {
    expect(curve([], [])).toEqual([]);
  });

  test("days when reported by symbol then each day is one step, and fills of reported days are not counted twice", () => {
    const lines = [
      { date: "2018-02-06", realised: "5", fees: "0.5" },
      { date: "2018-02-05", realised: "10", fees: "1" },
      { date: "2018-02-06", realised: "-2", fees: "0" },
    ];
    const fills = [
      fill({ strategy_realised_pnl: "3", executed_at: "2018-02-06T20:00:00+00:00" }),
      // In UTC already the next day, at the exchange still the reported one.
      fill({ strategy_realised_pnl: "99", executed_at: "2018-02-07T01:00:00+00:00" }),
      fill({ strategy_realised_pnl: "7.1", fee: "0.1", executed_at: "2018-02-07T15:00:00+00:00" }),
    ];
    expect(curve(lines, fills).map(({ value }) => value)).toEqual(["0", "9", "11.5", "18.5"]);
  });

  test("fills when they come in any order then they count in theirs", () => {
    const later = fill({ strategy_realised_pnl: "-1", executed_at: "2018-02-06T16:00:00+00:00" });
    expect(curve([], [later, fill({ fee: "0.2" })]).map(({ value }) => value)).toEqual(["0", "-0.2", "-1.2"]);
  });
});

describe("closings", () => {
  test("orders when they only open then they neither win nor lose", () => {
    expect(closings([fill({ fee: "1" })])).toEqual({ won: 0, lost: 0, rate: null });
  });

  test("an order when filled in parts then it is one, fees deducted", () => {
    const parts = [fill({ trade_id: "a", strategy_realised_pnl: "5" }), fill({ trade_id: "a", strategy_realised_pnl: "-1", fee: "5" })];
    expect(closings([...parts, fill({ trade_id: "b", strategy_realised_pnl: "2" })])).toEqual({ won: 1, lost: 1, rate: "0.5" });
  });
});

describe("slippage", () => {
  test("fills when bought above or sold below the mark then it costs, and what has no mark is told", () => {
    const fills = [
      fill({ trade_id: "a", price: "100.02" }),
      fill({ trade_id: "b", side: "sell", price: "99.99" }),
      fill({ trade_id: "c", price: "500" }),
      fill({ trade_id: "a", kind: "bust" }),
    ];
    const found = slippage(fills, new Map([["a", { SPY: "100" }], ["b", { SPY: "100" }]]));
    expect(found).toMatchObject({ cost: "0.3", known: 2, of: 3 });
  });
});
