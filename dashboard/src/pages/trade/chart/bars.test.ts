import { describe, expect, test } from "vitest";
import { barAt, forming, withGaps, type Candle } from "./bars";
import { fillMarks, priceLines, trailOf } from "./marks";

const at = (text: string) => Date.parse(text) / 1000;
const OPEN = at("2018-02-05T14:30:00Z");

function bar(time: number, close = 100, volume: number | null = 5): Candle {
  return { time, open: close, high: close + 1, low: close - 1, close, volume };
}

describe("gaps", () => {
  test("withGaps when two minutes of a session are missing then two times without a bar", () => {
    expect(withGaps([bar(OPEN), bar(OPEN + 180)], 60).map(({ time }) => time - OPEN)).toEqual([0, 60, 120, 180]);
  });

  test("withGaps when a night, or an early close, lies between then nothing", () => {
    const early = at("2018-07-03T16:59:00Z");
    const next = at("2018-07-05T13:30:00Z");
    expect(withGaps([bar(early), bar(next)], 60)).toHaveLength(2);
  });

  test("withGaps when bars are days then a weekend is none", () => {
    expect(withGaps([bar(OPEN - 3 * 86_400), bar(OPEN)], 86_400)).toHaveLength(2);
  });
});

describe("the bar that is forming", () => {
  const ended = OPEN + 300;

  test("forming when nothing was seen since then none, and what was seen before does not count", () => {
    expect(forming(ended, 60, [], [])).toBe(null);
    expect(forming(ended, 60, [], [{ time: ended - 1, price: 99 }])).toBe(null);
  });

  test("forming when prices are seen then their first, highest, lowest and last", () => {
    const seen = [100, 102, 99, 101].map((price, second) => ({ time: ended + second, price }));
    expect(forming(ended, 60, [], seen)).toEqual({ time: ended, open: 100, high: 102, low: 99, close: 101, volume: null });
  });

  test("forming when a minute has gone by without its bar then the newest minute alone", () => {
    expect(forming(ended, 60, [], [{ time: ended, price: 90 }, { time: ended + 61, price: 100 }])).toMatchObject({ time: ended + 60, open: 100, low: 100 });
  });

  test("forming when bars are longer then of the minutes since, with their volume, and of the prices after the last", () => {
    const minutes = [bar(ended, 100), bar(ended + 60, 104)];
    const seen = [{ time: ended + 30, price: 1 }, { time: ended + 130, price: 110 }];
    expect(forming(ended, 300, minutes, seen)).toEqual({ time: ended, open: 100, high: 110, low: 99, close: 110, volume: 10 });
  });

  test("forming when the last bar is of the day before then it begins with the session", () => {
    const evening = at("2018-02-02T21:00:00Z");
    expect(forming(evening, 3600, [bar(OPEN), bar(OPEN + 60)], [])).toMatchObject({ time: OPEN, volume: 10 });
  });
});

describe("marks", () => {
  const candles = [bar(OPEN), bar(OPEN + 60)];
  const fill = { trade_id: "t", kind: "fill", side: "buy", quantity: "4", price: "100", executed_at: "2018-02-05T14:31:30Z" } as const;

  test("barAt when a moment is in a bar then that one, before the first none", () => {
    expect([barAt(candles, OPEN + 59), barAt(candles, OPEN + 60), barAt(candles, OPEN - 1)]).toEqual([OPEN, OPEN + 60, null]);
  });

  test("fillMarks when an order is filled in parts within a bar then one mark with the average", () => {
    expect(fillMarks([fill, { ...fill, quantity: "6", price: "110" }, { ...fill, kind: "bust" }], candles)).toEqual([{ time: OPEN + 60, side: "buy", text: "Buy 10 @ 106.00" }]);
  });

  test("priceLines when nothing is held or works then none; what is gives each its line", () => {
    const position = { broker_account_id: "a", quantity: "-2", cost_basis: "-200", multiplier: "1" };
    const order = { id: "o", status: "submitted", side: "sell", quantity: "1", price: "120", stop_price: null, multi_leg: false } as const;
    expect(priceLines([{ ...position, quantity: "0", cost_basis: "0" }], [{ ...order, status: "filled" }], [])).toEqual([]);
    expect(priceLines([position], [order], []).map(({ kind, price, title }) => [kind, price, title])).toEqual([["entry", 100, "Entry −2"], ["order", 120, "Sell 1 limit"]]);
  });

  test("trailOf when it follows in percent then behind the best price, and unknown before there is one", () => {
    const exit = { best_price: "200", trail_amount: null, trail_percent: "5" } as const;
    expect([trailOf({ ...exit, direction: "long" }), trailOf({ ...exit, direction: "short" }), trailOf({ ...exit, best_price: null, direction: "long" })]).toEqual(["190", "210", null]);
  });
});
