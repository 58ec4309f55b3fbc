/** What a strategy has realised, less fees, as it went: from the daily reports, and from the fills since the last of them. */
import type { Amount } from "@/money/amount";
import { big, plain } from "@/money/amount";
import { day } from "@/time/times";

/** Reports count by days of the exchange. */
export const EXCHANGE = "America/New_York";

export interface Line {
  /** The session, New York date. */
  date: string;
  realised: Amount;
  fees: Amount;
}

export interface BookedFill {
  id: string;
  trade_id: string;
  strategy_id: string;
  kind: "fill" | "bust" | "correction";
  symbol: string;
  side: "buy" | "sell";
  quantity: Amount;
  price: Amount;
  multiplier: Amount;
  fee: Amount;
  /** By the strategy's own average cost, fees not deducted. */
  strategy_realised_pnl: Amount;
  executed_at: string;
}

export interface Point {
  /** Milliseconds since 1970, UTC; of a session's report, its day's noon. */
  at: number;
  /** Dollars realised so far, less fees. */
  value: Amount;
}

/** Begins at zero before the first change; empty where nothing was booked. */
export function curve(lines: readonly Line[], fills: readonly BookedFill[]): readonly Point[] {
  const days = [...Map.groupBy(lines, ({ date }) => date)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const reported = days.at(-1)?.[0] ?? "";
  const since = fills.filter(({ executed_at }) => day(executed_at, EXCHANGE) > reported).toSorted((a, b) => (a.executed_at < b.executed_at ? -1 : 1));
  const changes = [
    ...days.map(([date, of]) => ({ at: Date.parse(`${date}T17:00:00Z`), by: of.reduce((sum, { realised, fees }) => sum.plus(realised).minus(fees), big("0")) })),
    ...since.map((fill) => ({ at: Date.parse(fill.executed_at), by: big(fill.strategy_realised_pnl).minus(fill.fee) })),
  ];
  const first = changes[0];
  if (!first) return [];
  let total = big("0");
  return [{ at: first.at - 1, value: "0" }, ...changes.map(({ at, by }) => ({ at, value: plain((total = total.plus(by))) }))];
}

export interface Closings {
  won: number;
  lost: number;
  /** Won of those that won or lost; null where there is none. */
  rate: Amount | null;
}

/** Orders that closed something, by what they realised less their fees; one that only opened realises nothing. */
export function closings(fills: readonly BookedFill[]): Closings {
  let won = 0;
  let lost = 0;
  for (const of of Map.groupBy(fills, ({ trade_id }) => trade_id).values()) {
    if (of.every(({ strategy_realised_pnl }) => big(strategy_realised_pnl).eq(0))) continue;
    const result = of.reduce((sum, fill) => sum.plus(fill.strategy_realised_pnl).minus(fill.fee), big("0"));
    if (result.gt(0)) won += 1;
    else if (result.lt(0)) lost += 1;
  }
  return { won, lost, rate: won + lost === 0 ? null : plain(big(String(won)).div(won + lost)) };
}

export interface Slippage {
  /** Dollars; above zero it cost. */
  cost: Amount;
  /** Cost over what was traded; null where that is nothing. */
  share: Amount | null;
  known: number;
  of: number;
}

/** Fills against the marks at which their orders were judged; those without a mark are not counted, and that is said. */
export function slippage(fills: readonly BookedFill[], marks: ReadonlyMap<string, Readonly<Record<string, Amount>>>): Slippage {
  let cost = big("0");
  let traded = big("0");
  let known = 0;
  const filled = fills.filter(({ kind }) => kind === "fill");
  for (const fill of filled) {
    const mark = marks.get(fill.trade_id)?.[fill.symbol];
    if (mark === undefined) continue;
    known += 1;
    const size = big(fill.quantity).times(fill.multiplier);
    const worse = fill.side === "buy" ? big(fill.price).minus(mark) : big(mark).minus(fill.price);
    cost = cost.plus(worse.times(size));
    traded = traded.plus(big(fill.price).times(size));
  }
  return { cost: plain(cost), share: traded.eq(0) ? null : plain(cost.div(traded)), known, of: filled.length };
}
