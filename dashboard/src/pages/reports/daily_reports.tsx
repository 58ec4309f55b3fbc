/** The daily reports, live; one of them by strategy and symbol, as CSV, and on paper or as PDF by the browser's own print. */
import { useMemo, useState } from "react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Download, Printer } from "lucide-react";
import { body } from "@/api/client";
import type { ReportDetail, ReportLine } from "@/api/schema";
import { useRows } from "@/live/hooks";
import type { ReportRow } from "@/live/rows";
import { dollars, percent, price, quantity } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { save } from "@/ui/csv";
import { Dialog } from "@/ui/dialog";
import { Chip, FullTime, Pnl } from "@/ui/figures";
import { Figure } from "@/ui/panel";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { ReportVersions } from "./report_versions";

export function DailyReports() {
  const { rows, loaded } = useRows("reports");
  const { selected, byId } = useAccounts();
  const [open, setOpen] = useState<ReportRow | null>(null);
  const shown = useMemo(() => rows.filter((row) => selected === null || row.broker_account_id === selected.id), [rows, selected]);
  const columns = useMemo((): readonly Column<ReportRow>[] => {
    const account = (row: ReportRow) => {
      const found = byId.get(row.broker_account_id);
      return found ? accountName(found) : row.broker_account_id;
    };
    return [
      { id: "day", name: "Session", cell: (row) => row.report_date, value: (row) => row.report_date },
      { id: "account", name: "Account", cell: account, value: account },
      { id: "total", name: "Result", numeric: true, cell: (row) => <Pnl amount={row.total_pnl} />, value: (row) => row.total_pnl },
      { id: "realised", name: "Realised", numeric: true, optional: true, cell: (row) => <Pnl amount={row.realised_pnl} />, value: (row) => row.realised_pnl },
      { id: "unrealised", name: "Unrealised", numeric: true, optional: true, cell: (row) => <Pnl amount={row.unrealised_pnl} />, value: (row) => row.unrealised_pnl },
      { id: "fees", name: "Fees", numeric: true, optional: true, cell: (row) => dollars(row.fees), value: (row) => row.fees },
      { id: "trades", name: "Trades", numeric: true, cell: (row) => row.trades, value: (row) => row.trades },
      { id: "fills", name: "Fills", numeric: true, optional: true, cell: (row) => row.fills, value: (row) => row.fills },
      { id: "version", name: "Version", cell: (row) => (row.report_version > 1 ? <Chip tone="warn" title="Corrected since it was first written">{row.report_version}</Chip> : "1"), value: (row) => row.report_version },
      { id: "open", name: "Details", cell: (row) => <Button small onClick={() => setOpen(row)} aria-label={`Open the report of ${row.report_date}`}>Open</Button>, value: () => null },
    ];
  }, [byId]);
  return (
    <>
      <Table label="Daily reports" columns={columns} rows={shown} rowKey={(row) => row.id} loading={!loaded} empty="No session was reported yet. A report is written after each close." height={640} />
      {open && <ReportDialog row={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function ReportDialog({ row, onClose }: { row: ReportRow; onClose: () => void }) {
  const api = useApi();
  const { byId } = useAccounts();
  const account = byId.get(row.broker_account_id);
  const query = useQuery({
    queryKey: ["reports", row.id, row.version],
    queryFn: () => body(api.GET("/api/reports/{id}", { params: { path: { id: row.id } } })),
  });
  const download = useMutation({
    mutationFn: async () => {
      const { data } = await api.GET("/api/reports/{id}/download", { params: { path: { id: row.id }, query: { format: "csv" } }, parseAs: "text" });
      save(`report-${row.report_date}.csv`, String(data), "text/csv;charset=utf-8");
    },
  });
  return (
    <Dialog open onOpenChange={(shown) => !shown && onClose()} title={`Session of ${row.report_date}`} about={account ? accountName(account) : undefined} wide>
      <div className="mb-4 flex gap-2 print:hidden">
        <Button small busy={download.isPending} onClick={() => download.mutate()}><Download aria-hidden className="size-4" /> CSV</Button>
        <Button small onClick={() => print()}><Printer aria-hidden className="size-4" /> Print or save as PDF</Button>
      </div>
      <Loaded query={query}>{(report) => <Report report={report} />}</Loaded>
    </Dialog>
  );
}

function Report({ report }: { report: ReportDetail }) {
  const strategies = useRows("strategies").rows;
  const columns = useMemo((): readonly Column<ReportLine>[] => {
    const names = new Map(strategies.map(({ id, name }) => [id, name]));
    const owner = (line: ReportLine) => (line.strategy_id === null ? "by hand" : (names.get(line.strategy_id) ?? "a strategy"));
    return [
      { id: "strategy", name: "Strategy", cell: owner, value: owner },
      { id: "symbol", name: "Symbol", cell: (line) => line.symbol, value: (line) => line.symbol },
      { id: "quantity", name: "Held at the close", numeric: true, cell: (line) => quantity(line.quantity), value: (line) => line.quantity },
      { id: "close", name: "Close, $", numeric: true, cell: (line) => price(line.close), value: (line) => line.close },
      { id: "realised", name: "Realised", numeric: true, cell: (line) => <Pnl amount={line.realised_pnl} />, value: (line) => line.realised_pnl },
      { id: "unrealised", name: "Unrealised", numeric: true, cell: (line) => <Pnl amount={line.unrealised_pnl} />, value: (line) => line.unrealised_pnl },
      { id: "fees", name: "Fees", numeric: true, cell: (line) => dollars(line.fees), value: (line) => line.fees },
    ];
  }, [strategies]);
  return (
    <>
      <dl className="mb-4 grid grid-cols-2 gap-4 sm:grid-cols-4">
        <Figure name="Result after fees"><Pnl amount={report.total_pnl} /></Figure>
        <Figure name="Realised, by average cost"><Pnl amount={report.realised_pnl} /></Figure>
        <Figure name="Realised, first in first out"><Pnl amount={report.realised_pnl_fifo} /></Figure>
        <Figure name="Fees">{dollars(report.fees)}</Figure>
        <Figure name="Cash at the beginning">{dollars(report.starting_cash)}</Figure>
        <Figure name="Cash at the end">{dollars(report.ending_cash)}</Figure>
        <Figure name="Dividends"><Pnl amount={report.dividends} arrow={false} /></Figure>
        <Figure name="Interest"><Pnl amount={report.interest} arrow={false} /></Figure>
        <Figure name="Paid in">{dollars(report.deposits)}</Figure>
        <Figure name="Paid out">{dollars(report.withdrawals)}</Figure>
        <Figure name="Equity at the beginning">{dollars(report.starting_equity)}</Figure>
        <Figure name="Equity at the end">{dollars(report.ending_equity)}</Figure>
        <Figure name="Return of the day" hint="time-weighted">{percent(report.daily_return, 2)}</Figure>
        <Figure name="Below its best" hint="drawdown of the chained returns">{percent(report.drawdown, 2)}</Figure>
        <Figure name="Trades and fills">{report.trades} / {report.fills}</Figure>
        <Figure name="Session closed"><FullTime at={report.closed_at} /></Figure>
      </dl>
      <Table label={`Report of ${report.report_date}`} columns={columns} rows={report.lines} rowKey={(line) => `${line.strategy_id ?? ""} ${line.symbol}`} empty="Nothing was held or traded." height={360} csv={false} />
      {report.report_version > 1 && <ReportVersions id={report.id} newest={report.report_version} />}
    </>
  );
}
