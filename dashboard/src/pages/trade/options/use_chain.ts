/** The chain of an underlying: as it was taken at the end of a bar, and the later quotes of the expiry that is shown. */
import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import { Problem } from "@/api/problem";
import type { OptionChain, OptionContract } from "@/api/schema";
import { useApi } from "@/session/context";
import { contractsOf, renewed, type Contract } from "./chain";

const CHAIN_MS = 10_000;
const QUOTES_MS = 5_000;
const PAGES = 5;
const NONE: readonly OptionContract[] = [];

/** Null where no chain of it has been taken: that is no error. */
export function useChain(symbol: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["option-chain", symbol],
    refetchInterval: CHAIN_MS,
    queryFn: async (): Promise<{ chain: OptionChain; contracts: readonly Contract[] } | null> => {
      try {
        const chain = await body(api.GET("/api/market-data/options/{symbol}/chain", { params: { path: { symbol } } }));
        return { chain, contracts: contractsOf(chain) };
      } catch (error) {
        if (error instanceof Problem && error.code === "NO_CHAIN") return null;
        throw error;
      }
    },
  });
}

/** The contracts of one expiry with their latest quotes. */
export function useExpiry(symbol: string, contracts: readonly Contract[], expiry: string): readonly Contract[] {
  const api = useApi();
  const { data } = useQuery({
    queryKey: ["option-chain", symbol, expiry],
    enabled: expiry !== "",
    refetchInterval: QUOTES_MS,
    queryFn: async () => {
      const found: OptionContract[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < PAGES; page += 1) {
        const query = { from: expiry, until: expiry, limit: 200, ...(cursor === null ? {} : { cursor }) };
        const answer: { data: OptionContract[]; next_cursor: string | null } = await body(api.GET("/api/market-data/options/{symbol}", { params: { path: { symbol }, query } }));
        found.push(...answer.data);
        cursor = answer.next_cursor;
        if (cursor === null) break;
      }
      return found;
    },
  });
  return useMemo(() => renewed(contracts.filter((one) => one.expiry === expiry), data ?? NONE), [contracts, data, expiry]);
}
