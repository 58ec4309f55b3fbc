/** What the platform tells of itself: workers, market, feed. */
import { useQuery } from "@tanstack/react-query";
import { useFreshness, useRows } from "@/live/hooks";
import { useTapeTime } from "@/live/tape";
import { useConfig, useSupabase } from "@/session/context";
import type { Session } from "./well";

const EVERY_MS = 10_000;

export interface Told {
  workers: readonly { name: string; at: string }[];
  /** The session that is on or comes next; null where the stored calendar has none. */
  session: Session | null;
  /** The newest quote of all symbols. */
  newest: { quoted_at: string; delay_seconds: number } | null;
  /** When it was asked, by this machine's clock, milliseconds. */
  askedAt: number;
  /** The market's own time, milliseconds; null in a replay before its first bar. */
  now: number | null;
}

/** Undefined until it is known, or while it cannot be asked. */
export function useHealth(): Told | undefined {
  const supabase = useSupabase();
  const replayed = useConfig().installation === "local";
  const { rows } = useRows("strategies");
  const symbols = [...new Set(rows.flatMap((row) => row.symbols))].sort();
  const { data: tape } = useTapeTime(symbols.length === 0 ? ["SPY"] : symbols, EVERY_MS);
  const freshness = useFreshness();
  const { data, isError } = useQuery<Told>({
    queryKey: ["health", tape ?? null],
    refetchInterval: EVERY_MS,
    placeholderData: (before) => before,
    queryFn: async () => {
      const askedAt = Date.now();
      const now = replayed ? (tape === null || tape === undefined ? null : Date.parse(tape)) : askedAt;
      const [workers, calendar, quotes] = await Promise.all([
        supabase.from("heartbeats").select("name,at").order("name"),
        supabase.from("market_calendar").select("opens_at,closes_at").gt("closes_at", new Date(now ?? askedAt).toISOString()).order("closes_at").limit(1),
        supabase.from("quotes_latest").select("quoted_at,delay_seconds").order("quoted_at", { ascending: false }).limit(1),
      ]);
      const error = workers.error ?? calendar.error ?? quotes.error;
      if (error) throw new Error(error.message);
      return { workers: (workers.data ?? []), session: (calendar.data?.[0] as Session | undefined) ?? null, newest: (quotes.data?.[0] as Told["newest"] | undefined) ?? null, askedAt, now };
    },
  });
  // What was told before the line broke says nothing of now.
  return freshness.state === "live" && !isError ? data : undefined;
}
