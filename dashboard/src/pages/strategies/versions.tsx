/** Every version of a strategy, with what changed from the one before. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { StrategyVersion } from "@/api/schema";
import type { StrategyRow } from "@/live/rows";
import { MISSING } from "@/money/amount";
import { useApi, useSession } from "@/session/context";
import { Button } from "@/ui/button";
import { Chip, FullTime } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Failure, Loading } from "@/ui/states";
import { differences } from "./differences";

export function Versions({ row, onUse }: { row: StrategyRow; onUse: (config: Record<string, unknown>) => void }) {
  const api = useApi();
  const { claims } = useSession();
  const query = useInfiniteQuery({
    queryKey: ["strategy", row.id, "versions", row.strategy_version],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => body(api.GET("/api/strategies/{id}/versions", { params: { path: { id: row.id }, query: { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) } } })),
    getNextPageParam: ({ next_cursor }) => next_cursor,
  });
  const all = query.data?.pages.flatMap(({ data }) => data) ?? [];
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (query.isPending) return <Loading rows={5} />;
  return (
    <div className="flex flex-col gap-4">
      {all.map((version, at) => {
        const before = all[at + 1];
        const newest = version.strategy_version === row.strategy_version;
        return (
          <Panel
            key={version.strategy_version}
            title={`Version ${version.strategy_version}`}
            actions={
              <>
                {version.strategy_version === row.effective_version && <Chip tone="good">In effect</Chip>}
                {newest && row.effective_version !== version.strategy_version && <Chip tone="warn">Not in effect</Chip>}
                {!newest && claims.desk_role !== "viewer" && row.status !== "deleted" && <Button small onClick={() => onUse(version.config)}>Edit from this one</Button>}
              </>
            }
          >
            <p className="mb-3 text-xs text-dim"><FullTime at={version.created_at} /> · {version.created_by}</p>
            {before ? <Changes older={before} newer={version} /> : <p className="text-sm text-dim">{query.hasNextPage ? "The version before is not loaded yet." : "The first version."}</p>}
          </Panel>
        );
      })}
      {query.hasNextPage && <Button className="self-center" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Older versions</Button>}
    </div>
  );
}

function Changes({ older, newer }: { older: StrategyVersion; newer: StrategyVersion }) {
  const changed = differences(older, newer);
  if (changed.length === 0) return <p className="text-sm text-dim">Nothing that it does has changed.</p>;
  return (
    <table className="text-sm tabular-nums">
      <thead className="text-xs text-dim"><tr>{["What", "Before", "Now"].map((name) => <th key={name} scope="col" className="pr-8 text-left font-medium">{name}</th>)}</tr></thead>
      <tbody>
        {changed.map(({ field, from, to }) => <tr key={field}><td className="pr-8">{field}</td><td className="pr-8 text-dim">{from ?? MISSING}</td><td className="font-medium">{to ?? MISSING}</td></tr>)}
      </tbody>
    </table>
  );
}
