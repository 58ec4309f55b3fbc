/** Pages by cursor: the place of the last row, so that rows that come in meanwhile move nothing. */
import { z } from "@hono/zod-openapi";
import { type Query, Refused, type Rest, type Row } from "../../_shared/rest.ts";
import { Problem } from "./problem.ts";

const MOST = 200;

/** The query parameters of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MOST).default(50).openapi({ description: `How many, at most ${MOST}.` }),
  cursor: z.string().max(500).optional().openapi({ description: "The next_cursor of the page before." }),
};

/** One page of a list. */
export function pageOf<T extends z.ZodType>(item: T, name: string) {
  return z.object({
    data: z.array(item),
    next_cursor: z.string().nullable().openapi({ description: "Null on the last page." }),
  }).openapi(`${name}Page`);
}

interface Asked {
  limit: number;
  cursor?: string | undefined;
}

/** Columns that order the list and together name one row; the last one breaks ties. Newest or largest first. */
interface Order {
  by: readonly [string, ...string[]];
  ascending?: boolean;
}

/** Reads one page. `query` holds select (with the columns of the order) and the filters. */
export async function readPage<T extends Row>(ledger: Rest, relation: string, query: Query, asked: Asked, order: Order): Promise<{ data: T[]; next_cursor: string | null }> {
  const direction = order.ascending ? "asc" : "desc";
  const wanted = { ...query, order: order.by.map((column) => `${column}.${direction}`).join(","), limit: String(asked.limit + 1) };
  const rows = asked.cursor === undefined ? await ledger.select<T>(relation, wanted) : await behind<T>(ledger, relation, wanted, asked.cursor, order);
  const data = rows.slice(0, asked.limit);
  const last = rows.length > asked.limit ? data.at(-1) : undefined;
  return { data, next_cursor: last ? cursorOf(order.by.map((column) => String(last[column]))) : null };
}

async function behind<T extends Row>(ledger: Rest, relation: string, wanted: Query, cursor: string, order: Order): Promise<T[]> {
  try {
    return await ledger.select<T>(relation, { ...wanted, or: [...[wanted.or ?? []].flat(), after(place(cursor, order.by.length), order)] });
  } catch (error) {
    // A made-up one says "abc" where the column keeps a time.
    if (error instanceof Refused && (error.state.startsWith("22") || error.state === "PGRST100")) throw badCursor();
    throw error;
  }
}

/** `(a.lt.1,and(a.eq.1,b.lt.2))`: behind the row, in the order of the list. */
function after(values: readonly string[], order: Order): string {
  const beyond = order.ascending ? "gt" : "lt";
  const parts = order.by.map((column, at) => {
    const equal = order.by.slice(0, at).map((before, index) => `${before}.eq.${quoted(values[index] ?? "")}`);
    const one = `${column}.${beyond}.${quoted(values[at] ?? "")}`;
    return equal.length === 0 ? one : `and(${[...equal, one].join(",")})`;
  });
  return `(${parts.join(",")})`;
}

function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Names a row by what orders it. */
export function cursorOf(values: readonly string[]): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(values)))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** What a cursor names. Throws Problem 422 where it is none of ours. */
export function place(cursor: string, parts: number): string[] {
  try {
    const text = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    const read: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    if (Array.isArray(read) && read.length === parts && read.every((value) => typeof value === "string" && !value.includes("\0"))) {
      return read as string[];
    }
  } catch {
    // Said below: whatever it is, it is no cursor of ours.
  }
  throw badCursor();
}

/** The cursor is of another list, or nobody's. */
export function badCursor(): Problem {
  return new Problem(422, "BAD_CURSOR", "The cursor is none that this list gave.", { errors: [{ field: "query.cursor", reason: "is not known" }] });
}
