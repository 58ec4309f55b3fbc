/** The strategies with all that their cards show, by their live rows. */
import { useMemo } from "react";
import { useRows } from "@/live/hooks";
import type { StrategyRow } from "@/live/rows";
import { curve, type Point } from "./curve";
import { useBookedFills, useClosing, useLatestDecisions, useReportLines, useResults, type LastDecision, type Result } from "./data";
import type { Listed } from "./listing";
import { stateOf } from "./wording";

export interface Card extends Listed {
  row: StrategyRow;
  points: readonly Point[];
  now: Result | undefined;
  /** Null where it has not decided lately; undefined before that is known. */
  last: LastDecision | null | undefined;
}

export function useListed(): { cards: readonly Card[]; loaded: boolean } {
  const { rows, loaded } = useRows("strategies");
  const { rows: gates } = useRows("gates");
  const results = useResults();
  const lines = useReportLines();
  const { data: fills } = useBookedFills(null);
  const closing = useClosing();
  const latest = useLatestDecisions();
  const cards = useMemo(() => {
    const paused = new Set(gates.flatMap(({ closed, strategy_id }) => (closed && strategy_id !== null ? [strategy_id] : [])));
    const booked = Map.groupBy(fills ?? [], ({ strategy_id }) => strategy_id);
    return rows.filter(({ status }) => status !== "deleted").map((row): Card => {
      const now = results?.get(row.id);
      return {
        ...row,
        row,
        state: stateOf(row.status, paused.has(row.id), closing.has(row.id)),
        session: now?.session_result,
        result: now?.result,
        points: curve(lines.get(row.id) ?? [], booked.get(row.id) ?? []),
        now,
        last: latest === undefined ? undefined : (latest.get(row.id) ?? null),
      };
    });
  }, [rows, gates, results, lines, fills, closing, latest]);
  return { cards, loaded };
}
