import { beforeEach, describe, expect, test } from "vitest";
import { TABLES } from "./rows";
import { Store, type Painter } from "./store";

/** Paints when told. */
class Frames implements Painter {
  waiting: (() => void)[] = [];
  schedule(flush: () => void): void {
    this.waiting.push(flush);
  }
  paint(): void {
    const now = this.waiting;
    this.waiting = [];
    for (const one of now) one();
  }
}

function alert(id: string, more: Record<string, unknown> = {}) {
  return { id, user_id: "u", broker_account_id: null, code: "A", severity: "info", text: id, numbers: {}, raised_at: `2026-12-01T10:00:0${id}+00:00`, acknowledged_at: null, ...more };
}

function strategy(version: number, name = `v${version}`) {
  return {
    id: "s", user_id: "u", broker_account_id: "a", name, description: "", kind: "k", config: {}, symbols: ["SPY"], timeframe: "1Min", exits_by: "strategy",
    status: "active", strategy_version: 1, effective_version: 1, updated_at: "2026-12-01T10:00:00+00:00", version,
  };
}

describe("a live table", () => {
  let frames: Frames;
  beforeEach(() => {
    frames = new Frames();
  });
  const strategies = () => new Store(TABLES.strategies, frames);
  const alerts = () => new Store(TABLES.alerts, frames);

  test("store when a message comes late then the newer row stays", () => {
    const store = strategies();
    expect(store.hear(strategy(3))).toBe(true);
    expect(store.hear(strategy(2))).toBe(false);
    expect(store.get("s")?.name).toBe("v3");
  });

  test("store when a message comes twice then it is taken once", () => {
    const store = strategies();
    expect([store.hear(strategy(3)), store.hear(strategy(3, "doubled"))]).toEqual([true, false]);
    expect(store.get("s")?.name).toBe("v3");
  });

  test("store when messages come in any order then the last version is shown", () => {
    for (const order of [[1, 2, 3], [3, 1, 2], [2, 3, 1], [3, 2, 1]]) {
      const store = strategies();
      for (const version of order) store.hear(strategy(version));
      expect(store.get("s")?.version).toBe(3);
    }
  });

  test("store when messages were lost then the next snapshot has what they said, and what is gone goes", () => {
    const store = alerts();
    store.hear(alert("1"));
    store.hear(alert("2"));
    store.replace([alert("2", { acknowledged_at: "2026-12-01T11:00:00+00:00" }), alert("3")], store.begin());
    frames.paint();
    expect(store.snapshot().map(({ id, acknowledged_at }) => [id, acknowledged_at !== null])).toEqual([["3", false], ["2", true]]);
  });

  test("store when a row is told while the snapshot is read then it stays, and a newer version beats the snapshot", () => {
    const store = alerts();
    const mark = store.begin();
    store.hear(alert("4"));
    store.hear(alert("5", { acknowledged_at: "2026-12-01T11:00:00+00:00" }));
    store.replace([alert("5")], mark);
    frames.paint();
    expect(store.snapshot().map(({ id, acknowledged_at }) => [id, acknowledged_at !== null])).toEqual([["5", true], ["4", false]]);
  });

  test("store when a part of a row is told then it is merged, and unknown where the row is", () => {
    const store = strategies();
    expect(store.hearPart("s", { status: "halted", version: 2 })).toBe(false);
    store.hear(strategy(1));
    expect(store.hearPart("s", { status: "halted", version: 2 })).toBe(true);
    expect(store.get("s")).toMatchObject({ name: "v1", status: "halted", version: 2 });
    store.hearPart("s", { status: "active", version: 2 });
    expect(store.get("s")?.status).toBe("halted");
  });

  test("store when a thousand rows are told in one frame then one paint, and the same rows until then", () => {
    const store = alerts();
    let painted = 0;
    store.subscribe(() => (painted += 1));
    const before = store.snapshot();
    for (let each = 0; each < 1000; each += 1) store.hear(alert("1", { id: `a${each}` }));
    expect([store.snapshot(), painted, frames.waiting.length]).toEqual([before, 0, 1]);
    frames.paint();
    expect([store.snapshot().length, painted]).toEqual([1000, 1]);
    expect(store.snapshot()).toBe(store.snapshot());
  });

  test("store when what is told is no row then it says so and keeps what it has", () => {
    const store = strategies();
    store.hear(strategy(1));
    expect(() => store.hear({ id: "s", version: 9 })).toThrow();
    expect(store.get("s")?.version).toBe(1);
  });

  test("store when amounts have more digits than a number then all are kept, from a message and from a snapshot", () => {
    const store = new Store(TABLES.positions, frames);
    const row = {
      broker_account_id: "a", symbol: "SPY", user_id: "u", quantity: "1.0000000001", cost_basis: "12345678901234567.0123456789", multiplier: 1,
      realised_pnl: 0, fees: 0, last_event_at: "t", updated_at: "t", version: 1,
    };
    store.hear(row);
    expect(store.get("a SPY")).toMatchObject({ quantity: "1.0000000001", cost_basis: "12345678901234567.0123456789", multiplier: "1" });
  });
});
