/** One click to the watchlist, and to what is held, traded by a strategy, or was looked at lately on this device. */
import { useMemo } from "react";
import clsx from "clsx";
import { useRows } from "@/live/hooks";
import { isOption } from "@/live/quotes";
import { useWatchlist } from "@/watchlist/watchlist";
import { recentSymbols } from "./recent";

const MOST = 12;

export function SymbolChips({ symbol, onPick }: { symbol: string; onPick: (symbol: string) => void }) {
  const positions = useRows("positions").rows;
  const strategies = useRows("strategies").rows;
  const watched = useWatchlist().symbols;
  const symbols = useMemo(() => {
    const held = positions.filter(({ quantity }) => !/^-?0(?:\.0*)?$/.test(quantity)).map((one) => one.symbol);
    const traded = strategies.filter(({ status }) => status !== "deleted").flatMap((one) => one.symbols);
    return [...new Set([...(watched ?? []), ...held, ...recentSymbols(), ...traded])].filter((one) => !isOption(one)).slice(0, MOST);
  }, [positions, strategies, watched]);
  if (symbols.length === 0) return null;
  return (
    <nav aria-label="Your symbols" className="flex min-w-0 flex-1 gap-1.5 overflow-x-auto py-1">
      {symbols.map((one) => (
        <button
          key={one}
          type="button"
          aria-current={one === symbol}
          onClick={() => onPick(one)}
          className={clsx("h-7 shrink-0 rounded-full border px-2.5 text-xs font-medium", one === symbol ? "border-accent text-accent" : "border-line text-dim hover:text-ink")}
        >
          {one}
        </button>
      ))}
    </nav>
  );
}
