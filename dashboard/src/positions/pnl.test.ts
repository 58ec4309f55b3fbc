import { describe, expect, test } from "vitest";
import { average, netGreek, openPnl, totalPnl, value } from "./pnl";

const long = { quantity: "10", cost_basis: "2700.10", multiplier: "1" };
const short = { quantity: "-2", cost_basis: "-300", multiplier: "100" };

describe("positions", () => {
  test("open result when long and short then signed, and exact", () => {
    expect([average(long), value(long, "271.01"), openPnl(long, "271.01")]).toEqual(["270.01", "2710.1", "10"]);
    expect([average(short), value(short, "1.25"), openPnl(short, "1.25"), openPnl(short, "2")]).toEqual(["1.5", "-250", "50", "-100"]);
  });
  test("open result when there is no mark then missing, and so is the total", () => {
    expect(openPnl(long, undefined)).toBeNull();
    expect(totalPnl([long, short], (held) => (held === long ? "271.01" : null))).toBeNull();
    expect(totalPnl([long, short], (held) => (held === long ? "271.01" : "1.25"))).toBe("60");
  });
  test("net greek when sold then against, when one is missing then missing", () => {
    expect(netGreek([{ held: short, greek: "0.3" }, { held: { ...short, quantity: "1" }, greek: "0.5" }])).toBe("-10");
    expect(netGreek([{ held: short, greek: null }])).toBeNull();
  });
});
