/** What a strategy decided and why, above all why it did not trade. */
import { useMemo, useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { body } from "@/api/client";
import type { StrategyDecision } from "@/api/schema";
import type { StrategyRow } from "@/live/rows";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { saveCsv } from "@/ui/csv";
import { Chip, FullTime } from "@/ui/figures";
import { Input, Segments, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { Empty, Failure, Loading } from "@/ui/states";
import { reasons } from "./reasons";

const ACTIONS = [
  { value: "all", label: "All" },
  { value: "trade", label: "Traded" },
  { value: "stay", label: "No trade" },
  { value: "cancel", label: "Gave up" },
] as const;
type Wanted = (typeof ACTIONS)[number]["value"];

const CHIPS = { trade: { tone: "good", word: "Traded" }, stay: { tone: "plain", word: "No trade" }, cancel: { tone: "warn", word: "Gave orders up" } } as const;
const CAUSES = { bar: "", quote: "on a quote", fill: "on a fill" } as const;
const LIVE_MS = 3_000;

export function Decisions({ row }: { row: StrategyRow }) {
  const api = useApi();
  const [action, setAction] = useState<Wanted>("all");
  const [symbol, setSymbol] = useState("");
  const [text, setText] = useState("");
  const [older, setOlder] = useState(false);
  const query = useInfiniteQuery({
    queryKey: ["strategy", row.id, "decisions", action, symbol],
    initialPageParam: null as string | null,
    // While it decides, the log goes on by itself, until somebody reads on in older pages.
    refetchInterval: row.status === "active" && !older ? LIVE_MS : false,
    queryFn: ({ pageParam }) => body(api.GET("/api/strategies/{id}/decisions", {
      params: { path: { id: row.id }, query: { limit: 100, ...(pageParam === null ? {} : { cursor: pageParam }), ...(action === "all" ? {} : { action }), ...(symbol === "" ? {} : { symbol }) } },
    })),
    getNextPageParam: ({ next_cursor }) => next_cursor,
  });
  const loaded = useMemo(() => query.data?.pages.flatMap(({ data }) => data) ?? [], [query.data]);
  const shown = useMemo(() => {
    const word = text.trim().toLowerCase();
    return word === "" ? loaded : loaded.filter(({ reason, refused }) => `${reason} ${refused ?? ""}`.toLowerCase().includes(word));
  }, [loaded, text]);
  const why = useMemo(() => reasons(shown), [shown]);
  return (
    <div className="grid grid-cols-1 gap-4 xl:grid-cols-[1fr_22rem]">
      <Panel
        title="Decisions"
        flush
        actions={
          <>
            <Segments label="What it did" value={action} options={ACTIONS} onChange={setAction} />
            {row.symbols.length > 1 && (
              <Select aria-label="Symbol" className="max-w-32" value={symbol} onChange={(event) => setSymbol(event.target.value)}>
                <option value="">Every symbol</option>
                {row.symbols.map((one) => <option key={one}>{one}</option>)}
              </Select>
            )}
            <Input type="search" aria-label="Find in the reasons" placeholder="Find in the reasons" className="max-w-48" value={text} onChange={(event) => setText(event.target.value)} />
            <Button small disabled={shown.length === 0} onClick={() => save(row, shown)}><Download aria-hidden className="size-3.5" /> CSV</Button>
          </>
        }
      >
        {query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : query.isPending ? <Loading rows={8} /> : shown.length === 0 ? (
          <Empty>{action === "all" && text === "" ? (row.status === "active" ? "Nothing decided yet: it decides when its next bar ends and its warm-up is there." : "Nothing was decided. Start it, and each bar's decision stands here, with its reason.") : "No decision fits what is filtered."}</Empty>
        ) : (
          <>
            <ol aria-label="Decisions, newest first" tabIndex={0} className="max-h-[40rem] divide-y divide-line/60 overflow-y-auto">
              {shown.map((one) => <Decision key={`${one.bar_at} ${one.symbol} ${one.cause} ${one.caused_by}`} one={one} />)}
            </ol>
            {query.hasNextPage && <div className="border-t border-line p-3 text-center"><Button small busy={query.isFetchingNextPage} onClick={() => { setOlder(true); void query.fetchNextPage(); }}>Older ones</Button></div>}
          </>
        )}
      </Panel>
      <Panel title="Why it did not trade" className="self-start">
        {why.length === 0 ? <p className="text-sm text-dim">Nothing to tell of the decisions that are shown.</p> : (
          <ol className="flex flex-col gap-3 text-sm">
            {why.map(({ words, times }) => (
              <li key={words} className="grid grid-cols-[2.5rem_1fr] gap-2"><span className="text-right font-semibold tabular-nums">{times}×</span><span className="break-words text-dim">{words}</span></li>
            ))}
          </ol>
        )}
      </Panel>
    </div>
  );
}

function Decision({ one }: { one: StrategyDecision }) {
  const chip = one.refused === null ? CHIPS[one.action] : { tone: "bad", word: "Not placed" } as const;
  const wanted = one.orders.map(inWords).filter((words) => words !== "").join("; ");
  return (
    <li className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 px-4 py-2.5 text-sm sm:grid-cols-[13rem_8rem_1fr]">
      <span className="text-xs text-dim sm:pt-0.5"><FullTime at={one.bar_at} /></span>
      <span className="flex items-start justify-end gap-2 sm:justify-start"><Chip tone={chip.tone}>{chip.word}</Chip></span>
      <p className="col-span-full min-w-0 break-words sm:col-span-1">
        <strong className="font-medium">{one.symbol}</strong> {one.reason}
        {one.refused !== null && <span className="block text-danger">{one.refused}</span>}
        {(wanted !== "" || one.cause !== "bar") && <span className="block text-xs text-dim">{[wanted, CAUSES[one.cause], `version ${one.strategy_version}`].filter((part) => part !== "").join(" · ")}</span>}
      </p>
    </li>
  );
}

/** An order as it was wanted: "buy 100 SPY at the market". */
function inWords(order: Readonly<Record<string, unknown>>): string {
  const text = (name: string) => (typeof order[name] === "string" || typeof order[name] === "number" ? String(order[name]) : "");
  const legs = Array.isArray(order["legs"]) ? (order["legs"] as Record<string, unknown>[]).map((leg) => `${String(leg["side"])} ${String(leg["symbol"])}`).join(" and ") : "";
  const what = legs === "" ? [text("side"), text("quantity"), text("symbol")].filter((part) => part !== "").join(" ") : `${text("quantity")} × ${legs}`;
  const at = text("price") === "" ? text("order_type") : `${text("order_type")} ${text("price")}`;
  return [what, at].filter((part) => part !== "").join(", ");
}

function save(row: StrategyRow, shown: readonly StrategyDecision[]): void {
  saveCsv(`Decisions of ${row.name}`, ["bar_at", "symbol", "cause", "action", "reason", "refused", "strategy_version"],
    shown.map((one) => [one.bar_at, one.symbol, one.cause, one.action, one.reason, one.refused, one.strategy_version]));
}
