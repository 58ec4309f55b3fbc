import { describe, expect, it } from "vitest";
import { found, zones, type Zone } from "./time_zones";

const SOME: readonly Zone[] = [
  { id: "America/New_York", name: "America/New York (EST)" },
  { id: "Europe/London", name: "Europe/London (GMT)" },
  { id: "Europe/Zurich", name: "Europe/Zurich (GMT+1)" },
];

describe("time zones", () => {
  it("are found when a part of the city or the short name is typed", () => {
    expect(found(SOME, "new yo", 5).map(({ id }) => id)).toEqual(["America/New_York"]);
    expect(found(SOME, "New_York", 5).map(({ id }) => id)).toEqual(["America/New_York"]);
    expect(found(SOME, "est", 5).map(({ id }) => id)).toEqual(["America/New_York"]);
  });

  it("come first when they begin with what is typed", () => {
    expect(found(SOME, "z", 5)).toEqual([SOME[2]]);
    expect(found([{ id: "Asia/Elondon", name: "Asia/Elondon (X)" }, ...SOME], "london", 1).map(({ id }) => id)).toEqual(["Europe/London"]);
  });

  it("are as many as asked for when nothing is typed", () => {
    expect(found(SOME, " ", 2)).toHaveLength(2);
    expect(zones().map(({ id }) => id)).toContain("UTC");
  });
});
