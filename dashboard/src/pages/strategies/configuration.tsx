/** How a strategy is configured now, and what the platform says of it. */
import { useMemo } from "react";
import type { StrategyRow } from "@/live/rows";
import { Panel } from "@/ui/panel";
import { Loaded } from "@/ui/states";
import { useKinds, useKindTitle, useValidation } from "@/strategies/data";
import { formSchema, shownConfig, unitOf } from "./form/schema";
import { Verdict } from "./verdict_shown";
import { EXITS_BY, TIMEFRAMES } from "@/strategies/wording";

export function Configuration({ row }: { row: StrategyRow }) {
  const kinds = useKinds();
  const titleOf = useKindTitle();
  const validation = useValidation(row.id, row.strategy_version);
  const kind = kinds.data?.find((one) => one.kind === row.kind);
  const fields = useMemo(() => {
    const schema = formSchema(kind?.config_schema ?? {});
    const config = shownConfig(schema, row.config);
    const names = [...new Set([...Object.keys(schema.properties ?? {}), ...Object.keys(config)])];
    return names.map((name) => {
      const of = (schema.properties?.[name] ?? {}) as Record<string, unknown>;
      const value = config[name] ?? of["default"];
      return { name, label: typeof of["title"] === "string" ? of["title"] : name, value, unit: unitOf(of), about: typeof of["description"] === "string" ? of["description"] : "", byDefault: !(name in config) };
    });
  }, [kind, row.config]);
  return (
    <div className="grid grid-cols-1 gap-4 xl:grid-cols-[1fr_26rem]">
      <Panel title={`Version ${row.strategy_version}`} flush>
        <dl className="divide-y divide-line/60 text-sm">
          <Line label="Kind" value={titleOf(row.kind)} />
          <Line label="Symbols" value={row.symbols.join(", ")} />
          <Line label="Decides on bars of" value={TIMEFRAMES[row.timeframe] ?? row.timeframe} />
          <Line label="Who watches its planned exits" value={EXITS_BY[row.exits_by]} />
          {fields.map(({ name, label, value, unit, about, byDefault }) => <Line key={name} label={label} value={shown(value, unit)} about={byDefault && value !== undefined ? `${about}. By default.` : about} />)}
        </dl>
      </Panel>
      <Panel title="What the platform says" className="self-start">
        <div className="flex min-h-16 flex-col gap-3 text-sm">
          <Loaded query={validation} rows={2}>{(said) => <Verdict validation={said} />}</Loaded>
          {row.effective_version !== null && row.effective_version !== row.strategy_version && <p className="text-warn">Version {row.effective_version} is in effect. The newest one takes effect once it is found valid.</p>}
          {kind && <p className="text-xs whitespace-pre-line text-dim">{kind.description.replaceAll("`", "").replaceAll(/[ \t]*\n[ \t]*(?=\S)/g, " ")}</p>}
        </div>
      </Panel>
    </div>
  );
}

function shown(value: unknown, unit: string): string {
  if (value === undefined || value === null) return "–";
  if (typeof value === "boolean") return value ? "Yes" : "No";
  const text = typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
  return unit === "" ? text : unit === "$" ? `$${text}` : `${text} ${unit}`;
}

function Line({ label, value, about = "" }: { label: string; value: string; about?: string }) {
  return (
    <div className="grid grid-cols-[1fr_auto] items-baseline gap-x-4 px-4 py-2">
      <dt className="min-w-0">{label}{about !== "" && <span className="block text-xs text-dim">{about}</span>}</dt>
      <dd className="text-right font-medium tabular-nums">{value}</dd>
    </div>
  );
}
