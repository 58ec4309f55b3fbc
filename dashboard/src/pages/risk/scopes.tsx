/** What a halt or a limit is about, in words. */
import { useRows } from "@/live/hooks";
import { accountName, useAccounts } from "@/session/accounts";

interface Scoped {
  scope: string;
  broker_account_id: string | null;
  strategy_id: string | null;
}

/** "All of your trading", an account's or a strategy's name. */
export function useScopeName(): (of: Scoped) => string {
  const { byId } = useAccounts();
  const { rows } = useRows("strategies");
  return ({ scope, broker_account_id, strategy_id }) => {
    if (strategy_id !== null) return rows.find(({ id }) => id === strategy_id)?.name ?? "A strategy";
    if (broker_account_id !== null) {
      const account = byId.get(broker_account_id);
      return account ? accountName(account) : "An account";
    }
    return scope === "global" ? "Everybody" : "All of your trading";
  };
}

/** A halt's key says its scope: "account:<id>". */
export function scopeOfKey(key: string): Scoped {
  const [scope = "", id = null] = key.split(":");
  return { scope, broker_account_id: scope === "account" ? id : null, strategy_id: scope === "strategy" ? id : null };
}

/** "max_daily_loss" as "Max daily loss". */
export function limitName(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
