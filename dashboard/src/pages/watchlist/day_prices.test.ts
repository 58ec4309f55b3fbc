import { describe, expect, it } from "vitest";
import type { Bar } from "@/api/schema";
import { dayChange, middle, spread } from "./day_prices";

const QUOTE = { bid: "99.98", ask: "100.02" };
const BAR = { open: "98", close: "99" } as Bar;

describe("a quote", () => {
  it("has a middle and a spread when both sides are there", () => {
    expect(middle(QUOTE)).toBe("100");
    expect(spread(QUOTE)).toEqual({ amount: "0.04", basisPoints: "4" });
  });

  it("has neither when nobody bids, or there is none", () => {
    expect(middle({ bid: "0", ask: "1" })).toBeNull();
    expect(spread(undefined)).toBeNull();
  });
});

describe("the day's change", () => {
  it("is since the last close when one is stored", () => {
    expect(dayChange("100", { bars: [BAR], previousClose: "80" })).toEqual({ amount: "20", share: "0.25", since: "the last close" });
  });

  it("is since the open, and says so, when no close is stored", () => {
    expect(dayChange("98.49", { bars: [BAR], previousClose: null })).toEqual({ amount: "0.49", share: "0.005", since: "the open" });
  });

  it("is missing when the price or both references are", () => {
    expect(dayChange(null, { bars: [BAR], previousClose: "80" })).toBeNull();
    expect(dayChange("100", { bars: [], previousClose: null })).toBeNull();
    expect(dayChange("100", undefined)).toBeNull();
  });
});
