/** How the states of a strategy are called, and how they look. */
import type { StrategyRow } from "@/live/rows";

export type Tone = "plain" | "good" | "bad" | "warn" | "accent";

export type State = "draft" | "active" | "paused" | "inactive" | "closing" | "halted";

export const STATES: Readonly<Record<State, { word: string; tone: Tone; means: string }>> = {
  active: { word: "Active", tone: "good", means: "It decides on every bar." },
  paused: { word: "Entries paused", tone: "warn", means: "It decides, and its entries are refused; exits pass." },
  closing: { word: "Closing", tone: "warn", means: "It is stopped, and what it has open is being closed." },
  inactive: { word: "Stopped", tone: "plain", means: "It decides nothing." },
  halted: { word: "Halted", tone: "bad", means: "The platform stopped it; it decides nothing." },
  draft: { word: "Draft", tone: "accent", means: "It was never started." },
};

export function stateOf(status: StrategyRow["status"], paused: boolean, closing: boolean): State {
  if (status === "active") return paused ? "paused" : "active";
  if (status === "draft") return "draft";
  if (closing) return "closing";
  return status === "halted" ? "halted" : "inactive";
}

export const TIMEFRAMES: Readonly<Record<string, string>> = { "1Min": "1 minute", "5Min": "5 minutes", "15Min": "15 minutes", "1Hour": "1 hour", "1Day": "1 day" };

export const EXITS_BY: Readonly<Record<StrategyRow["exits_by"], string>> = {
  strategy: "The strategy itself, on each completed bar",
  watched: "Also the platform, on quotes between bars",
};

/** What a stopped strategy still waits for. */
export const WAITING: Readonly<Record<string, string>> = {
  session: "the market to open",
  orders: "its orders that still work",
  other_side: "the account, which holds the other side of it: close it by hand",
  cover: "an option that another one has sold and that it covers: buy that back",
};
