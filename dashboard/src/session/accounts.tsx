/** The broker accounts of whoever is signed in, and which of them the pages show. */
import { createContext, use, useMemo, useState, type ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { BrokerAccount } from "@/api/schema";
import { useApi } from "./context";

interface Accounts {
  /** All that are linked, active ones first; undefined until they are known. */
  accounts: readonly BrokerAccount[] | undefined;
  error: Error | null;
  /** The one that is looked at, or null for all. */
  selected: BrokerAccount | null;
  select: (id: string | null) => void;
  byId: ReadonlyMap<string, BrokerAccount>;
}

const AccountsContext = createContext<Accounts | null>(null);
const KEY = "agenttrader.account";
const EVERY_MS = 30_000;
const WAITING_MS = 2_000;

export function AccountsProvider({ children }: { children: ReactNode }) {
  const api = useApi();
  const { data, error } = useQuery({
    queryKey: ["accounts"],
    queryFn: async () => (await body(api.GET("/api/broker-accounts", { params: { query: { limit: 200 } } }))).data,
    // Whoever has entered keys waits for the broker's word.
    refetchInterval: ({ state }) => (state.data?.some((one) => one.status === "active" && one.trading_entered_at !== null && one.link_state === "unverified") ? WAITING_MS : EVERY_MS),
  });
  const [chosen, setChosen] = useState<string | null>(() => sessionStorage.getItem(KEY));
  const value = useMemo<Accounts>(() => {
    const accounts = data?.toSorted((a, b) => (a.status === b.status ? 0 : a.status === "active" ? -1 : 1));
    const byId = new Map((accounts ?? []).map((account) => [account.id, account]));
    return {
      accounts,
      error,
      selected: (chosen === null ? undefined : byId.get(chosen)) ?? null,
      select: (id) => {
        setChosen(id);
        if (id === null) sessionStorage.removeItem(KEY);
        else sessionStorage.setItem(KEY, id);
      },
      byId,
    };
  }, [data, error, chosen]);
  return <AccountsContext value={value}>{children}</AccountsContext>;
}

export function useAccounts(): Accounts {
  const accounts = use(AccountsContext);
  if (!accounts) throw new Error("useAccounts is used outside of AccountsProvider");
  return accounts;
}

/** How an account is called on the screen. */
export function accountName(account: Pick<BrokerAccount, "label" | "broker" | "number">): string {
  return account.label === "" ? `${account.broker} ${account.number}` : account.label;
}
