/** A result over time, drawn by uPlot; float is enough for pixels. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { signedDollars } from "@/money/amount";
import { useProfile } from "@/session/profile";
import { colour, useShownTheme } from "@/theme/theme";
import { day, full, minute } from "@/time/times";
import type { Point } from "./curve";

/** Milliseconds: below it the clock is told, above it the day. */
const SHORT = 48 * 3_600_000;

export function ResultChart({ points, name }: { points: readonly Point[]; name: string }) {
  const place = useRef<HTMLDivElement>(null);
  const theme = useShownTheme();
  const zone = useProfile().time_zone;
  const last = points.at(-1);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px Inter Variable, sans-serif" };
    const span = (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0);
    const size = () => ({ width: element.clientWidth, height: element.clientHeight - 28 });
    const plot = new uPlot({
      ...size(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      legend: { live: true, markers: { show: false } },
      cursor: { y: false },
      scales: { x: { time: true } },
      axes: [
        {
          ...axis,
          space: 80,
          values: (_plot, splits) => splits.map((seconds) => {
            const at = new Date(seconds * 1000);
            return span > SHORT ? day(at, zone) : minute(at, zone);
          }),
        },
        { ...axis, size: 76, values: (_plot, values) => values.map((value) => signedDollars(String(value))) },
      ],
      series: [
        { label: "At", value: (_plot, seconds) => (!Number.isFinite(seconds) ? "–" : full(new Date(seconds * 1000), zone)) },
        {
          label: "Realised", stroke: colour("--accent"), width: 2, fill: `${colour("--accent")}22`, points: { show: false },
          ...(uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
          value: (_plot, value) => (!Number.isFinite(value) ? "–" : signedDollars(String(value))),
        },
      ],
    }, [points.map(({ at }) => at / 1000), points.map(({ value }) => Number(value))], element);
    const watch = new ResizeObserver(() => plot.setSize(size()));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [points, theme, zone]);
  return <div ref={place} role="img" aria-label={`Realised result of ${name}, less fees: ${signedDollars(last?.value)} after ${points.length - 1} changes`} className="h-full overflow-hidden [&_.u-legend]:text-xs! [&_.u-legend]:text-dim! [&_.uplot]:font-sans!" />;
}
