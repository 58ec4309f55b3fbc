/** The form of a strategy, new or to be changed: its terms, and the configuration by its kind's JSON Schema. */
import { useMemo, useRef, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { Problem, sentence } from "@/api/problem";
import type { StrategyKind, StrategyTerms, StrategyValidation } from "@/api/schema";
import { useLive, useRow } from "@/live/hooks";
import type { StrategyRow } from "@/live/rows";
import { accountName, useAccounts } from "@/session/accounts";
import { useApi } from "@/session/context";
import { Button } from "@/ui/button";
import { ModeBadge } from "@/ui/figures";
import { Field, Input, Segments, Select, TextArea } from "@/ui/form";
import { ConfigForm, type Config, type ConfigFormHandle } from "./form/config_form";
import { examples, formSchema, shownConfig, timeframes } from "./form/schema";
import { byField, verdict } from "./verdict";
import { symbolsOf, symbolsProblem } from "./symbols";
import { EXITS_BY, TIMEFRAMES } from "@/strategies/wording";

/** As the catalogue of kinds takes them. */
const MOST_SYMBOLS = 50;

interface Props {
  kind: StrategyKind;
  strategy: StrategyRow | null;
  /** When it is saved and found valid, or is still being looked at. */
  onDone: (id: string) => void;
}

interface Terms {
  name: string;
  description: string;
  account: string;
  symbols: string;
  timeframe: string;
  exits_by: StrategyRow["exits_by"];
}

export function StrategyEditor({ kind, strategy, onDone }: Props) {
  const api = useApi();
  const live = useLive();
  const queries = useQueryClient();
  const { accounts, selected } = useAccounts();
  const usable = accounts?.filter(({ status }) => status === "active") ?? [];
  const schema = useMemo(() => formSchema(kind.config_schema), [kind]);
  const frames = useMemo(() => timeframes(kind.config_schema), [kind]);
  const shows = useMemo(() => examples(kind.config_schema), [kind]);
  const form = useRef<ConfigFormHandle>(null);
  const [terms, setTerms] = useState<Terms>(() => ({
    name: strategy?.name ?? kind.title,
    description: strategy?.description ?? "",
    account: strategy?.broker_account_id ?? selected?.id ?? "",
    symbols: strategy?.symbols.join(", ") ?? "",
    timeframe: strategy?.timeframe ?? frames[0] ?? "1Min",
    exits_by: strategy?.exits_by ?? "strategy",
  }));
  const [config, setConfig] = useState<Config>(() => shownConfig(schema, strategy?.config ?? {}));
  /** The version that the form shows: what somebody else has changed meanwhile is not written over. */
  const [seen, setSeen] = useState(strategy?.strategy_version ?? 0);
  const [id, setId] = useState(strategy?.id ?? null);
  const row = useRow("strategies", id ?? undefined);
  const [checked, setChecked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [found, setFound] = useState<StrategyValidation | null>(null);
  const key = useRef(crypto.randomUUID());
  const active = strategy !== null && row?.status === "active";
  const account = terms.account !== "" ? terms.account : (usable.length === 1 ? (usable[0]?.id ?? "") : "");
  const paper = accounts?.find((one) => one.id === account)?.is_paper;
  const symbols = symbolsOf(terms.symbols);
  const wrong = {
    name: terms.name.trim() === "" ? "Give it a name." : null,
    account: account === "" ? "Choose the account that it trades on." : null,
    symbols: symbolsProblem(symbols, MOST_SYMBOLS),
  };
  const at = useMemo(() => byField(found?.state === "not_valid" ? found.problems : [], schema), [found, schema]);
  const change = (part: Partial<Terms>) => {
    setTerms({ ...terms, ...part });
    setFound(null);
  };
  const says = (name: keyof typeof wrong) => (checked ? wrong[name] : null) ?? at.terms[name];

  const write = async (): Promise<{ id: string; strategy_version: number }> => {
    const asked: StrategyTerms = { name: terms.name.trim(), description: terms.description, config, symbols: [...symbols], timeframe: terms.timeframe as NonNullable<StrategyTerms["timeframe"]>, exits_by: terms.exits_by };
    if (id === null) {
      const made = await body(api.POST("/api/strategies", { params: { header: { "idempotency-key": key.current } }, body: { ...asked, broker_account_id: account, kind: kind.kind } }));
      return made;
    }
    if (row && row.strategy_version !== seen) throw new Error("Somebody has changed this strategy meanwhile. Close the form and open it again to see what it is now.");
    return body(api.PUT("/api/strategies/{id}", { params: { path: { id }, header: { "if-match": row ? `"${row.version}"` : "*" } }, body: asked }));
  };

  const submit = async () => {
    setChecked(true);
    setError(null);
    const fits = form.current?.validateForm() ?? true;
    if (!fits || Object.values(wrong).some((problem) => problem !== null)) return;
    setBusy(true);
    try {
      const saved = await write();
      setId(saved.id);
      setSeen(saved.strategy_version);
      const said = await verdict(api, saved.id, saved.strategy_version);
      await Promise.all([live.refresh(), queries.invalidateQueries({ queryKey: ["strategy"] })]);
      if (said.state === "not_valid") setFound(said);
      else onDone(saved.id);
    } catch (caught) {
      // An attempt that was refused is over: the next one is another.
      if (caught instanceof Problem) key.current = crypto.randomUUID();
      setError(caught);
    } finally {
      setBusy(false);
    }
  };

  const locked = active ? "Stop the strategy to change this." : undefined;
  return (
    <form noValidate aria-label="Strategy" className="flex flex-col gap-5" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      {active && <p className="rounded-md border border-warn/50 bg-warn/10 px-3 py-2 text-sm">It is active: what you save is a new version, which takes effect within seconds, once it is found valid. Until then, and where it is not valid, version {row.effective_version} goes on deciding.</p>}
      <div className="grid grid-cols-1 gap-x-5 gap-y-4 sm:grid-cols-2">
        <Field label="Name" error={says("name")}>
          <Input value={terms.name} maxLength={100} onChange={(event) => change({ name: event.target.value })} />
        </Field>
        <Field label={<>Account {paper !== undefined && <ModeBadge paper={paper} />}</>} error={says("account")} hint={usable.length === 0 ? "Link an account first, on the page Accounts." : undefined}>
          <Select value={account} disabled={id !== null} onChange={(event) => change({ account: event.target.value })}>
            <option value="">Choose</option>
            {(id === null ? usable : (accounts ?? [])).map((one) => <option key={one.id} value={one.id}>{accountName(one)} ({one.is_paper ? "paper" : "live money"})</option>)}
          </Select>
        </Field>
        <Field label="Symbols" error={says("symbols")} hint={locked ?? "By commas: SPY, IWM"}>
          <Input value={terms.symbols} disabled={active} autoCapitalize="characters" spellCheck={false} onChange={(event) => change({ symbols: event.target.value })} />
        </Field>
        <Field label="Decides on bars of" error={at.terms.timeframe} hint={locked}>
          <Select value={terms.timeframe} disabled={active} onChange={(event) => change({ timeframe: event.target.value })}>
            {frames.map((frame) => <option key={frame} value={frame}>{TIMEFRAMES[frame] ?? frame}</option>)}
          </Select>
        </Field>
        <Field label="Who watches its planned exits" hint="Stops, targets and time exits that its entries come with.">
          <Select value={terms.exits_by} onChange={(event) => change({ exits_by: event.target.value as Terms["exits_by"] })}>
            {Object.entries(EXITS_BY).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </Select>
        </Field>
        <Field label="Description" hint="For you alone.">
          <TextArea rows={1} maxLength={2000} value={terms.description} onChange={(event) => change({ description: event.target.value })} />
        </Field>
      </div>
      <fieldset className="flex flex-col gap-4 border-t border-line pt-4">
        <legend className="float-left text-sm font-semibold">Configuration</legend>
        {strategy === null && shows.length > 0 && <Examples shows={shows} onChosen={(chosen) => {
          setConfig(shownConfig(schema, chosen));
          change(typeof chosen["timeframe"] === "string" ? { timeframe: chosen["timeframe"] } : {});
        }} />}
        <ConfigForm ref={form} schema={schema} config={config} found={at.config} onChange={(changed) => {
          setConfig(changed);
          if (found) setFound(null);
        }} />
      </fieldset>
      {at.rest.length > 0 && <ul role="alert" className="text-sm text-danger">{at.rest.map((text) => <li key={text}>{text}</li>)}</ul>}
      {found?.state === "not_valid" && <p role="alert" className="text-sm text-danger">It is saved as version {found.strategy_version}, and cannot decide as it is: correct what is marked and save again.</p>}
      {error !== null && <p role="alert" className="text-sm text-danger">{sentence(error)}</p>}
      <div className="flex justify-end">
        <Button type="submit" look="main" busy={busy}>{id === null ? "Create as draft" : "Save"}</Button>
      </div>
    </form>
  );
}

/** Begins with a config that makes sense. */
function Examples({ shows, onChosen }: { shows: readonly Config[]; onChosen: (config: Config) => void }) {
  const [chosen, setChosen] = useState("-1");
  const options = [{ value: "-1", label: "Defaults" }, ...shows.map((_, at) => ({ value: String(at), label: `Example ${at + 1}` }))];
  return (
    <div className="flex items-center gap-2 text-xs text-dim">
      Begin with
      <Segments label="Begin with" value={chosen} options={options} onChange={(value) => {
        setChosen(value);
        onChosen(shows[Number(value)] ?? {});
      }} />
    </div>
  );
}
