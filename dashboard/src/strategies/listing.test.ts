import { describe, expect, test } from "vitest";
import { shown, type Listed, type Wanted } from "./listing";

function one(name: string, more: Partial<Listed> = {}): Listed {
  return { id: name, name, kind: "rsi_reversion", symbols: ["SPY"], broker_account_id: "a", updated_at: "2026-12-01", state: "active", session: null, result: null, ...more };
}

const ALL: Wanted = { text: "", states: "all", kind: "", account: null };
const names = (all: readonly Listed[]) => all.map(({ name }) => name);

describe("shown", () => {
  test("by result when one is not known then it comes last, and amounts are not compared as text", () => {
    const all = [one("unknown"), one("nine", { result: "9" }), one("ten", { result: "10" }), one("loss", { result: "-100" })];
    expect(names(shown(all, ALL, "result"))).toEqual(["ten", "nine", "loss", "unknown"]);
  });

  test("words when several then each must be found, in name, kind or symbol", () => {
    const all = [one("Morning", { symbols: ["IWM"] }), one("Evening"), one("Morning two")];
    expect(names(shown(all, { ...ALL, text: "morn iwm" }, "name"))).toEqual(["Morning"]);
  });

  test("a state when chosen then paused ones count as running and closing ones as stopped", () => {
    const all = [one("a", { state: "paused" }), one("b", { state: "closing" }), one("c", { state: "draft" })];
    expect(names(shown(all, { ...ALL, states: "running" }, "name"))).toEqual(["a"]);
    expect(names(shown(all, { ...ALL, states: "stopped" }, "name"))).toEqual(["b"]);
  });

  test("an account when selected then only its own", () => {
    expect(names(shown([one("a"), one("b", { broker_account_id: "b" })], { ...ALL, account: "b" }, "changed"))).toEqual(["b"]);
  });
});
