/** The studio's hold on Postgres: a role of its own, its rights, and what it is shown. */
import { createHmac } from "node:crypto";
import type { App } from "@supabase/lite";
import type postgres from "postgres";
import { guardPool } from "./guarded_pool.ts";
import { studioApp } from "./lite_apps.ts";
import { openRestConnection, type Schema } from "./rest_connection.ts";
import type { Settings } from "./settings.ts";

const POOL = 2;
export const STUDIO_ROLE = "studio";
export const STUDIO_SCHEMAS = ["public", "admin"];

/**
 * It reads everything that the schema admin shows, past row-level security, and changes what an administrator changes by
 * hand: gates, limits, users, strategies' status, alerts. The triggers of those tables do what the functions do. It
 * deletes nothing, and sees neither credentials nor passwords.
 */
const RIGHTS = `
  grant usage on schema public, private, admin, auth to studio;
  grant select on all tables in schema public, admin to studio;
  grant select on private.administrators, private.desks, private.invitations, private.outbox to studio;
  grant select (broker_account_id, user_id, purpose, key_id, entered_at, updated_at) on private.broker_credentials to studio;
  grant select (id, email, last_sign_in_at, banned_until, created_at) on auth.users to studio;
  grant update (closed, mode, reason) on public.trading_gates, admin.gates to studio;
  grant update (value, parameters, act) on public.risk_limits, admin.limits to studio;
  grant insert (scope, user_id, broker_account_id, strategy_id, symbol, name, value, unit, parameters, act) on public.risk_limits to studio;
  grant update (display_name, desk_role, disabled, disabled_reason) on public.profiles, admin.users to studio;
  grant update (status) on public.strategies to studio;
  grant update (acknowledged_at) on public.alerts to studio;
`;

export interface StudioDatabase {
  app: App;
  /** What the studio's pages list: tables and views, their columns, and the key of those that it can edit. */
  catalogue: () => Promise<object>;
  close: () => Promise<void>;
}

export async function openStudioDatabase(settings: Settings, sql: postgres.Sql, readSchema: () => Promise<Schema>, onDrop: () => void): Promise<StudioDatabase> {
  const password = createHmac("sha256", settings.jwtSecret).update("studio_login").digest("hex");
  await sql.unsafe(`alter role studio_login login password '${password}'; ${RIGHTS}`).simple();
  const rest = openRestConnection({ url: settings.databaseUrl, user: "studio_login", password, poolSize: POOL, onDrop, readSchema });
  const pool = rest.connection.driver as postgres.Sql;
  guardPool(pool);
  return {
    app: studioApp(rest.connection, STUDIO_SCHEMAS) as unknown as App,
    catalogue: async () => catalogueOf(await rest.connection.introspect({})),
    close: () => pool.end({ timeout: 0 }),
  };
}

function catalogueOf(schema: Schema): object {
  const shown = <T extends { schema?: string }>(all: T[]) => all.filter((one) => STUDIO_SCHEMAS.includes(one.schema ?? ""));
  const views = shown(schema.views as { name: string; schema?: string }[]);
  const columns = shown(schema.columns as { name: string; table: string; schema?: string; is_identity?: boolean }[]);
  const keyed = columns.filter((column) => column.name === "id");
  return {
    // The pages know tables only; a view that begins with an id reads and edits like one.
    tables: [...views.filter((view) => view.schema === "admin"), ...shown(schema.tables)].map(({ name, schema: of }) => ({ name, schema: of })),
    columns: columns.map((column) => ({ ...column, is_identity: column.name === "id" || column.is_identity })),
    // The pages find the row to change by its "id", whatever the key is called: without one they would change nothing
    // and show it changed.
    primary_keys: keyed.map(({ table, schema: of }) => ({ table, schema: of, columns: ["id"] })),
    foreign_keys: [],
    views: [],
  };
}
