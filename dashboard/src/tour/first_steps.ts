/** What somebody new has done of what there is to do, from what the ledger has of theirs. */
import type { BrokerAccount } from "@/api/schema";

export interface Done {
  /** An account whose keys the broker takes. */
  linked: boolean;
  /** A strategy, or an order. */
  begun: boolean;
  /** An order was filled, so there is something to watch. */
  filled: boolean;
}

interface Seen {
  accounts: readonly Pick<BrokerAccount, "status" | "link_state">[];
  strategies: number;
  trades: readonly { filled_quantity: string }[];
}

export function doneOf({ accounts, strategies, trades }: Seen): Done {
  return {
    linked: accounts.some(({ status, link_state }) => status === "active" && link_state === "verified"),
    begun: strategies > 0 || trades.length > 0,
    filled: trades.some(({ filled_quantity }) => /[1-9]/.test(filled_quantity)),
  };
}

export function allDone({ linked, begun, filled }: Done): boolean {
  return linked && begun && filled;
}
