/** Every rule's verdict on every order, with what it saw. */
import { useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { body } from "@/api/client";
import type { RiskDecision } from "@/api/schema";
import { RuleSaid } from "@/orders/refusal";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { Chip, FullTime } from "@/ui/figures";
import { Input, Segments } from "@/ui/form";
import { Failure } from "@/ui/states";
import { Table, type Column } from "@/ui/table";

type Verdict = RiskDecision["verdict"];
const TONES = { allow: "good", deny: "bad", reduce: "warn" } as const satisfies Record<Verdict, string>;

const COLUMNS: readonly Column<RiskDecision>[] = [
  { id: "at", name: "When", cell: (row) => <FullTime at={row.at} />, value: (row) => row.at },
  { id: "rule", name: "Rule", cell: (row) => <code className="text-xs">{row.rule}</code>, value: (row) => row.rule },
  { id: "verdict", name: "Verdict", cell: (row) => <Chip tone={TONES[row.verdict]}>{row.verdict}</Chip>, value: (row) => row.verdict },
  { id: "numbers", name: "What it saw", cell: (row) => <RuleSaid of={row} />, value: (row) => JSON.stringify(row.numbers) },
  { id: "trade", name: "Order", cell: (row) => <code className="text-xs">{row.trade_id.slice(0, 8)}</code>, value: (row) => row.trade_id },
];

export function Decisions() {
  const api = useApi();
  const navigate = useNavigate();
  const [verdict, setVerdict] = useState<Verdict | "">("deny");
  const [rule, setRule] = useState("");
  const asked = rule.trim().toUpperCase();
  const query = useInfiniteQuery({
    queryKey: ["trades", "decisions", verdict, asked],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET("/api/risk/decisions", {
      params: { query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}), ...(verdict ? { verdict } : {}), ...(/^[A-Z][A-Z0-9_]+$/.test(asked) ? { rule: asked } : {}) } },
    })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 p-3">
        <Segments label="Verdict" value={verdict} onChange={setVerdict} options={[{ value: "deny", label: "Denied" }, { value: "reduce", label: "Reduced" }, { value: "allow", label: "Allowed" }, { value: "", label: "All" }]} />
        <Input aria-label="Rule" placeholder="Rule, as MAX_DAILY_LOSS" className="max-w-60" value={rule} onChange={(event) => setRule(event.target.value)} />
      </div>
      <Table
        label="Risk decisions"
        columns={COLUMNS}
        rows={query.data?.pages.flatMap((page) => page.data) ?? []}
        rowKey={(row) => `${row.trade_id}-${row.number}`}
        onRow={(row) => void navigate(`/orders/${row.trade_id}`)}
        loading={query.isPending}
        empty="No rule has said that of an order of yours."
      />
      {query.hasNextPage && <div className="p-3"><Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Older ones</Button></div>}
    </>
  );
}
