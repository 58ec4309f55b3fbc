/** What a source has sent, and what became of it. */
import { useMemo, useState } from "react";
import { Link } from "react-router";
import type { AutomationSource, Delivery } from "@/api/schema";
import { Button } from "@/ui/button";
import { Chip, FullTime } from "@/ui/figures";
import { Segments } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { Failure } from "@/ui/states";
import { Table, type Column } from "@/ui/table";
import { useDeliveries, useRefused, type Outcome } from "./data";
import { refusal } from "./refusals";

const OUTCOMES = [{ value: "all", label: "All" }, { value: "accepted", label: "Accepted" }, { value: "refused", label: "Refused" }] as const;

export function Deliveries({ source }: { source: AutomationSource }) {
  const [outcome, setOutcome] = useState<Outcome>("all");
  const [older, setOlder] = useState(false);
  const query = useDeliveries(source.id, outcome, !older);
  const refused = useRefused(source.id);
  const rows = useMemo(() => query.data?.pages.flatMap(({ data }) => data) ?? [], [query.data]);
  const unseen = (refused.data ?? []).reduce((sum, { refused: count }) => sum + count, 0);
  return (
    <Panel title={`Deliveries of ${source.name}`} flush actions={<Segments label="What became of them" value={outcome} options={OUTCOMES} onChange={setOutcome} />}>
      {unseen > 0 && (
        <p className="border-b border-line px-4 py-2 text-xs text-warn tabular-nums">
          {unseen} {unseen === 1 ? "event was" : "events were"} turned away unread in thirty days: not genuine, late, sent before, malformed, or too many. The first twenty of a minute are listed.
        </p>
      )}
      {query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : (
        <Table label={`Deliveries of ${source.name}`} columns={COLUMNS} rows={rows} loading={query.isPending} rowKey={({ id }) => id} empty="Nothing was sent yet. The example shows what to send." height={480} />
      )}
      {query.hasNextPage && <div className="border-t border-line p-3 text-center"><Button small busy={query.isFetchingNextPage} onClick={() => { setOlder(true); void query.fetchNextPage(); }}>Older ones</Button></div>}
    </Panel>
  );
}

const COLUMNS: readonly Column<Delivery>[] = [
  { id: "at", name: "Came", cell: (row) => <FullTime at={row.created_at} />, value: (row) => row.created_at },
  { id: "outcome", name: "Outcome", cell: (row) => <Chip tone={row.outcome === "accepted" ? "good" : "bad"}>{row.outcome === "accepted" ? "Accepted" : "Refused"}</Chip>, value: (row) => row.outcome },
  { id: "event", name: "Event", cell: (row) => <span className="block max-w-48 truncate" title={row.event_id ?? ""}>{row.event_id ?? "–"}</span>, value: (row) => row.event_id },
  { id: "what", name: "What became of it", cell: (row) => <Became row={row} />, value: (row) => row.refusal ?? row.trade_id },
  { id: "sent", name: "Sent", optional: true, cell: (row) => <FullTime at={row.sent_at} />, value: (row) => row.sent_at },
];

function Became({ row }: { row: Delivery }) {
  if (row.refusal !== null) {
    const { code, sentence, numbers } = refusal(row.refusal);
    return <span title={row.refusal}>{sentence === "" ? code : sentence} {numbers !== "" && <span className="text-dim">{numbers}</span>} <span className="text-xs text-dim">{sentence !== "" && code}</span></span>;
  }
  if (row.trade_id !== null) return <Link to={`/orders/${row.trade_id}`} className="text-accent underline">See the order</Link>;
  return <>{row.event ? JSON.stringify(row.event) : "Recorded; it became no order."}</>;
}
