/** What a trader keeps in sight: quotes by the second, the day so far, in their own order. */
import { useEffect, useState } from "react";
import { useQuotes } from "@/live/quotes";
import { useSession } from "@/session/context";
import { said } from "@/ui/announce";
import { Page, Panel } from "@/ui/panel";
import { Empty, Failure, Loading } from "@/ui/states";
import { added, MOST, moved, removed, useWatchlist } from "@/watchlist/watchlist";
import { MOST_WATCHED, useWatched } from "@/watchlist/watched";
import { AddSymbol } from "./add_symbol";
import { WatchedRow } from "./watched_row";

const NONE: readonly string[] = [];

export function Watchlist() {
  const { symbols, error, retry, change } = useWatchlist();
  const { claims } = useSession();
  const acts = claims.desk_role !== "viewer";
  const shown = symbols ?? NONE;
  useWatched(shown);
  const remove = (symbol: string) => {
    const at = shown.indexOf(symbol);
    change(removed(symbol), () => said(`${symbol} is off the list.`, () => change(added(symbol, at))));
  };
  return (
    <Page
      title="Watchlist"
      about={symbols && (shown.length > MOST_WATCHED ? `${shown.length} of ${MOST}; live quotes for the first ${MOST_WATCHED}` : `${shown.length} of ${MOST}`)}
      actions={acts && symbols && <AddSymbol listed={shown} onAdd={(symbol) => change(added(symbol))} />}
    >
      <Panel flush>
        {symbols === undefined && (error ? <Failure error={error} retry={retry} /> : <Loading rows={6} />)}
        {symbols?.length === 0 && <Empty>{acts ? "Nothing is watched yet. Add a symbol above, by its letters or its name." : "You watch nothing: a viewer keeps no list."}</Empty>}
        {shown.length > 0 && <Rows symbols={shown} change={acts ? change : null} remove={remove} />}
      </Panel>
    </Page>
  );
}

interface RowsProps {
  symbols: readonly string[];
  change: ReturnType<typeof useWatchlist>["change"] | null;
  remove: (symbol: string) => void;
}

function Rows({ symbols, change, remove }: RowsProps) {
  const quotes = useQuotes(symbols);
  const now = useNow();
  return (
    <div className="overflow-x-auto" role="region" aria-label="Watched symbols" tabIndex={0}>
      <table className="w-full border-collapse text-sm">
        <thead>
          <tr className="h-8 border-b border-line text-xs text-dim">
            <th scope="col" className="px-3 text-left font-medium">Symbol</th>
            <th scope="col" className="px-3 text-right font-medium">Middle (USD)</th>
            <th scope="col" className="px-3 text-right font-medium">Day</th>
            <th scope="col" className="px-3 text-right font-medium max-md:hidden">Bid (USD)</th>
            <th scope="col" className="px-3 text-right font-medium max-md:hidden">Ask (USD)</th>
            <th scope="col" className="px-3 text-right font-medium max-md:hidden">Spread (USD)</th>
            <th scope="col" className="px-3 text-right font-medium max-md:hidden">Age</th>
            <th scope="col" className="px-3 text-left font-medium max-sm:hidden">Today, 5 min</th>
            <th scope="col" className="px-3 text-right font-medium">Place</th>
          </tr>
        </thead>
        <tbody>
          {symbols.map((symbol, at) => (
            <WatchedRow
              key={symbol}
              symbol={symbol}
              quote={quotes.get(symbol)}
              now={now}
              first={at === 0}
              last={at === symbols.length - 1}
              act={change && {
                move: (by) => change(moved(symbol, { by }), () => said(`${symbol} is number ${at + by + 1} now.`)),
                drop: (dragged) => change(moved(dragged, { before: symbol })),
                remove: () => remove(symbol),
              }}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The time, by the second: how old a quote is. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
