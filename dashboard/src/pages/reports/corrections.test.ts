import { expect, it } from "vitest";
import { corrections, type Figures } from "./corrections";

const FIRST: Figures = { total_pnl: "10.50", realised_pnl: "10", realised_pnl_fifo: "10", unrealised_pnl: null, fees: "1", starting_cash: "100", ending_cash: "109",
  dividends: "0", interest: "0", deposits: "0", withdrawals: "0", transfers: "0", starting_equity: "100", ending_equity: "109" };

it("tells what was corrected, by value", () => {
  expect(corrections(FIRST, { ...FIRST, total_pnl: "10.5" })).toEqual([]);
  expect(corrections(FIRST, { ...FIRST, fees: "1.25", unrealised_pnl: "0" })).toEqual([
    { figure: "unrealised_pnl", before: null, after: "0" },
    { figure: "fees", before: "1", after: "1.25" },
  ]);
});
