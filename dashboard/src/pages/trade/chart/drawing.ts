/** The chart itself: one canvas, told what to show. Lightweight Charts(TM), Copyright (c) TradingView, Inc., https://www.tradingview.com/ */
import {
  CandlestickSeries, createChart, createSeriesMarkers, CrosshairMode, HistogramSeries, LineStyle, TickMarkType,
  type IChartApi, type IPriceLine, type ISeriesApi, type ISeriesMarkersPluginApi, type SeriesMarker, type Time, type UTCTimestamp,
} from "lightweight-charts";
import { colour } from "@/theme/theme";
import { day, full, minute } from "@/time/times";
import { sessionOf, withGaps, type Candle } from "./bars";
import type { FillMark, PriceLine } from "./marks";

const VOLUME_HEIGHT = 0.18;
const LEAST_ROOM = 60;
const RIGHT_ROOM = 6;
/** More fills than these are arrows alone: their words would hide each other. The bar under the crosshair tells them. */
const MOST_TOLD = 12;

export interface Scene {
  candles: readonly Candle[];
  live: Candle | null;
  step: number;
  fills: readonly FillMark[];
  lines: readonly PriceLine[];
  earlyCloses: ReadonlyMap<string, string>;
}

export class Drawing {
  readonly #chart: IChartApi;
  readonly #candles: ISeriesApi<"Candlestick">;
  readonly #volume: ISeriesApi<"Histogram">;
  readonly #markers: ISeriesMarkersPluginApi<Time>;
  readonly #lines = new Map<string, IPriceLine>();
  #scene: Scene | null = null;
  #drawn: readonly Candle[] | null = null;
  #liveTime: number | null = null;
  #zone: string;

  constructor(element: HTMLElement, zone: string, onHover: (candle: Candle | null) => void) {
    this.#zone = zone;
    this.#chart = createChart(element, {
      autoSize: true,
      // The notice and the link stand below the chart, in the page's own type.
      layout: { attributionLogo: false, fontFamily: "Inter Variable, system-ui, sans-serif", fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: RIGHT_ROOM, tickMarkFormatter: (time: Time, kind: TickMarkType) => this.#tick(time as number, kind) },
      localization: { timeFormatter: (time: Time) => this.#moment(time as number) },
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: VOLUME_HEIGHT + 0.04 } },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.#volume = this.#chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 1 - VOLUME_HEIGHT, bottom: 0 } });
    this.#markers = createSeriesMarkers(this.#candles);
    this.#chart.subscribeCrosshairMove(({ time }) => onHover(time === undefined ? null : this.#at(time as number)));
    this.recolour();
  }

  remove(): void {
    this.#chart.remove();
  }

  /** After the theme has changed. */
  recolour(): void {
    const [ink, dim, line, gain, loss] = (["--ink", "--dim", "--line", "--gain", "--loss"] as const).map((name) => colour(name));
    this.#chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: dim ?? "" },
      grid: { vertLines: { color: line ?? "" }, horzLines: { color: line ?? "" } },
      rightPriceScale: { borderColor: line ?? "" },
      timeScale: { borderColor: line ?? "" },
      crosshair: { vertLine: { color: dim ?? "", labelBackgroundColor: ink ?? "" }, horzLine: { color: dim ?? "", labelBackgroundColor: ink ?? "" } },
    });
    this.#candles.applyOptions({ upColor: gain ?? "", downColor: loss ?? "", wickUpColor: gain ?? "", wickDownColor: loss ?? "" });
    this.#drawn = null;
    for (const line_ of this.#lines.values()) this.#candles.removePriceLine(line_);
    this.#lines.clear();
    if (this.#scene) this.show(this.#scene, this.#zone);
  }

  /** Draws what has changed: all of it where bars are new, one bar where only the forming one is. */
  show(scene: Scene, zone: string): void {
    const other = this.#scene?.step !== scene.step || this.#drawn === null;
    this.#scene = scene;
    this.#zone = zone;
    if (this.#drawn !== scene.candles) this.#all(scene, other);
    this.#forming(scene);
    this.#mark(scene);
    this.#draw(scene.lines);
  }

  /** Shows all that is there. */
  fit(): void {
    const bars = this.#drawn?.length ?? 0;
    // Few bars stand at the right, as wide as many would be: a day that has begun has room to go on.
    if (bars < LEAST_ROOM) this.#chart.timeScale().setVisibleLogicalRange({ from: bars - LEAST_ROOM, to: bars + RIGHT_ROOM });
    else this.#chart.timeScale().fitContent();
  }

  #all({ candles, step }: Scene, fit: boolean): void {
    const first = this.#drawn === null;
    this.#drawn = candles;
    this.#liveTime = null;
    this.#chart.applyOptions({ timeScale: { timeVisible: step < 86_400 } });
    const filled = withGaps(candles, step);
    this.#candles.setData(filled.map((one) => ({ ...one, time: one.time as UTCTimestamp })));
    this.#volume.setData(candles.map((one) => this.#bar(one)));
    if (fit && first) this.fit();
  }

  #forming({ candles, live }: Scene): void {
    const last = candles.at(-1);
    if (live === null || (last && live.time <= last.time)) {
      // What was formed has ended or was found to be nothing: the stored bars alone.
      if (this.#liveTime !== null && this.#scene) this.#all(this.#scene, false);
      return;
    }
    if (this.#liveTime !== null && live.time < this.#liveTime && this.#scene) this.#all(this.#scene, false);
    this.#liveTime = live.time;
    this.#candles.update({ time: live.time as UTCTimestamp, open: live.open, high: live.high, low: live.low, close: live.close });
    if (live.volume !== null) this.#volume.update(this.#bar(live));
  }

  #bar(one: Candle) {
    return { time: one.time as UTCTimestamp, value: one.volume ?? 0, color: `${colour(one.close >= one.open ? "--gain" : "--loss")}66` };
  }

  #mark({ fills, earlyCloses, candles, step }: Scene): void {
    const marks: SeriesMarker<Time>[] = fills.map(({ time, side, text }) => ({
      time: time as UTCTimestamp,
      position: side === "buy" ? "belowBar" : "aboveBar",
      shape: side === "buy" ? "arrowUp" : "arrowDown",
      color: colour("--accent"),
      ...(fills.length <= MOST_TOLD ? { text } : {}),
    }));
    if (step < 86_400) {
      for (const date of earlyCloses.keys()) {
        const last = candles.findLast(({ time }) => sessionOf(time) === date);
        if (last) marks.push({ time: last.time as UTCTimestamp, position: "aboveBar", shape: "square", color: colour("--dim"), text: "early close" });
      }
    }
    this.#markers.setMarkers(marks.sort((a, b) => (a.time as number) - (b.time as number)));
  }

  #draw(lines: readonly PriceLine[]): void {
    const wanted = new Map(lines.map((line) => [line.key, line]));
    for (const [key, drawn] of this.#lines) {
      if (wanted.has(key)) continue;
      this.#candles.removePriceLine(drawn);
      this.#lines.delete(key);
    }
    for (const { key, price, kind, title } of lines) {
      const options = { price, title, color: colour(LINE_COLOURS[kind]), lineStyle: kind === "entry" ? LineStyle.Solid : LineStyle.Dashed, lineWidth: 1 as const, axisLabelVisible: true };
      const drawn = this.#lines.get(key);
      if (drawn) drawn.applyOptions(options);
      else this.#lines.set(key, this.#candles.createPriceLine(options));
    }
  }

  #at(time: number): Candle | null {
    if (this.#scene?.live?.time === time) return this.#scene.live;
    return this.#scene?.candles.find((one) => one.time === time) ?? null;
  }

  #moment(time: number): string {
    return (this.#scene?.step ?? 0) >= 86_400 ? sessionOf(time) : full(new Date(time * 1000), this.#zone);
  }

  #tick(time: number, kind: TickMarkType): string {
    const at = new Date(time * 1000);
    if ((this.#scene?.step ?? 0) >= 86_400) return sessionOf(time).slice(kind === TickMarkType.Year ? 0 : 5, kind === TickMarkType.Year ? 4 : undefined);
    return kind === TickMarkType.Time || kind === TickMarkType.TimeWithSeconds ? minute(at, this.#zone) : day(at, this.#zone).slice(5);
  }
}

const LINE_COLOURS = { entry: "--accent", stop: "--loss", target: "--gain", order: "--warn" } as const satisfies Record<PriceLine["kind"], `--${string}`>;
