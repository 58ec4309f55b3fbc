/** One watched symbol: its quote, its day, and its place in the list. */
import { ChevronDown, ChevronUp, GripVertical, X } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Quote } from "@/live/quotes";
import { grouped, MISSING, percent, price, sign, signedDollars } from "@/money/amount";
import { ago } from "@/time/times";
import { IconButton } from "@/ui/button";
import { Chip } from "@/ui/figures";
import { Sparkline } from "@/ui/sparkline";
import { dayChange, middle, spread, useDayPrices, type DayChange } from "./day_prices";

/** Older than that, with the feed's own delay, a quote is no market. */
const OLD_MS = 60_000;

interface Props {
  symbol: string;
  quote: Quote | undefined;
  /** The page's clock. */
  now: number;
  first: boolean;
  last: boolean;
  /** Null: a viewer only looks on. */
  act: { move: (by: 1 | -1) => void; drop: (symbol: string) => void; remove: () => void } | null;
}

const CELL = "border-b border-line/60 px-3 whitespace-nowrap";
const NUMBER = `${CELL} text-right tabular-nums`;

export function WatchedRow({ symbol, quote, now, first, last, act }: Props) {
  const prices = useDayPrices(symbol, quote?.quoted_at);
  const [over, setOver] = useState(false);
  const mid = middle(quote);
  const wide = spread(quote);
  const change = dayChange(mid, prices);
  return (
    <tr
      data-symbol={symbol}
      className={over ? "bg-raised" : ""}
      style={{ height: 44 }}
      draggable={act !== null}
      onDragStart={(event) => event.dataTransfer.setData("text/plain", symbol)}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        act?.drop(event.dataTransfer.getData("text/plain"));
      }}
    >
      <th scope="row" className={`${CELL} text-left font-medium`}>
        <span className="inline-flex items-center gap-1.5">
          {act && <GripVertical aria-hidden className="size-3.5 cursor-grab text-dim max-md:hidden" />}
          <Link to={`/trade/${encodeURIComponent(symbol)}`} className="hover:underline">{symbol}</Link>
        </span>
      </th>
      <td className={NUMBER}>{price(mid)}</td>
      <td className={NUMBER}><Changed change={change} /></td>
      <td className={`${NUMBER} max-md:hidden`}>{price(quote?.bid)}</td>
      <td className={`${NUMBER} max-md:hidden`}>{price(quote?.ask)}</td>
      <td className={`${NUMBER} max-md:hidden`} {...(wide ? { title: `${grouped(wide.basisPoints)} basis points of the middle` } : {})}>{price(wide?.amount)}</td>
      <td className={`${NUMBER} max-md:hidden`}><Age quote={quote} now={now} /></td>
      <td className={`${CELL} max-sm:hidden`}><Sparkline label={`${symbol} today`} values={(prices?.bars ?? []).map(({ close }) => Number(close))} /></td>
      <td className={`${CELL} text-right`}>
        {act && (
          <span className="inline-flex">
            <IconButton className="max-sm:hidden" label={`Move ${symbol} up`} disabled={first} onClick={() => act.move(-1)}><ChevronUp aria-hidden className="size-4" /></IconButton>
            <IconButton className="max-sm:hidden" label={`Move ${symbol} down`} disabled={last} onClick={() => act.move(1)}><ChevronDown aria-hidden className="size-4" /></IconButton>
            <IconButton label={`Remove ${symbol}`} onClick={act.remove}><X aria-hidden className="size-4" /></IconButton>
          </span>
        )}
      </td>
    </tr>
  );
}

function Changed({ change }: { change: DayChange | null }) {
  if (change === null) return <>{MISSING}</>;
  const direction = sign(change.amount);
  return (
    <span title={`Since ${change.since}`} className={direction === 1 ? "text-gain" : direction === -1 ? "text-loss" : ""}>
      {direction !== 0 && <span aria-hidden className="mr-0.5 text-[0.75em]">{direction === 1 ? "▲" : "▼"}</span>}
      {signedDollars(change.amount)} <span className="max-sm:hidden">({percent(change.share, 2)})</span>
    </span>
  );
}

function Age({ quote, now }: { quote: Quote | undefined; now: number }) {
  if (!quote) return <Chip title="Nobody has told a quote of it yet">no quote</Chip>;
  const age = Math.max(0, now - Date.parse(quote.quoted_at));
  const late = quote.delay_seconds > 0 ? `, ${quote.delay_seconds} s late as declared` : "";
  const old = age > OLD_MS + quote.delay_seconds * 1000;
  return <span title={`From ${quote.feed}${late}`} className={old ? "text-warn" : "text-dim"}>{old && <span className="sr-only">old: </span>}{ago(age)}</span>;
}
