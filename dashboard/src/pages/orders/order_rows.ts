/** The orders that the page shows. The live rows hold every open one, however old. */
import { useMemo } from "react";
import { useRows } from "@/live/hooks";
import type { TradeRow } from "@/live/rows";
import { grouped, MISSING, price } from "@/money/amount";
import { isOpen } from "@/orders/states";

/** All that the page needs of an order; a live row and the API's trade have it in common. */
export type Order = Pick<TradeRow,
  | "id" | "broker_account_id" | "strategy_id" | "source" | "symbol" | "side" | "order_type" | "time_in_force" | "quantity" | "notional" | "price"
  | "stop_price" | "trail_price" | "trail_percent" | "reduce_only" | "multi_leg" | "status" | "reason" | "refusal" | "filled_quantity" | "fill_price"
  | "event_at" | "status_at" | "cancel_requested_at" | "parent_trade_id" | "replaces_trade_id" | "version">;

/** The newest decision first. `made` says of an order when its row was written: "today" is the trader's day, not that of a replayed tape. */
export function useOrders(): { orders: readonly Order[]; made: ReadonlyMap<string, string>; loaded: boolean } {
  const { rows, loaded } = useRows("trades");
  const orders = useMemo(() => rows.toSorted((a, b) => (a.event_at < b.event_at ? 1 : a.event_at > b.event_at ? -1 : a.id < b.id ? 1 : -1)), [rows]);
  const made = useMemo(() => new Map(rows.map((row) => [row.id, row.created_at])), [rows]);
  return { orders, made, loaded };
}

/** "limit 182.50", "stop 180.00", "market": the order's terms in a word, prices in dollars. */
export function terms(order: Pick<Order, "order_type" | "price" | "stop_price" | "trail_price" | "trail_percent" | "multi_leg">): string {
  const name = order.order_type.replaceAll("_", " ");
  switch (order.order_type) {
    case "market":
      return name;
    case "limit":
      return `${name} ${price(order.price)}${order.multi_leg ? " net" : ""}`;
    case "stop":
      return `${name} ${price(order.stop_price)}`;
    case "stop_limit":
      return `${name} ${price(order.stop_price)} / ${price(order.price)}`;
    case "trailing_stop":
      return order.trail_percent === null ? `${name} $${grouped(order.trail_price, { least: 2 })}` : `${name} ${grouped(order.trail_percent)} %`;
  }
}

/** "5 / 10": filled of ordered; an order by dollars has no number of shares. */
export function filledOf(order: Pick<Order, "filled_quantity" | "quantity" | "notional">): string {
  return `${grouped(order.filled_quantity)} / ${order.quantity === null ? (order.notional === null ? MISSING : `$${grouped(order.notional)}`) : grouped(order.quantity)}`;
}

export interface Filter {
  shown: "working" | "today" | "all";
  status: string;
  symbol: string;
  /** A strategy's id, "none" for those of no strategy, "" for all. */
  strategy: string;
}

export function fits(order: Order, filter: Filter, account: string | null, today: boolean): boolean {
  if (account !== null && order.broker_account_id !== account) return false;
  if (filter.shown === "working" && !isOpen(order.status)) return false;
  if (filter.shown === "today" && !isOpen(order.status) && !today) return false;
  if (filter.status !== "" && order.status !== filter.status) return false;
  if (filter.symbol !== "" && !order.symbol.startsWith(filter.symbol)) return false;
  return filter.strategy === "" || (filter.strategy === "none" ? order.strategy_id === null : order.strategy_id === filter.strategy);
}
