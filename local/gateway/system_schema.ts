/** The tables of auth and storage, made before the project's migrations, which refer to auth.users. */
import postgres from "postgres";
import { openSystemConnection, systemApp } from "./lite_apps.ts";

/** Grants as hosted: storage's tables are open to the API roles and kept by row-level security; auth's are closed. */
const GRANTS = `
  grant usage on schema storage to anon, authenticated, service_role;
  grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
  grant execute on all functions in schema storage to anon, authenticated, service_role;
  alter table auth.users enable row level security;
  alter table auth.sessions enable row level security;
  alter table auth.refresh_tokens enable row level security;
  alter table auth.identities enable row level security;
  alter table auth.flow_state enable row level security;
  alter table auth.audit_log_entries enable row level security;
`;

/** Makes the schemas; safe to call again. Throws where the bootstrap has not run or a table could not be made. */
export async function prepareSystemSchema(databaseUrl: string): Promise<void> {
  const url = new URL(databaseUrl);
  const connection = openSystemConnection({
    url: databaseUrl,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    poolSize: 1,
    onDrop: () => undefined,
  });
  try {
    const app = systemApp(connection, { jwtSecret: "no tokens are made here", siteUrl: "http://127.0.0.1", storageFolder: "" });
    await app.ensureSystemSchema();
    // lite passes over a statement that fails; what matters is what is there.
    const missing = await missingTables(connection.driver as postgres.Sql);
    if (missing.length > 0) throw new Error(`Postgres did not take these tables: ${missing.join(", ")}`);
    await connection.driver.unsafe(GRANTS).simple();
  } finally {
    await connection.close();
  }
}

const NEEDED = ["auth.users", "auth.sessions", "auth.refresh_tokens", "auth.identities", "storage.buckets", "storage.objects"];

async function missingTables(driver: postgres.Sql): Promise<string[]> {
  const rows = await driver<{ name: string }[]>`select name from unnest(${NEEDED}::text[]) as name where to_regclass(name) is null`;
  return rows.map((row) => row.name);
}

/** True where the tables are there. */
export async function isPrepared(driver: postgres.Sql): Promise<boolean> {
  return (await missingTables(driver)).length === 0;
}
