/** A trader's day at a glance, live. */
import clsx from "clsx";
import { useMemo } from "react";
import { Link } from "react-router";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import { useRows } from "@/live/hooks";
import type { TradeRow } from "@/live/rows";
import { quantity, sum } from "@/money/amount";
import { StateChip, stateName } from "@/orders/states";
import { useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { useProfile } from "@/session/profile";
import { day } from "@/time/times";
import { FirstRun, useFirstRunIsOpen } from "@/tour/first_run";
import { Dollars, Pnl, Time } from "@/ui/figures";
import { Later } from "@/ui/later";
import { Figure, Page, Panel } from "@/ui/panel";
import { Empty, Loaded, Loading } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { Calendar } from "./calendar";
import { EquityPanel } from "./equity_panel";
import { Health } from "./health";
import { Open } from "./open";
import { byDay, resultOf, type Period } from "./results";
import { Running } from "./running";
import { Unseen } from "./unseen";

const PERIODS: readonly { period: Period; name: string }[] = [
  { period: "day", name: "Last session" },
  { period: "week", name: "Week" },
  { period: "month", name: "Month" },
  { period: "year", name: "Year to date" },
];

export function Overview() {
  const waiting = useFirstRunIsOpen();
  return (
    <Page title="Overview">
      <div className="relative">
        {waiting && <div className="absolute inset-x-0 top-0"><Loading what="Loading the overview" rows={12} /></div>}
        {/* Drawn in its place, but shown when it is known what stands above: nothing jumps. */}
        <div aria-busy={waiting} className={clsx("flex flex-col gap-4", waiting && "invisible")}>
          <FirstRun />
          <Now />
          <EquityPanel />
          <div className="grid gap-4 xl:grid-cols-2">
            <Results />
            <Today />
          </div>
          <Later height={640}>
            <div className="grid items-start gap-4 xl:grid-cols-2">
              <Running />
              <Open />
              <Health />
              <Unseen />
            </div>
          </Later>
        </div>
      </div>
    </Page>
  );
}

/** What is won or lost now: the ledger's own sums, since the accounts began, and the session's. */
function Now() {
  const api = useApi();
  const { selected } = useAccounts();
  const query = useQuery({
    queryKey: ["pnl", "current", selected?.id ?? null],
    queryFn: () => body(api.GET("/api/pnl/current", { params: { query: selected === null ? {} : { broker_account_id: selected.id } } })),
    refetchInterval: 5_000,
  });
  return (
    <Panel title="Profit and loss" className="min-h-48 md:min-h-32">
      <Loaded query={query} rows={1}>
        {({ results }) => {
          const of = results.filter(({ scope, broker_account_id }) => scope === "account" && (selected === null || broker_account_id === selected.id));
          if (of.length === 0) return <p className="text-sm text-dim">Nothing was traded yet. <Link className="text-accent underline" to="/trade">Place an order</Link>, or start a strategy.</p>;
          const missing = [...new Set(of.flatMap((one) => one.missing))];
          return (
            <dl className="grid grid-cols-2 gap-4 md:grid-cols-4">
              <Figure name="Session on record"><Pnl amount={sum(of.map((one) => one.session_result))} /></Figure>
              <Figure name="Realised, since the beginning"><Pnl amount={sum(of.map((one) => one.realised_pnl))} /></Figure>
              <Figure name="Unrealised" hint={missing.length > 0 ? `No mark: ${missing.join(", ")}` : "At the latest marks"}><Pnl amount={sum(of.map((one) => one.unrealised_pnl))} /></Figure>
              <Figure name="Fees"><Dollars amount={sum(of.map((one) => one.fees))} /></Figure>
            </dl>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function Results() {
  const { rows, loaded } = useRows("reports");
  const { selected } = useAccounts();
  const days = useMemo(() => byDay(rows.filter((row) => selected === null || row.broker_account_id === selected.id)), [rows, selected]);
  const newest = [...days.keys()].sort().at(-1);
  if (!loaded) return <Loading rows={8} />;
  if (newest === undefined) return <Panel title="Results by session"><Empty>No session was reported yet. A report is written after each close.</Empty></Panel>;
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <Panel title={`Results, to ${newest}`}>
        <dl className="grid grid-cols-2 gap-4 md:grid-cols-4">
          {PERIODS.map(({ period, name }) => <Figure key={period} name={name}><Pnl amount={resultOf(period, days, newest)} /></Figure>)}
        </dl>
        <p className="mt-2 text-xs text-dim">Of the daily reports, after fees. Dividends and interest count; deposits and withdrawals are no profit.</p>
      </Panel>
      <Calendar days={days} newest={newest} />
    </div>
  );
}

const TRADES: readonly Column<TradeRow>[] = [
  { id: "event_at", name: "Decided", cell: (row) => <Time at={row.event_at} />, value: (row) => row.event_at },
  { id: "symbol", name: "Symbol", cell: (row) => <Link className="font-medium hover:underline" to={`/orders/${row.id}`}>{row.symbol}</Link>, value: (row) => row.symbol },
  { id: "side", name: "Side", cell: (row) => (row.side === "buy" ? "Buy" : "Sell"), value: (row) => row.side },
  { id: "quantity", name: "Quantity", numeric: true, cell: (row) => (row.quantity === null ? `$${quantity(row.notional)}` : quantity(row.quantity)), value: (row) => row.quantity },
  { id: "status", name: "State", cell: (row) => <StateChip status={row.status} />, value: (row) => stateName(row.status) },
];

function Today() {
  const { rows, loaded } = useRows("trades");
  const { selected } = useAccounts();
  const zone = useProfile().time_zone;
  const shown = useMemo(() => {
    const today = day(new Date(), zone);
    return rows.filter((row) => day(row.created_at, zone) === today && (selected === null || row.broker_account_id === selected.id));
  }, [rows, zone, selected]);
  return (
    <Panel flush title="Today's trades">
      <Table label="Today's trades" columns={TRADES} rows={shown} rowKey={(row) => row.id} loading={!loaded} empty="No trade today." height={420} />
    </Panel>
  );
}
