/** The day of a symbol so far, and where it stood before: from the stored bars. */
import { useQuery } from "@tanstack/react-query";
import Big from "big.js";
import { body } from "@/api/client";
import type { Bar } from "@/api/schema";
import type { Quote } from "@/live/quotes";
import { plain, type Amount } from "@/money/amount";
import { useApi } from "@/session/context";
import { beginning, next } from "@/time/days";
import { day } from "@/time/times";

const EXCHANGE = "America/New_York";
const EVERY_MS = 60_000;
const DAYS_BACK = 10 * 86_400_000;

export interface DayPrices {
  bars: readonly Bar[];
  /** Close of the last stored day before; null where none is stored. */
  previousClose: Amount | null;
}

/** `at` is a moment of the day that is asked for: that of the last quote. */
export function useDayPrices(symbol: string, at: string | undefined): DayPrices | undefined {
  const api = useApi();
  const date = at === undefined ? undefined : day(at, EXCHANGE);
  const { data } = useQuery({
    queryKey: ["day prices", symbol, date],
    enabled: date !== undefined,
    refetchInterval: EVERY_MS,
    queryFn: async (): Promise<DayPrices> => {
      const from = beginning(date ?? "", EXCHANGE);
      const asked = (query: { timeframe: "5Min" | "1Day"; from: string; until: string }) => body(api.GET("/api/market-data/history/{symbol}", { params: { path: { symbol }, query: { ...query, limit: 1000 } } }));
      const [today, before] = await Promise.all([
        asked({ timeframe: "5Min", from, until: beginning(next(date ?? ""), EXCHANGE) }),
        asked({ timeframe: "1Day", from: new Date(Date.parse(from) - DAYS_BACK).toISOString(), until: from }),
      ]);
      return { bars: today.data, previousClose: before.data.at(-1)?.close ?? null };
    },
  });
  return data;
}

/** Half way between bid and ask; null where nobody bids or asks. */
export function middle(quote: Pick<Quote, "bid" | "ask"> | undefined): Amount | null {
  if (!quote || new Big(quote.bid).lte(0) || new Big(quote.ask).lte(0)) return null;
  return plain(new Big(quote.bid).plus(quote.ask).div(2));
}

export interface DayChange {
  amount: Amount;
  /** Of one: 0.0125 is 1.25 percent. */
  share: Amount;
  since: "the last close" | "the open";
}

/** Since the last close, or, where none is stored, since the first bar of the day; null where neither is. */
export function dayChange(now: Amount | null, prices: DayPrices | undefined): DayChange | null {
  if (now === null || prices === undefined) return null;
  const reference = prices.previousClose ?? prices.bars[0]?.open;
  if (reference === undefined || new Big(reference).eq(0)) return null;
  const amount = new Big(now).minus(reference);
  return { amount: plain(amount), share: plain(amount.div(reference)), since: prices.previousClose === null ? "the open" : "the last close" };
}

export interface Spread {
  amount: Amount;
  /** Of the middle, in basis points. */
  basisPoints: Amount;
}

export function spread(quote: Pick<Quote, "bid" | "ask"> | undefined): Spread | null {
  const mid = middle(quote);
  if (!quote || mid === null) return null;
  const amount = new Big(quote.ask).minus(quote.bid);
  return { amount: plain(amount), basisPoints: plain(amount.div(mid).times(10_000).round(1)) };
}
