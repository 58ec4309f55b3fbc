/** What became of the order that was placed last, as it happens. */
import { Link } from "react-router";
import { useRow } from "@/live/hooks";
import { grouped, price } from "@/money/amount";
import { CancelOrder } from "@/orders/cancel_order";
import { Refusal } from "@/orders/refusal";
import { StateChip } from "@/orders/states";
import { counted, type Unit } from "@/orders/units";

export function Placed({ id, unit }: { id: string; unit: Unit }) {
  const trade = useRow("trades", id);
  return (
    <section aria-label="Last order" role="status" className="mt-3 flex min-h-20 flex-col gap-2 rounded-md border border-line bg-ground p-3 text-sm">
      <div className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{trade === undefined ? "Sent" : trade.multi_leg ? `${trade.symbol}, several legs` : `${trade.side === "buy" ? "Buy" : "Sell"} ${trade.symbol}`}</span>
        <StateChip status={trade?.status ?? "pending"} />
        <Link to={`/orders/${id}`} className="ml-auto text-xs text-accent underline">Its whole story</Link>
      </div>
      {trade !== undefined && trade.filled_quantity !== "0" && trade.fill_price !== null && (
        <p className="tabular-nums">Filled {counted(grouped(trade.filled_quantity), unit)} at ${price(trade.fill_price)} on average.</p>
      )}
      {trade?.refusal != null && <p className="break-words text-danger"><Refusal text={trade.refusal} /></p>}
      {trade !== undefined && <div><CancelOrder trade={trade} /></div>}
    </section>
  );
}
