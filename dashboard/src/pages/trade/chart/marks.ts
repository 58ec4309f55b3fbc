/** What the trader has done and means to do, drawn into the chart: fills as markers, prices of orders and exits as lines. */
import type { Exit } from "@/api/schema";
import type { FillRow, PositionRow, TradeRow } from "@/live/rows";
import Big from "big.js";
import { grouped, price } from "@/money/amount";
import { isOpen } from "@/orders/states";
import { barAt, seconds, type Candle } from "./bars";

export interface FillMark {
  time: number;
  side: "buy" | "sell";
  text: string;
}

export interface PriceLine {
  key: string;
  price: number;
  kind: "entry" | "stop" | "target" | "order";
  title: string;
}

/** Fills of one order in one bar are one marker. */
export function fillMarks(fills: readonly Pick<FillRow, "trade_id" | "kind" | "side" | "quantity" | "price" | "executed_at">[], candles: readonly Candle[]): FillMark[] {
  const byBar = new Map<string, { time: number; side: "buy" | "sell"; quantity: Big; worth: Big }>();
  for (const fill of fills) {
    const time = barAt(candles, seconds(fill.executed_at));
    if (time === null || fill.kind !== "fill") continue;
    const key = `${fill.trade_id} ${time}`;
    const before = byBar.get(key) ?? { time, side: fill.side, quantity: new Big(0), worth: new Big(0) };
    byBar.set(key, { ...before, quantity: before.quantity.plus(fill.quantity), worth: before.worth.plus(new Big(fill.quantity).times(fill.price)) });
  }
  return [...byBar.values()]
    .filter(({ quantity }) => !quantity.eq(0))
    .map(({ time, side, quantity, worth }) => ({
      time, side, text: `${side === "buy" ? "Buy" : "Sell"} ${grouped(quantity.toFixed())} @ ${price(worth.div(quantity).toFixed())}`,
    }))
    .sort((a, b) => a.time - b.time);
}

type Working = Pick<TradeRow, "id" | "status" | "side" | "quantity" | "price" | "stop_price" | "multi_leg">;
type Held = Pick<PositionRow, "quantity" | "cost_basis" | "multiplier" | "broker_account_id">;

export function priceLines(positions: readonly Held[], trades: readonly Working[], exits: readonly Exit[]): PriceLine[] {
  const lines: PriceLine[] = [];
  const add = (key: string, kind: PriceLine["kind"], at: string | null | undefined, title: string) => {
    if (at !== null && at !== undefined) lines.push({ key, kind, price: Number(at), title });
  };
  for (const held of positions) {
    if (new Big(held.quantity).eq(0)) continue;
    const average = new Big(held.cost_basis).div(new Big(held.quantity).times(held.multiplier)).abs();
    add(`entry ${held.broker_account_id}`, "entry", average.toFixed(), `Entry ${grouped(held.quantity)}`);
  }
  for (const trade of trades) {
    if (!isOpen(trade.status) || trade.multi_leg) continue;
    const what = `${trade.side === "buy" ? "Buy" : "Sell"} ${grouped(trade.quantity)}`;
    add(`limit ${trade.id}`, "order", trade.price, `${what} limit`);
    add(`stop ${trade.id}`, "order", trade.stop_price, `${what} stop`);
  }
  for (const exit of exits) {
    if (exit.multi_leg || (exit.status !== "armed" && exit.status !== "triggered")) continue;
    add(`exit stop ${exit.id}`, "stop", exit.stop_price, "Stop");
    add(`exit target ${exit.id}`, "target", exit.target_price, "Target");
    add(`exit trail ${exit.id}`, "stop", trailOf(exit), "Trail");
  }
  return lines;
}

/** Where a trail stands now; unknown before it has seen a price. */
export function trailOf({ best_price, trail_amount, trail_percent, direction }: Pick<Exit, "best_price" | "trail_amount" | "trail_percent" | "direction">): string | null {
  if (best_price === null || (trail_amount === null && trail_percent === null)) return null;
  const best = new Big(best_price);
  const distance = trail_amount === null ? best.times(trail_percent ?? 0).div(100) : new Big(trail_amount);
  return (direction === "long" ? best.minus(distance) : best.plus(distance)).toFixed();
}
