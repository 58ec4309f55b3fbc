/** What changed from one version of a strategy to the next. */
import type { StrategyVersion } from "@/api/schema";
import { labelOf } from "./form/schema";

export interface Difference {
  field: string;
  /** Null where it was not there. */
  from: string | null;
  to: string | null;
}

type Compared = Pick<StrategyVersion, "config" | "symbols" | "timeframe" | "exits_by">;

export function differences(older: Compared, newer: Compared): readonly Difference[] {
  const fields = [
    ["Symbols", older.symbols.join(", "), newer.symbols.join(", ")],
    ["Decides on bars of", older.timeframe, newer.timeframe],
    ["Exits watched by", older.exits_by, newer.exits_by],
    ...[...new Set([...Object.keys(older.config), ...Object.keys(newer.config)])].map((name) => [labelOf(name, undefined), text(older.config[name]), text(newer.config[name])] as const),
  ] as const;
  return fields.flatMap(([field, from, to]) => (from === to ? [] : [{ field, from, to }]));
}

function text(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
