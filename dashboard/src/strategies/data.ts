/** What the pages of strategies read beside the live rows. */
import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import { Problem } from "@/api/problem";
import type { DeactivationProgress, StrategyDecision, StrategyKind, StrategyValidation } from "@/api/schema";
import { useRows } from "@/live/hooks";
import type { Amount } from "@/money/amount";
import { useApi, useSupabase } from "@/session/context";
import type { Supabase } from "@/session/supabase";
import type { BookedFill, Line } from "./curve";

const LIVE_MS = 5_000;
const PROGRESS_MS = 1_500;
const PAGE = 1000;
const LATEST = 200;
/** More fills than that of one strategy are not drawn; what is shown says so. */
export const MOST_FILLS = 5_000;

/** The kinds of strategies that are installed; they change only with the platform. */
export function useKinds() {
  const api = useApi();
  return useQuery({
    queryKey: ["strategy-kinds"],
    staleTime: 300_000,
    queryFn: async () => (await body(api.GET("/api/strategy-kinds"))).data as readonly StrategyKind[],
  });
}

export function useKindTitle(): (kind: string) => string {
  const { data } = useKinds();
  return (kind) => data?.find((one) => one.kind === kind)?.title ?? kind;
}

export interface Result {
  strategy_id: string;
  realised_pnl: Amount;
  unrealised_pnl: Amount | null;
  fees: Amount;
  result: Amount | null;
  session_result: Amount | null;
  session_date: string | null;
  drawdown_from_peak: Amount | null;
  missing: readonly string[];
}

const RESULT = "strategy_id,realised_pnl::text,unrealised_pnl::text,fees::text,result::text,session_result::text,session_date,drawdown_from_peak::text,missing";

/** What each strategy wins or loses now, at the latest marks; one that has never traded is not in the map. */
export function useResults(): ReadonlyMap<string, Result> | undefined {
  const supabase = useSupabase();
  const { data } = useQuery({
    queryKey: ["pnl", "strategies"],
    refetchInterval: LIVE_MS,
    queryFn: async () => {
      const { data: rows, error } = await supabase.from("result_progress").select(RESULT).eq("scope", "strategy").limit(PAGE);
      if (error) throw new Error(error.message);
      return new Map((rows as unknown as Result[]).map((row) => [row.strategy_id, row]));
    },
  });
  return data;
}

const FILL = "id,trade_id,strategy_id,kind,symbol,side,quantity::text,price::text,multiplier::text,fee::text,strategy_realised_pnl::text,executed_at";

/** Fills of one strategy, or the newest of all of them; the newest first. */
export function useBookedFills(strategy: string | null) {
  const supabase = useSupabase();
  return useQuery({
    queryKey: ["trades", "booked", strategy],
    queryFn: () => bookedFills(supabase, strategy),
  });
}

async function bookedFills(supabase: Supabase, strategy: string | null): Promise<readonly BookedFill[]> {
  const found: BookedFill[] = [];
  const most = strategy === null ? PAGE : MOST_FILLS;
  while (found.length < most) {
    let asked = supabase.from("fills").select(FILL).order("executed_at", { ascending: false }).order("id").range(found.length, found.length + PAGE - 1);
    asked = strategy === null ? asked.not("strategy_id", "is", null) : asked.eq("strategy_id", strategy);
    const { data, error } = await asked;
    if (error) throw new Error(error.message);
    found.push(...(data as unknown as BookedFill[]));
    if (data.length < PAGE) break;
  }
  return found;
}

const DETAIL: string = "report_id,report_version,strategy_id,realised_pnl::text,fees::text";

interface Detail {
  report_id: string;
  report_version: number;
  strategy_id: string;
  realised_pnl: Amount;
  fees: Amount;
}

/** The lines of the newest version of each daily report, by strategy. */
export function useReportLines(): ReadonlyMap<string, readonly Line[]> {
  const supabase = useSupabase();
  const { rows: reports } = useRows("reports");
  const { data } = useQuery<readonly Detail[]>({
    queryKey: ["reports", "lines"],
    queryFn: async () => {
      const { data: rows, error } = await supabase.from("daily_pnl_report_details").select(DETAIL)
        .not("strategy_id", "is", null).order("created_at", { ascending: false }).limit(PAGE);
      if (error) throw new Error(error.message);
      return rows as unknown as Detail[];
    },
  });
  return useMemo(() => {
    const dates = new Map(reports.map(({ id, report_version, report_date }) => [`${id} ${report_version}`, report_date]));
    const lines = (data ?? []).flatMap((row) => {
      const date = dates.get(`${row.report_id} ${row.report_version}`);
      return date === undefined ? [] : [{ strategy: row.strategy_id, date, realised: row.realised_pnl, fees: row.fees }];
    });
    return Map.groupBy(lines, ({ strategy }) => strategy);
  }, [data, reports]);
}

/** What is still being closed of stopped strategies. */
export function useClosing(): ReadonlySet<string> {
  const supabase = useSupabase();
  const { data } = useQuery({
    queryKey: ["strategies", "closing"],
    refetchInterval: ({ state }) => (state.data !== undefined && state.data.size > 0 ? PROGRESS_MS : false),
    queryFn: async () => {
      const { data: rows, error } = await supabase.from("deactivation_progress").select("strategy_id").eq("complete", false).limit(PAGE);
      if (error) throw new Error(error.message);
      return new Set((rows as { strategy_id: string }[]).map(({ strategy_id }) => strategy_id));
    },
  });
  return data ?? NONE;
}

const NONE: ReadonlySet<string> = new Set();

/** How far the closing of a stopped strategy is; null where nothing is to be closed. */
export function useDeactivation(id: string) {
  const api = useApi();
  return useQuery<DeactivationProgress | null>({
    queryKey: ["strategy", id, "deactivation"],
    refetchInterval: ({ state }) => (state.data && !state.data.complete ? PROGRESS_MS : false),
    queryFn: async () => {
      try {
        return await body(api.GET("/api/strategies/{id}/deactivation", { params: { path: { id } } }));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return null;
        throw error;
      }
    },
  });
}

/** The verdict on the newest version; asked again while there is none. */
export function useValidation(id: string, version: number) {
  const api = useApi();
  return useQuery<StrategyValidation>({
    queryKey: ["strategy", id, "validation", version],
    refetchInterval: ({ state }) => (state.data === undefined || state.data.state === "pending" ? 1_000 : false),
    queryFn: () => body(api.GET("/api/strategies/{id}/validation", { params: { path: { id } } })),
  });
}

export type LastDecision = Pick<StrategyDecision, "symbol" | "bar_at" | "action" | "reason" | "refused">;

/** The newest decisions of all strategies, each one's last; asked for together, while somebody looks. */
export function useLatestDecisions(): ReadonlyMap<string, LastDecision> | undefined {
  const supabase = useSupabase();
  const { data } = useQuery({
    queryKey: ["strategies", "latest decisions"],
    refetchInterval: LIVE_MS,
    queryFn: async () => {
      const { data: rows, error } = await supabase.from("strategy_decisions").select("strategy_id,symbol,bar_at,action,reason,refused")
        .order("bar_at", { ascending: false }).limit(LATEST);
      if (error) throw new Error(error.message);
      const found = new Map<string, LastDecision>();
      for (const row of rows as (LastDecision & { strategy_id: string })[]) if (!found.has(row.strategy_id)) found.set(row.strategy_id, row);
      return found;
    },
  });
  return data;
}

/** The last decision of a strategy that has not decided lately. */
export function useLastDecision(id: string, wanted: boolean) {
  const api = useApi();
  return useQuery<LastDecision | null>({
    queryKey: ["strategy", id, "last decision"],
    enabled: wanted,
    queryFn: async () => (await body(api.GET("/api/strategies/{id}/decisions", { params: { path: { id }, query: { limit: 1 } } }))).data[0] ?? null,
  });
}
