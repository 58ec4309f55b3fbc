/** What the page of automation reads. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { AutomationSource } from "@/api/schema";
import { useApi } from "@/session/context";

const LOG_MS = 4_000;

export function useSources() {
  const api = useApi();
  return useQuery<readonly AutomationSource[]>({
    queryKey: ["automation", "sources"],
    queryFn: async () => (await body(api.GET("/api/automation-sources", { params: { query: { limit: 200 } } }))).data,
  });
}

export type Outcome = "all" | "accepted" | "refused";

/** What a source has sent, newest first. */
export function useDeliveries(id: string, outcome: Outcome, live: boolean) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: ["automation", id, "deliveries", outcome],
    initialPageParam: null as string | null,
    refetchInterval: live ? LOG_MS : false,
    queryFn: ({ pageParam }) => body(api.GET("/api/automation-sources/{id}/deliveries", {
      params: { path: { id }, query: { limit: 100, ...(pageParam === null ? {} : { cursor: pageParam }), ...(outcome === "all" ? {} : { outcome }) } },
    })),
    getNextPageParam: ({ next_cursor }) => next_cursor,
  });
}

/** How many events were not looked at, by the minute. */
export function useRefused(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["automation", id, "refused"],
    refetchInterval: LOG_MS,
    queryFn: async () => (await body(api.GET("/api/automation-sources/{id}/refused", { params: { path: { id }, query: { limit: 200 } } }))).data,
  });
}
