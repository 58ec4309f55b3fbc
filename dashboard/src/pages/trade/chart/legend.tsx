/** What the bar under the crosshair says, else the newest one: prices in dollars, volume in shares, time with its zone. */
import { grouped, MISSING, price } from "@/money/amount";
import { full, zoneName } from "@/time/times";
import { sessionOf, type Candle } from "./bars";
import type { FillMark } from "./marks";

interface Props {
  candle: Candle | null;
  /** Of that bar. */
  fills: readonly FillMark[];
  live: boolean;
  days: boolean;
  zone: string;
}

export function Legend({ candle, fills, live, days, zone }: Props) {
  const usd = (value: number | undefined) => (value === undefined ? MISSING : price(String(value)));
  return (
    <dl aria-label="Bar" className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-0.5 px-4 py-1 text-xs tabular-nums sm:min-h-6">
      {(["open", "high", "low", "close"] as const).map((part) => (
        <div key={part} className="flex gap-1">
          <dt className="text-dim" title={`${part}, dollars`}>{part.charAt(0).toUpperCase()}</dt>
          <dd>{usd(candle?.[part])}</dd>
        </div>
      ))}
      <div className="flex gap-1">
        <dt className="text-dim">Volume</dt>
        <dd>{candle?.volume == null ? MISSING : `${grouped(String(candle.volume), { most: 0 })} shares`}</dd>
      </div>
      <div className="flex gap-1">
        <dt className="sr-only">Bar of</dt>
        <dd className="text-dim">{candle === null ? zoneName(zone) : days ? sessionOf(candle.time) : full(new Date(candle.time * 1000), zone)}{live && ", forming"}</dd>
      </div>
      {fills.length > 0 && (
        <div className="flex gap-1">
          <dt className="text-dim">Filled</dt>
          <dd>{fills.map(({ text }) => text).join(", ")}</dd>
        </div>
      )}
      <div className="ml-auto max-sm:hidden"><dt className="sr-only">Unit</dt><dd className="text-dim">USD</dd></div>
    </dl>
  );
}
