/** Quotes and marks of the symbols on the screen: asked for together, once a second, while somebody looks. */
import { useQuery } from "@tanstack/react-query";
import { useSupabase } from "@/session/context";
import type { Amount } from "@/money/amount";

export interface Quote {
  symbol: string;
  bid: Amount;
  ask: Amount;
  bid_size: Amount;
  ask_size: Amount;
  /** When the exchange said so, UTC. */
  quoted_at: string;
  feed: string;
  /** By how much the feed is late, as declared. */
  delay_seconds: number;
}

export interface Mark {
  symbol: string;
  mark: Amount;
  marked_at: string;
  source: string;
}

const EVERY_MS = 1000;
const QUOTE = "symbol,bid::text,ask::text,bid_size::text,ask_size::text,quoted_at,feed,delay_seconds";

/** The last quote of each symbol; what has none is not in the map. */
export function useQuotes(symbols: readonly string[]): ReadonlyMap<string, Quote> {
  return useBySymbol<Quote>("quotes", symbols, (options) => (options ? "option_quotes_latest" : "quotes_latest"), QUOTE);
}

/** What positions are valued at; what has no mark is not in the map. */
export function useMarks(symbols: readonly string[]): ReadonlyMap<string, Mark> {
  return useBySymbol<Mark>("marks", symbols, () => "position_marks", "symbol,mark::text,marked_at,source");
}

/** What an option moves by, of one share; null where the feed does not say. */
export interface Greeks {
  symbol: string;
  delta: Amount | null;
  gamma: Amount | null;
  theta: Amount | null;
  vega: Amount | null;
}

/** The greeks of options by their last quote; what has none is not in the map. */
export function useGreeks(options: readonly string[]): ReadonlyMap<string, Greeks> {
  return useBySymbol<Greeks>("greeks", options, () => "option_quotes_latest", "symbol,delta::text,gamma::text,theta::text,vega::text");
}

const EMPTY: ReadonlyMap<string, never> = new Map<string, never>();
/** An OCC symbol of an option: SPY261218C00600000. */
const OPTION = /^[A-Z0-9.]{1,6}\d{6}[CP]\d{8}$/;

export function isOption(symbol: string): boolean {
  return OPTION.test(symbol);
}

function useBySymbol<Row extends { symbol: string }>(
  what: string,
  symbols: readonly string[],
  tableOf: (options: boolean) => string,
  columns: string,
): ReadonlyMap<string, Row> {
  const supabase = useSupabase();
  const wanted = [...new Set(symbols)].sort();
  const { data } = useQuery<ReadonlyMap<string, Row>>({
    queryKey: [what, wanted],
    enabled: wanted.length > 0,
    refetchInterval: EVERY_MS,
    refetchIntervalInBackground: false,
    placeholderData: (before) => before,
    queryFn: async () => {
      const byTable = Map.groupBy(wanted, (symbol) => tableOf(isOption(symbol)));
      const found = await Promise.all([...byTable].map(async ([table, of]) => {
        const { data: rows, error } = await supabase.from(table).select(columns).in("symbol", of);
        if (error) throw new Error(error.message);
        return rows as unknown as Row[];
      }));
      return new Map(found.flat().map((row) => [row.symbol, row]));
    },
  });
  return data ?? EMPTY;
}
