/** What one version of a report says otherwise than the one before it. */
import type { ReportVersion } from "@/api/schema";
import { big } from "@/money/amount";

export const FIGURES = {
  total_pnl: "Result",
  realised_pnl: "Realised, average cost",
  realised_pnl_fifo: "Realised, first in first out",
  unrealised_pnl: "Unrealised",
  fees: "Fees",
  starting_cash: "Cash at the beginning",
  ending_cash: "Cash at the end",
  dividends: "Dividends",
  interest: "Interest",
  deposits: "Paid in",
  withdrawals: "Paid out",
  transfers: "Transfers, at cost",
  starting_equity: "Equity at the beginning",
  ending_equity: "Equity at the end",
} as const;

type Figure = keyof typeof FIGURES;
export type Figures = Pick<ReportVersion, Figure>;

export interface Correction {
  figure: Figure;
  before: string | null;
  after: string | null;
}

/** By value: "1.5" and "1.50" are one amount. */
export function corrections(before: Figures, after: Figures): readonly Correction[] {
  return (Object.keys(FIGURES) as Figure[])
    .filter((figure) => !same(before[figure], after[figure]))
    .map((figure) => ({ figure, before: before[figure], after: after[figure] }));
}

function same(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : big(a).eq(big(b));
}
