import { describe, expect, test } from "vitest";
import { dollars, grouped, percent, plain, big, signedDollars, sum, typed } from "./amount";

describe("amounts", () => {
  test("grouped when an amount has more digits than a number holds then none is lost", () => {
    expect(grouped("12345678901234567890.1234567891")).toBe("12,345,678,901,234,567,890.1234567891");
  });
  test("dollars when negative then a true minus before the dollar", () => {
    expect(dollars("-1234.5")).toBe("−$1,234.50");
    expect(signedDollars("12")).toBe("+$12.00");
    expect(signedDollars("0.001")).toBe("$0.00");
    expect(dollars("-0.004")).toBe("$0.00");
  });
  test("sum when one is missing then missing, not less", () => {
    expect(sum(["0.1", "0.2"])).toBe("0.3");
    expect(sum(["1", null])).toBeNull();
    expect(sum([])).toBe("0");
  });
  test("grouped when missing then a dash", () => {
    expect(grouped(null)).toBe("–");
    expect(percent(undefined)).toBe("–");
  });
  test("typed when a person writes separators then read, when it is no amount then null", () => {
    expect(typed(" 1,000.50 ")).toBe("1000.5");
    for (const text of ["", "1e3", "abc", "1.2.3", "--1", "NaN", "Infinity"]) expect(typed(text)).toBeNull();
  });
  test("percent when a share of one then with its unit", () => {
    expect(percent("0.125")).toBe("12.5 %");
    expect(plain(big("1").div(3))).toBe("0.3333333333");
  });
});
