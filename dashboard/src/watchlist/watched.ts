/** Says which symbols an open page shows, so that market data comes for them: again while it is open, no more once it is not. */
import { useQuery } from "@tanstack/react-query";
import { useSession, useSupabase } from "@/session/context";

/** What the feed takes for one trader's dashboards, and how often the wish is said again: it lasts five minutes. */
export const MOST_WATCHED = 10;
const AGAIN_MS = 240_000;

/** The first ten of the symbols; a wish ends by itself, so that two pages in a row never take each other's away. */
export function useWatched(symbols: readonly string[]): void {
  const supabase = useSupabase();
  const { claims } = useSession();
  const wanted = symbols.slice(0, MOST_WATCHED);
  useQuery({
    queryKey: ["watched", wanted],
    enabled: wanted.length > 0 && claims.desk_role !== "viewer",
    refetchInterval: AGAIN_MS,
    staleTime: 0,
    gcTime: 0,
    queryFn: async () => {
      const { error } = await supabase.rpc("watch_symbols", { p_symbols: wanted });
      if (error) throw new Error(error.message);
      return true;
    },
  });
}
