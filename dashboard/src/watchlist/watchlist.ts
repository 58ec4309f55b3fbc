/** The trader's watchlist: the same on every device, changed at once and kept by the API. */
import { useCallback } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { Problem } from "@/api/problem";
import type { Watchlist } from "@/api/schema";
import { useApi } from "@/session/context";

const KEY = ["watchlist"] as const;
export const MOST = 100;

/** What becomes of the list; done again on a newer one where another device was quicker. */
export type Change = (symbols: readonly string[]) => readonly string[];

export function added(symbol: string, at?: number): Change {
  return (symbols) => (symbols.includes(symbol) ? symbols : symbols.toSpliced(at ?? symbols.length, 0, symbol));
}

export function removed(symbol: string): Change {
  return (symbols) => symbols.filter((one) => one !== symbol);
}

/** To the place where `other` stands, or by a step up or down. */
export function moved(symbol: string, to: { before: string } | { by: 1 | -1 }): Change {
  return (symbols) => {
    const from = symbols.indexOf(symbol);
    if (from < 0) return symbols;
    const target = "by" in to ? from + to.by : symbols.indexOf(to.before);
    if (target < 0 || target >= symbols.length) return symbols;
    return symbols.toSpliced(from, 1).toSpliced(target, 0, symbol);
  };
}

export interface UsedWatchlist {
  /** In the trader's order; undefined until they are known. */
  symbols: readonly string[] | undefined;
  error: Error | null;
  retry: () => void;
  change: (change: Change, then?: () => void) => void;
}

export function useWatchlist(): UsedWatchlist {
  const api = useApi();
  const queries = useQueryClient();
  const read = useCallback(() => body(api.GET("/api/watchlist")), [api]);
  const query = useQuery({ queryKey: KEY, queryFn: read });
  const write = useMutation({
    // One after another: each is on the version that the one before has made.
    scope: { id: "watchlist" },
    mutationFn: async ({ change }: { change: Change }) => {
      let known = await read();
      for (let attempt = 1; ; attempt += 1) {
        const symbols = [...change(known.symbols)];
        if (same(symbols, known.symbols)) return known;
        try {
          return await body(api.PUT("/api/watchlist", { params: { header: { "if-match": `"${known.version}"` } }, body: { symbols } }));
        } catch (error) {
          if (!(error instanceof Problem) || error.status !== 412 || attempt === 3) throw error;
          known = await read();
        }
      }
    },
    onMutate: async ({ change }) => {
      await queries.cancelQueries({ queryKey: KEY });
      queries.setQueryData<Watchlist>(KEY, (known) => known && { ...known, symbols: [...change(known.symbols)] });
    },
    // Once nothing else is on its way: an answer before that would take the later change back for a moment.
    onSettled: () => (queries.isMutating({ predicate: ({ options }) => options.scope?.id === "watchlist" }) === 1 ? queries.invalidateQueries({ queryKey: KEY }) : undefined),
  });
  const { mutate } = write;
  const change = useCallback((made: Change, then?: () => void) => mutate({ change: made }, then ? { onSuccess: then } : {}), [mutate]);
  return { symbols: query.data?.symbols, error: query.error, retry: () => void query.refetch(), change };
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((symbol, at) => symbol === b[at]);
}
