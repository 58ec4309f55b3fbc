/** What a strategy has open now, by the live rows: what stopping it is about. */
import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { useRows } from "@/live/hooks";
import type { TradeRow } from "@/live/rows";
import type { Amount } from "@/money/amount";
import { useSupabase } from "@/session/context";

const OVER = new Set(["filled", "canceled", "rejected", "expired", "replaced"]);

export interface Held {
  symbol: string;
  quantity: Amount;
}

export interface Exposure {
  held: readonly Held[];
  entries: readonly TradeRow[];
  exits: readonly TradeRow[];
}

export function isWorking({ status }: Pick<TradeRow, "status">): boolean {
  return !OVER.has(status);
}

export function useExposure(strategy: string): Exposure | undefined {
  const supabase = useSupabase();
  const { rows: trades } = useRows("trades");
  const { data: held } = useQuery({
    queryKey: ["positions", "of strategy", strategy],
    queryFn: async () => {
      const { data, error } = await supabase.from("strategy_positions").select("symbol,quantity::text").eq("strategy_id", strategy).neq("quantity", 0).order("symbol");
      if (error) throw new Error(error.message);
      return data;
    },
  });
  return useMemo(() => {
    if (held === undefined) return undefined;
    const working = trades.filter((trade) => trade.strategy_id === strategy && isWorking(trade));
    return { held, entries: working.filter(({ reduce_only }) => !reduce_only), exits: working.filter(({ reduce_only }) => reduce_only) };
  }, [held, trades, strategy]);
}
