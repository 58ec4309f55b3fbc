/** What is held now, in short. */
import { useMemo } from "react";
import { Link } from "react-router";
import Big from "big.js";
import { useRows } from "@/live/hooks";
import { useMarks } from "@/live/quotes";
import type { PositionRow } from "@/live/rows";
import { quantity } from "@/money/amount";
import { openPnl } from "@/positions/pnl";
import { useAccounts } from "@/session/accounts";
import { Pnl } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Table, type Column } from "@/ui/table";

export function Open() {
  const { rows, loaded } = useRows("positions");
  const { selected } = useAccounts();
  const held = useMemo(() => rows.filter((row) => !new Big(row.quantity).eq(0) && (selected === null || row.broker_account_id === selected.id)), [rows, selected]);
  const marks = useMarks(held.map(({ symbol }) => symbol));
  const columns = useMemo((): readonly Column<PositionRow>[] => {
    const result = (row: PositionRow) => openPnl(row, marks.get(row.symbol)?.mark);
    return [
      { id: "symbol", name: "Symbol", cell: (row) => <Link className="font-medium hover:underline" to={`/trade/${encodeURIComponent(row.symbol)}`}>{row.symbol}</Link>, value: (row) => row.symbol },
      { id: "quantity", name: "Quantity", numeric: true, cell: (row) => quantity(row.quantity), value: (row) => row.quantity },
      { id: "open", name: "Open result", numeric: true, cell: (row) => <Pnl amount={result(row)} />, value: result },
    ];
  }, [marks]);
  return (
    <Panel flush title="Open positions" actions={<Link className="text-sm text-accent underline" to="/positions">All positions</Link>}>
      <Table label="Open positions" columns={columns} rows={held} rowKey={(row) => `${row.broker_account_id} ${row.symbol}`} loading={!loaded} sort={{ id: "symbol", desc: false }} empty="Nothing is held." height={320} />
    </Panel>
  );
}
