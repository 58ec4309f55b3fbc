/** Brokers tell a fee with the fill and not before; what the account's own fills have cost lately says what to expect. */
import Big from "big.js";
import type { FillRow } from "@/live/rows";
import { unitOf, type Unit } from "@/orders/units";
import { plain, type Amount } from "@/money/amount";

const LATELY = 20;

/** Dollars for each share or contract, over the newest fills of such in the account; null where there is none yet. */
export function feesBefore(fills: readonly Pick<FillRow, "broker_account_id" | "symbol" | "kind" | "fee" | "quantity">[], account: string, unit: Unit): Amount | null {
  const newest = fills.filter((fill) => fill.broker_account_id === account && fill.kind === "fill" && unitOf(fill.symbol) === unit).slice(0, LATELY);
  const quantity = newest.reduce((total, fill) => total.plus(fill.quantity), new Big(0));
  if (quantity.eq(0)) return null;
  return plain(newest.reduce((total, fill) => total.plus(fill.fee), new Big(0)).div(quantity).round(6));
}
