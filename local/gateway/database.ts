/**
 * The gateway's hold on Postgres: the pools and lite apps while it is up, a clear "no" while it is down.
 *
 * A dropped connection starts a probe. If Postgres does not answer, every pool is destroyed, so that what was waiting is
 * refused at once and nothing runs later for a caller who was already told "unavailable"; new pools are made when the
 * probe succeeds.
 */
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "@supabase/lite";
import postgres from "postgres";
import { guardPool } from "./guarded_pool.ts";
import { openSystemConnection, restApp, systemApp } from "./lite_apps.ts";
import { openRestConnection, type RestConnection, type Schema } from "./rest_connection.ts";
import type { Settings } from "./settings.ts";
import { isPrepared, prepareSystemSchema } from "./system_schema.ts";

const PROBE_EVERY_MS = 100;
const SYSTEM_POOL = 4;
/** Migrations notify once a statement; the schema is read when they have been quiet for this long. */
const SETTLE_MS = 50;

/** What serves requests while Postgres is up. */
export interface Backend {
  rest: App;
  system: App;
  /** Superuser pool of auth and storage, for the gateway's own endpoints. */
  sql: postgres.Sql;
  close: () => Promise<void>;
  schema: RestConnection;
  /** Reads the schema as a superuser. */
  readSchema: () => Promise<Schema>;
}

export class Database {
  readonly #settings: Settings;
  #backend: Backend | undefined;
  #probing: Promise<void> | undefined;
  #closed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Waits until Postgres answers, then opens the pools. */
  async start(): Promise<void> {
    await this.#recover();
  }

  /** Undefined while Postgres is down. */
  get backend(): Backend | undefined {
    return this.#backend;
  }

  async stop(): Promise<void> {
    this.#closed = true;
    await this.#dropBackend();
  }

  /** Called for every connection that closes; also by the server when a request failed in an unexplained way. */
  suspect = (): void => {
    if (this.#closed || this.#probing) return;
    this.#probing = this.#recover().finally(() => {
      this.#probing = undefined;
    });
  };

  /** Throws the pools away and opens new ones: what waited on them is refused at once. */
  reset(): void {
    if (this.#closed) return;
    void this.#dropBackend().then(this.suspect);
  }

  /** True where Postgres answers now. */
  async answers(): Promise<boolean> {
    const probe = postgres(this.#settings.databaseUrl, { max: 1, connect_timeout: 2, onnotice: () => undefined });
    try {
      await probe`select 1`;
      return true;
    } catch {
      return false; // Whatever the reason, it cannot serve a request.
    } finally {
      await probe.end({ timeout: 0 });
    }
  }

  async #recover(): Promise<void> {
    while (!this.#closed) {
      if (await this.answers()) {
        if (this.#backend) return;
        try {
          await this.#open();
          return;
        } catch (error) {
          // It answered and went away again, or the bootstrap is still running: try again, and say why.
          console.error(`gateway: cannot open the database yet: ${error instanceof Error ? error.message : String(error)}`);
        }
      } else if (this.#backend) {
        console.error("gateway: Postgres does not answer; requests get 503 until it does");
      }
      await this.#dropBackend();
      await sleep(PROBE_EVERY_MS);
    }
  }

  async #open(): Promise<void> {
    const { databaseUrl, jwtSecret, externalUrl, storageFolder, poolSize } = this.#settings;
    const password = createHmac("sha256", jwtSecret).update("authenticator").digest("hex");
    const url = new URL(databaseUrl);
    const systemConnection = openSystemConnection({
      url: databaseUrl,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      poolSize: SYSTEM_POOL,
      onDrop: this.suspect,
    });
    const sql = systemConnection.driver as postgres.Sql;
    if (!(await isPrepared(sql))) await prepareSystemSchema(databaseUrl);
    await sql.unsafe(`alter role authenticator login password '${password}'`);
    const readSchema = () => systemConnection.introspect({ useCache: false });
    const rest = openRestConnection({
      url: databaseUrl,
      user: "authenticator",
      password,
      poolSize,
      onDrop: this.suspect,
      readSchema,
    });
    const listener = postgres(databaseUrl, { max: 1, backoff: () => 0.1, onclose: this.suspect, onnotice: () => undefined });
    guardPool(sql);
    guardPool(rest.connection.driver as postgres.Sql);
    const close = async () => {
      await Promise.all([sql.end({ timeout: 0 }), rest.connection.driver.end({ timeout: 0 }), listener.end({ timeout: 0 })]);
    };
    try {
      await this.#listen(listener, rest);
      await rest.warm();
    } catch (error) {
      await close();
      throw error;
    }
    this.#backend = {
      rest: restApp(rest.connection) as unknown as App,
      system: systemApp(systemConnection, { jwtSecret, siteUrl: externalUrl, storageFolder }) as unknown as App,
      sql,
      schema: rest,
      readSchema,
      close,
    };
    console.error("gateway: the database is open");
  }

  async #listen(listener: postgres.Sql, rest: RestConnection): Promise<void> {
    let settle: NodeJS.Timeout | undefined;
    const onNotice = (payload: string) => {
      if (payload === "reload config") return;
      rest.forgetSchema();
      clearTimeout(settle);
      settle = setTimeout(() => {
        rest.warm().catch((error: unknown) => {
          console.error(`gateway: cannot read the schema: ${error instanceof Error ? error.message : String(error)}`);
        });
      }, SETTLE_MS);
    };
    // What was notified while the listening connection was away is lost, so every (re)connection forgets the schema.
    await listener.listen("pgrst", onNotice, rest.forgetSchema);
  }

  async #dropBackend(): Promise<void> {
    const backend = this.#backend;
    this.#backend = undefined;
    await backend?.close();
  }
}
