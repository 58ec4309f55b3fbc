/** Adds a symbol: searched among all that the platform knows, by its letters or its name. */
import { Command } from "cmdk";
import { Plus } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { useSupabase } from "@/session/context";

interface Instrument {
  symbol: string;
  name: string;
  kind: string;
}

const MOST = 8;

function useInstruments(text: string): { found: readonly Instrument[]; searched: boolean } {
  const supabase = useSupabase();
  const asked = useDeferredValue(text.trim().replaceAll(/[^A-Za-z0-9 ./-]/g, ""));
  const query = useQuery({
    queryKey: ["instruments", asked],
    enabled: asked !== "",
    staleTime: 60_000,
    placeholderData: (before) => before,
    queryFn: async () => {
      // Symbols that begin so come first; names after them, where there is room.
      const known = () => supabase.from("instruments").select("symbol,name,kind").in("kind", ["equity", "crypto"]).order("symbol").limit(MOST);
      const [symbols, names] = await Promise.all([known().ilike("symbol", `${asked}%`), known().ilike("name", `%${asked}%`)]);
      for (const { error } of [symbols, names]) if (error) throw new Error(error.message);
      const both = [...(symbols.data ?? []), ...(names.data ?? [])] as Instrument[];
      return [...new Map(both.map((row) => [row.symbol, row])).values()].slice(0, MOST);
    },
  });
  return { found: asked === "" ? [] : (query.data ?? []), searched: query.isFetched && !query.isPlaceholderData };
}

export function AddSymbol({ listed, onAdd }: { listed: readonly string[]; onAdd: (symbol: string) => void }) {
  const [text, setText] = useState("");
  const { found, searched } = useInstruments(text);
  return (
    <Command
      label="Add a symbol"
      shouldFilter={false}
      className="relative w-64 max-w-full"
      onKeyDown={(event) => event.key === "Escape" && setText("")}
    >
      <Command.Input value={text} onValueChange={setText} placeholder="Add a symbol" className="h-9 w-full rounded-md border border-line bg-ground px-2.5 text-sm placeholder:text-dim" />
      <Command.List className={text.trim() === "" ? "hidden" : "absolute inset-x-0 top-10 z-20 max-h-72 overflow-y-auto rounded-md border border-line bg-panel p-1 shadow-2xl"}>
        {searched && found.length === 0 && <p role="status" className="p-2 text-sm text-dim">No symbol that the platform knows is called that.</p>}
        {found.map(({ symbol, name }) => (
          <Command.Item
            key={symbol}
            value={symbol}
            disabled={listed.includes(symbol)}
            onSelect={() => {
              onAdd(symbol);
              setText("");
            }}
            className="flex h-8 cursor-pointer items-center gap-2 rounded px-2 text-sm data-[disabled=true]:cursor-default data-[disabled=true]:opacity-60 data-[selected=true]:bg-raised"
          >
            <Plus aria-hidden className="size-3.5 text-dim" />
            <span className="font-medium">{symbol}</span>
            <span className="min-w-0 flex-1 truncate text-dim">{name}</span>
            {listed.includes(symbol) && <span className="text-xs text-dim">on the list</span>}
          </Command.Item>
        ))}
      </Command.List>
    </Command>
  );
}
