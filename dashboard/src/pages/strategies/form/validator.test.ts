import { describe, expect, test, vi } from "vitest";
import { formSchema } from "./schema";
import { problems, validator } from "./validator";

const CROSS = {
  type: "object",
  additionalProperties: false,
  properties: {
    timeframe: { type: "string", enum: ["1Min", "5Min"], default: "1Min", title: "Timeframe" },
    good_for_bars: { type: "integer", minimum: 1, maximum: 390, default: 3, title: "Good For Bars" },
    fast: { type: "integer", minimum: 2, maximum: 500, default: 10, title: "Fast" },
    quantity: { anyOf: [{ type: "number", exclusiveMinimum: 0, maximum: 1_000_000 }, { type: "string" }], default: "100", title: "Quantity" },
    size_in: { type: "string", enum: ["dollars", "shares"], default: "dollars", title: "Size In" },
    allow_short: { type: "boolean", default: false, title: "Allow Short" },
    every: { anyOf: [{ type: "integer", minimum: 5 }, { type: "null" }], default: null, title: "Every" },
  },
};
const SCHEMA = formSchema(CROSS);

function said(data: unknown) {
  return problems(SCHEMA, data).map(({ property, message }) => `${property ?? ""} ${message ?? ""}`);
}

describe("problems", () => {
  test("a config when all is as the schema says then there are none", () => {
    expect(said({ fast: 10, quantity: "12.5", size_in: "shares", allow_short: true, every: 5 })).toEqual([]);
    expect(said({})).toEqual([]);
    expect(said(undefined)).toEqual([]);
    expect(said({ every: undefined })).toEqual([]);
  });

  test("a number when out of its range then its field says what is expected", () => {
    expect(said({ fast: 1 })).toEqual([".fast must be at least 2"]);
    expect(said({ fast: 501 })).toEqual([".fast must be at most 500"]);
    expect(said({ fast: 2.5 })).toEqual([".fast must be a whole number"]);
    expect(said({ every: 4 })).toEqual([".every must be at least 5"]);
  });

  test("an amount when out of its range or no amount then it is compared exactly", () => {
    expect(said({ quantity: "0" })).toEqual([".quantity must be above 0"]);
    expect(said({ quantity: "1000000.0000000001" })).toEqual([".quantity must be at most 1,000,000"]);
    expect(said({ quantity: "1e3" })).toEqual([".quantity must be an amount, such as 12.5"]);
    expect(said({ quantity: "1,000,000" })).toEqual([]);
  });

  test("a choice when it is none of them then they are named", () => {
    expect(said({ size_in: "pounds" })).toEqual([".size_in must be one of dollars, shares"]);
  });

  test("a field when the kind does not know it then it is told", () => {
    expect(said({ fast: 3, other: 1 })).toEqual([".other is not known to this kind"]);
  });

  test("a field when it is needed and not there then it is told at the field", () => {
    expect(problems({ ...SCHEMA, required: ["fast"] }, {})).toMatchObject([{ property: ".fast", message: "is needed" }]);
  });

  test("several when all are wrong then all are told", () => {
    expect(said({ fast: 1, quantity: "-1" })).toHaveLength(2);
  });
});

describe("validator", () => {
  test("a form when it validates then no code is made from text", () => {
    const made = vi.spyOn(globalThis, "Function");
    const found = validator.validateFormData({ fast: 1 }, SCHEMA);
    expect(found.errorSchema).toEqual({ fast: { __errors: ["must be at least 2"] } });
    expect(made).not.toHaveBeenCalled();
  });

  test("a part of a schema when asked for then it is judged alone", () => {
    expect(validator.isValid({ type: "integer" }, 3, { type: "integer" })).toBe(true);
    expect(validator.isValid({ type: "integer" }, "3", { type: "integer" })).toBe(false);
  });
});
