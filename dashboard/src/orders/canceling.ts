/** Cancelling: one click, because it only takes risk away. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { useApi } from "@/session/context";
import { said } from "@/ui/announce";

export function useCancel() {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (ids: readonly string[]) => Promise.all(ids.map((id) => body(api.DELETE("/api/orders/{id}", { params: { path: { id } } })))),
    onSuccess: (cancelled) => {
      const [only] = cancelled;
      if (cancelled.length === 1 && only) {
        said(only.status === "canceled" ? "Cancelled: nothing had been sent." : only.cancel_requested_at === null ? `It was over already: ${only.status.replaceAll("_", " ")}.` : "The broker is asked to cancel it.");
      } else said(`Cancels are asked for: ${cancelled.length} orders.`);
    },
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ["trades"] }), queries.invalidateQueries({ queryKey: ["trade"] })]),
  });
}
