/** What can be done to orders: by the API, under the version that was seen. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { OrderChange } from "@/api/schema";
import { useLive } from "@/live/hooks";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";

/** Cancels one order. It only ever makes risk smaller: nobody is asked first. */
export function useCancel() {
  const api = useApi();
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (id: string) => body(api.DELETE("/api/orders/{id}", { params: { path: { id } } })),
    onSuccess: () => said("The order is being canceled."),
    onSettled: refresh,
  });
}

export function useCancelAll() {
  const api = useApi();
  const refresh = useRefresh();
  return useMutation({
    meta: { shown: true },
    mutationFn: (account: string | null) => body(api.DELETE("/api/orders", { params: { query: account === null ? {} : { broker_account_id: account } } })),
    onSuccess: () => said("All working orders are being canceled."),
    onSettled: refresh,
  });
}

export interface Replacement {
  id: string;
  version: number;
  change: OrderChange;
  /** Made once for each wish of the trader: sent twice it is done once. */
  key: string;
}

export function useReplace() {
  const api = useApi();
  const refresh = useRefresh();
  return useMutation({
    meta: { shown: true },
    mutationFn: ({ id, version, change, key }: Replacement) =>
      body(api.PUT("/api/orders/{id}", { params: { path: { id }, header: { "idempotency-key": key, "if-match": `"${version}"` } }, body: change })),
    onSuccess: () => said("The order is being replaced."),
    onSettled: refresh,
  });
}

function useRefresh() {
  const live = useLive();
  const queries = useQueryClient();
  return () => Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["trades"] }), queries.invalidateQueries({ queryKey: ["trade"] })]);
}
