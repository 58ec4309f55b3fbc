/** Candles with the trader's own fills, orders and exits. Loaded when the page is open: the library is large. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { Exit } from "@/api/schema";
import type { FillRow, PositionRow, TradeRow } from "@/live/rows";
import { useProfile } from "@/session/profile";
import { useShownTheme } from "@/theme/theme";
import { Empty, Failure } from "@/ui/states";
import { Button } from "@/ui/button";
import { Segments, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { sessionOf, type Candle } from "./bars";
import { Drawing } from "./drawing";
import { Legend } from "./legend";
import { fillMarks, priceLines } from "./marks";
import { choiceOf, span, TIMEFRAMES, type Adjusted, type Timeframe } from "./timeframes";
import { useBars, type Shown } from "./use_bars";
import { clock, zoneName } from "@/time/times";

interface Props {
  symbol: string;
  fills: readonly FillRow[];
  trades: readonly TradeRow[];
  positions: readonly PositionRow[];
  exits: readonly Exit[];
}

export default function PriceChart({ symbol, fills, trades, positions, exits }: Props) {
  const [timeframe, setTimeframe] = useState<Timeframe>("1Min");
  const choice = choiceOf(timeframe);
  const [chosen, setDays] = useState<number>(choice.days[0] ?? 1);
  const days = choice.days.includes(chosen) ? chosen : (choice.days[0] ?? 1);
  const [adjusted, setAdjusted] = useState<Adjusted>("split");
  const bars = useBars({ symbol, timeframe, days, adjusted });
  return (
    <Panel
      flush
      title={`${symbol} chart`}
      actions={
        <>
          <Segments label="Bars of" value={timeframe} onChange={setTimeframe} options={TIMEFRAMES.map(({ value, label }) => ({ value, label }))} />
          <Select aria-label="Range" className="h-8! w-auto!" value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {choice.days.map((one) => <option key={one} value={one}>{span(one)}</option>)}
          </Select>
          <Select aria-label="Prices" className="h-8! w-auto!" value={adjusted} onChange={(event) => setAdjusted(event.target.value as Adjusted)}>
            <option value="split">Split-adjusted</option>
            <option value="total">Adjusted for dividends too</option>
            <option value="raw">As traded</option>
          </Select>
        </>
      }
    >
      <div className="relative h-[clamp(300px,52dvh,560px)]">
        {bars.none && <Empty>No bars of {symbol} are stored in this length. They come while the market is open and somebody looks at it, trades it or holds it.</Empty>}
        {!bars.none && bars.error !== null && bars.data === undefined && <Failure error={bars.error} retry={bars.retry} />}
        {!bars.none && bars.error === null && bars.data === undefined && <div role="status" aria-label="Loading the chart" className="h-full animate-pulse bg-raised/40" />}
        {bars.data !== undefined && <Canvas key={`${symbol} ${timeframe} ${days} ${adjusted}`} shown={bars.data} symbol={symbol} step={choice.seconds} fills={fills} trades={trades} positions={positions} exits={exits} />}
      </div>
      <Footer shown={bars.data} />
    </Panel>
  );
}

function Canvas({ shown, symbol, step, fills, trades, positions, exits }: Props & { shown: Shown; step: number }) {
  const zone = useProfile().time_zone;
  const theme = useShownTheme();
  const element = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | null>(null);
  const [hovered, setHovered] = useState<Candle | null>(null);
  const { candles, live, earlyCloses } = shown;
  const marks = useMemo(() => fillMarks(fills, live ? [...candles, live] : candles), [fills, candles, live]);
  const lines = useMemo(() => priceLines(positions, trades, exits), [positions, trades, exits]);
  useEffect(() => {
    if (!element.current) return;
    const made = new Drawing(element.current, zone, setHovered);
    drawing.current = made;
    return () => {
      drawing.current = null;
      made.remove();
    };
  }, [zone]);
  useEffect(() => drawing.current?.recolour(), [theme]);
  useEffect(() => {
    drawing.current?.show({ candles, live, step, fills: marks, lines, earlyCloses }, zone);
  }, [candles, live, step, marks, lines, earlyCloses, zone]);
  const newest = live ?? candles.at(-1) ?? null;
  const legend = hovered ?? newest;
  return (
    <div className="flex h-full flex-col">
      <div className="flex items-start">
        <div className="min-w-0 flex-1"><Legend candle={legend} fills={legend === null ? [] : marks.filter(({ time }) => time === legend.time)} live={legend !== null && legend === live} days={step >= 86_400} zone={zone} /></div>
        <Button small look="quiet" onClick={() => drawing.current?.fit()}>Fit</Button>
      </div>
      <div ref={element} role="img" aria-label={`Candles of ${symbol}; ${candles.length} bars, from ${firstDay(candles)}. The newest is told above.`} className="min-h-0 flex-1" />
      <ul aria-label="Marks in the chart" className="sr-only">
        {marks.map(({ time, text }) => <li key={`${time} ${text}`}>{text}</li>)}
        {lines.map(({ key, title, price }) => <li key={key}>{title} at ${price.toFixed(2)}</li>)}
      </ul>
    </div>
  );
}

function firstDay(candles: readonly Candle[]): string {
  const [first] = candles;
  return first ? sessionOf(first.time) : "nowhere";
}

/** Who told the bars, how late, what is missing; and the notice that the library asks for. */
function Footer({ shown }: { shown: Shown | undefined }) {
  const zone = useProfile().time_zone;
  return (
    <p className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-0.5 border-t border-line px-4 py-1 text-xs text-dim">
      {shown && shown.feed !== "" && <span>Feed {shown.feed}{shown.delay > 0 && `, ${shown.delay} s late`}</span>}
      {shown && shown.archivedMonths.length > 0 && <span className="text-warn">Only in the archive: {shown.archivedMonths.join(", ")}</span>}
      {shown && [...shown.earlyCloses].map(([date, closes]) => <span key={date}>{date} closed early, {clock(closes, zone)} {zoneName(zone, closes)}</span>)}
      <span className="ml-auto">Lightweight Charts™ by <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer" className="underline hover:text-ink">TradingView</a></span>
    </p>
  );
}
