/** Equity and drawdown of the shown accounts, in the range that is asked for. */
import { lazy, Suspense, useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { accountName, useAccounts } from "@/session/accounts";
import { useSupabase } from "@/session/context";
import { dollars } from "@/money/amount";
import { ModeBadge } from "@/ui/figures";
import { Segments } from "@/ui/form";
import type { Line } from "@/ui/line_chart";
import { Panel } from "@/ui/panel";
import { Empty, Loaded, Loading } from "@/ui/states";
import { curveOf, type Curve, type Snapshot } from "./equity";

// The chart is heavy: the numbers come first.
const LineChart = lazy(async () => ({ default: (await import("@/ui/line_chart")).LineChart }));

const RANGES = [
  { value: "1", label: "Day" },
  { value: "7", label: "Week" },
  { value: "31", label: "Month" },
  { value: "366", label: "Year" },
] as const;
type Range = (typeof RANGES)[number]["value"];
/** What PostgREST gives at most in one answer; the newest are kept. */
const MOST = 1000;
const EVERY_MS = 15_000;
const DAY_MS = 86_400_000;

export function EquityPanel() {
  const supabase = useSupabase();
  const { accounts, selected } = useAccounts();
  const [range, setRange] = useState<Range>("1");
  const shown = useMemo(() => (accounts ?? []).filter((one) => one.status === "active" && (selected === null || one.id === selected.id)), [accounts, selected]);
  const ids = shown.map(({ id }) => id);
  const query = useQuery({
    queryKey: ["balance", "curve", ids, range],
    enabled: accounts !== undefined,
    refetchInterval: EVERY_MS,
    placeholderData: (before) => before,
    queryFn: async (): Promise<Curve> => {
      if (ids.length === 0) return curveOf([], []);
      const asked = () => supabase.from("account_snapshots").select("broker_account_id,as_of,equity::text").in("broker_account_id", ids);
      const newest = await asked().order("as_of", { ascending: false }).limit(1);
      if (newest.error) throw new Error(newest.error.message);
      const [last] = newest.data as unknown as Snapshot[];
      if (!last) return curveOf([], ids);
      // Counted from the newest word: a market that is closed, or replayed, has none of today.
      const since = new Date(Date.parse(last.as_of) - Number(range) * DAY_MS).toISOString();
      const { data, error } = await asked().gte("as_of", since).order("as_of", { ascending: false }).limit(MOST);
      if (error) throw new Error(error.message);
      return curveOf(data, ids);
    },
  });
  const [only] = shown;
  return (
    <Panel
      title={<div className="flex items-center gap-2"><h2 className="text-sm font-semibold">Equity{only && shown.length === 1 ? ` of ${accountName(only)}` : ""}</h2>{only && <ModeBadge paper={shown.every(({ is_paper }) => is_paper)} />}</div>}
      actions={<Segments label="Range" value={range} onChange={setRange} options={RANGES} />}
    >
      <div className="min-h-96">
        <Loaded query={query} rows={8}>
          {(curve) => (curve.times.length < 2 ? <Empty>The broker has said too little of the equity to draw it. It is asked every few minutes while the market is open.</Empty> : <Suspense fallback={<Loading rows={8} />}><Drawn curve={curve} /></Suspense>)}
        </Loaded>
      </div>
      <p className="text-xs text-dim">As the broker said; the newest {MOST} words of the range. Deposits and withdrawals move it too, and are no profit.</p>
    </Panel>
  );
}

function Drawn({ curve }: { curve: Curve }) {
  const say = (value: number) => dollars(value.toFixed(2));
  const equity: readonly Line[] = useMemo(() => [{ name: "Equity, $", values: curve.equity, colour: "--accent", filled: false, say: (value: number) => dollars(value.toFixed(2)) }], [curve]);
  const drawdown: readonly Line[] = useMemo(() => [{ name: "Drawdown, $", values: curve.drawdown, colour: "--loss", filled: true, say: (value: number) => dollars(value.toFixed(2)) }], [curve]);
  const first = curve.equity[0] ?? 0;
  const last = curve.equity.at(-1) ?? 0;
  return (
    <>
      <LineChart times={curve.times} lines={equity} together="equity" height={250} label={`Equity from ${say(first)} to ${say(last)}, lowest ${say(Math.min(...curve.equity))}, highest ${say(Math.max(...curve.equity))}`} />
      <LineChart times={curve.times} lines={drawdown} together="equity" height={130} label={`Drawdown, deepest ${say(Math.min(...curve.drawdown))}`} />
    </>
  );
}
