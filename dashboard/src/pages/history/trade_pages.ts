/** Pages of past trades, each with what its fills made: profit or loss, and fees. */
import { sum, type Amount } from "@/money/amount";
import { body, type Api } from "@/api/client";
import type { paths, Trade } from "@/api/schema";
import type { Supabase } from "@/session/supabase";
import { beginning, next } from "@/time/days";

export interface Filter {
  strategy: string;
  symbol: string;
  status: string;
  source: string;
  /** Days of the trader's zone; both are part of the range. */
  from: string;
  until: string;
  noted: boolean;
}

export const NO_FILTER: Filter = { strategy: "", symbol: "", status: "", source: "", from: "", until: "", noted: false };

type Query = NonNullable<paths["/api/trades"]["get"]["parameters"]["query"]>;

/** A trade, and the sums of its fills: null where it has none. */
export interface Past {
  trade: Trade;
  realised: Amount | null;
  fees: Amount | null;
}

export interface PastPage {
  rows: Past[];
  next: string | null;
}

/** The filter as the API takes it. */
export function queryOf(filter: Filter, account: string | null, zone: string): Query {
  return {
    ...(account === null ? {} : { broker_account_id: account }),
    ...(filter.strategy === "" ? {} : { strategy_id: filter.strategy }),
    ...(/^[A-Z0-9][A-Z0-9./-]{0,31}$/.test(filter.symbol) ? { symbol: filter.symbol } : {}),
    ...(filter.status === "" ? {} : { status: filter.status as NonNullable<Query["status"]> }),
    ...(filter.source === "" ? {} : { source: filter.source as NonNullable<Query["source"]> }),
    ...(filter.from === "" ? {} : { from: beginning(filter.from, zone) }),
    ...(filter.until === "" ? {} : { until: beginning(next(filter.until), zone) }),
    ...(filter.noted ? { noted: "true" as const } : {}),
  };
}

interface FillSum {
  trade_id: string;
  realised_pnl: Amount;
  fee: Amount;
}

export async function readPage(api: Api, supabase: Supabase, query: Query, cursor: string | null, limit: number): Promise<PastPage> {
  const page = await body(api.GET("/api/trades", { params: { query: { ...query, limit, ...(cursor === null ? {} : { cursor }) } } }));
  const filled = page.data.filter(({ executed_at }) => executed_at !== null).map(({ id }) => id);
  const fills: FillSum[] = [];
  if (filled.length > 0) {
    const step = 1000;
    for (let at = 0; ; at += step) {
      const { data, error } = await supabase.from("fills").select("trade_id,realised_pnl::text,fee::text").in("trade_id", filled).order("id").range(at, at + step - 1);
      if (error) throw new Error(error.message);
      fills.push(...(data as unknown as FillSum[]));
      if (data.length < step) break;
    }
  }
  return { rows: withSums(page.data, fills), next: page.next_cursor };
}

export function withSums(trades: readonly Trade[], fills: readonly FillSum[]): Past[] {
  const byTrade = Map.groupBy(fills, ({ trade_id }) => trade_id);
  return trades.map((trade) => {
    const own = byTrade.get(trade.id);
    return {
      trade,
      realised: own ? sum(own.map(({ realised_pnl }) => realised_pnl)) : null,
      fees: own ? sum(own.map(({ fee }) => fee)) : null,
    };
  });
}

export interface Totals {
  orders: number;
  filled: number;
  realised: Amount;
  fees: Amount;
  /** Realised, less fees. */
  net: Amount;
}

/** Of what is shown; what has no fill adds nothing. */
export function totalsOf(rows: readonly Past[]): Totals {
  const realised = sum(rows.map((row) => row.realised ?? "0")) ?? "0";
  const fees = sum(rows.map((row) => row.fees ?? "0")) ?? "0";
  return {
    orders: rows.length,
    filled: rows.filter((row) => row.realised !== null).length,
    realised,
    fees,
    net: sum([realised, fees.startsWith("-") ? fees.slice(1) : `-${fees}`]) ?? "0",
  };
}
