/** Limits: what each allows, how much of it is used where that is known, changed with history. */
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { History, Pencil, Plus } from "lucide-react";
import { body } from "@/api/client";
import type { Limit, LimitKind } from "@/api/schema";
import { useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { grouped } from "@/money/amount";
import { Button, IconButton } from "@/ui/button";
import { Chip } from "@/ui/figures";
import { Panel } from "@/ui/panel";
import { Empty, Loaded } from "@/ui/states";
import { EditLimit } from "./edit_limit";
import { Gauge } from "./gauge";
import { LimitHistory } from "./limit_history";
import { limitName, useScopeName } from "./scopes";
import { useUsed } from "./used";

export function Limits() {
  const api = useApi();
  const { selected } = useAccounts();
  const { claims } = useSession();
  const [editing, setEditing] = useState<Limit | "new" | null>(null);
  const [seen, setSeen] = useState<Limit | null>(null);
  const nameOf = useScopeName();
  const usedOf = useUsed();
  const kinds = useQuery({ queryKey: ["limit-kinds"], queryFn: async () => (await body(api.GET("/api/risk/limit-kinds"))).data, staleTime: Infinity });
  const query = useQuery({
    queryKey: ["limits"],
    queryFn: async () => (await body(api.GET("/api/risk/limits", { params: { query: { limit: 200 } } }))).data,
  });
  const kindOf = new Map((kinds.data ?? []).map((kind) => [kind.name, kind]));
  const acts = claims.desk_role !== "viewer";
  return (
    <Panel title="Limits" flush actions={acts && <Button small onClick={() => setEditing("new")}><Plus aria-hidden className="size-4" /> Set a limit</Button>}>
      <Loaded query={query}>
        {(limits) => {
          const shown = limits.filter((limit) => selected === null || limit.broker_account_id === null || limit.broker_account_id === selected.id);
          if (shown.length === 0) {
            return <Empty>No limit of your own is set; the platform&apos;s defaults hold. Set one to keep a day&apos;s loss or a position small.</Empty>;
          }
          return (
            <ul className="grid gap-px bg-line/60 sm:grid-cols-2 xl:grid-cols-3">
              {shown.map((limit) => (
                <li key={limit.id} className="flex min-w-0 flex-col gap-2 bg-panel p-4">
                  <div className="flex items-start gap-2">
                    <div className="min-w-0 flex-1">
                      <p className="truncate text-sm font-medium" title={kindOf.get(limit.name)?.summary}>{limitName(limit.name)}</p>
                      <p className="truncate text-xs text-dim">{nameOf(limit)}{limit.symbol !== null && ` · ${limit.symbol}`}</p>
                    </div>
                    {limit.act !== null && <Chip tone="warn" title="What is done when it is broken">{limit.act.replaceAll("_", " ")}</Chip>}
                    {limit.set_by_administrator && <Chip title="Only an administrator changes it">administrator&apos;s</Chip>}
                    <IconButton label={`History of ${limitName(limit.name)}`} onClick={() => setSeen(limit)}><History aria-hidden className="size-4" /></IconButton>
                    {acts && (!limit.set_by_administrator || claims.administrator) && (
                      <IconButton label={`Change ${limitName(limit.name)}`} onClick={() => setEditing(limit)}><Pencil aria-hidden className="size-4" /></IconButton>
                    )}
                  </div>
                  <p className="text-lg font-semibold tabular-nums">
                    {limit.value === null ? "no limit" : grouped(limit.value)} {limit.value !== null && <span className="text-xs font-normal text-dim">{limit.unit}</span>}
                  </p>
                  <Gauge used={usedOf(limit)} limit={limit.value} unit={limit.unit} label={limitName(limit.name)} />
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {editing !== null && <EditLimit limit={editing === "new" ? null : editing} kinds={sorted(kinds.data ?? [])} onClose={() => setEditing(null)} />}
      {seen !== null && <LimitHistory limit={seen} onClose={() => setSeen(null)} />}
    </Panel>
  );
}

function sorted(kinds: readonly LimitKind[]): readonly LimitKind[] {
  return kinds.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
