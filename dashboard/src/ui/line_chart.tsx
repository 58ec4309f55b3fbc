/** Lines over time, drawn by uPlot: loaded only by pages that draw, coloured by the theme, told in words to whoever does not see it. */
import { useEffect, useMemo, useRef } from "react";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useProfile } from "@/session/profile";
import { colour, useShownTheme } from "@/theme/theme";
import { day, full, minute, zoneName } from "@/time/times";

/** Pixels only: amounts stay text wherever they are calculated with. */
export interface Line {
  /** With its unit: "Equity, $". */
  name: string;
  /** One for each time; null is a gap. */
  values: readonly (number | null)[];
  colour: "--accent" | "--gain" | "--loss" | "--dim" | "--warn";
  /** Fills what is between the line and nothing. */
  filled?: boolean;
  /** Holds its value until the next: what jumps, as a realised result, is not drawn as if it had slid there. */
  stepped?: boolean;
  /** As the legend says a value. */
  say: (value: number) => string;
}

interface Props {
  /** Milliseconds since 1970, rising. */
  times: readonly number[];
  lines: readonly Line[];
  /** What is seen, for whoever does not see it: from where to where, lowest and highest. */
  label: string;
  height?: number;
  /** Charts of one name show the same moment under the pointer. */
  together?: string;
  /** The times are days of the exchange, without an hour. */
  days?: boolean;
}

export function LineChart({ times, lines, label, height = 240, together, days = false }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const theme = useShownTheme();
  const own = useProfile().time_zone;
  const zone = days ? "UTC" : own;
  const data = useMemo((): UPlot.AlignedData => [times.map((at) => at / 1000), ...lines.map(({ values }) => [...values])], [times, lines]);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const plot = new UPlot(options(lines, { width: element.clientWidth, height, zone, together, days, theme }), data, element);
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: height - LEGEND }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [data, lines, height, zone, together, days, theme]);
  return (
    <figure role="img" aria-label={label} className="min-w-0">
      <div ref={frame} aria-hidden className="w-full overflow-hidden text-xs text-dim [&_.u-legend]:text-xs! [&_.u-legend_th]:font-normal! [&_.uplot]:font-sans!" style={{ height }} />
    </figure>
  );
}

const LEGEND = 34;

interface Look {
  width: number;
  height: number;
  zone: string;
  together: string | undefined;
  days: boolean;
  theme: "dark" | "light";
}

function options(lines: readonly Line[], look: Look): UPlot.Options {
  const axis: UPlot.Axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px Inter Variable" };
  const said = (seconds: number) => (look.days ? new Date(seconds * 1000).toISOString().slice(0, 10) : full(new Date(seconds * 1000), look.zone));
  return {
    width: look.width,
    height: look.height - LEGEND,
    padding: [8, 12, 0, 0],
    cursor: { y: false, ...(look.together === undefined ? {} : { sync: { key: look.together } }) },
    scales: { x: { time: true } },
    axes: [
      { ...axis, size: 28, values: (_plot, splits, _axis, _space, step) => splits.map((at) => (look.days || step >= 86_400 ? day(new Date(at * 1000), look.zone).slice(5) : minute(new Date(at * 1000), look.zone))) },
      { ...axis, size: 76, values: (_plot, splits) => splits.map((value) => lines[0]?.say(value) ?? "") },
    ],
    series: [
      { label: look.days ? "Session" : `Time, ${zoneName(look.zone)}`, value: (_plot, seconds) => ((seconds as number | null) === null ? "–" : said(seconds)) },
      ...lines.map((line): UPlot.Series => ({
        label: line.name,
        stroke: colour(line.colour),
        width: 1.5,
        points: { show: line.values.length === 1 },
        ...(line.stepped && UPlot.paths.stepped ? { paths: UPlot.paths.stepped({ align: 1 }) } : {}),
        ...(line.filled ? { fill: `${colour(line.colour)}26` } : {}),
        value: (_plot, value) => ((value as number | null) === null ? "–" : line.say(value)),
      })),
    ],
  };
}
