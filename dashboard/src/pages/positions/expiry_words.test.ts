import { expect, it } from "vitest";
import { isSoon, moneyInWords, whenInWords } from "./expiry_words";

it("says how long there is, and nothing of it where the date is over", () => {
  expect(whenInWords({ expires_on: "2026-12-04", days_to_expiry: 3 })).toBe("2026-12-04, in 3 days");
  expect(whenInWords({ expires_on: "2026-12-01", days_to_expiry: 0 })).toBe("2026-12-01, today");
  expect(whenInWords({ expires_on: "2018-02-14", days_to_expiry: -3212 })).toBe("2018-02-14");
});

it("marks what ends within a week, and nothing that is over", () => {
  expect([-1, 0, 7, 8].map((days_to_expiry) => isSoon({ days_to_expiry }))).toEqual([false, true, true, false]);
});

it("says what becomes of it, and that it is not known without a mark", () => {
  expect(moneyInWords({ in_the_money: "1.5", if_left: "assigned" })).toBe("$1.50 in the money: assigned if left");
  expect(moneyInWords({ in_the_money: "-2.25", if_left: "expires" })).toBe("$2.25 out of the money: expires worthless if left");
  expect(moneyInWords({ in_the_money: null, if_left: null })).toContain("not known");
});
