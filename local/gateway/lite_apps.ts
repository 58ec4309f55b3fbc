/** The two lite apps: one serves REST as the caller's role, one serves auth and storage, which own their schemas. */
import { App, setExperimental } from "@supabase/lite";
import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import type { Caller } from "./caller.ts";
import { poolOptions, type ConnectionOptions } from "./rest_connection.ts";
import { StorageFolder } from "./storage_folder.ts";
import { SYSTEM_TYPES } from "./wire_types.ts";

type Middleware = NonNullable<NonNullable<NonNullable<ConstructorParameters<typeof App>[0]["options"]>["server"]>["middlewares"]>[number];

/** What the gateway tells lite about a request. */
export interface LiteEnvironment {
  caller: Caller;
  peerAddress: string | undefined;
}

setExperimental("storage", true);

/** lite takes the caller as we found it, so that it neither verifies the token again nor asks the database for its user. */
const takeCaller: Middleware = async (context, next) => {
  const { caller } = context.env as unknown as LiteEnvironment;
  const set = context.set.bind(context) as unknown as (name: string, value: unknown) => void;
  set("apiKeyType", "publishable");
  set("ignoreAuthorization", true);
  set("jwt", caller.claims);
  set("userId", caller.claims.sub ?? null);
  await next();
};

const options = (middlewares: Middleware[]) => ({
  server: { apiKeys: false as const, disableStudio: true, middlewares },
});

export function restApp(connection: PostgresConnection) {
  return new App({
    connection,
    api: { enabled: true, schemas: ["public"], max_rows: 1000 },
    auth: { enabled: false },
    storage: { enabled: false },
    studio: { enabled: false },
    options: options([takeCaller]),
  } as never);
}

/** REST for the studio's pages, as its own role. */
export function studioApp(connection: PostgresConnection, schemas: string[]) {
  return new App({
    connection,
    api: { enabled: true, schemas, max_rows: 1000 },
    auth: { enabled: false },
    storage: { enabled: false },
    studio: { enabled: false },
    options: options([takeCaller]),
  } as never);
}

export interface SystemSettings {
  jwtSecret: string;
  siteUrl: string;
  storageFolder: string;
}

/** Auth and storage. `schemaOnly` connections make the tables and serve nothing. */
export function systemApp(connection: PostgresConnection, settings: SystemSettings) {
  const storage: Middleware = async (context, next) => {
    // Auth checks its own token against users and sessions; storage takes the caller as REST does.
    if (context.req.path.startsWith("/storage/v1/")) await takeCaller(context, next);
    else await next();
  };
  const app = new App({
    connection,
    api: { enabled: false },
    auth: {
      enabled: true,
      jwt_secret: settings.jwtSecret,
      site_url: settings.siteUrl,
      minimum_password_length: 8,
      email: { enable_signup: true, enable_confirmations: false },
    },
    storage: { enabled: true, file_size_limit: "50MiB" },
    studio: { enabled: false },
    options: options([storage]),
  } as never);
  app._storageAdapter = new StorageFolder(settings.storageFolder);
  return app;
}

export function openSystemConnection(options: ConnectionOptions): PostgresConnection {
  const connection = createPostgresConnection({
    url: options.url,
    postgresOptions: { ...poolOptions(options, "gateway auth"), types: SYSTEM_TYPES },
  });
  // The bootstrap's auth.uid() and its sisters are the hosted ones; lite would put its own over them.
  connection.config.baseSchema = "";
  // lite would GRANT ALL on every table of a schema that has row-level security to anon and authenticated.
  (connection as unknown as { ensureRlsContext: () => Promise<boolean> }).ensureRlsContext = () => Promise.resolve(true);
  return connection;
}
