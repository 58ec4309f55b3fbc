/** Whether our books agree with the broker's: each comparison, and what it found. */
import { useQuery } from "@tanstack/react-query";
import { useAccounts } from "@/session/accounts";
import { useSupabase } from "@/session/context";
import { Chip, FullTime, Numbers } from "@/ui/figures";
import { Loaded } from "@/ui/states";
import { Table, type Column } from "@/ui/table";

interface Run {
  id: string;
  broker_account_id: string;
  kind: string;
  session_date: string | null;
  as_of: string;
  status: "running" | "clean" | "broken" | "failed";
}

interface Break {
  id: string;
  broker_account_id: string;
  kind: string;
  symbol: string | null;
  text: string;
  numbers: Record<string, unknown>;
  halts: boolean;
  status: "open" | "closed";
  created_at: string;
  resolution: string | null;
}

const TONES = { running: "plain", clean: "good", broken: "bad", failed: "warn" } as const satisfies Record<Run["status"], string>;
const EVERY_MS = 30_000;
const MOST = 200;

const RUNS: readonly Column<Run>[] = [
  { id: "as_of", name: "As of", cell: (row) => <FullTime at={row.as_of} />, value: (row) => row.as_of },
  { id: "kind", name: "When", cell: (row) => row.kind.replaceAll("_", " "), value: (row) => row.kind },
  { id: "session", name: "Session", cell: (row) => row.session_date ?? "–", value: (row) => row.session_date },
  { id: "status", name: "Outcome", cell: (row) => <Chip tone={TONES[row.status]}>{row.status}</Chip>, value: (row) => row.status },
];

const BREAKS: readonly Column<Break>[] = [
  { id: "at", name: "Found", cell: (row) => <FullTime at={row.created_at} />, value: (row) => row.created_at },
  { id: "status", name: "State", cell: (row) => <Chip tone={row.status === "open" ? "bad" : "good"}>{row.status}</Chip>, value: (row) => row.status },
  { id: "kind", name: "Kind", cell: (row) => row.kind.replaceAll("_", " "), value: (row) => row.kind },
  { id: "symbol", name: "Symbol", cell: (row) => row.symbol ?? "–", value: (row) => row.symbol },
  { id: "text", name: "What", cell: (row) => row.text, value: (row) => row.text },
  { id: "numbers", name: "Numbers", optional: true, cell: (row) => <Numbers of={row.numbers} />, value: (row) => JSON.stringify(row.numbers) },
  { id: "halts", name: "Halts entries", optional: true, cell: (row) => (row.halts ? "yes" : "no"), value: (row) => String(row.halts) },
  { id: "resolution", name: "Closed by", optional: true, cell: (row) => row.resolution ?? "–", value: (row) => row.resolution },
];

export function Reconciliation() {
  const supabase = useSupabase();
  const { selected } = useAccounts();
  const ask = async <Row,>(table: string, columns: string, newest: string): Promise<Row[]> => {
    const asked = supabase.from(table).select(columns).order(newest, { ascending: false }).limit(MOST);
    const { data, error } = await (selected ? asked.eq("broker_account_id", selected.id) : asked);
    if (error) throw new Error(error.message);
    return data as unknown as Row[];
  };
  const breaks = useQuery({
    queryKey: ["reconciliation", "breaks", selected?.id ?? null],
    queryFn: () => ask<Break>("reconciliation_breaks", "id,broker_account_id,kind,symbol,text,numbers,halts,status,created_at,resolution", "created_at"),
    refetchInterval: EVERY_MS,
  });
  const runs = useQuery({
    queryKey: ["reconciliation", "runs", selected?.id ?? null],
    queryFn: () => ask<Run>("reconciliation_runs", "id,broker_account_id,kind,session_date,as_of,status", "as_of"),
    refetchInterval: EVERY_MS,
  });
  return (
    <>
      <h2 className="px-4 pt-4 text-sm font-semibold">What does not agree</h2>
      <Loaded query={breaks}>{(rows) => <Table label="Breaks" columns={BREAKS} rows={rows} rowKey={(row) => row.id} empty="The books agree with the broker's, as far as they were compared." height={300} />}</Loaded>
      <h2 className="px-4 pt-4 text-sm font-semibold">Comparisons</h2>
      <Loaded query={runs}>{(rows) => <Table label="Comparisons" columns={RUNS} rows={rows} rowKey={(row) => row.id} empty="The books were not compared yet." height={300} />}</Loaded>
    </>
  );
}
