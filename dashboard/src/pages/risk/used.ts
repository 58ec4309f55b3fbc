/** What is used of a limit, for those kinds whose measure a trader's own rows tell; null for every other. */
import { useQuery } from "@tanstack/react-query";
import Big from "big.js";
import { body } from "@/api/client";
import type { CurrentPnl, Limit } from "@/api/schema";
import { useRows } from "@/live/hooks";
import type { PositionRow } from "@/live/rows";
import { plain } from "@/money/amount";
import { useApi } from "@/session/context";

const EVERY_MS = 5000;

interface Known {
  pnl: CurrentPnl | undefined;
  positions: readonly PositionRow[];
}

export function useUsed(): (limit: Limit) => string | null {
  const api = useApi();
  const { data: pnl } = useQuery({ queryKey: ["pnl", "current"], queryFn: () => body(api.GET("/api/pnl/current")), refetchInterval: EVERY_MS });
  const positions = useRows("positions").rows;
  return (limit) => used(limit, { pnl, positions });
}

export function used(limit: Limit, { pnl, positions }: Known): string | null {
  const result = pnl?.results.find((one) =>
    one.scope === limit.scope
    && (limit.scope !== "account" || one.broker_account_id === limit.broker_account_id)
    && (limit.scope !== "strategy" || one.strategy_id === limit.strategy_id));
  switch (limit.name) {
    case "max_daily_loss":
      return lost(result?.session_result);
    case "drawdown_from_peak":
      return result?.drawdown_from_peak ?? null;
    case "open_positions_limit":
      // What strategies hold of a position is not in these rows.
      if (limit.scope === "strategy" || limit.scope === "global") return null;
      return String(new Set(positions.filter((one) => !new Big(one.quantity).eq(0) && ofScope(limit, one.broker_account_id)).map(({ symbol }) => symbol)).size);
    case "position_limit": {
      // The largest holding: the limit holds for each symbol. A strategy's own share of it is not in these rows.
      if (limit.scope === "strategy" || limit.scope === "global") return null;
      const held = positions
        .filter((one) => (limit.symbol === null || one.symbol === limit.symbol) && ofScope(limit, one.broker_account_id))
        .map((one) => new Big(one.quantity).abs());
      return plain(held.reduce((most, one) => (one.gt(most) ? one : most), new Big(0)));
    }
    default:
      return null;
  }
}

function ofScope(limit: Limit, account: string): boolean {
  return limit.scope !== "account" || account === limit.broker_account_id;
}

/** A loss as a positive amount; a gain uses nothing. */
function lost(result: string | null | undefined): string | null {
  if (result === null || result === undefined) return null;
  const value = new Big(result);
  return value.lt(0) ? plain(value.abs()) : "0";
}
