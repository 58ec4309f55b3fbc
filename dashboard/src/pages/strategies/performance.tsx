/** How a strategy has done: its curve, and the numbers that it is judged by. */
import { lazy, Suspense, useMemo } from "react";
import { useNavigate } from "react-router";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Trade } from "@/api/schema";
import type { StrategyRow } from "@/live/rows";
import { grouped, percent, price, quantity, signedDollars, type Amount } from "@/money/amount";
import { Refusal } from "@/orders/refusal";
import { useApi, useSupabase } from "@/session/context";
import { Chip, FullTime, Pnl } from "@/ui/figures";
import { Figure, Panel } from "@/ui/panel";
import { Failure, Loading } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { closings, curve, slippage, type BookedFill } from "@/strategies/curve";
import { MOST_FILLS, useBookedFills, useReportLines, useResults } from "@/strategies/data";

const Chart = lazy(async () => ({ default: (await import("./result_chart")).ResultChart }));

export function Performance({ row }: { row: StrategyRow }) {
  const fills = useBookedFills(row.id);
  const lines = useReportLines().get(row.id);
  const now = useResults()?.get(row.id);
  const points = useMemo(() => curve(lines ?? [], fills.data ?? []), [lines, fills.data]);
  const closed = useMemo(() => closings(fills.data ?? []), [fills.data]);
  const slipped = useSlippage(row.id, fills.data);
  return (
    <div className="flex flex-col gap-4">
      <Panel>
        <dl className="grid grid-cols-2 gap-x-6 gap-y-4 sm:grid-cols-3 xl:grid-cols-6">
          <Figure name="So far" hint="realised and unrealised, less fees"><Pnl amount={now?.result} /></Figure>
          <Figure name="Session" hint={now?.session_date ?? "no session yet"}><Pnl amount={now?.session_result} /></Figure>
          <Figure name="Unrealised" hint={now && now.missing.length > 0 ? `no mark of ${now.missing.join(", ")}` : "at the latest marks"}><Pnl amount={now?.unrealised_pnl} /></Figure>
          <Figure name="Win rate" hint={`${closed.won} won, ${closed.lost} lost`}>{percent(closed.rate)}</Figure>
          <Figure name="Below its best" hint="drawdown, dollars"><Pnl amount={now?.drawdown_from_peak ? negative(now.drawdown_from_peak) : now?.drawdown_from_peak} /></Figure>
          <Figure name="Slippage" hint={slipped ? `${slipped.known} of ${slipped.of} newest fills; above 0 it cost` : "against the marks"}>
            {slipped && slipped.known > 0 ? <>{signedDollars(slipped.cost)} <span className="text-xs font-normal text-dim">{basisPoints(slipped.share)}</span></> : "–"}
          </Figure>
        </dl>
      </Panel>
      <Panel title="Realised, less fees" actions={fills.data && fills.data.length >= MOST_FILLS ? <span className="text-xs text-warn">The newest {MOST_FILLS} fills</span> : undefined}>
        <div className="h-64">
          {fills.error ? <Failure error={fills.error} retry={() => void fills.refetch()} /> : fills.data === undefined ? <Loading rows={6} /> : points.length === 0 ? (
            <p className="flex h-full items-center justify-center text-sm text-dim">Nothing was traded yet. Its decisions say why.</p>
          ) : (
            <Suspense fallback={<Loading rows={6} />}><Chart points={points} name={row.name} /></Suspense>
          )}
        </div>
      </Panel>
      <Panel title="Trades" flush><Trades row={row} /></Panel>
    </div>
  );
}

function negative(amount: Amount): Amount {
  return /^-?0*(\.0*)?$/.test(amount) ? "0" : `-${amount}`;
}

function basisPoints(share: Amount | null): string {
  return share === null ? "" : `${grouped((Number(share) * 10_000).toFixed(2))} bp`;
}

/** As many orders as one question can name. */
const MOST_ORDERS = 100;

/** The marks at which its newest orders were judged are in risk's record of each. */
function useSlippage(strategy: string, fills: readonly BookedFill[] | undefined) {
  const supabase = useSupabase();
  const orders = useMemo(() => [...new Set((fills ?? []).map(({ trade_id }) => trade_id))].slice(0, MOST_ORDERS), [fills]);
  const { data: marks } = useQuery({
    queryKey: ["trades", "marks", strategy, orders.length, orders[0]],
    enabled: orders.length > 0,
    queryFn: async () => {
      const { data, error } = await supabase.from("risk_decisions").select("trade_id,numbers").eq("rule", "MARKS").in("trade_id", orders);
      if (error) throw new Error(error.message);
      return new Map((data as { trade_id: string; numbers: Record<string, Amount> }[]).map((one) => [one.trade_id, one.numbers]));
    },
  });
  return useMemo(() => {
    if (!fills || !marks) return null;
    const of = new Set(orders);
    return slippage(fills.filter(({ trade_id }) => of.has(trade_id)), marks);
  }, [fills, marks, orders]);
}

function Trades({ row }: { row: StrategyRow }) {
  const api = useApi();
  const navigate = useNavigate();
  const query = useQuery({
    queryKey: ["trades", "of strategy", row.id],
    queryFn: async () => (await body(api.GET("/api/trades", { params: { query: { strategy_id: row.id, limit: 200 } } }))).data,
  });
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return (
    <Table
      label={`Trades of ${row.name}`}
      columns={TRADES}
      rows={query.data ?? []}
      loading={query.isPending}
      rowKey={(trade) => trade.id}
      onRow={(trade) => void navigate(`/orders/${trade.id}`)}
      empty="No trade yet. Its decisions say why."
      height={420}
    />
  );
}

const TONES: Readonly<Record<string, "good" | "bad" | "warn" | "plain">> = { filled: "good", rejected: "bad", denied: "bad", canceled: "plain", expired: "plain", replaced: "plain" };

const TRADES: readonly Column<Trade>[] = [
  { id: "at", name: "At", cell: (trade) => <FullTime at={trade.event_at} />, value: (trade) => trade.event_at },
  { id: "what", name: "Order", cell: (trade) => `${trade.side} ${quantity(trade.quantity)} ${trade.symbol}`, value: (trade) => `${trade.side} ${trade.quantity ?? ""} ${trade.symbol}` },
  { id: "state", name: "State", cell: (trade) => <Chip tone={TONES[trade.status] ?? "warn"}>{trade.status}</Chip>, value: (trade) => trade.status },
  { id: "filled", name: "Filled", numeric: true, cell: (trade) => quantity(trade.filled_quantity), value: (trade) => trade.filled_quantity },
  { id: "price", name: "Price, $", numeric: true, cell: (trade) => price(trade.fill_price), value: (trade) => trade.fill_price },
  { id: "why", name: "Why", optional: true, cell: (trade) => <span className="block max-w-[36rem] truncate" title={trade.refusal ?? trade.reason}>{trade.refusal === null ? trade.reason : <Refusal text={trade.refusal} />}</span>, value: (trade) => trade.refusal ?? trade.reason },
];
