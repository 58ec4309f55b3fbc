/** One source: what it may ask for, and what can be done with it. */
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { AutomationSource } from "@/api/schema";
import { useRow } from "@/live/hooks";
import { quantity } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm, Dialog } from "@/ui/dialog";
import { Chip, FullTime, ModeBadge } from "@/ui/figures";
import { Field, Select } from "@/ui/form";
import { Copied } from "@/ui/copied";
import { recipes } from "./recipes";
import { SecretDialog, type Made } from "./secret_dialog";
import { SourceForm, Weaker } from "./source_form";

interface Props {
  source: AutomationSource;
  shown: boolean;
  onShow: () => void;
}

const OVERLAPS = [["600", "10 minutes more"], ["3600", "an hour more"], ["86400", "a day more"], ["0", "no more: it may be stolen"]] as const;

export function SourceCard({ source, shown, onShow }: Props) {
  const api = useApi();
  const queries = useQueryClient();
  const { byId } = useAccounts();
  const { claims } = useSession();
  const strategy = useRow("strategies", source.strategy_id ?? undefined);
  const account = byId.get(source.broker_account_id);
  const [asking, setAsking] = useState<"edit" | "rotate" | "disable" | "example" | null>(null);
  const [overlap, setOverlap] = useState("600");
  const [made, setMade] = useState<Made | null>(null);
  const show = (which: typeof asking) => (open: boolean) => setAsking(open ? which : null);
  const refresh = () => queries.invalidateQueries({ queryKey: ["automation"] });
  const rotate = async () => {
    const secret = await body(api.POST("/api/automation-sources/{id}/rotate", { params: { path: { id: source.id }, header: { "idempotency-key": crypto.randomUUID() } }, body: { overlap_seconds: Number(overlap) } }));
    setMade({ secret, of: source });
    await refresh();
  };
  const disable = async () => {
    await api.DELETE("/api/automation-sources/{id}", { params: { path: { id: source.id } } });
    said(`${source.name} is disabled: nothing more of it is taken.`);
    await refresh();
  };
  return (
    <article aria-label={source.name} className={`flex h-full min-w-0 flex-col gap-3 rounded-lg border bg-panel p-4 ${shown ? "border-accent" : "border-line"}`}>
      <header className="flex flex-wrap items-center gap-2">
        <h2 className="min-w-0 truncate text-base font-semibold">{source.name}</h2>
        {source.authentication === "url_token" && <Weaker />}
        <span className="ml-auto"><Chip tone={source.enabled ? "good" : "plain"}>{source.enabled ? "Enabled" : "Disabled"}</Chip></span>
      </header>
      <p className="flex flex-wrap items-center gap-2 text-xs text-dim">
        {source.kind === "tradingview" ? "TradingView" : "Any program"} · {source.authentication === "hmac" ? "signed" : "secret in the address"}
        {account && <><ModeBadge paper={account.is_paper} /> {accountName(account)}</>}
      </p>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        <dt className="text-dim">May trade</dt><dd className="break-words">{source.symbols.join(", ")}</dd>
        <dt className="text-dim">Most in one order</dt><dd className="tabular-nums">{quantity(source.max_quantity)} shares or contracts</dd>
        <dt className="text-dim">Most a minute</dt><dd className="tabular-nums">{source.max_per_minute} events</dd>
        {source.networks.length > 0 && <><dt className="text-dim">From</dt><dd className="break-words tabular-nums">{source.networks.join(", ")}</dd></>}
        {strategy && <><dt className="text-dim">Counted to</dt><dd className="truncate">{strategy.name}</dd></>}
        <dt className="text-dim">Secret of</dt><dd><FullTime at={source.secret_changed_at} /></dd>
      </dl>
      <footer className="mt-auto flex flex-wrap gap-2">
        <Button small aria-pressed={shown} onClick={onShow}>Deliveries</Button>
        <Button small onClick={() => setAsking("example")}>Example</Button>
        {claims.desk_role !== "viewer" && (
          <>
            <Button small onClick={() => setAsking("edit")}>Edit</Button>
            <Button small onClick={() => setAsking("rotate")}>New secret</Button>
            {source.enabled && <Button small look="danger" onClick={() => setAsking("disable")}>Disable</Button>}
          </>
        )}
      </footer>
      <Dialog open={asking === "edit"} onOpenChange={show("edit")} title={`Edit ${source.name}`} about="Its account, kind and way to be known stay." wide>
        <SourceForm source={source} onDone={() => setAsking(null)} />
      </Dialog>
      <Dialog open={asking === "example"} onOpenChange={show("example")} title={`What ${source.name} sends`} about="Its address and secret were shown when they were made; a new secret shows them again." wide>
        <div className="flex flex-col gap-4">
          {recipes(source).map(({ name, about, text }) => <div key={name}><Copied label={name} text={text} /><p className="mt-1 text-xs text-dim">{about}</p></div>)}
        </div>
      </Dialog>
      <Confirm open={asking === "rotate"} onOpenChange={show("rotate")} title={`A new secret for ${source.name}`} act="Make a new secret" onConfirm={rotate}>
        <p>It is shown once. Give it to the sender while the one before is still good.</p>
        <Field label="The secret before is good for">
          <Select value={overlap} onChange={(event) => setOverlap(event.target.value)}>{OVERLAPS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</Select>
        </Field>
      </Confirm>
      <Confirm open={asking === "disable"} onOpenChange={show("disable")} title={`Disable ${source.name}`} act="Disable" danger onConfirm={disable}>
        <p>From that moment nothing more of it is placed. What it has placed stays. It can be enabled again by an edit.</p>
      </Confirm>
      <SecretDialog made={made} close={() => setMade(null)} />
    </article>
  );
}
