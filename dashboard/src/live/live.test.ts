import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Supabase } from "@/session/supabase";
import { Live } from "./live";
import type { Painter } from "./store";

const AT_ONCE: Painter = { schedule: (flush) => flush() };

type Status = "SUBSCRIBED" | "CHANNEL_ERROR" | "TIMED_OUT" | "CLOSED";

/** The ledger's answers and the channel's words, in the hands of the test. */
class Scripted {
  rows: Record<string, Record<string, unknown>[]> = {};
  reads = 0;
  refused: string | null = null;
  say: (status: Status) => void = () => undefined;
  readonly heard = new Map<string, (message: { payload: unknown }) => void>();
  topics: string[] = [];

  client(): Supabase {
    const channel = {
      on: (_kind: string, { event }: { event: string }, told: (message: { payload: unknown }) => void) => {
        this.heard.set(event, told);
        return channel;
      },
      subscribe: (told: (status: Status) => void) => {
        this.say = told;
        return channel;
      },
    };
    const answer = (table: string) => {
      this.reads += 1;
      return Promise.resolve(this.refused === null ? { data: this.rows[table] ?? [], error: null } : { data: null, error: { message: this.refused } });
    };
    const query = (table: string) => ({ select: () => ({ order: () => ({ limit: () => answer(table) }), in: () => ({ limit: () => Promise.resolve({ data: [], error: null }) }), limit: () => Promise.resolve({ data: [], error: null }) }) });
    return {
      realtime: { setAuth: () => Promise.resolve() },
      auth: { getSession: () => Promise.resolve({ data: { session: { user: { id: "u" } } } }) },
      channel: (topic: string) => {
        this.topics.push(topic);
        return channel;
      },
      removeChannel: () => Promise.resolve("ok"),
      from: query,
    } as unknown as Supabase;
  }
}

function alert(id: string) {
  return { id, user_id: "u", broker_account_id: null, code: "A", severity: "info", text: id, numbers: {}, raised_at: "2026-12-01T10:00:00+00:00", acknowledged_at: null };
}

describe("the live connection", () => {
  let scripted: Scripted;
  let live: Live;
  beforeEach(async () => {
    vi.useFakeTimers();
    scripted = new Scripted();
    live = new Live(scripted.client(), AT_ONCE);
    await live.start();
  });
  afterEach(() => {
    live.stop();
    vi.useRealTimers();
  });
  const settle = () => vi.advanceTimersByTimeAsync(0);
  const join = async () => {
    scripted.say("SUBSCRIBED");
    await settle();
  };

  test("live when it is not joined yet then connecting, and only after the snapshot live", async () => {
    expect([live.freshness().state, scripted.topics, scripted.reads]).toEqual(["connecting", ["user:u"], 0]);
    scripted.rows["alerts"] = [alert("1")];
    await join();
    expect(live.freshness()).toEqual({ state: "live" });
    expect(live.stores.alerts.snapshot().map(({ id }) => id)).toEqual(["1"]);
  });

  test("live when the channel breaks then stale with the reason and since when, and rows are asked for every few seconds", async () => {
    await join();
    scripted.say("CHANNEL_ERROR");
    const stale = live.freshness();
    expect(stale.state).toBe("stale");
    const before = scripted.reads;
    scripted.rows["alerts"] = [alert("2")];
    await vi.advanceTimersByTimeAsync(5_000);
    expect(scripted.reads).toBeGreaterThan(before);
    expect(live.stores.alerts.snapshot().map(({ id }) => id)).toEqual(["2"]);
    expect(live.freshness().state).toBe("stale");
  });

  test("live when it rejoins then what was said meanwhile is read, and it is live again", async () => {
    await join();
    scripted.say("TIMED_OUT");
    scripted.rows["alerts"] = [alert("missed")];
    await join();
    expect(live.freshness().state).toBe("live");
    expect(live.stores.alerts.snapshot().map(({ id }) => id)).toEqual(["missed"]);
  });

  test("live when the ledger does not answer then stale, with its words, until it does", async () => {
    scripted.refused = "the ledger is away";
    await join();
    expect(live.freshness()).toMatchObject({ state: "stale", why: expect.stringContaining("the ledger is away") as string });
    scripted.refused = null;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(live.freshness().state).toBe("live");
  });

  test("live when the device goes offline then stale at once, and asked again when it is back", async () => {
    await join();
    dispatchEvent(new Event("offline"));
    expect(live.freshness().state).toBe("stale");
    scripted.rows["alerts"] = [alert("3")];
    dispatchEvent(new Event("online"));
    await settle();
    expect(live.stores.alerts.snapshot().map(({ id }) => id)).toEqual(["3"]);
    expect(live.freshness().state).toBe("live");
  });

  test("live when nothing is said for a minute then everything is read all the same", async () => {
    await join();
    const before = scripted.reads;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(scripted.reads).toBe(before + 7);
  });

  test("live when it is asked to refresh while it reads then it reads once more after that, not beside it", async () => {
    await join();
    const before = scripted.reads;
    await Promise.all([live.refresh(), live.refresh(), live.refresh()]);
    expect(scripted.reads).toBe(before + 14);
  });

  test("live when a fill is told of an order that is not known here then the rows are asked for", async () => {
    await join();
    const before = scripted.reads;
    scripted.heard.get("position_adjustments")?.({ payload: { row: {}, trade: { id: "unknown", version: 2 } } });
    await settle();
    expect(scripted.reads).toBeGreaterThan(before);
  });

  test("live when a message is no row of the table then the rows are asked for instead", async () => {
    await join();
    vi.spyOn(console, "warn").mockReturnValue();
    const before = scripted.reads;
    scripted.heard.get("alerts")?.({ payload: { row: { id: "cut" } } });
    await settle();
    expect(scripted.reads).toBeGreaterThan(before);
    expect(live.freshness().state).toBe("live");
  });

  test("live when it was stopped then nothing is asked any more", async () => {
    await join();
    live.stop();
    const before = scripted.reads;
    await vi.advanceTimersByTimeAsync(120_000);
    expect(scripted.reads).toBe(before);
  });
});
