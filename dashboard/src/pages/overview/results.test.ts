import { describe, expect, it } from "vitest";
import { begins, byDay, resultOf, weeksOf } from "./results";

describe("results", () => {
  const days = byDay([
    { report_date: "2018-01-31", total_pnl: "5" },
    { report_date: "2018-02-02", total_pnl: "1.1" },
    { report_date: "2018-02-05", total_pnl: "-0.2" },
    { report_date: "2018-02-05", total_pnl: "0.3" },
  ]);

  it("adds up exactly when a period holds several sessions and accounts", () => {
    expect(["day", "week", "month", "year"].map((period) => resultOf(period as "day", days, "2018-02-05"))).toEqual(["0.1", "0.1", "1.2", "6.2"]);
  });

  it("is missing when one account's result is not known, or there is no session", () => {
    expect(resultOf("day", byDay([{ report_date: "2018-02-05", total_pnl: "1" }, { report_date: "2018-02-05", total_pnl: null }]), "2018-02-05")).toBeNull();
    expect(resultOf("day", days, "2018-02-06")).toBeNull();
  });

  it("begins on Monday when the period is a week, also on a Sunday", () => {
    expect(begins("week", "2018-02-04")).toBe("2018-01-29");
  });

  it("has whole weeks when a month is laid out", () => {
    const weeks = weeksOf("2018-02");
    expect(weeks.every((week) => week.length === 7)).toBe(true);
    expect(weeks[0]).toEqual([null, null, null, "2018-02-01", "2018-02-02", "2018-02-03", "2018-02-04"]);
    expect(weeks.at(-1)?.[2]).toBe("2018-02-28");
  });
});
