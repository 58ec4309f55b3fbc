import { describe, expect, test } from "vitest";
import { examples, formSchema, labelOf, rangeInWords, shownConfig, timeframes, unitOf } from "./schema";

const KIND = {
  type: "object",
  examples: [{ fast: 10 }],
  properties: {
    timeframe: { type: "string", enum: ["1Min", "1Hour"] },
    good_for_bars: { type: "integer", minimum: 1, title: "Good For Bars", default: 3 },
    size: { anyOf: [{ type: "number", exclusiveMinimum: 0, maximum: 100 }, { type: "string" }], default: "10", title: "Size" },
    every: { anyOf: [{ type: "integer", minimum: 5 }, { type: "null" }], default: null, title: "Every" },
  },
};

describe("formSchema", () => {
  const made = formSchema(KIND);

  test("an amount when it may be a number or text then it is text with its range", () => {
    expect(made.properties?.["size"]).toMatchObject({ type: "string", format: "decimal", exclusiveMinimum: 0, maximum: 100, default: "10" });
  });

  test("what may be null when it is then it may be left empty", () => {
    expect(made.properties?.["every"]).toEqual({ type: "integer", minimum: 5, title: "Every" });
  });

  test("fields when every kind has them then they come last, the others by name, and the timeframe not at all", () => {
    expect(Object.keys(made.properties ?? {})).toEqual(["every", "size", "good_for_bars"]);
    expect(timeframes(KIND)).toEqual(["1Min", "1Hour"]);
    expect(examples(KIND)).toEqual([{ fast: 10 }]);
  });

  test("a stored config when amounts came as numbers then the form shows text", () => {
    expect(shownConfig(made, { size: 12.5, every: null, timeframe: "1Min", good_for_bars: 4 })).toEqual({ size: "12.5", good_for_bars: 4 });
  });
});

describe("words", () => {
  test("a range when bounds differ then each is told in its own way", () => {
    expect(rangeInWords({ minimum: 2, maximum: 500 })).toBe("from 2 to 500");
    expect(rangeInWords({ exclusiveMinimum: 0, maximum: 1_000_000 })).toBe("above 0, up to 1,000,000");
    expect(rangeInWords({})).toBe("");
  });

  test("a unit when the description names one then it is that one", () => {
    expect(unitOf({ description: "Leave when a bar closes this far below the entry price, percent" })).toBe("%");
    expect(unitOf({ description: "Fast window, bars" })).toBe("bars");
    expect(unitOf({ description: "Puts or calls" })).toBe("");
  });

  test("a label when the title is only made of the name then it reads as a sentence", () => {
    expect(labelOf("good_for_bars", "Good For Bars")).toBe("Good for bars");
    expect(labelOf("rsi", "RSI window")).toBe("RSI window");
  });
});
