/** The last bid and ask with their sizes and age, and the change of the day; an old quote is shown as old. */
import clsx from "clsx";
import Big from "big.js";
import { useEffect, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import { useQuotes, type Quote } from "@/live/quotes";
import { useTapeTime } from "@/live/tape";
import { dollars, grouped, MISSING, percent, plain, price } from "@/money/amount";
import { useApi } from "@/session/context";
import { useProfile } from "@/session/profile";
import { ago, full } from "@/time/times";
import { Chip, Pnl } from "@/ui/figures";
import { sessionOf } from "./chart/bars";
import { ageOf } from "./quote_age";

const TAPE_MS = 1000;
const DAY_MS = 86_400_000;
/** A long weekend and the holidays beside it. */
const LOOK_BACK_DAYS = 10;

export function QuoteLine({ symbol }: { symbol: string }) {
  const quote = useQuotes([symbol]).get(symbol);
  const middle = quote ? plain(new Big(quote.bid).plus(quote.ask).div(2)) : null;
  const closed = useLastClose(symbol, quote);
  const change = middle === null || closed === null ? null : plain(new Big(middle).minus(closed));
  return (
    <dl aria-label={`Quote of ${symbol}`} className="flex min-h-9 flex-wrap items-center gap-x-5 gap-y-1 text-sm tabular-nums">
      <Told name="Bid" unit={quote && `× ${grouped(quote.bid_size)}`}>{quote ? `$${price(quote.bid)}` : MISSING}</Told>
      <Told name="Ask" unit={quote && `× ${grouped(quote.ask_size)}`}>{quote ? `$${price(quote.ask)}` : MISSING}</Told>
      <Told name="Spread">{quote ? dollars(plain(new Big(quote.ask).minus(quote.bid))) : MISSING}</Told>
      <Told name="Day">
        {change === null ? <span title="The close of the session before is not stored">{MISSING}</span> : (
          <><Pnl amount={change} /> <span className="text-dim">{percent(plain(new Big(change).div(closed ?? 1)), 2)}</span></>
        )}
      </Told>
      <Told name="Age">{quote ? <Age quote={quote} /> : <span className="text-dim">no quote yet</span>}</Told>
    </dl>
  );
}

function Told({ name, unit, children }: { name: string; unit?: string | undefined; children: React.ReactNode }) {
  return (
    <div className="flex items-baseline gap-1.5 whitespace-nowrap">
      <dt className="text-xs text-dim">{name}</dt>
      <dd className="font-medium">{children}{unit !== undefined && <span className="ml-1 text-xs font-normal text-dim">{unit}</span>}</dd>
    </div>
  );
}

function Age({ quote }: { quote: Quote }) {
  const zone = useProfile().time_zone;
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const { data: tape } = useTapeTime([quote.symbol], TAPE_MS);
  const { ms, old, replay } = ageOf(quote, now, tape ?? null);
  const at = full(quote.quoted_at, zone);
  return (
    <span className={clsx("inline-flex items-center gap-1.5", old && "text-warn")} title={`${at}, feed ${quote.feed}`}>
      {old && <Chip tone="warn">Stale</Chip>}
      {ms > DAY_MS ? <span className="text-xs font-normal">of {at}</span> : ago(ms)}
      {replay !== null && <span className="text-xs font-normal text-dim">replay of {full(replay, zone)}</span>}
      {quote.delay_seconds > 0 && <span className="text-xs font-normal text-dim">feed {quote.delay_seconds} s late</span>}
    </span>
  );
}

/** The close of the session before the quote's, in shares of today; null where it is not stored. */
function useLastClose(symbol: string, quote: Quote | undefined): string | null {
  const api = useApi();
  const session = quote === undefined ? undefined : sessionOf(Date.parse(quote.quoted_at) / 1000);
  const { data } = useQuery({
    queryKey: ["bars", symbol, "last-close", session],
    enabled: session !== undefined,
    staleTime: 60_000,
    queryFn: async () => {
      const until = Date.parse(session ?? "") + DAY_MS;
      const query = { timeframe: "1Day", adjusted: "split", from: new Date(until - LOOK_BACK_DAYS * DAY_MS).toISOString(), until: new Date(until).toISOString() } as const;
      const { data: bars } = await body(api.GET("/api/market-data/history/{symbol}", { params: { path: { symbol }, query } }));
      return bars.findLast((bar) => sessionOf(Date.parse(bar.starts_at) / 1000) < (session ?? ""))?.close ?? null;
    },
  });
  return data ?? null;
}
