/** Where the market stands, where it is replayed: an age is measured, and a strategy started, by its time and not the machine's. */
import { useQuery } from "@tanstack/react-query";
import { useConfig, useSupabase } from "@/session/context";

/** The end of the newest bar of the symbols, in the local cloud, whose market is a tape; null elsewhere, and before the first bar. */
export function useTapeTime(symbols: readonly string[], everyMs?: number) {
  const { installation } = useConfig();
  const supabase = useSupabase();
  const local = installation === "local";
  return useQuery<string | null>({
    queryKey: ["tape time", symbols],
    enabled: local,
    refetchInterval: everyMs ?? false,
    staleTime: 0,
    queryFn: async () => {
      if (!local) return null;
      const { data, error } = await supabase.from("bars").select("ends_at").in("symbol", symbols).eq("timeframe", "1Min").order("ends_at", { ascending: false }).limit(1);
      if (error) throw new Error(error.message);
      return (data[0]?.ends_at as string | undefined) ?? null;
    },
  });
}
