/** One trade from its signal to its end: nobody has to ask why. */
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { ArrowLeft } from "lucide-react";
import { body } from "@/api/client";
import type { TradeDetail } from "@/api/schema";
import { dollars, grouped, price, sum } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { FullTime, ModeBadge, Numbers, Pnl } from "@/ui/figures";
import { Figure, Page, Panel } from "@/ui/panel";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { NotePanel } from "@/pages/history/note";
import { useCancel } from "@/orders/canceling";
import { Refusal } from "@/orders/refusal";
import { filledOf, terms } from "./order_rows";
import { Related } from "./related";
import { ReplaceOrder } from "./replace_order";
import { isOpen, isReplaceable, StateChip } from "@/orders/states";
import { timelineOf } from "./timeline";
import { Timeline } from "./timeline_steps";

export function OrderDetail() {
  const { id = "" } = useParams();
  const api = useApi();
  // Asked for again whenever a live row of a trade or fill comes: the key begins with what follows them.
  const query = useQuery({ queryKey: ["trade", id], queryFn: () => body(api.GET("/api/trades/{id}", { params: { path: { id } } })) });
  const trade = query.data;
  return (
    <Page
      title={trade ? `${trade.side === "buy" ? "Buy" : "Sell"} ${trade.symbol}${trade.multi_leg ? " and more legs" : ""}` : "Order"}
      about={trade && <StateChip status={trade.status} cancelWished={trade.cancel_requested_at !== null} />}
      actions={
        <>
          {trade && <Act trade={trade} />}
          <Link to="/orders" className="inline-flex h-9 items-center gap-1.5 rounded-md px-3 text-sm text-dim hover:bg-raised hover:text-ink"><ArrowLeft aria-hidden className="size-4" /> Orders</Link>
        </>
      }
    >
      <Loaded query={query} rows={10}>{(found) => <Whole trade={found} />}</Loaded>
    </Page>
  );
}

function Act({ trade }: { trade: TradeDetail }) {
  const { claims } = useSession();
  const cancel = useCancel();
  const [replacing, setReplacing] = useState(false);
  if (claims.desk_role === "viewer" || !isOpen(trade.status)) return null;
  return (
    <>
      <Button disabled={!isReplaceable(trade)} onClick={() => setReplacing(true)}>Replace…</Button>
      <Button busy={cancel.isPending} disabled={trade.cancel_requested_at !== null} onClick={() => cancel.mutate([trade.id])}>Cancel the order</Button>
      {replacing && <ReplaceOrder order={trade} onClose={() => setReplacing(false)} />}
    </>
  );
}

function Whole({ trade }: { trade: TradeDetail }) {
  const { byId } = useAccounts();
  const account = byId.get(trade.broker_account_id);
  return (
    <>
      <Panel>
        <dl className="grid grid-cols-2 gap-4 sm:grid-cols-3 xl:grid-cols-6">
          <Figure name="Order (USD)" hint={[trade.time_in_force, trade.reduce_only && "reduce only", trade.extended_hours && "extended hours"].filter(Boolean).join(", ")}>{terms(trade)}</Figure>
          <Figure name="Filled / ordered">{filledOf(trade)}</Figure>
          <Figure name="Average price (USD)">{price(trade.fill_price)}</Figure>
          <Figure name="Fees">{dollars(sum(trade.fills.map(({ fee }) => fee)))}</Figure>
          <Figure name="Realised P&L, before fees"><Pnl amount={trade.fills.length === 0 ? null : sum(trade.fills.map(({ realised_pnl }) => realised_pnl))} /></Figure>
          <Figure name="Account">{account ? <span className="flex items-center gap-2 text-sm"><ModeBadge paper={account.is_paper} /> <span className="truncate">{accountName(account)}</span></span> : "–"}</Figure>
        </dl>
        {trade.refusal !== null && <p role="status" className="mt-4 rounded-md border border-danger/50 p-3 text-sm break-words"><strong>Why it ended so:</strong> <Refusal text={trade.refusal} /></p>}
      </Panel>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <Panel title="Timeline"><Timeline trade={trade} steps={timelineOf(trade)} /></Panel>
        <div className="flex min-w-0 flex-col gap-4">
          <NotePanel trade={trade} />
          <Panel title="Belongs together"><Related trade={trade} /></Panel>
          {trade.multi_leg && <Panel title="Legs" flush><Legs trade={trade} /></Panel>}
          <Panel title="On record"><Facts trade={trade} /></Panel>
        </div>
      </div>
    </>
  );
}

type Leg = TradeDetail["legs"][number];
const LEGS: readonly Column<Leg>[] = [
  { id: "symbol", name: "Symbol", cell: ({ symbol }) => symbol, value: ({ symbol }) => symbol },
  { id: "intent", name: "Does", cell: ({ position_intent }) => position_intent.replaceAll("_", " "), value: ({ position_intent }) => position_intent },
  { id: "ratio", name: "Ratio", cell: ({ ratio }) => String(ratio), value: ({ ratio }) => ratio, numeric: true },
  { id: "filled", name: "Filled / ordered", cell: (leg) => `${grouped(leg.filled_quantity)} / ${grouped(leg.quantity)}`, value: ({ filled_quantity }) => filled_quantity, numeric: true },
];

function Legs({ trade }: { trade: TradeDetail }) {
  return <Table label="Legs" columns={LEGS} rows={trade.legs} rowKey={({ leg }) => String(leg)} empty="No leg." csv={false} />;
}

function Facts({ trade }: { trade: TradeDetail }) {
  const facts: [string, React.ReactNode][] = [
    ["Decided", <FullTime key="decided" at={trade.event_at} />],
    ["Last change", <FullTime key="changed" at={trade.status_at} />],
    ["Sent until", <FullTime key="until" at={trade.good_until} />],
    ["Cancel asked for", trade.cancel_requested_at === null ? null : <span key="cancel"><FullTime at={trade.cancel_requested_at} /> {trade.cancel_reason}</span>],
    ["Planned stop", trade.planned_stop === null ? null : `${price(trade.planned_stop)} USD`],
    ["Exit plan", trade.exit_plan === null ? null : <Numbers key="plan" of={trade.exit_plan} />],
    ["Our name at the broker", <code key="client" className="text-xs break-all">{trade.client_order_id}</code>],
    ["The broker's name", trade.broker_order_id === null ? null : <code key="broker" className="text-xs break-all">{trade.broker_order_id}</code>],
    ["Trade", <code key="id" className="text-xs break-all">{trade.id}</code>],
  ];
  return (
    <dl className="flex flex-col gap-2 text-sm">
      {facts.filter(([, fact]) => fact !== null).map(([name, fact]) => (
        <div key={name} className="grid grid-cols-[9rem_minmax(0,1fr)] gap-2">
          <dt className="text-dim">{name}</dt>
          <dd className="min-w-0 break-words">{fact}</dd>
        </div>
      ))}
    </dl>
  );
}
