/** Says to the platform which symbols are on the screen, so that the feed is asked for them; again before that runs out. */
import { useQuery } from "@tanstack/react-query";
import { useSupabase } from "@/session/context";

/** Before the five minutes that a wish lasts. */
const AGAIN_MS = 240_000;

/** Data come after all that strategies and positions need, as far as the feed takes them. A symbol that nobody knows is told. */
export function useWatching(symbols: readonly string[]): { error: Error | null } {
  const supabase = useSupabase();
  const wanted = [...new Set(symbols)].sort();
  const { error } = useQuery({
    queryKey: ["watching", wanted],
    enabled: wanted.length > 0,
    refetchInterval: AGAIN_MS,
    staleTime: 0,
    queryFn: async () => {
      const answer = await supabase.rpc("watch_symbols", { p_symbols: wanted });
      if (answer.error) throw new Error(answer.error.message);
      return answer.data as string;
    },
  });
  return { error };
}
