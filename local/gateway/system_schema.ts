/** The tables of auth and storage, made before the project's migrations, which refer to auth.users. */
import postgres from "postgres";
import { openSystemConnection, systemApp } from "./lite_apps.ts";

/** The second factor's tables, which lite does not have; names and columns are hosted Auth's. */
const SECOND_FACTOR = `
  create table if not exists auth.mfa_factors (
    id uuid primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    friendly_name text,
    factor_type text not null check (factor_type in ('totp', 'phone', 'webauthn')),
    status text not null check (status in ('unverified', 'verified')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    secret text
  );
  create unique index if not exists mfa_factors_user_friendly_name_unique
    on auth.mfa_factors (friendly_name, user_id) where trim(friendly_name) <> '';
  create index if not exists mfa_factors_user_id_idx on auth.mfa_factors (user_id);
  create table if not exists auth.mfa_challenges (
    id uuid primary key,
    factor_id uuid not null references auth.mfa_factors (id) on delete cascade,
    created_at timestamptz not null default now(),
    verified_at timestamptz
  );
  create index if not exists mfa_challenges_factor_id_idx on auth.mfa_challenges (factor_id);
  create table if not exists auth.mfa_amr_claims (
    id uuid primary key default gen_random_uuid(),
    session_id uuid not null references auth.sessions (id) on delete cascade,
    authentication_method text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (session_id, authentication_method)
  );
`;

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
  alter table auth.mfa_factors enable row level security;
  alter table auth.mfa_challenges enable row level security;
  alter table auth.mfa_amr_claims enable row level security;
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
    await connection.driver.unsafe(SECOND_FACTOR).simple();
    // lite passes over a statement that fails; what matters is what is there.
    const missing = await missingTables(connection.driver as postgres.Sql);
    if (missing.length > 0) throw new Error(`Postgres did not take these tables: ${missing.join(", ")}`);
    await connection.driver.unsafe(GRANTS).simple();
  } finally {
    await connection.close();
  }
}

const NEEDED = [
  "auth.users", "auth.sessions", "auth.refresh_tokens", "auth.identities", "auth.mfa_factors", "auth.mfa_challenges", "auth.mfa_amr_claims",
  "storage.buckets", "storage.objects",
];

async function missingTables(driver: postgres.Sql): Promise<string[]> {
  const rows = await driver<{ name: string }[]>`select name from unnest(${NEEDED}::text[]) as name where to_regclass(name) is null`;
  return rows.map((row) => row.name);
}

/** True where the tables are there. */
export async function isPrepared(driver: postgres.Sql): Promise<boolean> {
  return (await missingTables(driver)).length === 0;
}
