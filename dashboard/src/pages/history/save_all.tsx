/** Every page of the filtered trades as one CSV file, with how far it is. */
import { useEffect, useRef, useState } from "react";
import { Download } from "lucide-react";
import type { paths } from "@/api/schema";
import { useApi, useSupabase } from "@/session/context";
import { failed, said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { saveCsv, type Cell } from "@/ui/csv";
import { noteOf } from "./note";
import { readPage, type Past } from "./trade_pages";

const A_PAGE = 200;

export const CSV_NAMES = [
  "Trade", "Decided (UTC)", "Status", "Symbol", "Side", "Type", "Time in force", "Ordered", "Limit (USD)", "Stop (USD)", "Filled", "Average (USD)",
  "Realised P&L before fees (USD)", "Fees (USD)", "Source", "Strategy", "Account", "Reason", "Refusal", "Note",
] as const;

export function csvRow({ trade, realised, fees }: Past, strategy: string | undefined, account: string | undefined): Cell[] {
  return [
    trade.id, trade.event_at, trade.status, trade.symbol, trade.side, trade.order_type, trade.time_in_force, trade.quantity, trade.price, trade.stop_price,
    trade.filled_quantity, trade.fill_price, realised, fees, trade.source, strategy ?? trade.strategy_id, account ?? trade.broker_account_id, trade.reason,
    trade.refusal, noteOf(trade),
  ];
}

interface Props {
  query: NonNullable<paths["/api/trades"]["get"]["parameters"]["query"]>;
  strategyName: (id: string | null) => string | undefined;
  nameOfAccount: (id: string) => string | undefined;
}

export function SaveAll({ query, strategyName, nameOfAccount }: Props) {
  const api = useApi();
  const supabase = useSupabase();
  const [count, setCount] = useState<number | null>(null);
  const stopped = useRef(false);
  useEffect(() => {
    stopped.current = false;
    return () => {
      stopped.current = true;
    };
  }, []);
  const isStopped = () => stopped.current;
  const save = async () => {
    stopped.current = false;
    const rows: Cell[][] = [];
    setCount(0);
    try {
      for (let cursor: string | null = null; ;) {
        const page = await readPage(api, supabase, query, cursor, A_PAGE);
        rows.push(...page.rows.map((row) => csvRow(row, strategyName(row.trade.strategy_id), nameOfAccount(row.trade.broker_account_id))));
        if (isStopped()) return;
        setCount(rows.length);
        if (page.next === null) break;
        cursor = page.next;
      }
      saveCsv("trades", CSV_NAMES, rows);
      said(`${rows.length} trades are saved.`);
    } catch (error) {
      failed(error);
    } finally {
      setCount(null);
    }
  };
  if (count !== null) {
    return <Button onClick={() => (stopped.current = true)}><span role="status" className="tabular-nums">{count} trades…</span> Stop</Button>;
  }
  return <Button onClick={() => void save()}><Download aria-hidden className="size-4" /> Save all as CSV</Button>;
}
