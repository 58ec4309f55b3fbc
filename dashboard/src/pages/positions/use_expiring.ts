/** What becomes of the options that are held, if nothing is done. */
import { useQuery } from "@tanstack/react-query";
import { useSupabase } from "@/session/context";
import type { Amount } from "@/money/amount";

const EVERY_MS = 10_000;

export interface Expiring {
  broker_account_id: string;
  symbol: string;
  expires_on: string;
  /** Calendar days by the exchange's date now; negative once it is over. */
  days_to_expiry: number;
  /** UTC; null where the calendar does not reach. */
  trades_until: string | null;
  in_the_money: Amount | null;
  if_left: "expires" | "exercised" | "assigned" | null;
}

/** By account and symbol. */
export function useExpiring(wanted: boolean): ReadonlyMap<string, Expiring> {
  const supabase = useSupabase();
  const { data } = useQuery<ReadonlyMap<string, Expiring>>({
    queryKey: ["positions", "expiring"],
    enabled: wanted,
    refetchInterval: EVERY_MS,
    queryFn: async () => {
      const { data: rows, error } = await supabase.from("expiring_positions").select("broker_account_id,symbol,expires_on,days_to_expiry,trades_until,in_the_money::text,if_left");
      if (error) throw new Error(error.message);
      return new Map((rows as unknown as Expiring[]).map((row) => [`${row.broker_account_id} ${row.symbol}`, row]));
    },
  });
  return data ?? NONE;
}

const NONE: ReadonlyMap<string, Expiring> = new Map();
