/** What the history is narrowed to. */
import type { StrategyRow } from "@/live/rows";
import { zoneName } from "@/time/times";
import { Button } from "@/ui/button";
import { Checkbox, Field, Input, Select } from "@/ui/form";
import { stateName, STATES } from "@/orders/states";
import { NO_FILTER, type Filter } from "./trade_pages";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
  strategies: readonly StrategyRow[];
  zone: string;
}

export function Filters({ filter, onChange, strategies, zone }: Props) {
  const set = (change: Partial<Filter>) => onChange({ ...filter, ...change });
  return (
    <div className="grid grid-cols-2 items-end gap-3 border-b border-line p-4 sm:grid-cols-3 lg:grid-cols-4 xl:grid-cols-[1fr_8rem_10rem_10rem_10rem_10rem_auto_auto]">
      <Field label="Strategy">
        <Select value={filter.strategy} onChange={(event) => set({ strategy: event.target.value })}>
          <option value="">Every strategy</option>
          {strategies.map((row) => <option key={row.id} value={row.id}>{row.name}{row.status === "deleted" && " (deleted)"}</option>)}
        </Select>
      </Field>
      <Field label="Symbol">
        <Input value={filter.symbol} maxLength={32} placeholder="any" onChange={(event) => set({ symbol: event.target.value.trim().toUpperCase() })} />
      </Field>
      <Field label="Status">
        <Select value={filter.status} onChange={(event) => set({ status: event.target.value })}>
          <option value="">Every status</option>
          <option value="open">Not over</option>
          {Object.keys(STATES).map((status) => <option key={status} value={status}>{stateName(status)}</option>)}
        </Select>
      </Field>
      <Field label="Source">
        <Select value={filter.source} onChange={(event) => set({ source: event.target.value })}>
          <option value="">Every source</option>
          <option value="strategy">Strategy</option>
          <option value="manual">By hand</option>
          <option value="automation">Automation</option>
          <option value="risk">Risk (exits)</option>
          <option value="external">At the broker</option>
        </Select>
      </Field>
      <Field label={`From (${zoneName(zone)})`}><Input type="date" value={filter.from} max={filter.until} onChange={(event) => set({ from: event.target.value })} /></Field>
      <Field label="Until, included"><Input type="date" value={filter.until} min={filter.from} onChange={(event) => set({ until: event.target.value })} /></Field>
      <Checkbox className="h-9 whitespace-nowrap" label="With a note" checked={filter.noted} onChange={(event) => set({ noted: event.target.checked })} />
      <Button look="quiet" onClick={() => onChange(NO_FILTER)}>Clear</Button>
    </div>
  );
}
