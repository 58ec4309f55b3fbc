// What a client asked for at the join under `config.postgres_changes`, checked against the database.

import { Refused } from "./authority.ts";
import type { Catalogue, TableColumn } from "./catalogue.ts";
import { BadFilter, canonicalCondition, parseFilter, type Condition } from "./filter.ts";
import { isObject, type JsonObject } from "./json.ts";
import { textOf } from "./log.ts";
import type { Identity } from "./token.ts";

export interface Binding {
  readonly id: number;
  readonly event: "*" | "INSERT" | "UPDATE" | "DELETE";
  readonly schema: string;
  /** `*` is every published table of the schema. */
  readonly table: string;
  readonly conditions: readonly Condition[];
  readonly select: readonly string[] | null;
  /** The client's own words, which it compares with the reply. */
  readonly asked: JsonObject;
}

const EVENTS = new Set(["*", "INSERT", "UPDATE", "DELETE"]);
let lastId = 0;

/**
 * Reads the bindings of a join. Throws Refused: unknown or unpublished table, a table or column that the role may not
 * read, a bad filter.
 */
export async function readBindings(asked: unknown, identity: Identity, catalogue: Catalogue): Promise<Binding[]> {
  if (asked === undefined || asked === null) return [];
  if (!Array.isArray(asked)) throw refused("config.postgres_changes must be a list");
  return Promise.all(asked.map((one) => readBinding(one, identity, catalogue)));
}

async function readBinding(asked: unknown, identity: Identity, catalogue: Catalogue): Promise<Binding> {
  if (!isObject(asked)) throw refused("each of config.postgres_changes must be an object");
  const { event, schema = "public", table = "*", filter, select } = asked;
  if (typeof event !== "string" || !EVENTS.has(event)) {
    throw refused(`event must be *, INSERT, UPDATE or DELETE, got ${JSON.stringify(event)}`);
  }
  if (typeof schema !== "string" || typeof table !== "string") throw refused("schema and table must be text");
  const isList = Array.isArray(select) && select.every((column) => typeof column === "string");
  if (select !== undefined && !isList) throw refused("select must be a list of columns");
  const wantsFilter = filter !== undefined && filter !== null && filter !== "";
  if (wantsFilter && typeof filter !== "string") throw refused("filter must be text");

  let conditions: Condition[] = [];
  if (table === "*") {
    if (wantsFilter || isList) throw refused("a filter or a select needs a table");
  } else {
    const columns = await catalogue.published(schema, table, identity.role);
    if (columns === null) {
      throw refused(`table ${schema}.${table} is not in the publication supabase_realtime; add it in a migration`);
    }
    if (columns.length === 0) throw refused(`role ${identity.role} may not read ${schema}.${table}`);
    requireColumns(isList ? select : [], columns, schema, table);
    if (wantsFilter) conditions = await readConditions(filter, columns, catalogue, schema, table);
  }
  lastId += 1;
  return {
    id: lastId,
    event: event as Binding["event"],
    schema,
    table,
    conditions,
    select: isList ? select : null,
    asked,
  };
}

async function readConditions(
  filter: string,
  columns: readonly TableColumn[],
  catalogue: Catalogue,
  schema: string,
  table: string,
): Promise<Condition[]> {
  const types = await catalogue.types(columns.map(({ typeId }) => typeId));
  try {
    const conditions = parseFilter(filter);
    requireColumns(conditions.map(({ column }) => column), columns, schema, table);
    return await Promise.all(
      conditions.map((condition) => {
        const type = types.get(columns.find(({ name }) => name === condition.column)?.typeId ?? 0);
        if (type === undefined) throw new BadFilter(`column ${condition.column} has an unknown type`);
        return canonicalCondition(condition, type, (value) => catalogue.canonical(value, type));
      }),
    );
  } catch (error) {
    // Postgres's own words where a value is not of the column's type (class 22).
    const code = (error as { code?: unknown }).code;
    const isBadValue = typeof code === "string" && code.startsWith("22");
    if (error instanceof BadFilter || isBadValue) throw refused(`filter ${filter}: ${textOf(error)}`);
    throw error;
  }
}

function requireColumns(wanted: readonly string[], columns: readonly TableColumn[], schema: string, table: string): void {
  const missing = wanted.find((column) => !columns.some(({ name }) => name === column));
  if (missing !== undefined) {
    throw refused(`column ${missing} of ${schema}.${table} does not exist or may not be read`);
  }
}

function refused(text: string): Refused {
  return new Refused(`PostgresChangesRefused: ${text}`);
}
