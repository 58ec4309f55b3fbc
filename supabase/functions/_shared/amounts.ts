/** Amounts as they are read: the ledger keeps numeric(…, 10), and Postgres tells every digit of it. */
import type { Row } from "./rest.ts";

/** The columns that a `select` asks for as text, by the names under which they come. */
const AS_TEXT = /(?:(\w+):)?(\w+)::text/g;
const WITH_ZEROS = /^(-?\d+)(?:\.0+|(\.\d*[1-9])0+)$/;

/** "110.0000000000" as "110": in each row, and those embedded in it, what `select` names as text. */
export function trimmed<T extends Row>(rows: T[], select: string): T[] {
  const amounts = new Set([...select.matchAll(AS_TEXT)].map(([, alias, column]) => alias ?? column));
  if (amounts.size > 0) for (const row of rows) trim(row, amounts);
  return rows;
}

function trim(row: Row, amounts: ReadonlySet<string | undefined>): void {
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === "string") {
      if (amounts.has(name)) row[name] = value.replace(WITH_ZEROS, "$1$2");
    } else if (Array.isArray(value)) {
      for (const inner of value) if (typeof inner === "object" && inner !== null) trim(inner as Row, amounts);
    } else if (typeof value === "object" && value !== null) {
      trim(value as Row, amounts);
    }
  }
}
