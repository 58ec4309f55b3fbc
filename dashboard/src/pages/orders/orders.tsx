/** Every order that works, and those of today: live, replaced and cancelled from here. */
import { useCallback, useMemo, useState } from "react";
import { Link, useNavigate } from "react-router";
import { Pencil, X } from "lucide-react";
import { body } from "@/api/client";
import { useRows } from "@/live/hooks";
import { grouped, price } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { useProfile } from "@/session/profile";
import { day } from "@/time/times";
import { said } from "@/ui/announce";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { ModeBadge, Time } from "@/ui/figures";
import { Input, Segments, Select } from "@/ui/form";
import { Page, Panel } from "@/ui/panel";
import { Table, type Column } from "@/ui/table";
import { useCancel } from "@/orders/canceling";
import { Refusal } from "@/orders/refusal";
import { filledOf, fits, terms, useOrders, type Filter, type Order } from "./order_rows";
import { ReplaceOrder } from "./replace_order";
import { isOpen, isReplaceable, StateChip, stateName, STATES } from "@/orders/states";
import { sourceName, WhereFrom } from "./where_from";

const EMPTY: Record<Filter["shown"], string> = {
  working: "No order is working. Place one on the Trade page, or let a strategy do it.",
  today: "No order today. What is older stands under History.",
  all: "No order fits. Loosen the filters, or look under History.",
};

export function Orders() {
  const { orders, made, loaded } = useOrders();
  const { selected, byId } = useAccounts();
  const { claims } = useSession();
  const { time_zone: zone } = useProfile();
  const navigate = useNavigate();
  const [filter, setFilter] = useState<Filter>({ shown: "today", status: "", symbol: "", strategy: "" });
  const [replaced, setReplaced] = useState<Order | null>(null);
  const cancel = useCancel();
  const acts = claims.desk_role !== "viewer";
  const today = day(new Date(), zone);
  const shown = useMemo(
    () => orders.filter((order) => fits(order, filter, selected?.id ?? null, day(made.get(order.id) ?? order.event_at, zone) === today)),
    [orders, made, filter, selected, zone, today],
  );
  const open = orders.filter((order) => isOpen(order.status) && (selected === null || order.broker_account_id === selected.id));
  const strategyName = useStrategyNames();
  const columns = useMemo((): readonly Column<Order>[] => [
    { id: "placed", name: "Placed", cell: (row) => <Time at={row.event_at} />, value: (row) => row.event_at, optional: true },
    { id: "state", name: "State", cell: (row) => <StateChip status={row.status} cancelWished={row.cancel_requested_at !== null} />, value: (row) => stateName(row.status) },
    {
      id: "symbol",
      name: "Symbol",
      cell: (row) => <Link to={`/orders/${row.id}`} className="font-medium hover:underline" onClick={(event) => event.stopPropagation()}>{row.symbol}{row.multi_leg && <span className="font-normal text-dim"> + legs</span>}</Link>,
      value: (row) => row.symbol,
    },
    { id: "side", name: "Side", cell: (row) => row.side, value: (row) => row.side },
    { id: "terms", name: "Order (USD)", cell: (row) => <span className="tabular-nums">{terms(row)} <span className="text-dim">{row.time_in_force}</span></span>, value: (row) => `${terms(row)} ${row.time_in_force}` },
    { id: "filled", name: "Filled / ordered", cell: filledOf, value: (row) => row.filled_quantity, numeric: true },
    { id: "average", name: "Average (USD)", cell: (row) => price(row.fill_price), value: (row) => row.fill_price, numeric: true, optional: true },
    { id: "source", name: "From", cell: (row) => <WhereFrom source={row.source} strategy={row.strategy_id} />, value: (row) => [sourceName(row.source), strategyName(row.strategy_id)].filter(Boolean).join(": "), optional: true },
    {
      id: "account",
      name: "Account",
      cell: (row) => {
        const account = byId.get(row.broker_account_id);
        return account ? <span className="inline-flex items-center gap-1.5"><ModeBadge paper={account.is_paper} /> {accountName(account)}</span> : "–";
      },
      value: (row) => {
        const account = byId.get(row.broker_account_id);
        return account ? accountName(account) : null;
      },
      optional: true,
    },
    { id: "why", name: "Why", cell: (row) => <span className="inline-block max-w-72 truncate align-bottom text-dim" title={row.refusal ?? row.reason}>{row.refusal === null ? row.reason : <Refusal text={row.refusal} />}</span>, value: (row) => row.refusal ?? row.reason, optional: true },
    {
      id: "act",
      name: acts ? "Act" : "",
      cell: (row) => acts && isOpen(row.status) && (
        <span className="inline-flex" onClick={(event) => event.stopPropagation()}>
          <IconButton label={`Replace ${row.side} ${row.symbol}`} disabled={!isReplaceable(row)} onClick={() => setReplaced(row)}><Pencil aria-hidden className="size-4" /></IconButton>
          <IconButton label={`Cancel ${row.side} ${row.symbol}`} disabled={row.cancel_requested_at !== null} onClick={() => cancel.mutate([row.id])}><X aria-hidden className="size-4" /></IconButton>
        </span>
      ),
      value: () => null,
    },
  ], [acts, byId, cancel, strategyName]);
  return (
    <Page
      title="Orders"
      about={`${grouped(String(open.length))} working`}
      actions={
        <>
          <Segments label="Which orders" value={filter.shown} onChange={(next) => setFilter({ ...filter, shown: next })} options={[{ value: "working", label: "Working" }, { value: "today", label: "Today" }, { value: "all", label: "Newest" }]} />
          {acts && <CancelAll count={open.length} />}
        </>
      }
    >
      <Panel flush>
        <Filters filter={filter} onChange={setFilter} />
        <Table
          label="Orders"
          columns={columns}
          rows={shown}
          rowKey={(row) => row.id}
          onRow={(row) => void navigate(`/orders/${row.id}`)}
          loading={!loaded}
          empty={EMPTY[filter.shown]}
          height={720}
        />
      </Panel>
      {replaced && <ReplaceOrder order={replaced} onClose={() => setReplaced(null)} />}
    </Page>
  );
}

function useStrategyNames(): (id: string | null) => string | undefined {
  const { rows } = useRows("strategies");
  const names = useMemo(() => new Map(rows.map(({ id, name }) => [id, name])), [rows]);
  return useCallback((id) => (id === null ? undefined : names.get(id)), [names]);
}

function Filters({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const { rows } = useRows("strategies");
  return (
    <div className="flex flex-wrap gap-2 border-b border-line p-2">
      <Select aria-label="State" className="w-40!" value={filter.status} onChange={(event) => onChange({ ...filter, status: event.target.value })}>
        <option value="">Every state</option>
        {Object.keys(STATES).map((status) => <option key={status} value={status}>{stateName(status)}</option>)}
      </Select>
      <Input aria-label="Symbol" placeholder="Symbol" className="w-32!" value={filter.symbol} onChange={(event) => onChange({ ...filter, symbol: event.target.value.trim().toUpperCase() })} />
      <Select aria-label="Strategy" className="w-48!" value={filter.strategy} onChange={(event) => onChange({ ...filter, strategy: event.target.value })}>
        <option value="">Every strategy</option>
        <option value="none">Of no strategy</option>
        {rows.filter(({ status }) => status !== "deleted").map((row) => <option key={row.id} value={row.id}>{row.name}</option>)}
      </Select>
    </div>
  );
}

function CancelAll({ count }: { count: number }) {
  const api = useApi();
  const { selected } = useAccounts();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button disabled={count === 0} onClick={() => setOpen(true)}>Cancel all…</Button>
      <Confirm
        open={open}
        onOpenChange={setOpen}
        title="Cancel all orders"
        act={`Cancel ${count} orders`}
        danger
        onConfirm={async () => {
          const { data } = await body(api.DELETE("/api/orders", { params: { query: selected ? { broker_account_id: selected.id } : {} } }));
          said(`Cancels are asked for: ${data.length} orders.`);
        }}
      >
        <p>
          {count === 1 ? "The one order that works" : `All ${count} orders that work`} {selected ? `on ${accountName(selected)}` : "on all of your accounts"}, <strong>exits and
          stops included</strong>: what is held is then protected by no order.
        </p>
        <p className="text-dim">Until the broker says so, each may still fill. To end trading as a whole, use the kill switch.</p>
      </Confirm>
    </>
  );
}
