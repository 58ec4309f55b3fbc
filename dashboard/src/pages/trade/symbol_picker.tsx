/** Finds what to trade: by symbol or name; and what one looks at anyway, one click away. */
import { useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { Search } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { useSupabase } from "@/session/context";

interface Found {
  symbol: string;
  name: string;
}

const MOST = 12;
const PAUSE_MS = 200;

export function SymbolPicker({ symbol, onPick }: { symbol: string; onPick: (symbol: string) => void }) {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const list = useId();
  const found = useInstruments(text);
  const rows = found.data ?? [];
  const pick = (one: Found | undefined) => {
    if (!one) return;
    onPick(one.symbol);
    setText("");
    setOpen(false);
  };
  const shown = open && text.trim() !== "";
  return (
    <div className="relative w-full sm:w-64" onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}>
      <Search aria-hidden className="pointer-events-none absolute top-2.5 left-2.5 size-4 text-dim" />
      <input
        role="combobox"
        aria-label="Find a symbol"
        aria-expanded={shown}
        aria-controls={list}
        aria-autocomplete="list"
        {...(shown && rows[at] ? { "aria-activedescendant": `${list}-${at}` } : {})}
        placeholder={symbol === "" ? "Symbol or name" : `${symbol}: find another`}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onFocus={() => setOpen(true)}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            setAt(Math.max(0, Math.min(rows.length - 1, at + (event.key === "ArrowDown" ? 1 : -1))));
          } else if (event.key === "Enter") {
            event.preventDefault();
            pick(rows[at]);
          } else if (event.key === "Escape") {
            setText("");
            setOpen(false);
          }
        }}
        className="h-9 w-full rounded-md border border-line bg-ground pr-2.5 pl-8 text-sm text-ink placeholder:text-dim"
      />
      <div id={list} role="listbox" aria-label="Symbols found" className={clsx("absolute top-10 right-0 left-0 z-20 max-h-80 overflow-y-auto rounded-md border border-line bg-panel p-1 shadow-xl", !shown && "hidden")}>
        {rows.map((one, index) => (
          <div
            key={one.symbol}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => pick(one)}
            className={clsx("flex cursor-pointer items-baseline gap-2 rounded px-2 py-1.5 text-sm", index === at && "bg-raised")}
          >
            <span className="font-semibold">{one.symbol}</span>
            <span className="truncate text-xs text-dim">{one.name}</span>
          </div>
        ))}
        {rows.length === 0 && <div role="option" aria-selected={false} aria-disabled className="px-2 py-1.5 text-sm text-dim">{found.isFetching ? "Looking…" : found.error ? "The list cannot be read now." : "Nothing of that name can be traded here."}</div>}
      </div>
    </div>
  );
}

/** Shares that may be ordered, by how their symbol or name begins; options have a desk of their own. */
function useInstruments(text: string) {
  const supabase = useSupabase();
  const [asked, setAsked] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return useQuery<readonly Found[]>({
    queryKey: ["instruments", asked],
    enabled: asked !== "",
    staleTime: 60_000,
    placeholderData: (before) => before,
    queryFn: async ({ signal }) => {
      // What means something in a pattern is left out: no symbol has it.
      const bare = asked.replaceAll(/[^A-Za-z0-9./ -]/g, "");
      const like = async (column: "symbol" | "name", pattern: string) => {
        const { data, error } = await supabase.from("instruments").select("symbol,name")
          .eq("tradable", true).neq("kind", "option").ilike(column, pattern).order("symbol").limit(MOST).abortSignal(signal);
        if (error) throw new Error(error.message);
        return data as Found[];
      };
      const both = (await Promise.all([like("symbol", `${bare}%`), like("name", `%${bare}%`)])).flat();
      const found = [...new Map(both.map((one) => [one.symbol, one])).values()];
      const upper = bare.toUpperCase();
      // The symbol itself first, then symbols that begin so, then names.
      const rank = (one: Found) => (one.symbol === upper ? 0 : one.symbol.startsWith(upper) ? 1 : 2);
      return found.toSorted((a, b) => rank(a) - rank(b)).slice(0, MOST);
    },
  });
}
