import { expect, test } from "vitest";
import type { TradeRow } from "@/live/rows";
import { whatItDoes } from "./stop_words";

const TRADE = {} as TradeRow;

test("stopping when something is open then each choice says what becomes of it in numbers", () => {
  const open = { held: [{ symbol: "SPY", quantity: "-1200" }], entries: [TRADE], exits: [TRADE, TRADE] };
  expect(whatItDoes("leave", open)).toBe("1 entry and 2 exits go on working; −1,200 SPY stays.");
  expect(whatItDoes("cancel_orders", open)).toBe("1 entry canceled; 2 exits go on protecting; −1,200 SPY stays.");
  expect(whatItDoes("flatten", open)).toBe("1 entry canceled; −1,200 SPY closed at the market, in session; 2 exits canceled when what they protect can be closed.");
});

test("stopping when nothing is open then that is said", () => {
  expect(whatItDoes("flatten", { held: [], entries: [], exits: [] })).toContain("nothing is held");
});
