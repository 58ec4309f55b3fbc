/** Bars as the chart draws them: a missing one is a gap, nights are left out, and the newest is formed of what is told now. */
import { day } from "@/time/times";

/** For pixels; amounts that are read stay text. */
export interface Candle {
  /** Seconds since 1970, UTC. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** Shares; null where it is not told, as of a bar that is formed of quotes. */
  volume: number | null;
}

export interface Told {
  starts_at: string;
  ends_at: string;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
}

const EXCHANGE = "America/New_York";
/** More missing than that in a session is drawn as one gap of this length. */
const MOST_MISSING = 60;

export function candle({ starts_at, open, high, low, close, volume }: Told): Candle {
  return { time: seconds(starts_at), open: Number(open), high: Number(high), low: Number(low), close: Number(close), volume: Number(volume) };
}

export function seconds(at: string): number {
  return Math.floor(Date.parse(at) / 1000);
}

/** The exchange's date of a moment. */
export function sessionOf(time: number): string {
  return day(new Date(time * 1000), EXCHANGE);
}

/** Candles, and between two of one session the times at which one is missing. Days have none. */
export function withGaps(candles: readonly Candle[], step: number): (Candle | { time: number })[] {
  const out: (Candle | { time: number })[] = [];
  let before: Candle | undefined;
  for (const one of candles) {
    if (before && step < 86_400 && one.time - before.time > step && sessionOf(before.time) === sessionOf(one.time)) {
      const missing = Math.min(Math.ceil((one.time - before.time) / step) - 1, MOST_MISSING);
      for (let at = 1; at <= missing; at += 1) out.push({ time: before.time + at * step });
    }
    out.push(one);
    before = one;
  }
  return out;
}

/** A price that was seen, the middle of a quote. */
export interface Seen {
  time: number;
  price: number;
}

/**
 * The bar that is not over yet: of the minutes since the last whole bar ended, and of the prices seen since the last minute.
 * Null where nothing was told since.
 */
export function forming(lastEnds: number, step: number, minutes: readonly Candle[], seen: readonly Seen[]): Candle | null {
  const parts: Candle[] = minutes.filter(({ time }) => time >= lastEnds);
  const told = parts.at(-1);
  const minutesEnd = told ? told.time + 60 : lastEnds;
  for (const { time, price } of seen) {
    if (time >= minutesEnd) parts.push({ time, open: price, high: price, low: price, close: price, volume: null });
  }
  const newest = parts.at(-1);
  if (!newest) return null;
  const starts = periodOf(newest.time, lastEnds, step, parts[0]?.time ?? newest.time);
  const [first, ...rest] = parts.filter(({ time }) => time >= starts);
  if (!first) return null;
  return rest.reduce<Candle>((bar, one) => ({
    ...bar,
    high: Math.max(bar.high, one.high),
    low: Math.min(bar.low, one.low),
    close: one.close,
    volume: bar.volume === null || one.volume === null ? bar.volume : bar.volume + one.volume,
  }), { ...first, time: starts });
}

/** Periods go on from the last bar's end within its session; a new session begins with what it is first told of. */
function periodOf(time: number, lastEnds: number, step: number, firstTime: number): number {
  const sameSession = sessionOf(time) === sessionOf(lastEnds - 1);
  const anchor = sameSession ? lastEnds : Math.floor(firstTime / 60) * 60;
  return anchor + Math.floor((time - anchor) / step) * step;
}

/** The time of the bar that a moment lies in; null where it lies before all of them. */
export function barAt(candles: readonly Candle[], time: number): number | null {
  let low = 0;
  let high = candles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((candles[middle]?.time ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return candles[low - 1]?.time ?? null;
}
