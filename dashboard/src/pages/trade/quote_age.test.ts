import { expect, test } from "vitest";
import { ageOf } from "./quote_age";

const NOW = Date.parse("2026-12-01T15:00:00Z");

test("ageOf when the market is no replay then by the machine's clock, less what its feed is late", () => {
  expect(ageOf({ quoted_at: "2026-12-01T14:59:50Z", delay_seconds: 0 }, NOW, null)).toEqual({ ms: 10_000, old: false, replay: null });
  expect(ageOf({ quoted_at: "2026-12-01T14:59:00Z", delay_seconds: 0 }, NOW, null)).toEqual({ ms: 60_000, old: true, replay: null });
  expect(ageOf({ quoted_at: "2026-12-01T14:45:00Z", delay_seconds: 900 }, NOW, null).old).toBe(false);
});

test("ageOf when another day is replayed then by where its tape stands, and a quote that stays behind is old", () => {
  const tape = "2018-02-05T15:31:00Z";
  expect(ageOf({ quoted_at: "2018-02-05T15:30:40Z", delay_seconds: 0 }, NOW, tape)).toEqual({ ms: 20_000, old: false, replay: tape });
  expect(ageOf({ quoted_at: "2018-02-05T15:31:20Z", delay_seconds: 0 }, NOW, tape).ms).toBe(0);
  expect(ageOf({ quoted_at: "2018-02-05T15:28:00Z", delay_seconds: 0 }, NOW, tape).old).toBe(true);
});

test("ageOf when the newest bar is of today then by the machine's clock", () => {
  expect(ageOf({ quoted_at: "2026-12-01T14:59:00Z", delay_seconds: 0 }, NOW, "2026-12-01T14:59:00Z")).toMatchObject({ old: true, replay: null });
});
