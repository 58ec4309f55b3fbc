/** Halts: engaged by one click, except to flatten; lifted with a second factor and a typed word. */
import { useState } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { OctagonX, ShieldCheck } from "lucide-react";
import { body } from "@/api/client";
import type { Halt } from "@/api/schema";
import { useLive, useRows } from "@/live/hooks";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi, useSession } from "@/session/context";
import { useStepUp } from "@/session/step_up";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Chip, FullTime } from "@/ui/figures";
import { Checkbox, Field, Input, Select } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { Loaded } from "@/ui/states";
import { useScopeName } from "./scopes";

type Mode = Halt["mode"];

const MODES: readonly { mode: Mode; name: string; about: string }[] = [
  { mode: "no_new_entries", name: "No new entries", about: "Nothing new is opened. Working orders and exits go on." },
  { mode: "cancel_working", name: "Cancel working entries", about: "Nothing new is opened, and working entries are canceled. Exits go on." },
  { mode: "flatten", name: "Flatten", about: "Nothing new is opened, working entries are canceled, and every position is closed." },
];
const EVERY_MS = 3000;

export function Halts() {
  const api = useApi();
  const { claims } = useSession();
  const query = useQuery({
    queryKey: ["halts"],
    queryFn: async () => (await body(api.GET("/api/risk/halts", { params: { query: { limit: 100 } } }))).data,
    refetchInterval: EVERY_MS,
  });
  return (
    <Panel title="Halts" flush>
      <Loaded query={query} rows={2}>
        {(halts) => (
          <>
            {halts.length === 0 && (
              <p className="flex items-center gap-2 px-4 py-3 text-sm text-dim">
                <ShieldCheck aria-hidden className="size-4 text-gain" /> Nothing is halted.
              </p>
            )}
            <ul className="divide-y divide-line/60">
              {halts.map((halt) => <InForce key={halt.gate_key} halt={halt} />)}
            </ul>
            {claims.desk_role !== "viewer" && <Engage />}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function InForce({ halt }: { halt: Halt }) {
  const nameOf = useScopeName();
  const { claims } = useSession();
  const [asking, setAsking] = useState(false);
  const { stepUp, dialog } = useStepUp("A halt is lifted by a person with a second factor.");
  const lift = useLift(halt.gate_key);
  const own = halt.scope !== "global" || claims.administrator;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 border-l-4 border-danger px-4 py-3 text-sm">
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-2">
          <strong>{nameOf(halt)}</strong>
          <Chip tone="bad">{MODES.find(({ mode }) => mode === halt.mode)?.name}</Chip>
          {!halt.complete && <Chip tone="warn">under way</Chip>}
        </p>
        <p className="mt-1 text-xs break-words text-dim">
          {halt.reason} · {halt.engaged_by} · <FullTime at={halt.engaged_at} />
        </p>
        <p className="mt-1 text-xs text-dim tabular-nums" role="status">
          {halt.working_entries} working entries · {halt.working_exits} working exits · {halt.open_positions} open positions
          {halt.flat_at !== null && <> · flat since <FullTime at={halt.flat_at} /></>}
        </p>
      </div>
      {own && claims.desk_role !== "viewer" && <Button onClick={() => stepUp(() => setAsking(true))}>Lift…</Button>}
      {dialog}
      <Confirm open={asking} onOpenChange={setAsking} title={`Lift the halt of ${nameOf(halt)}`} act="Lift the halt" word="LIFT" onConfirm={() => lift.mutateAsync()}>
        <p>Orders that open something pass again, from strategies too. What the halt has canceled or closed stays so.</p>
      </Confirm>
    </li>
  );
}

function Engage() {
  const { session } = useSession();
  const { accounts } = useAccounts();
  const strategies = useRows("strategies").rows.filter(({ status }) => status === "active" || status === "halted");
  const [key, setKey] = useState(`user:${session.user.id}`);
  const [mode, setMode] = useState<Mode>("no_new_entries");
  const [reason, setReason] = useState("");
  const [cancelExits, setCancelExits] = useState(false);
  const [flattening, setFlattening] = useState(false);
  const engage = useEngage();
  const halt = () => engage.mutateAsync({ gate_key: key, mode, spare_exits: !cancelExits, reason: reason.trim() || "Halted by hand" });
  return (
    <div className="grid items-end gap-3 border-t border-line p-4 md:grid-cols-[1fr_1fr_1.5fr_auto]">
      <Field label="What">
        <Select value={key} onChange={(event) => setKey(event.target.value)}>
          <option value={`user:${session.user.id}`}>All of your trading</option>
          {(accounts ?? []).filter(({ status }) => status === "active").map((account) => (
            <option key={account.id} value={`account:${account.id}`}>{accountName(account)}</option>
          ))}
          {strategies.map((strategy) => <option key={strategy.id} value={`strategy:${strategy.id}`}>{strategy.name}</option>)}
        </Select>
      </Field>
      <Field label="How">
        <Select value={mode} onChange={(event) => setMode(event.target.value as Mode)}>
          {MODES.map(({ mode: value, name }) => <option key={value} value={value}>{name}</option>)}
        </Select>
      </Field>
      <Field label="Why (optional)">
        <Input value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
      </Field>
      <Button look="danger" busy={engage.isPending} onClick={() => (mode === "flatten" ? setFlattening(true) : engage.mutate({ gate_key: key, mode, spare_exits: !cancelExits, reason: reason.trim() || "Halted by hand" }))}>
        <OctagonX aria-hidden className="size-4" /> Halt{mode === "flatten" ? "…" : ""}
      </Button>
      <p className="text-xs text-dim md:col-span-2">{MODES.find((one) => one.mode === mode)?.about}</p>
      {mode !== "no_new_entries" && <Checkbox className="md:col-span-2" label="Cancel working exits too" checked={cancelExits} onChange={(event) => setCancelExits(event.target.checked)} />}
      <Confirm open={flattening} onOpenChange={setFlattening} title="Flatten" act="Close everything" danger word="FLATTEN" onConfirm={halt}>
        <p>Every position of what you chose is closed at the market, at whatever price there is. This cannot be taken back.</p>
      </Confirm>
    </div>
  );
}

function useEngage() {
  const api = useApi();
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (halt: { gate_key: string; mode: Mode; spare_exits: boolean; reason: string }) =>
      body(api.POST("/api/risk/halts", { params: { header: { "idempotency-key": crypto.randomUUID() } }, body: halt })),
    onSuccess: () => said("Halted."),
    onSettled: refresh,
  });
}

function useLift(gateKey: string) {
  const api = useApi();
  const refresh = useRefresh();
  return useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.POST("/api/risk/halts/{gate_key}/lift", {
      params: { path: { gate_key: gateKey }, header: { "idempotency-key": crypto.randomUUID() } },
      body: { reason: "Lifted by hand" },
    })),
    onSuccess: () => said("The halt is lifted."),
    onSettled: refresh,
  });
}

function useRefresh() {
  const live = useLive();
  const queries = useQueryClient();
  return () => Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["halts"] })]);
}
