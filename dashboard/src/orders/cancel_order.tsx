/** The button that asks for a working order to be canceled. A gate or a limit never stands in its way. */
import type { TradeRow } from "@/live/rows";
import { useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { useCancel } from "./canceling";
import { isOpen } from "./states";

export function CancelOrder({ trade }: { trade: Pick<TradeRow, "id" | "status" | "symbol" | "side" | "cancel_requested_at"> }) {
  const { claims } = useSession();
  const cancel = useCancel();
  if (claims.desk_role === "viewer" || !isOpen(trade.status)) return null;
  const asked = trade.cancel_requested_at !== null;
  return (
    <Button small busy={cancel.isPending} disabled={asked} aria-label={`Cancel the order to ${trade.side} ${trade.symbol}`} onClick={() => cancel.mutate([trade.id])}>
      {asked ? "Canceling" : "Cancel"}
    </Button>
  );
}
