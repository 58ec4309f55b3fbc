/** Why no order can be sent now, in a sentence; null where it can. Risk and the ledger decide anyway: this spares the click. */
import type { BrokerAccount } from "@/api/schema";
import type { Freshness } from "@/live/live";
import type { GateRow } from "@/live/rows";

interface Now {
  viewer: boolean;
  user: string;
  account: Pick<BrokerAccount, "id" | "status" | "link_state" | "link_reason"> | null;
  freshness: Freshness["state"];
  /** False where the trader has not agreed to trade real money on it; undefined where that is not known, or not needed. */
  agreed: boolean | undefined;
  gates: readonly Pick<GateRow, "gate_key" | "closed" | "reason">[];
  /** Neither a halt nor a missing consent stops what only makes a position smaller. */
  opening: boolean;
}

export function blocked({ viewer, user, account, freshness, agreed, gates, opening }: Now): string | null {
  if (viewer) return "You may look, but not trade: ask an administrator of your desk for the role of a trader.";
  if (account === null) return "Choose the account to trade on.";
  if (account.status !== "active") return "This account is unlinked; link it again on the Accounts page.";
  if (account.link_state !== "verified") return account.link_reason ?? "The broker has not verified this account yet; enter its keys on the Accounts page.";
  if (freshness === "stale") return "The live connection is lost, so what is shown may be old. Wait until it is live again.";
  if (freshness === "connecting") return "Connecting; a moment.";
  if (opening && agreed === false) return "Live trading is off for this account: only orders that close are taken. Agree to it on the Accounts page.";
  const keys = new Set(["global", `user:${user}`, `account:${account.id}`]);
  const halt = opening ? gates.find((gate) => gate.closed && keys.has(gate.gate_key)) : undefined;
  if (halt) return `Trading is halted${halt.reason === "" ? "" : ` (${halt.reason})`}: only orders that close are taken. Lift it on the Risk page.`;
  return null;
}
