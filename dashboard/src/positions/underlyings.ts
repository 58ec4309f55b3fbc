/** Options and the shares that they are on, together: one underlying, one picture. */
import { isOption, type Greeks, type Mark } from "@/live/quotes";
import type { PositionRow } from "@/live/rows";
import type { Amount } from "@/money/amount";
import { netGreek, totalPnl } from "./pnl";

/** The root of an OCC symbol, which is its underlying for all but adjusted and index options. */
export function underlyingOf(symbol: string): string {
  return isOption(symbol) ? symbol.slice(0, -15) : symbol;
}

export interface Underlying {
  name: string;
  /** Options first read; the shares that are held beside them come first. */
  rows: readonly PositionRow[];
  /** Shares' worth of options and shares together; null where one greek is not known. */
  delta: Amount | null;
  gamma: Amount | null;
  theta: Amount | null;
  vega: Amount | null;
  open: Amount | null;
}

const OF_A_SHARE = { delta: "1", gamma: "0", theta: "0", vega: "0" } as const;
type Greek = keyof typeof OF_A_SHARE;

/** Of each underlying in whose options something is held, by its name. */
export function underlyings(held: readonly PositionRow[], marks: ReadonlyMap<string, Mark>, greeks: ReadonlyMap<string, Greeks>): readonly Underlying[] {
  const groups = Map.groupBy(held, ({ symbol }) => underlyingOf(symbol));
  return [...groups]
    .filter(([, rows]) => rows.some(({ symbol }) => isOption(symbol)))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rows]) => {
      const net = (greek: Greek) => netGreek(rows.map((row) => ({ held: row, greek: isOption(row.symbol) ? greeks.get(row.symbol)?.[greek] : OF_A_SHARE[greek] })));
      return {
        name,
        rows: rows.toSorted((a, b) => Number(isOption(a.symbol)) - Number(isOption(b.symbol))),
        delta: net("delta"), gamma: net("gamma"), theta: net("theta"), vega: net("vega"),
        open: totalPnl(rows, (row) => marks.get((row as PositionRow).symbol)?.mark),
      };
    });
}
