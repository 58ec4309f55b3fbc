/** What belongs to an order: the one it replaces or protects, those that replace, protect or repeat it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import type { TradeDetail } from "@/api/schema";
import { useSupabase } from "@/session/context";
import { Loaded } from "@/ui/states";
import { terms, type Order } from "./order_rows";
import { StateChip } from "@/orders/states";

type Near = Pick<Order, "id" | "symbol" | "side" | "status" | "order_type" | "price" | "stop_price" | "trail_price" | "trail_percent" | "multi_leg" | "parent_trade_id" | "replaces_trade_id"> & { reprices_trade_id: string | null };
const COLUMNS = "id,symbol,side,status,order_type,multi_leg,price::text,stop_price::text,trail_price::text,trail_percent::text,parent_trade_id,replaces_trade_id,reprices_trade_id";

/** What the other order is to this one. */
export function relation(trade: Pick<TradeDetail, "id" | "parent_trade_id" | "replaces_trade_id" | "reprices_trade_id">, other: Pick<Near, "id" | "parent_trade_id" | "replaces_trade_id" | "reprices_trade_id">): string {
  if (other.replaces_trade_id === trade.id) return "Replaced by";
  if (other.id === trade.replaces_trade_id) return "Replaces";
  if (other.parent_trade_id === trade.id) return "Its exit";
  if (other.id === trade.parent_trade_id) return "Belongs to";
  if (other.reprices_trade_id === trade.id) return "Placed anew as";
  return "Placed anew for";
}

export function Related({ trade }: { trade: TradeDetail }) {
  const supabase = useSupabase();
  const named = [trade.parent_trade_id, trade.replaces_trade_id, trade.reprices_trade_id].filter((id) => id !== null);
  const query = useQuery({
    queryKey: ["trade", trade.id, "related"],
    queryFn: async (): Promise<Near[]> => {
      const asked = [`replaces_trade_id.eq.${trade.id}`, `parent_trade_id.eq.${trade.id}`, `reprices_trade_id.eq.${trade.id}`, ...(named.length > 0 ? [`id.in.(${named.join(",")})`] : [])];
      const { data, error } = await supabase.from("trades").select(COLUMNS).or(asked.join(",")).order("created_at");
      if (error) throw new Error(error.message);
      return data;
    },
  });
  return (
    <Loaded query={query} rows={1}>
      {(rows) => rows.length === 0 ? <p className="text-sm text-dim">It stands alone: it replaces no order, and none belongs to it.</p> : (
        <ul className="flex flex-col gap-2 text-sm">
          {rows.map((row) => (
            <li key={row.id} className="flex flex-wrap items-center gap-x-2 gap-y-1">
              <span className="w-28 text-dim">{relation(trade, row)}</span>
              <Link to={`/orders/${row.id}`} className="font-medium hover:underline">{row.side} {row.symbol}</Link>
              <span className="text-dim tabular-nums">{terms(row)}</span>
              <StateChip status={row.status} />
            </li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}
