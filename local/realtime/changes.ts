// postgres_changes: each committed row goes to the subscribers that may see it.
//
// INSERT and UPDATE: the row is selected again by its primary key in the subscriber's role and claims, once for all
// subscribers with equal claims and for all rows that wait; who cannot see it now is not told. What was selected is what
// is sent, never the row in the log: a row that has changed hands since would show its new owner what was the old one's.
// So two quick changes of a row may both tell the later state.
// The log can be read a moment before the transaction becomes visible to others, so the database waits for that first.
// DELETE: the row is gone and its policies cannot be judged any more. It is told, by its primary key, only where no
// policy applies: the table has no row-level security, or the role stands above it. (The hosted platform tells everybody.)
// A table without a primary key tells nothing.

import type { Binding } from "./bindings.ts";
import type { Catalogue, Type } from "./catalogue.ts";
import type { Channel } from "./channel.ts";
import { isConnectionError, type Sql } from "./database.ts";
import { passes } from "./filter.ts";
import type { JsonObject } from "./json.ts";
import { log, textOf } from "./log.ts";
import type { Change, Column, Relation, Transaction, Tuple } from "./pgoutput.ts";
import type { Identity } from "./token.ts";
import { toJson } from "./values.ts";

type Values = Readonly<Record<string, string | null>>;

interface Subscription {
  readonly channel: Channel;
  readonly binding: Binding;
}

interface Job {
  readonly change: Change;
  /** Who the subscribers were when the change was committed; a new token may come while the database is asked. */
  readonly identity: Identity;
  readonly xid: number;
  readonly committedAt: string;
  readonly subscriptions: readonly Subscription[];
}

interface Visible {
  readonly columns: string[];
  readonly rows: Record<string, Values>;
}

export class ChangeFeed {
  readonly #sql: Sql;
  readonly #catalogue: Catalogue;
  readonly #onGap: (channel: Channel) => void;
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  // One queue for each set of claims: order is kept for a client, and one query answers for many rows.
  readonly #queues = new Map<string, Job[]>();

  /** `onGap` is called with a channel that missed a change; it must make the client join anew. */
  constructor(sql: Sql, catalogue: Catalogue, onGap: (channel: Channel) => void) {
    this.#sql = sql;
    this.#catalogue = catalogue;
    this.#onGap = onGap;
  }

  subscribe(channel: Channel, bindings: readonly Binding[]): void {
    for (const binding of bindings) {
      const place = `${binding.schema}.${binding.table}`;
      const set = this.#subscriptions.get(place) ?? new Set();
      set.add({ channel, binding });
      this.#subscriptions.set(place, set);
    }
  }

  unsubscribe(channel: Channel): void {
    for (const [place, set] of this.#subscriptions) {
      for (const subscription of set) if (subscription.channel === channel) set.delete(subscription);
      if (set.size === 0) this.#subscriptions.delete(place);
    }
  }

  take(transaction: Transaction): void {
    if (this.#subscriptions.size === 0) return;
    const { xid } = transaction;
    const committedAt = transaction.committedAt.toISOString();
    for (const change of transaction.changes) {
      const byCaller = new Map<string, { identity: Identity; subscriptions: Subscription[] }>();
      for (const subscription of this.#listening(change)) {
        const { identity } = subscription.channel;
        const group = byCaller.get(identity.key) ?? { identity, subscriptions: [] };
        group.subscriptions.push(subscription);
        byCaller.set(identity.key, group);
      }
      for (const [key, group] of byCaller) this.#enqueue(key, { change, xid, committedAt, ...group });
    }
  }

  *#listening({ kind, relation: { schema, table } }: Change): Generator<Subscription> {
    for (const place of [`${schema}.${table}`, `${schema}.*`, "*.*"]) {
      for (const subscription of this.#subscriptions.get(place) ?? []) {
        const { event } = subscription.binding;
        if (event === "*" || event === kind) yield subscription;
      }
    }
  }

  #enqueue(key: string, job: Job): void {
    const queue = this.#queues.get(key);
    if (queue !== undefined) {
      queue.push(job);
      return;
    }
    const fresh = [job];
    this.#queues.set(key, fresh);
    void this.#drain(key, fresh);
  }

  async #drain(key: string, queue: Job[]): Promise<void> {
    while (queue.length > 0) {
      const relation = queue[0]?.change.relation;
      const after = queue.findIndex(({ change }) => change.relation !== relation);
      const batch = queue.splice(0, after < 0 ? queue.length : after);
      await this.#deliver(batch);
    }
    this.#queues.delete(key);
  }

  /** Delivers changes of one table to subscribers of equal claims. */
  async #deliver(batch: readonly Job[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const { identity, change: { relation } } = first;
    try {
      const keys = await this.#catalogue.primaryKey(relation);
      if (keys.length === 0) return;
      const types = await this.#catalogue.types(relation.columns.map(({ typeId }) => typeId));
      const visible = await this.#visible(relation, identity, keys, batch);
      const tellsDeletes =
        visible.columns.length > 0 &&
        batch.some(({ change }) => change.kind === "DELETE") &&
        (await this.#unjudged(relation, identity));
      batch.forEach((job, position) => {
        const { kind, old } = job.change;
        const deleted = tellsDeletes ? loggedValues(relation, old, keys) : undefined;
        const values = kind === "DELETE" ? deleted : visible.rows[String(position + 1)];
        if (values !== undefined) this.#tell(job, new RowView(job.change, keys, visible.columns, values, types));
      });
    } catch (error) {
      const missed = new Set(batch.flatMap(({ subscriptions }) => subscriptions.map(({ channel }) => channel)));
      log.warning(`changes of ${relation.schema}.${relation.table} did not reach ${missed.size} channels: ${textOf(error)}`);
      for (const channel of missed) {
        if (!isConnectionError(error)) channel.system("error", "postgres_changes", `a policy failed: ${textOf(error)}`);
        this.#onGap(channel);
      }
    }
  }

  async #visible(
    relation: Relation,
    identity: Identity,
    keys: readonly string[],
    batch: readonly Job[],
  ): Promise<Visible> {
    const keyRows = batch.map(({ change }) => {
      const tuple = change.row ?? change.old;
      return Object.fromEntries(keys.map((key) => [key, at(relation, tuple, key)]));
    });
    const wanted = relation.columns.map(({ name }) => name);
    const xids = [...new Set(batch.map(({ xid }) => xid))];
    const [row] = await this.#sql<{ visible: Visible }[]>`
      select realtime._visible(${relation.id}::int8::oid::regclass, ${identity.role},
        ${this.#sql.json(identity.claims as never)}, ${[...keys]}::text[],
        ${this.#sql.json(keyRows)}, ${wanted}::text[], ${xids}::int8[]) as visible`;
    return row?.visible ?? { columns: [], rows: {} };
  }

  async #unjudged(relation: Relation, identity: Identity): Promise<boolean> {
    const [row] = await this.#sql<{ unjudged: boolean }[]>`
      select not c.relrowsecurity or r.rolbypassrls as unjudged
      from pg_class as c, pg_roles as r
      where c.oid = ${relation.id}::int8::oid and r.rolname = ${identity.role}`;
    return row?.unjudged === true;
  }

  #tell({ change, identity, committedAt, subscriptions }: Job, row: RowView): void {
    const byChannel = new Map<Channel, Map<string, Binding[]>>();
    for (const { channel, binding } of subscriptions) {
      // The client left, or became somebody else, while the database was asked.
      const isStillThere = isSameCaller(channel.identity, identity) && this.#isSubscribed(channel, binding);
      if (!isStillThere || !row.passes(binding)) continue;
      const bySelect = byChannel.get(channel) ?? new Map<string, Binding[]>();
      const select = JSON.stringify(binding.select);
      bySelect.set(select, [...(bySelect.get(select) ?? []), binding]);
      byChannel.set(channel, bySelect);
    }
    for (const [channel, bySelect] of byChannel) {
      for (const bindings of bySelect.values()) {
        channel.push("postgres_changes", {
          ids: bindings.map(({ id }) => id),
          data: {
            schema: change.relation.schema,
            table: change.relation.table,
            commit_timestamp: committedAt,
            type: change.kind,
            ...row.payload(bindings[0]?.select ?? null),
            errors: null,
          },
        });
      }
    }
  }

  #isSubscribed(channel: Channel, binding: Binding): boolean {
    for (const subscription of this.#subscriptions.get(`${binding.schema}.${binding.table}`) ?? []) {
      if (subscription.channel === channel && subscription.binding === binding) return true;
    }
    return false;
  }
}

/** A changed row as one caller may see it: `values` by column, as Postgres prints them. */
class RowView {
  readonly #change: Change;
  readonly #keys: readonly string[];
  readonly #readable: ReadonlySet<string>;
  readonly #values: Values;
  readonly #types: ReadonlyMap<number, Type>;

  constructor(
    change: Change,
    keys: readonly string[],
    readable: readonly string[],
    values: Values,
    types: ReadonlyMap<number, Type>,
  ) {
    this.#change = change;
    this.#keys = keys;
    this.#readable = new Set(readable);
    this.#values = values;
    this.#types = types;
  }

  passes({ conditions }: Binding): boolean {
    return passes(
      conditions,
      (column) => (this.#readable.has(column) ? this.#values[column] : undefined),
      (column) => {
        const found = this.#change.relation.columns.find(({ name }) => name === column);
        return found === undefined ? undefined : this.#types.get(found.typeId);
      },
    );
  }

  payload(select: readonly string[] | null): JsonObject {
    const { kind, relation } = this.#change;
    const columns = relation.columns.filter(
      ({ name }) => this.#readable.has(name) && (select === null || select.includes(name)),
    );
    const payload: JsonObject = {
      columns: columns.map(({ name, typeId }) => ({ name, type: this.#types.get(typeId)?.name ?? "text" })),
    };
    if (kind !== "DELETE") {
      payload["record"] = this.#json(columns, this.#values);
    }
    if (kind !== "INSERT") payload["old_record"] = this.#oldKey();
    return payload;
  }

  #oldKey(): JsonObject {
    const { relation, row, old } = this.#change;
    const keys = relation.columns.filter(({ name }) => this.#keys.includes(name));
    return this.#json(keys, loggedValues(relation, old ?? row, this.#keys));
  }

  #json(columns: readonly Column[], values: Values): JsonObject {
    return Object.fromEntries(
      columns.map(({ name, typeId }) => [name, toJson(values[name] ?? null, typeId, this.#types)]),
    );
  }
}

/** The key columns of a row in the log. Its other columns are null where the replica identity leaves them out. */
function loggedValues(relation: Relation, tuple: Tuple | null, keys: readonly string[]): Values {
  return Object.fromEntries(keys.map((key) => [key, at(relation, tuple, key)]));
}

function isSameCaller(left: Identity, right: Identity): boolean {
  return left.role === right.role && left.claims["sub"] === right.claims["sub"];
}

function at(relation: Relation, tuple: Tuple | null, column: string): string | null {
  return tuple?.[relation.columns.findIndex(({ name }) => name === column)] ?? null;
}
