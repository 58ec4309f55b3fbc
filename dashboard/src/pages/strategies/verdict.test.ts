import { expect, test } from "vitest";
import { byField } from "./verdict";

const SCHEMA = { type: "object", properties: { slow: { type: "integer" } } } as const;

test("problems when of a field then they are at it, and what is of none is told as it is", () => {
  const found = byField([
    { field: "slow", code: "BAD_CONFIG", text: "slow: must be above fast, which is 10, was 5" },
    { field: "symbols", code: "UNKNOWN_SYMBOL", text: "symbols: expected symbols that a linked broker lists as tradable, was 'XX'" },
    { field: "kind", code: "STRATEGY_BROKEN", text: "kind: 'x' cannot be built" },
  ], SCHEMA);
  expect(found).toEqual({
    terms: { symbols: "Expected symbols that a linked broker lists as tradable, was 'XX'" },
    config: { slow: ["must be above fast, which is 10, was 5"] },
    rest: ["kind: 'x' cannot be built"],
  });
});
