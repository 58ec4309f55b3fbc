/** How long the chart's bars are, and how far it looks back. */
export type Timeframe = "1Min" | "5Min" | "15Min" | "1Hour" | "1Day";
export type Adjusted = "raw" | "split" | "total";

interface Choice {
  value: Timeframe;
  label: string;
  seconds: number;
  /** Calendar days back from the newest bar: the first is what is shown unasked. */
  days: readonly number[];
}

const DAY = 86_400;

export const TIMEFRAMES: readonly Choice[] = [
  { value: "1Min", label: "1 min", seconds: 60, days: [1, 3, 7] },
  { value: "5Min", label: "5 min", seconds: 300, days: [7, 14, 30] },
  { value: "15Min", label: "15 min", seconds: 900, days: [14, 30, 90] },
  { value: "1Hour", label: "1 hour", seconds: 3600, days: [90, 180, 365] },
  { value: "1Day", label: "1 day", seconds: DAY, days: [365, 1095, 1825] },
];

export function choiceOf(timeframe: Timeframe): Choice {
  const found = TIMEFRAMES.find(({ value }) => value === timeframe);
  if (!found) throw new Error(`no such timeframe: ${timeframe}`);
  return found;
}

/** "1 day", "2 weeks", "1 year" */
export function span(days: number): string {
  const [count, unit] = days % 365 === 0 ? [days / 365, "year"] : days % 30 === 0 ? [days / 30, "month"] : days % 7 === 0 ? [days / 7, "week"] : [days, "day"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
