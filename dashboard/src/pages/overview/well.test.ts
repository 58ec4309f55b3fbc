import { describe, expect, it } from "vitest";
import { accountLook, feedLook, marketLook, workerLook } from "./well";

const ZONE = "America/New_York";
const SESSION = { opens_at: "2026-12-01T14:30:00Z", closes_at: "2026-12-01T21:00:00Z" };
const at = (time: string) => Date.parse(`2026-12-01T${time}Z`);

describe("market", () => {
  it("is open from its open on, and says until when in the trader's zone", () => {
    expect(marketLook(SESSION, at("14:30:00"), ZONE)).toMatchObject({ tone: "good", word: "open", about: "until 16:00 EST" });
  });
  it("is closed before", () => {
    expect(marketLook(SESSION, at("14:29:59"), ZONE)).toMatchObject({ tone: "plain", word: "closed" });
  });
  it("is not known where the calendar ends, or its time is not told", () => {
    expect(marketLook(null, at("15:00:00"), ZONE).word).toBe("not known");
    expect(marketLook(undefined, at("15:00:00"), ZONE).word).toBe("not known");
    expect(marketLook(SESSION, null, ZONE).word).toBe("not known");
  });
});

describe("worker", () => {
  it("is silent after a minute", () => {
    expect(workerLook("2026-12-01T15:00:00Z", at("15:01:00")).word).toBe("well");
    expect(workerLook("2026-12-01T15:00:00Z", at("15:01:01"))).toMatchObject({ tone: "bad", word: "silent" });
  });
});

describe("feed", () => {
  const quote = { quoted_at: "2026-12-01T15:00:00Z", delay_seconds: 900 };
  it("is in time within a minute of its declared delay", () => {
    expect(feedLook(quote, at("15:16:00"), true, ZONE).word).toBe("in time");
    expect(feedLook(quote, at("15:16:01"), true, ZONE)).toMatchObject({ tone: "bad", word: "late" });
  });
  it("is never called well while nothing can come", () => {
    expect(feedLook(quote, at("22:00:00"), false, ZONE).tone).toBe("plain");
    expect(feedLook(null, at("15:00:00"), true, ZONE).word).toBe("no quote");
    expect(feedLook(undefined, at("15:00:00"), true, ZONE).word).toBe("not known");
  });
});

describe("account", () => {
  it("is well when the broker takes its keys, and only then", () => {
    expect(accountLook({ link_state: "verified", keys: true }).tone).toBe("good");
    expect(accountLook({ link_state: "unverified", keys: true }).tone).toBe("warn");
    expect(accountLook({ link_state: "refused", keys: true }).tone).toBe("bad");
    expect(accountLook({ link_state: "verified", keys: false }).word).toBe("no keys");
  });
});
