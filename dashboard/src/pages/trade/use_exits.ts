/** The exits of a symbol's positions that are not over. */
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Exit } from "@/api/schema";
import { useApi } from "@/session/context";

const EVERY_MS = 5000;
const NONE: readonly Exit[] = [];

export function useExits(symbol: string, account: string | null): readonly Exit[] {
  const api = useApi();
  const { data } = useQuery({
    // Fills arm exits and end them: it follows the positions.
    queryKey: ["positions", "exits", symbol, account],
    refetchInterval: EVERY_MS,
    queryFn: async () => (await body(api.GET("/api/risk/exits", {
      params: { query: { symbol, limit: 50, ...(account === null ? {} : { broker_account_id: account }) } },
    }))).data.filter(({ status }) => status === "armed" || status === "triggered"),
  });
  return data ?? NONE;
}
