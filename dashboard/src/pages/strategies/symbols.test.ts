import { expect, test } from "vitest";
import { symbolsOf, symbolsProblem } from "./symbols";

test("symbols when typed in any way then they are in capitals and each once", () => {
  expect(symbolsOf(" spy,IWM; spy\nbrk.b ")).toEqual(["SPY", "IWM", "BRK.B"]);
});

test("symbols when none, too many or not well formed then it is said", () => {
  expect(symbolsProblem([], 2)).toMatch(/at least one/);
  expect(symbolsProblem(["A", "B", "C"], 2)).toMatch(/At most 2/);
  expect(symbolsProblem(["A", "$X"], 2)).toBe("$X is no symbol.");
  expect(symbolsProblem(["SPY"], 2)).toBeNull();
});
