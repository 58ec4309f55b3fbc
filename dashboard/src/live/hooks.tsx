/** The live rows in React. */
import { createContext, use, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useSupabase } from "@/session/context";
import { Live, type Freshness } from "./live";
import type { RowOf, TableName } from "./rows";
import type { Store } from "./store";

const LiveContext = createContext<Live | null>(null);

/** What is asked for again when rows of a table change: the first part of the query keys that the pages use. */
const FOLLOWS: Partial<Record<TableName, readonly string[]>> = {
  trades: ["trades", "trade"],
  fills: ["trades", "trade", "pnl", "positions", "balance"],
  positions: ["positions", "pnl"],
  strategies: ["strategies", "strategy"],
  alerts: ["alerts"],
  gates: ["halts"],
  reports: ["reports", "pnl"],
};
/** Many rows in a row ask once. */
const FOLLOW_MS = 500;

/** Keeps the ledger's rows live below it, for whoever is signed in. */
export function LiveProvider({ children, user }: { children: ReactNode; user: string }) {
  const supabase = useSupabase();
  const queries = useQueryClient();
  const [live, setLive] = useState<Live | null>(null);
  useEffect(() => {
    const made = new Live(supabase);
    const due = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    made.onHeard(({ table }) => {
      for (const key of FOLLOWS[table] ?? []) due.add(key);
      timer ??= setTimeout(() => {
        timer = undefined;
        for (const key of due) void queries.invalidateQueries({ queryKey: [key] });
        due.clear();
      }, FOLLOW_MS);
    });
    // eslint-disable-next-line react-hooks/set-state-in-effect -- made with the effect, so that it ends with it
    setLive(made);
    void made.start();
    return () => {
      clearTimeout(timer);
      made.stop();
    };
  }, [supabase, queries, user]);
  if (!live) return null;
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = use(LiveContext);
  if (!live) throw new Error("useLive is used outside of LiveProvider");
  return live;
}

/** The rows of a table, newest first; the same array until something changes. `loaded` is false before the first snapshot. */
export function useRows<Name extends TableName>(name: Name): { rows: readonly RowOf<Name>[]; loaded: boolean } {
  const store = useLive().stores[name] as unknown as Store<RowOf<Name>>;
  const rows = useSyncExternalStore(store.subscribe, store.snapshot);
  return { rows, loaded: store.loadedAt !== null };
}

/** One row by its key; it is painted again only when that row changes. */
export function useRow<Name extends TableName>(name: Name, key: string | undefined): RowOf<Name> | undefined {
  const store = useLive().stores[name] as unknown as Store<RowOf<Name>>;
  return useSyncExternalStore(store.subscribe, () => (key === undefined ? undefined : store.get(key)));
}

/** Rows that fit, and the same array as long as they are the same rows. `fits` must not change between renders (useCallback). */
export function useRowsWhere<Name extends TableName>(name: Name, fits: (row: RowOf<Name>) => boolean): readonly RowOf<Name>[] {
  const { rows } = useRows(name);
  return useMemo(() => rows.filter(fits), [rows, fits]);
}

export function useFreshness(): Freshness {
  const live = useLive();
  return useSyncExternalStore(live.onFreshness, live.freshness);
}
