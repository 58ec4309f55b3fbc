/** Asks for a working order to be canceled. A gate or a limit never stands in its way. */
import { useMutation } from "@tanstack/react-query";
import { body } from "@/api/client";
import { useApi, useSession } from "@/session/context";
import type { TradeRow } from "@/live/rows";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { isOpen } from "@/orders/states";

export function CancelOrder({ trade }: { trade: Pick<TradeRow, "id" | "status" | "symbol" | "side" | "cancel_requested_at"> }) {
  const api = useApi();
  const { claims } = useSession();
  const cancel = useMutation({
    mutationFn: () => body(api.DELETE("/api/orders/{id}", { params: { path: { id: trade.id } } })),
    onSuccess: () => said("The order is asked to be canceled."),
  });
  if (claims.desk_role === "viewer" || !isOpen(trade.status)) return null;
  const asked = trade.cancel_requested_at !== null;
  return (
    <Button small busy={cancel.isPending} disabled={asked} aria-label={`Cancel the order to ${trade.side} ${trade.symbol}`} onClick={() => cancel.mutate()}>
      {asked ? "Canceling" : "Cancel"}
    </Button>
  );
}
