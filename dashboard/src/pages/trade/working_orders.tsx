/** The orders of the symbol that are not over, and those that ended last. */
import { useMemo } from "react";
import { useNavigate } from "react-router";
import type { TradeRow } from "@/live/rows";
import { dollars, grouped, price } from "@/money/amount";
import { Time } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Table, type Column } from "@/ui/table";
import { CancelOrder } from "@/orders/cancel_order";
import { isOpen, StateChip } from "@/orders/states";

const ENDED_SHOWN = 5;

const COLUMNS: readonly Column<TradeRow>[] = [
  { id: "status", name: "State", cell: (row) => <StateChip status={row.status} />, value: (row) => row.status },
  { id: "side", name: "Side", cell: (row) => row.side, value: (row) => row.side },
  { id: "quantity", name: "Filled of", numeric: true, cell: (row) => `${grouped(row.filled_quantity)} / ${row.quantity === null ? dollars(row.notional) : grouped(row.quantity)}`, value: (row) => row.quantity },
  { id: "type", name: "Type", cell: (row) => row.order_type.replaceAll("_", " "), value: (row) => row.order_type, optional: true },
  { id: "price", name: "Limit, $", numeric: true, cell: (row) => price(row.price), value: (row) => row.price },
  { id: "stop", name: "Stop, $", numeric: true, cell: (row) => price(row.stop_price), value: (row) => row.stop_price, optional: true },
  { id: "source", name: "From", cell: (row) => row.source, value: (row) => row.source, optional: true },
  { id: "time", name: "Changed", cell: (row) => <Time at={row.status_at} />, value: (row) => row.status_at, optional: true },
  { id: "act", name: "", cell: (row) => <span onClick={(event) => event.stopPropagation()}><CancelOrder trade={row} /></span>, value: () => null },
];

export function WorkingOrders({ symbol, trades, loading }: { symbol: string; trades: readonly TradeRow[]; loading: boolean }) {
  const navigate = useNavigate();
  const rows = useMemo(() => [...trades.filter(({ status }) => isOpen(status)), ...trades.filter(({ status }) => !isOpen(status)).slice(0, ENDED_SHOWN)], [trades]);
  return (
    <Panel flush title={`Orders in ${symbol}`}>
      <Table label={`Orders in ${symbol}`} columns={COLUMNS} rows={rows} rowKey={({ id }) => id} loading={loading} csv={false} height={300} onRow={({ id }) => void navigate(`/orders/${id}`)} empty={`No order in ${symbol} yet. Fill in the ticket to place one.`} />
    </Panel>
  );
}
