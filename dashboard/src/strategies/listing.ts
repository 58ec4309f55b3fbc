/** Which strategies are shown, and in what order. */
import Big from "big.js";
import type { Maybe } from "@/money/amount";
import type { State } from "./wording";

export interface Listed {
  id: string;
  name: string;
  kind: string;
  symbols: readonly string[];
  broker_account_id: string;
  updated_at: string;
  state: State;
  /** Won in its last session, dollars. */
  session: Maybe;
  /** Won so far, dollars. */
  result: Maybe;
}

export interface Wanted {
  text: string;
  states: "all" | "running" | "stopped" | "draft";
  kind: string;
  account: string | null;
}

export type Order = "name" | "session" | "result" | "changed";

const OF: Readonly<Record<Wanted["states"], readonly State[] | null>> = {
  all: null,
  running: ["active", "paused"],
  stopped: ["inactive", "halted", "closing"],
  draft: ["draft"],
};

export function shown<One extends Listed>(all: readonly One[], wanted: Wanted, order: Order): readonly One[] {
  const words = wanted.text.trim().toLowerCase().split(/\s+/).filter((word) => word !== "");
  const states = OF[wanted.states];
  return all
    .filter((one) => wanted.account === null || one.broker_account_id === wanted.account)
    .filter((one) => states === null || states.includes(one.state))
    .filter((one) => wanted.kind === "" || one.kind === wanted.kind)
    .filter((one) => words.every((word) => `${one.name} ${one.kind} ${one.symbols.join(" ")}`.toLowerCase().includes(word)))
    .toSorted((a, b) => BY[order](a, b) || (a.name < b.name ? -1 : 1));
}

const BY: Readonly<Record<Order, (a: Listed, b: Listed) => number>> = {
  name: () => 0,
  session: (a, b) => best(a.session, b.session),
  result: (a, b) => best(a.result, b.result),
  changed: (a, b) => (a.updated_at > b.updated_at ? -1 : a.updated_at < b.updated_at ? 1 : 0),
};

/** The best first; what is not known comes last. */
function best(a: Maybe, b: Maybe): number {
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1;
  if (b === null || b === undefined) return -1;
  return new Big(b).cmp(a);
}
