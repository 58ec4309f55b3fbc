/** One strategy: what it does now, how it has done, what it decided and why, and how it is configured. */
import { lazy, Suspense, useState } from "react";
import { Tabs } from "radix-ui";
import { Link, useParams, useSearchParams } from "react-router";
import { useRow, useRows } from "@/live/hooks";
import type { StrategyRow } from "@/live/rows";
import { accountName, useAccounts } from "@/session/accounts";
import { Dialog } from "@/ui/dialog";
import { Chip, ModeBadge } from "@/ui/figures";
import { Page } from "@/ui/panel";
import { Empty, Loaded, Loading } from "@/ui/states";
import { Actions } from "./actions";
import { ClosingProgress } from "./closing_progress";
import { Configuration } from "./configuration";
import { useClosing, useKinds, useKindTitle } from "@/strategies/data";
import { Decisions } from "./decisions";
import { Performance } from "./performance";
import { Versions } from "./versions";
import { STATES, stateOf, TIMEFRAMES } from "@/strategies/wording";

const StrategyEditor = lazy(async () => ({ default: (await import("./strategy_editor")).StrategyEditor }));

const TABS = [
  { value: "performance", name: "Performance" },
  { value: "decisions", name: "Decisions" },
  { value: "configuration", name: "Configuration" },
  { value: "versions", name: "Versions" },
] as const;

export function StrategyDetail() {
  const { id } = useParams();
  const { loaded } = useRows("strategies");
  const row = useRow("strategies", id);
  if (!row) {
    return (
      <Page title="Strategy">
        {loaded ? <Empty action={<Link to="/strategies" className="text-accent underline">All strategies</Link>}>There is no such strategy of yours.</Empty> : <Loading rows={6} />}
      </Page>
    );
  }
  return <Strategy key={row.id} row={row} />;
}

function Strategy({ row }: { row: StrategyRow }) {
  const [search, setSearch] = useSearchParams();
  const { byId } = useAccounts();
  const gate = useRow("gates", `strategy:${row.id}`);
  const titleOf = useKindTitle();
  const closing = useClosing();
  /** The strategy as the form shows it: as it is, or with the configuration of an older version. */
  const [editing, setEditing] = useState<StrategyRow | null>(null);
  const paused = gate?.closed === true;
  const state = row.status === "deleted" ? null : STATES[stateOf(row.status, paused, closing.has(row.id))];
  const account = byId.get(row.broker_account_id);
  const tab = TABS.find(({ value }) => value === search.get("tab"))?.value ?? "performance";
  return (
    <Page
      title={row.name}
      about={state ? <Chip tone={state.tone} title={state.means}>{state.word}</Chip> : <Chip>Deleted</Chip>}
      actions={<Actions row={row} paused={paused} onEdit={() => setEditing(row)} />}
    >
      <p className="-mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-dim">
        <Link to="/strategies" className="text-accent hover:underline">Strategies</Link>
        <span>{titleOf(row.kind)} · {row.symbols.join(", ")} · bars of {TIMEFRAMES[row.timeframe] ?? row.timeframe}</span>
        {account && <span className="inline-flex items-center gap-2"><ModeBadge paper={account.is_paper} /> {accountName(account)}</span>}
        {row.description !== "" && <span className="basis-full">{row.description}</span>}
      </p>
      <ClosingProgress id={row.id} />
      <Tabs.Root value={tab} onValueChange={(value) => setSearch(value === "performance" ? {} : { tab: value }, { replace: true })}>
        <Tabs.List aria-label="About the strategy" className="mb-4 flex overflow-x-auto border-b border-line">
          {TABS.map(({ value, name }) => (
            <Tabs.Trigger key={value} value={value} className="h-10 border-b-2 border-transparent px-3 text-sm font-medium whitespace-nowrap text-dim hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink">
              {name}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="performance"><Performance row={row} /></Tabs.Content>
        <Tabs.Content value="decisions"><Decisions row={row} /></Tabs.Content>
        <Tabs.Content value="configuration"><Configuration row={row} /></Tabs.Content>
        <Tabs.Content value="versions"><Versions row={row} onUse={(config) => setEditing({ ...row, config })} /></Tabs.Content>
      </Tabs.Root>
      <Dialog open={editing !== null} onOpenChange={(open) => !open && setEditing(null)} title={`Edit ${row.name}`} about="Each change of what it does is a new version; the ones before stay." wide>
        {editing && <Editing row={editing} close={() => setEditing(null)} />}
      </Dialog>
    </Page>
  );
}

function Editing({ row, close }: { row: StrategyRow; close: () => void }) {
  const kinds = useKinds();
  return (
    <Loaded query={kinds} rows={6}>
      {(all) => {
        const kind = all.find((one) => one.kind === row.kind);
        if (!kind) return <Empty>The kind {row.kind} is not installed any more. The strategy can be stopped and deleted, not edited.</Empty>;
        return <Suspense fallback={<Loading rows={6} />}><StrategyEditor kind={kind} strategy={row} onDone={close} /></Suspense>;
      }}
    </Loaded>
  );
}
