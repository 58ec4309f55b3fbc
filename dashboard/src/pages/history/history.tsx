/** Past trades: filtered, summed, noted, saved. */
import { useDeferredValue, useMemo, useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";
import { StickyNote } from "lucide-react";
import type { Trade } from "@/api/schema";
import { useRows } from "@/live/hooks";
import { dollars, grouped, price } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession, useSupabase } from "@/session/context";
import { useProfile } from "@/session/profile";
import { Button, IconButton } from "@/ui/button";
import { FullTime, Pnl } from "@/ui/figures";
import { Figure, Page, Panel } from "@/ui/panel";
import { Failure } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { filledOf, terms } from "@/pages/orders/order_rows";
import { StateChip, stateName } from "@/orders/states";
import { sourceName, WhereFrom } from "@/pages/orders/where_from";
import { Filters } from "./filters";
import { NoteDialog, noteOf } from "./note";
import { SaveAll } from "./save_all";
import { NO_FILTER, queryOf, readPage, totalsOf, type Past, type Totals } from "./trade_pages";

const A_PAGE = 100;

export function History() {
  const api = useApi();
  const supabase = useSupabase();
  const navigate = useNavigate();
  const { selected, byId } = useAccounts();
  const { claims } = useSession();
  const { time_zone: zone } = useProfile();
  const { rows: strategies } = useRows("strategies");
  const [filter, setFilter] = useState(NO_FILTER);
  const [noting, setNoting] = useState<Trade | null>(null);
  const asked = useDeferredValue(queryOf(filter, selected?.id ?? null, zone));
  const query = useInfiniteQuery({
    queryKey: ["trades", "history", asked],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => readPage(api, supabase, asked, pageParam, A_PAGE),
    getNextPageParam: (page) => page.next,
    placeholderData: (before) => before,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.rows) ?? [], [query.data]);
  const names = useMemo(() => new Map(strategies.map(({ id, name }) => [id, name])), [strategies]);
  const acts = claims.desk_role !== "viewer";
  const columns = useMemo(() => columnsOf((id) => (id === null ? undefined : names.get(id)), acts ? setNoting : null), [names, acts]);
  return (
    <Page
      title="History"
      actions={
        <SaveAll
          query={asked}
          strategyName={(id) => (id === null ? undefined : names.get(id))}
          nameOfAccount={(id) => {
            const account = byId.get(id);
            return account && accountName(account);
          }}
        />
      }
    >
      <Panel flush>
        <Filters filter={filter} onChange={setFilter} strategies={strategies} zone={zone} />
        <Sums totals={totalsOf(rows)} more={query.hasNextPage} />
      </Panel>
      <Panel flush>
        {query.error && !query.data ? <Failure error={query.error} retry={() => void query.refetch()} /> : (
          <Table
            label="Trades"
            columns={columns}
            rows={rows}
            rowKey={({ trade }) => trade.id}
            onRow={({ trade }) => void navigate(`/orders/${trade.id}`)}
            loading={query.isPending}
            empty="No trade fits. Loosen the filters, or place an order on the Trade page."
            height={640}
            csv={false}
          />
        )}
        {query.hasNextPage && <div className="border-t border-line p-3"><Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show older ones</Button></div>}
      </Panel>
      {noting && <NoteDialog trade={noting} onClose={() => setNoting(null)} />}
    </Page>
  );
}

function columnsOf(strategyName: (id: string | null) => string | undefined, onNote: ((trade: Trade) => void) | null): readonly Column<Past>[] {
  return [
    { id: "decided", name: "Decided", cell: ({ trade }) => <FullTime at={trade.event_at} />, value: ({ trade }) => trade.event_at, optional: true },
    { id: "status", name: "Status", cell: ({ trade }) => <StateChip status={trade.status} />, value: ({ trade }) => stateName(trade.status) },
    { id: "symbol", name: "Symbol", cell: ({ trade }) => <Link to={`/orders/${trade.id}`} className="font-medium hover:underline" onClick={(event) => event.stopPropagation()}>{trade.symbol}</Link>, value: ({ trade }) => trade.symbol },
    { id: "side", name: "Side", cell: ({ trade }) => trade.side, value: ({ trade }) => trade.side },
    { id: "terms", name: "Order (USD)", cell: ({ trade }) => <span className="tabular-nums">{terms(trade)}</span>, value: ({ trade }) => terms(trade), optional: true },
    { id: "filled", name: "Filled / ordered", cell: ({ trade }) => filledOf(trade), value: ({ trade }) => trade.filled_quantity, numeric: true },
    { id: "average", name: "Average (USD)", cell: ({ trade }) => price(trade.fill_price), value: ({ trade }) => trade.fill_price, numeric: true, optional: true },
    { id: "realised", name: "Realised P&L", cell: ({ realised }) => <Pnl amount={realised} />, value: ({ realised }) => realised, numeric: true },
    { id: "fees", name: "Fees", cell: ({ fees }) => dollars(fees), value: ({ fees }) => fees, numeric: true, optional: true },
    { id: "source", name: "From", cell: ({ trade }) => <WhereFrom source={trade.source} strategy={trade.strategy_id} />, value: ({ trade }) => [sourceName(trade.source), strategyName(trade.strategy_id)].filter(Boolean).join(": "), optional: true },
    {
      id: "note",
      name: "Note",
      cell: ({ trade }) => {
        const text = noteOf(trade);
        return (
          <span className="inline-flex items-center gap-1" onClick={(event) => event.stopPropagation()}>
            {onNote && <IconButton label={`${text === null ? "Write a note" : "Change the note"}: ${trade.side} ${trade.symbol}`} onClick={() => onNote(trade)}><StickyNote aria-hidden className={`size-4 ${text === null ? "opacity-50" : "text-accent"}`} /></IconButton>}
            {text !== null && <span className="inline-block max-w-64 truncate" title={text}>{text}</span>}
          </span>
        );
      },
      value: ({ trade }) => noteOf(trade),
    },
  ];
}

function Sums({ totals, more }: { totals: Totals; more: boolean }) {
  return (
    <dl aria-label="Totals of what is shown" className="grid grid-cols-2 gap-4 p-4 sm:grid-cols-5">
      <Figure name="Orders shown" hint={more ? "there are older ones" : "all of them"}>{grouped(String(totals.orders))}</Figure>
      <Figure name="With fills">{grouped(String(totals.filled))}</Figure>
      <Figure name="Realised P&L, before fees"><Pnl amount={totals.realised} /></Figure>
      <Figure name="Fees">{dollars(totals.fees)}</Figure>
      <Figure name="Net of fees"><Pnl amount={totals.net} /></Figure>
    </dl>
  );
}
