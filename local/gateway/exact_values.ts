/**
 * Carries values from the request to Postgres without loss.
 *
 * lite turns numeric text into a JavaScript number (a price would lose digits) and writes some JSON twice as text. Before
 * the query is built we put such values into an ExactText, which lite passes on and wire_types.ts writes as it is.
 */

/** Text that is already what Postgres shall read. */
export class ExactText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

interface Query {
  type?: string;
  from?: string;
  function?: string;
  schema?: string;
  values?: unknown;
  args?: unknown;
}

interface KnownSchema {
  columns: { schema: string; table: string; name: string; type: string; pg_type?: string }[];
  functions?: { schema: string; name: string; arg_names: string[]; arg_types: string[] }[] | undefined;
}

type Row = Record<string, unknown>;

const EXACT_NUMBERS = new Set(["numeric", "decimal", "int8", "bigint"]);
const JSON_TYPES = new Set(["json", "jsonb"]);

/** The query with exact values; the query itself is not changed. */
export function withExactValues<Q extends Query>(query: Q, schema: KnownSchema): Q {
  const inSchema = query.schema ?? "public";
  if (query.type === "rpc") return withJsonArguments(query, inSchema, schema);
  if (query.values === undefined || query.values === null || query.from === undefined) return query;
  const types = new Map<string, string>();
  for (const column of schema.columns) {
    if (column.table === query.from && column.schema === inSchema) types.set(column.name, (column.pg_type ?? column.type).toLowerCase());
  }
  const exactRow = (row: Row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, exact(value, types.get(name))]));
  const values = Array.isArray(query.values) ? query.values.map((row) => (isRow(row) ? exactRow(row) : (row as unknown))) : exactRow(query.values as Row);
  return { ...query, values };
}

function exact(value: unknown, type: string | undefined): unknown {
  if (type === undefined || value === null || value === undefined) return value;
  if (EXACT_NUMBERS.has(type) && typeof value === "string") return new ExactText(value);
  return JSON_TYPES.has(type) ? new ExactText(JSON.stringify(value)) : value;
}

/** lite sends an argument that is text as it came; for a JSON parameter that text must be the JSON of it. */
function withJsonArguments<Q extends Query>(query: Q, inSchema: string, schema: KnownSchema): Q {
  if (!isRow(query.args)) return query;
  const types = new Map<string, string>();
  for (const known of schema.functions ?? []) {
    if (known.schema !== inSchema || known.name !== query.function) continue;
    known.arg_names.forEach((name, at) => types.set(name, known.arg_types[at] ?? ""));
  }
  const args = Object.fromEntries(
    Object.entries(query.args).map(([name, value]) =>
      typeof value === "string" && JSON_TYPES.has(types.get(name) ?? "") ? [name, JSON.stringify(value)] : [name, value],
    ),
  );
  return { ...query, args };
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
