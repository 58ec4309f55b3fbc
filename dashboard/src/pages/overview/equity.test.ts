import { describe, expect, test } from "vitest";
import { curveOf } from "./equity";

const told = (broker_account_id: string, minute: number, equity: string) => ({ broker_account_id, as_of: `2026-12-01T15:${String(minute).padStart(2, "0")}:00+00:00`, equity });

describe("the equity curve", () => {
  test("curveOf when an account has not been told yet then the sum waits for it", () => {
    const curve = curveOf([told("a", 1, "100"), told("b", 2, "50"), told("a", 3, "90")], ["a", "b"]);
    expect(curve.equity).toEqual([150, 140]);
    expect(curve.drawdown).toEqual([0, -10]);
  });
  test("curveOf when snapshots come in any order then by their time, and one value a moment", () => {
    const curve = curveOf([told("a", 3, "120"), told("a", 1, "100"), told("b", 1, "10")], ["a", "b"]);
    expect(curve.equity).toEqual([110, 130]);
    expect(curve.times).toEqual(curve.times.toSorted((x, y) => x - y));
  });
  test("curveOf when nothing was told then nothing", () => {
    expect(curveOf([], ["a"]).times).toEqual([]);
    expect(curveOf([told("x", 1, "5")], ["a"]).times).toEqual([]);
  });
});
