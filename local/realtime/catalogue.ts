// What the server must know of the database's own catalogue: types, primary keys, published tables.

import type { Relation } from "./pgoutput.ts";
import type { Sql } from "./database.ts";

export interface Type {
  readonly id: number;
  readonly name: string;
  /** As SQL writes it, safe to put into a cast. */
  readonly sqlName: string;
  /** pg_type.typcategory: `N` number, `S` text, `A` array, `E` enum... */
  readonly category: string;
  /** The element of an array, 0 otherwise. */
  readonly elementId: number;
}

export interface TableColumn {
  readonly name: string;
  readonly typeId: number;
}

export class Catalogue {
  readonly #sql: Sql;
  #types = new Map<number, Type>();
  // Keyed by the description itself: Postgres sends a new one whenever the table changed.
  readonly #primaryKeys = new WeakMap<Relation, Promise<readonly string[]>>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The types of these ids; reads the catalogue again when one is new. A domain is given as its base type. */
  async types(ids: readonly number[]): Promise<ReadonlyMap<number, Type>> {
    if (!ids.every((id) => this.#types.has(id))) {
      const rows = await this.#sql<Type[]>`
        select own.oid::int8::int as id, base.typname as name, format_type(base.oid, null) as "sqlName",
               base.typcategory as category,
               case when base.typcategory = 'A' then base.typelem::int8::int else 0 end as "elementId"
        from pg_type as own
        join pg_type as base on base.oid = case when own.typtype = 'd' then own.typbasetype else own.oid end`;
      this.#types = new Map(rows.map((row) => [row.id, row]));
    }
    return this.#types;
  }

  /** The names of a table's primary key columns, empty where it has none. */
  primaryKey(relation: Relation): Promise<readonly string[]> {
    let found = this.#primaryKeys.get(relation);
    if (found === undefined) {
      found = this.#readPrimaryKey(relation.id);
      this.#primaryKeys.set(relation, found);
      found.catch(() => this.#primaryKeys.delete(relation));
    }
    return found;
  }

  async #readPrimaryKey(relationId: number): Promise<readonly string[]> {
    const rows = await this.#sql<{ name: string }[]>`
      select a.attname as name
      from pg_index as i
      join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
      where i.indrelid = ${relationId}::int8::oid and i.indisprimary
      order by array_position(i.indkey::int2[], a.attnum)`;
    return rows.map((row) => row.name);
  }

  /** The columns of a published table that the role may read; null where the table is not in `supabase_realtime`. */
  async published(schema: string, table: string, role: string): Promise<readonly TableColumn[] | null> {
    const rows = await this.#sql<{ columns: TableColumn[] }[]>`
      select coalesce((
        select json_agg(json_build_object('name', a.attname, 'typeId', a.atttypid::int8) order by a.attnum)
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          and has_schema_privilege(${role}::text, n.oid, 'USAGE')
          and has_column_privilege(${role}::text, c.oid, a.attnum, 'SELECT')
      ), '[]') as columns
      from pg_publication_tables as p
      join pg_namespace as n on n.nspname = p.schemaname
      join pg_class as c on c.relnamespace = n.oid and c.relname = p.tablename
      where p.pubname = 'supabase_realtime' and p.schemaname = ${schema} and p.tablename = ${table}`;
    return rows[0]?.columns ?? null;
  }

  /** Casts a text to a type and back, as Postgres prints it. Throws Postgres's error where it is not such a value. */
  async canonical(value: string, type: Type): Promise<string> {
    const rows = await this.#sql.unsafe<{ text: string }[]>(`select format('%s', ($1::text)::${type.sqlName}) as text`, [value]);
    return rows[0]?.text ?? value;
  }
}
