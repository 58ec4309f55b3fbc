/**
 * lite's Postgres connection with PostgREST's behaviour where lite's own differs.
 *
 * - It logs in as `authenticator`, so that a request can become only the roles that were granted to it.
 * - lite would GRANT ALL on every table of a schema with row-level security to anon and authenticated; that is off.
 * - The claims, the role and the role's own settings (statement_timeout) are set in one statement, not six.
 * - Errors reach the caller with their SQLSTATE, details and hint (sqlstate.ts).
 * - An error answer rolls its transaction back (one_object.ts).
 * - The schema cache is read once for all waiting requests and is dropped by NOTIFY pgrst.
 */
import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import { sql, type Kysely } from "kysely";
import { withExactValues } from "./exact_values.ts";
import { allOrNothing } from "./one_object.ts";
import { answerFor, AnsweredError } from "./sqlstate.ts";
import { REST_TYPES } from "./wire_types.ts";

export type Schema = Awaited<ReturnType<PostgresConnection["introspect"]>>;

type Query = Parameters<PostgresConnection["onPostgrestAST"]>[0];

interface RequestContext {
  auth?: { uid?: string | null; role?: string; jwt?: unknown };
}

interface RpcContext {
  method: string;
  path: string;
  requestHeaders?: Record<string, string>;
}

/** lite's private parts that the mends replace; the pinned version and the contract tests keep this honest. */
interface LiteInternals {
  introspect: (options?: { useCache?: boolean }) => Promise<Schema>;
  ensureRlsContext: () => Promise<boolean>;
  applyJwtSessionContext: (db: Kysely<unknown>, context: RequestContext) => Promise<void>;
  applyRpcRequestGucs: (db: Kysely<unknown>, rpc: RpcContext) => Promise<void>;
  normalizeDbError: (error: unknown) => unknown;
  withContext: <T>(context: RequestContext | undefined, work: (db: unknown) => Promise<T>, options?: unknown) => Promise<T>;
  onPostgrestAST: (query: Query, context: RequestContext) => Promise<Query>;
}

type RoleSettings = ReadonlyMap<string, ReadonlyMap<string, string>>;

export interface RestConnection {
  connection: PostgresConnection;
  /** Forgets the schema; the next request reads it anew. */
  forgetSchema: () => void;
  /** Reads the schema where it is not known. */
  warm: () => Promise<void>;
}

/** `readSchema` reads as a superuser: information_schema hides from `authenticator` what its roles may see. */
export interface RestOptions extends ConnectionOptions {
  readSchema: () => Promise<Schema>;
}

export interface ConnectionOptions {
  url: string;
  user: string;
  password: string;
  poolSize: number;
  onDrop: () => void;
}

/** Options of every pool: reconnects at once, never keeps a connection for its age. */
export function poolOptions(options: ConnectionOptions, name: string) {
  return {
    username: options.user,
    password: options.password,
    max: options.poolSize,
    connect_timeout: 5,
    max_lifetime: null,
    backoff: () => 0.1,
    onclose: options.onDrop,
    onnotice: () => undefined,
    connection: { application_name: name },
  };
}

export function openRestConnection(options: RestOptions): RestConnection {
  const connection = createPostgresConnection({
    url: options.url,
    postgresOptions: { ...poolOptions(options, "gateway rest"), types: REST_TYPES },
  });
  const lite = connection as unknown as LiteInternals;
  const checkRelation = lite.onPostgrestAST.bind(connection);
  let schema: Promise<Schema> | undefined;
  let roleSettings: RoleSettings = new Map();

  async function readAll(): Promise<Schema> {
    roleSettings = await readRoleSettings(connection);
    const read = await options.readSchema();
    // lite answers a failed reading with an empty schema, and every request would then say "not found".
    if (read.timezones === undefined) throw new AnsweredError(503, unreadableSchema);
    return read;
  }

  lite.introspect = () => {
    if (schema) return schema;
    const reading = readAll();
    schema = reading;
    reading.catch(() => {
      if (schema === reading) schema = undefined;
    });
    return reading;
  };
  lite.onPostgrestAST = async (query, context) => withExactValues(await checkRelation(query, context), await lite.introspect());
  const inContext = lite.withContext.bind(connection);
  lite.withContext = (context, work, withOptions) =>
    allOrNothing((check) => inContext(context, async (db) => check(await work(db)), withOptions));
  lite.ensureRlsContext = () => Promise.resolve(true);
  lite.applyJwtSessionContext = async (db, context) => {
    await applyClaims(db, context, roleSettings);
  };
  lite.applyRpcRequestGucs = async (db, rpc) => {
    await sql`select set_config('response.status', '', true), set_config('response.headers', '', true),
      set_config('request.method', ${rpc.method}, true), set_config('request.path', ${rpc.path}, true),
      set_config('request.headers', ${JSON.stringify(rpc.requestHeaders ?? {})}, true)`.execute(db);
  };
  // lite decides 401 or 403 by the request's role, which this hook does not see: signed in is assumed here and the server
  // turns a 403 of an anonymous caller into 401.
  lite.normalizeDbError = (error) => answerFor(error, false);
  return {
    connection,
    forgetSchema: () => {
      schema = undefined;
    },
    warm: async () => {
      await lite.introspect();
    },
  };
}

const unreadableSchema = {
  code: "PGRST002",
  message: "Could not query the database for the schema cache. Retrying.",
  details: null,
  hint: null,
};

/** Every setting lives until the end of the transaction, so a pooled connection keeps nothing of the caller. */
async function applyClaims(db: Kysely<unknown>, context: RequestContext, settings: RoleSettings): Promise<void> {
  const role = context.auth?.role ?? "anon";
  const claims = context.auth?.jwt ?? { role };
  const own = [...(settings.get(role) ?? [])].map(([name, value]) => sql`, set_config(${name}, ${value}, true)`);
  await sql`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
    set_config('request.jwt.claim.sub', ${context.auth?.uid ?? ""}, true),
    set_config('request.jwt.claim.role', ${role}, true)${sql.join(own, sql``)},
    set_config('role', ${role}, true)`.execute(db);
}

/** What ALTER ROLE ... SET gave the roles that authenticator may become; SET ROLE alone does not apply it. */
async function readRoleSettings(connection: PostgresConnection): Promise<RoleSettings> {
  const rows = await connection.driver<{ role: string; settings: string[] }[]>`
    select rolname as role, rolconfig as settings from pg_roles
    where rolconfig is not null and pg_has_role(current_user, oid, 'member') and rolname <> current_user`;
  return new Map(rows.map(({ role, settings }) => [role, new Map(settings.map(splitSetting))]));
}

function splitSetting(setting: string): [string, string] {
  const at = setting.indexOf("=");
  return [setting.slice(0, at), setting.slice(at + 1)];
}
