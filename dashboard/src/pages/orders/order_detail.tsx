/** One order from its signal to its last fill: why it was placed, what every rule saw, what the broker said, what it made. */
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { body } from "@/api/client";
import type { TradeDetail } from "@/api/schema";
import { useRow, useRows } from "@/live/hooks";
import { big, plain, quantity } from "@/money/amount";
import { useCancel } from "@/orders/actions";
import { StateChip } from "@/orders/state_chip";
import { isWorking, ordered, stateOf, terms } from "@/orders/words";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { Chip, FullTime, ModeBadge, Pnl } from "@/ui/figures";
import { Figure, Page, Panel } from "@/ui/panel";
import { Failure, Loading } from "@/ui/states";
import { Attempts, Fills, Legs, Rules } from "./order_tables";
import { Timeline } from "./timeline";

export function OrderDetail() {
  const { id = "" } = useParams();
  const api = useApi();
  // Asked again whenever its row changes.
  const version = useRow("trades", id)?.version;
  const query = useQuery({
    queryKey: ["trade", id, version],
    placeholderData: (before: TradeDetail | undefined) => before,
    queryFn: () => body(api.GET("/api/trades/{id}", { params: { path: { id } } })),
  });
  if (query.data) return <Detail trade={query.data} />;
  return <Page title="Order">{query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : <Loading rows={8} />}</Page>;
}

function Detail({ trade }: { trade: TradeDetail }) {
  const { byId } = useAccounts();
  const { claims } = useSession();
  const account = byId.get(trade.broker_account_id);
  const strategy = useRows("strategies").rows.find(({ id }) => id === trade.strategy_id);
  const cancel = useCancel();
  return (
    <Page
      title={`${trade.side === "buy" ? "Buy" : "Sell"} ${ordered(trade)} ${trade.symbol}`}
      about={<span className="inline-flex flex-wrap items-center gap-2"><StateChip status={trade.status} /> {terms(trade)} · {trade.time_in_force} {account && <>· {accountName(account)} <ModeBadge paper={account.is_paper} /></>}</span>}
      actions={claims.desk_role !== "viewer" && isWorking(trade) && <Button busy={cancel.isPending} onClick={() => cancel.mutate(trade.id)}>Cancel the order</Button>}
    >
      <Panel>
        <p className="mb-4 text-sm">{stateOf(trade.status).about}{trade.refusal !== null && <strong className="text-danger"> {trade.refusal}</strong>}</p>
        <dl className="grid grid-cols-2 gap-4 md:grid-cols-4 lg:grid-cols-6">
          <Figure name="Filled" hint={`of ${ordered(trade)}`}>{quantity(trade.filled_quantity)}</Figure>
          <Figure name="Average fill, $">{quantity(trade.fill_price)}</Figure>
          <Figure name="Realised by it"><Pnl amount={realised(trade)} /></Figure>
          <Figure name="From" hint={strategy ? <Link className="text-accent underline" to={`/strategies/${strategy.id}`}>{strategy.name}</Link> : undefined}>{trade.source}</Figure>
          <Figure name="Decided"><FullTime at={trade.event_at} /></Figure>
          <Figure name="Good until"><FullTime at={trade.good_until} /></Figure>
        </dl>
        {trade.reason !== "" && <p className="mt-4 text-sm"><span className="text-dim">Why: </span>{trade.reason}</p>}
        <Linked trade={trade} />
      </Panel>
      <div className="grid gap-4 xl:grid-cols-[2fr_3fr]">
        <Panel title="What happened"><Timeline trade={trade} /></Panel>
        <div className="flex min-w-0 flex-col gap-4">
          {trade.legs.length > 1 && <Panel title="Legs" flush><Legs legs={trade.legs} /></Panel>}
          <Panel title="Fills" flush><Fills fills={trade.fills} /></Panel>
          <Panel title={<div className="flex items-center gap-2"><h2 className="text-sm font-semibold">Risk rules</h2> <Chip tone={trade.risk_decisions.some(({ verdict }) => verdict === "deny") ? "bad" : "good"}>{trade.risk_decisions.length} asked</Chip></div>} flush><Rules decisions={trade.risk_decisions} /></Panel>
          <Panel title="At the broker" flush><Attempts attempts={trade.attempts} /></Panel>
        </div>
      </div>
    </Page>
  );
}

function Linked({ trade }: { trade: TradeDetail }) {
  const links = ([["Replaces", trade.replaces_trade_id], ["Belongs to", trade.parent_trade_id]] as const).filter(([, id]) => id !== null);
  if (links.length === 0) return null;
  return (
    <p className="mt-2 flex gap-4 text-sm">
      {links.map(([what, id]) => <span key={what}>{what} <Link className="text-accent underline" to={`/orders/${id ?? ""}`}>{id?.slice(0, 8)}</Link></span>)}
    </p>
  );
}

/** By the account's average cost; null while nothing is filled. */
function realised(trade: TradeDetail): string | null {
  if (trade.fills.length === 0) return null;
  return trade.fills.map(({ realised_pnl }) => realised_pnl).reduce((a, b) => plain(big(a).plus(b)), "0");
}
