/** Saying that an alert was seen, from wherever it is shown. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { useLive } from "@/live/hooks";
import type { AlertRow } from "@/live/rows";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";

/** What is seen stays seen: the first who said so is on record. */
export function useAcknowledge() {
  const api = useApi();
  const live = useLive();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (alerts: readonly AlertRow[]) => {
      for (const { id } of alerts) {
        await body(api.POST("/api/alerts/{id}/acknowledge", { params: { path: { id }, header: { "idempotency-key": `seen-${id}` } } }));
      }
    },
    onSuccess: (_done, alerts) => said(alerts.length === 1 ? "Seen." : `${alerts.length} alerts seen.`),
    onSettled: () => Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["alerts"] })]),
  });
}
