/** What the daily reports add up to: by period, and by the days of a month. Deposits and withdrawals are in no report's result. */
import { sum, type Amount } from "@/money/amount";

/** Dates of the exchange, "2026-12-01". */
export interface DayResult {
  report_date: string;
  total_pnl: Amount | null;
}

/** The result of each session, over accounts; null where one account's is not known. */
export function byDay(reports: readonly DayResult[]): ReadonlyMap<string, Amount | null> {
  const days = Map.groupBy(reports, ({ report_date }) => report_date);
  return new Map([...days].map(([date, of]) => [date, sum(of.map(({ total_pnl }) => total_pnl))]));
}

export type Period = "day" | "week" | "month" | "year";

/** The first date of the period that `date` is in; weeks begin on Monday. */
export function begins(period: Period, date: string): string {
  if (period === "day") return date;
  if (period === "month") return `${date.slice(0, 7)}-01`;
  if (period === "year") return `${date.slice(0, 4)}-01-01`;
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 6) % 7));
  return at.toISOString().slice(0, 10);
}

/** The sum of the sessions from the period's beginning to `until`; null where there is none, or one is not known. */
export function resultOf(period: Period, days: ReadonlyMap<string, Amount | null>, until: string): Amount | null {
  const from = begins(period, until);
  const within = [...days].filter(([date]) => date >= from && date <= until).map(([, amount]) => amount);
  return within.length === 0 ? null : sum(within);
}

/** The weeks of a month ("2026-12"), Monday first; null beside the month. */
export function weeksOf(month: string): readonly (readonly (string | null)[])[] {
  const first = new Date(`${month}-01T00:00:00Z`);
  const days = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  const cells: (string | null)[] = Array.from({ length: (first.getUTCDay() + 6) % 7 }, () => null);
  for (let number = 1; number <= days; number += 1) cells.push(`${month}-${String(number).padStart(2, "0")}`);
  while (cells.length % 7 !== 0) cells.push(null);
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7));
}
