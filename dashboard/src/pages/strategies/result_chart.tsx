/** What a strategy has realised, over time. */
import { useMemo } from "react";
import { signedDollars } from "@/money/amount";
import { LineChart, type Line } from "@/ui/line_chart";
import type { Point } from "@/strategies/curve";

export function ResultChart({ points, name }: { points: readonly Point[]; name: string }) {
  const times = useMemo(() => points.map(({ at }) => at), [points]);
  const lines = useMemo((): Line[] => [
    // Float is enough for pixels, and what the legend says is rounded to cents.
    { name: "Realised less fees, $", values: points.map(({ value }) => Number(value)), colour: "--accent", filled: true, stepped: true, say: (value) => signedDollars(value.toFixed(2)) },
  ], [points]);
  const label = `Realised result of ${name}, less fees: ${signedDollars(points.at(-1)?.value)} after ${points.length - 1} changes`;
  return <LineChart times={times} lines={lines} label={label} height={256} />;
}
