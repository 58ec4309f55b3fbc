import { describe, expect, it } from "vitest";
import { beginning, next } from "./days";

describe("days", () => {
  it("begins at midnight of the zone when the zone is not UTC", () => {
    expect(beginning("2018-02-05", "America/New_York")).toBe("2018-02-05T05:00:00.000Z");
    expect(beginning("2018-02-05", "UTC")).toBe("2018-02-05T00:00:00.000Z");
    expect(beginning("2018-02-05", "Asia/Kolkata")).toBe("2018-02-04T18:30:00.000Z");
  });

  it("begins where it does when the clocks change on that day", () => {
    expect(beginning("2026-03-29", "Europe/Berlin")).toBe("2026-03-28T23:00:00.000Z");
    expect(beginning("2026-03-30", "Europe/Berlin")).toBe("2026-03-29T22:00:00.000Z");
    expect(beginning("2026-11-02", "America/New_York")).toBe("2026-11-02T05:00:00.000Z");
  });

  it("is the next month's first when it is the last of one", () => {
    expect(next("2028-02-29")).toBe("2028-03-01");
  });
});
