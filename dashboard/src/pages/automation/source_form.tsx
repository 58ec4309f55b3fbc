/** A source, new or to be changed: who may send, and what it may ask for. */
import { useRef, useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import clsx from "clsx";
import { body } from "@/api/client";
import { Problem, sentence } from "@/api/problem";
import type { AutomationSource } from "@/api/schema";
import { useRows } from "@/live/hooks";
import { sign, typed } from "@/money/amount";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { ModeBadge } from "@/ui/figures";
import { AmountInput, Checkbox, Field, Input, Select, TextArea } from "@/ui/form";
import { symbolsOf, symbolsProblem } from "../strategies/symbols";
import type { Made } from "./secret_dialog";
import { EXAMPLE, templatesOf } from "./templates";

type Kind = "program" | "tradingview" | "address";

const KINDS: Readonly<Record<Kind, { name: string; about: string; weak: boolean; kind: AutomationSource["kind"]; authentication: AutomationSource["authentication"] }>> = {
  program: { name: "Any program", about: "A model, a script, a calendar. It signs each event with the secret.", weak: false, kind: "generic", authentication: "hmac" },
  tradingview: { name: "TradingView", about: "Its alerts cannot sign: the secret stands in the address.", weak: true, kind: "tradingview", authentication: "url_token" },
  address: { name: "A sender that cannot sign", about: "As the first, but the secret stands in the address.", weak: true, kind: "generic", authentication: "url_token" },
};

const MOST_SYMBOLS = 100;
const NETWORK = /^[0-9A-Fa-f:.]{2,45}\/\d{1,3}$/;
const WEAK_MOST = 10;

interface Props {
  source: AutomationSource | null;
  /** With the secret where it is new. */
  onDone: (made: Made | null) => void;
}

export function SourceForm({ source, onDone }: Props) {
  const api = useApi();
  const queries = useQueryClient();
  const { accounts, selected } = useAccounts();
  const strategies = useRows("strategies").rows.filter(({ status }) => status !== "deleted");
  const usable = accounts?.filter(({ status }) => status === "active") ?? [];
  const [kind, setKind] = useState<Kind>("program");
  const [name, setName] = useState(source?.name ?? "");
  const [chosen, setAccount] = useState(source?.broker_account_id ?? selected?.id ?? "");
  const [strategy, setStrategy] = useState(source?.strategy_id ?? "");
  const [symbols, setSymbols] = useState(source?.symbols.join(", ") ?? "");
  const [most, setMost] = useState(source?.max_quantity ?? "");
  const [rate, setRate] = useState(String(source?.max_per_minute ?? WEAK_MOST));
  const [networks, setNetworks] = useState(source?.networks.join(", ") ?? "");
  const [templates, setTemplates] = useState(source && source.templates.length > 0 ? JSON.stringify(source.templates, null, 2) : "");
  const [enabled, setEnabled] = useState(source?.enabled ?? true);
  const [checked, setChecked] = useState(false);
  const key = useRef(crypto.randomUUID());
  const account = chosen !== "" ? chosen : (usable.length === 1 ? (usable[0]?.id ?? "") : "");
  const paper = accounts?.find(({ id }) => id === account)?.is_paper;
  const authentication = source?.authentication ?? KINDS[kind].authentication;
  const weak = authentication === "url_token";
  const ranges = networks.split(/[\s,;]+/).filter((one) => one !== "");
  const read = templatesOf(templates);
  const amount = typed(most);
  const perMinute = Number(rate);
  const wrong = {
    name: name.trim() === "" ? "Give it a name." : undefined,
    account: account === "" ? "Choose the account that its trades go to." : undefined,
    symbols: symbolsProblem(symbolsOf(symbols), MOST_SYMBOLS) ?? undefined,
    most: amount === null || sign(amount) !== 1 ? "Say the most that it may ask for in one order, such as 10." : undefined,
    rate: !/^\d+$/.test(rate) || perMinute < 1 || perMinute > (weak ? WEAK_MOST : 600) ? `From 1 to ${weak ? WEAK_MOST : 600}.` : undefined,
    networks: ranges.find((one) => !NETWORK.test(one)) !== undefined ? `${ranges.find((one) => !NETWORK.test(one)) ?? ""} is no network, such as 203.0.113.7/32.` : weak && ranges.length === 0 ? "A sender that cannot sign needs the networks that it sends from." : undefined,
    templates: "problem" in read ? read.problem : undefined,
  };
  const save = useMutation({
    meta: { shown: true },
    mutationFn: async (): Promise<Made | null> => {
      const settings = {
        name: name.trim(), strategy_id: strategy === "" ? null : strategy, symbols: [...symbolsOf(symbols)], max_quantity: amount ?? "",
        max_per_minute: perMinute, networks: ranges, templates: "templates" in read ? read.templates : [], enabled,
      };
      if (source) {
        await body(api.PUT("/api/automation-sources/{id}", { params: { path: { id: source.id }, header: { "if-match": `"${source.version}"` } }, body: settings }));
        return null;
      }
      const asked = { ...settings, broker_account_id: account, kind: KINDS[kind].kind, authentication: KINDS[kind].authentication };
      const secret = await body(api.POST("/api/automation-sources", { params: { header: { "idempotency-key": key.current } }, body: asked }));
      return { secret, of: asked };
    },
    onError: (error) => {
      if (error instanceof Problem) key.current = crypto.randomUUID();
    },
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["automation"] });
      onDone(made);
    },
  });
  const says = (field: keyof typeof wrong) => (checked ? wrong[field] : undefined);
  return (
    <form
      noValidate
      aria-label="Source"
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        setChecked(true);
        if (Object.values(wrong).every((problem) => problem === undefined)) save.mutate();
      }}
    >
      {source === null && (
        <fieldset>
          <legend className="mb-1 text-xs font-medium text-dim">Who sends</legend>
          <div className="grid gap-2 sm:grid-cols-3">
            {(Object.keys(KINDS) as Kind[]).map((one) => (
              <label key={one} className={clsx("flex items-start gap-2 rounded-md border p-3", one === kind ? "border-accent bg-raised" : "border-line")}>
                <input type="radio" name="kind" className="mt-0.5 size-4 accent-accent" checked={one === kind} onChange={() => setKind(one)} />
                <span className="text-sm"><strong className="font-medium">{KINDS[one].name}</strong> {KINDS[one].weak && <Weaker />}<br /><span className="text-xs text-dim">{KINDS[one].about}</span></span>
              </label>
            ))}
          </div>
        </fieldset>
      )}
      {weak && <p className="rounded-md border border-warn/50 bg-warn/10 px-3 py-2 text-sm"><strong>Weaker than a signature.</strong> Whoever reads the address is believed, and what is sent may be changed on its way. So it needs narrow networks and takes at most {WEAK_MOST} events a minute. Allow little, and begin on a paper account.</p>}
      <div className="grid grid-cols-1 gap-x-5 gap-y-4 sm:grid-cols-2">
        <Field label="Name" error={says("name")}><Input value={name} maxLength={100} onChange={(event) => setName(event.target.value)} /></Field>
        <Field label={<>Account {paper !== undefined && <ModeBadge paper={paper} />}</>} error={says("account")} hint={usable.length === 0 ? "Link an account first, on the page Accounts." : undefined}>
          <Select value={account} disabled={source !== null} onChange={(event) => setAccount(event.target.value)}>
            <option value="">Choose</option>
            {(source ? (accounts ?? []) : usable).map((one) => <option key={one.id} value={one.id}>{accountName(one)} ({one.is_paper ? "paper" : "live money"})</option>)}
          </Select>
        </Field>
        <Field label="Symbols it may trade" error={says("symbols")} hint="By commas: SPY, IWM"><Input value={symbols} autoCapitalize="characters" spellCheck={false} onChange={(event) => setSymbols(event.target.value)} /></Field>
        <Field label="Most in one order" error={says("most")} hint="For orders that close, too."><AmountInput unit="shares" value={most} onChange={(event) => setMost(event.target.value)} /></Field>
        <Field label="Most events a minute" error={says("rate")} hint={`From 1 to ${weak ? WEAK_MOST : 600}.`}><AmountInput unit="events" inputMode="numeric" value={rate} onChange={(event) => setRate(event.target.value)} /></Field>
        <Field label="Counted to the strategy" hint="While that is not active, only what closes is taken.">
          <Select value={strategy} onChange={(event) => setStrategy(event.target.value)}>
            <option value="">None</option>
            {strategies.filter(({ broker_account_id }) => broker_account_id === account).map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
          </Select>
        </Field>
      </div>
      <Field label="Networks that it sends from" error={says("networks")} hint={weak ? "By commas, each at most a /16 wide: 203.0.113.7/32. TradingView's help says from which addresses its alerts come." : "By commas: 203.0.113.0/24. Empty: from anywhere."}>
        <Input value={networks} spellCheck={false} onChange={(event) => setNetworks(event.target.value)} />
      </Field>
      <Field label="What an event without an order becomes" error={says("templates")} hint={`JSON, the first that fits is taken. Empty: such events are only recorded. For one: ${EXAMPLE}`}>
        <TextArea rows={3} spellCheck={false} className="font-mono text-xs" value={templates} onChange={(event) => setTemplates(event.target.value)} />
      </Field>
      <Checkbox label="Its events are taken" checked={enabled} onChange={(event) => setEnabled(event.target.checked)} />
      {save.error && <p role="alert" className="text-sm text-danger">{sentence(save.error)}</p>}
      <div className="flex justify-end"><Button type="submit" look="main" busy={save.isPending}>{source ? "Save" : "Create the source"}</Button></div>
    </form>
  );
}

export function Weaker() {
  return <span className="inline-flex h-5 items-center rounded-full border border-warn/50 px-2 text-xs font-medium text-warn">Weaker</span>;
}
