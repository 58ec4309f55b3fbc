/** The bars of the chart: read again as soon as a newer one is stored, and the one that is forming now. */
import { useEffect, useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { body, type Api } from "@/api/client";
import type { Bar } from "@/api/schema";
import { useQuotes } from "@/live/quotes";
import { useApi, useSupabase } from "@/session/context";
import { candle, forming, seconds, type Candle, type Seen } from "./bars";
import { choiceOf, type Adjusted, type Timeframe } from "./timeframes";

const EVERY_MS = 3000;
const PAGE = 1000;
const MOST_PAGES = 6;
const MOST_SEEN = 600;
const DAY_MS = 86_400_000;

export interface Asked {
  symbol: string;
  timeframe: Timeframe;
  days: number;
  adjusted: Adjusted;
}

export interface Shown {
  candles: readonly Candle[];
  /** Not over yet, or null. */
  live: Candle | null;
  /** Exchange dates that end early, with the moment of the close. */
  earlyCloses: ReadonlyMap<string, string>;
  feed: string;
  /** By how much the feed is late, in seconds. */
  delay: number;
  archivedMonths: readonly string[];
}

interface Bars {
  bars: readonly Bar[];
  archived: readonly string[];
}

interface Newest {
  starts_at: string;
  ends_at: string;
}

export function useBars({ symbol, timeframe, days, adjusted }: Asked): { data: Shown | undefined; error: Error | null; none: boolean; retry: () => void } {
  const api = useApi();
  const newest = useNewest(symbol, timeframe);
  const newestMinute = useNewest(symbol, "1Min");
  const last = newest.data;
  const { seconds: step } = choiceOf(timeframe);
  const history = useQuery<Bars>({
    queryKey: ["bars", symbol, timeframe, days, adjusted, last?.starts_at],
    enabled: last != null,
    // Another time of the same chart stays until the new one is there; another symbol's does not.
    placeholderData: (before, query) => (query?.queryKey[1] === symbol && query.queryKey[2] === timeframe ? before : undefined),
    queryFn: ({ signal }) => {
      const until = Date.parse(last?.ends_at ?? "");
      return barsOf(api, { symbol, timeframe, adjusted, from: new Date(until - days * DAY_MS), until: new Date(until) }, signal);
    },
  });
  const minutes = useQuery<Bars>({
    queryKey: ["bars", symbol, "since", last?.ends_at, newestMinute.data?.starts_at],
    enabled: timeframe !== "1Min" && last != null && newestMinute.data != null && newestMinute.data.ends_at > last.ends_at,
    queryFn: ({ signal }) => barsOf(api, {
      symbol, timeframe: "1Min", adjusted: "raw", from: new Date(last?.ends_at ?? ""), until: new Date(newestMinute.data?.ends_at ?? ""),
    }, signal),
  });
  const first = history.data?.bars[0]?.starts_at;
  const calendar = useEarlyCloses(first, last?.ends_at);
  const seen = useSeen(symbol);
  const data = useMemo<Shown | undefined>(() => {
    if (!history.data) return undefined;
    const candles = history.data.bars.map(candle);
    const ended = history.data.bars.at(-1);
    const live = ended ? forming(seconds(ended.ends_at), step, (minutes.data?.bars ?? []).map(candle), seen) : null;
    return { candles, live, earlyCloses: calendar, feed: ended?.feed ?? "", delay: ended?.delay_seconds ?? 0, archivedMonths: history.data.archived };
  }, [history.data, minutes.data, seen, calendar, step]);
  return {
    data,
    error: newest.error ?? history.error,
    none: newest.data === null,
    retry: () => void Promise.all([newest.refetch(), history.refetch()]),
  };
}

/** The newest stored bar: a small question, asked often. */
function useNewest(symbol: string, timeframe: Timeframe) {
  const supabase = useSupabase();
  return useQuery<Newest | null>({
    queryKey: ["bars", symbol, "newest", timeframe],
    refetchInterval: EVERY_MS,
    queryFn: async () => {
      const { data, error } = await supabase.from("bars").select("starts_at,ends_at")
        .eq("symbol", symbol).eq("timeframe", timeframe).order("starts_at", { ascending: false }).limit(1).maybeSingle<Newest>();
      if (error) throw new Error(error.message);
      return data;
    },
  });
}

async function barsOf(api: Api, asked: { symbol: string; timeframe: Timeframe; adjusted: Adjusted; from: Date; until: Date }, signal: AbortSignal): Promise<Bars> {
  const bars: Bar[] = [];
  const archived = new Set<string>();
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer: Awaited<ReturnType<typeof pageOf>> = await pageOf(api, asked, cursor, signal);
    bars.push(...answer.data);
    for (const month of answer.archived_months) archived.add(month);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return { bars, archived: [...archived] };
}

function pageOf(api: Api, { symbol, timeframe, adjusted, from, until }: Parameters<typeof barsOf>[1], cursor: string | null, signal: AbortSignal) {
  return body(api.GET("/api/market-data/history/{symbol}", {
    signal,
    params: { path: { symbol }, query: { timeframe, adjusted, from: from.toISOString(), until: until.toISOString(), limit: PAGE, ...(cursor === null ? {} : { cursor }) } },
  }));
}

const NONE: ReadonlyMap<string, string> = new Map<string, string>();

function useEarlyCloses(from: string | undefined, until: string | undefined): ReadonlyMap<string, string> {
  const supabase = useSupabase();
  const { data } = useQuery({
    queryKey: ["calendar", "half-days", from, until],
    enabled: from !== undefined && until !== undefined,
    staleTime: Infinity,
    queryFn: async () => {
      const { data: rows, error } = await supabase.from("market_calendar").select("session_date,closes_at")
        .eq("half_day", true).gte("closes_at", from).lte("opens_at", until).limit(1000);
      if (error) throw new Error(error.message);
      return new Map((rows as { session_date: string; closes_at: string }[]).map((row) => [row.session_date, row.closes_at]));
    },
  });
  return data ?? NONE;
}

/** The middles of the quotes since the chart was opened. */
function useSeen(symbol: string): readonly Seen[] {
  const quote = useQuotes([symbol]).get(symbol);
  const [seen, setSeen] = useState<{ symbol: string; prices: readonly Seen[] }>({ symbol, prices: [] });
  const { bid, ask, quoted_at } = quote ?? {};
  useEffect(() => {
    if (bid === undefined || ask === undefined || quoted_at === undefined) return;
    const one = { time: seconds(quoted_at), price: (Number(bid) + Number(ask)) / 2 };
    // eslint-disable-next-line react-hooks/set-state-in-effect -- what was seen is kept; a quote is told only once
    setSeen((before) => ({ symbol, prices: before.symbol === symbol ? [...before.prices, one].slice(-MOST_SEEN) : [one] }));
  }, [symbol, bid, ask, quoted_at]);
  return useMemo(() => (seen.symbol === symbol ? seen.prices : []), [seen, symbol]);
}
