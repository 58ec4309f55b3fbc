import { expect, test } from "vitest";
import { differences } from "./differences";
import { reasons } from "./reasons";

const VERSION = { config: { fast: 10, quantity: "100" }, symbols: ["SPY"], timeframe: "1Min", exits_by: "strategy" } as const;

test("versions when fields change, come and go then each is told once", () => {
  const newer = { ...VERSION, config: { fast: 12, allow_short: true }, symbols: ["SPY", "IWM"] };
  expect(differences({ ...VERSION, symbols: ["SPY"] }, newer)).toEqual([
    { field: "Symbols", from: "SPY", to: "SPY, IWM" },
    { field: "Fast", from: "10", to: "12" },
    { field: "Quantity", from: "100", to: null },
    { field: "Allow short", from: null, to: "true" },
  ]);
});

test("versions when the same then nothing is told", () => {
  expect(differences({ ...VERSION, symbols: ["SPY"] }, { ...VERSION, symbols: ["SPY"] })).toEqual([]);
});

test("reasons when only their numbers differ then they are counted together, refusals too, trades not", () => {
  const found = reasons([
    { action: "stay", reason: "no cross below 30: RSI 41.25 over 14 moves", refused: null },
    { action: "stay", reason: "no cross below 30: RSI 9 over 14 moves", refused: null },
    { action: "trade", reason: "crossed", refused: null },
    { action: "trade", reason: "crossed", refused: "GATE_CLOSED: gate=strategy" },
  ]);
  expect(found).toEqual([
    { words: "no cross below …: RSI … over … moves", times: 2 },
    { words: "GATE_CLOSED: gate=strategy", times: 1 },
  ]);
});
