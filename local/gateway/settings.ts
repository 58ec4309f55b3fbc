/** What the gateway is told at its start: flags first, then the environment. */
import { parseArgs } from "node:util";

export interface Settings {
  /** Port on 127.0.0.1. */
  port: number;
  /** Postgres address of a superuser; requests themselves run as `authenticator`. */
  databaseUrl: string;
  /** HS256 secret of every token: keys, sessions, and the functions' own. */
  jwtSecret: string;
  /** Address of the realtime process, without a trailing slash. */
  realtimeUrl: string;
  /** Address of the edge runtime, without a trailing slash. */
  edgeUrl: string;
  /** Folder that keeps the storage buckets' files. */
  storageFolder: string;
  /** Connections that REST requests share. */
  poolSize: number;
  /** Public address of this gateway: the issuer of its tokens, and what signed links start with. */
  externalUrl: string;
  /** Make auth's and storage's tables, then exit. */
  prepareOnly: boolean;
}

export class SettingsError extends Error {}

const FLAGS = {
  port: { type: "string" },
  "database-url": { type: "string" },
  "jwt-secret": { type: "string" },
  realtime: { type: "string" },
  edge: { type: "string" },
  "storage-folder": { type: "string" },
  pool: { type: "string" },
  "external-url": { type: "string" },
  prepare: { type: "boolean" },
} as const;

const JWT_SECRET_BYTES = 32;

/** Reads flags and environment. Throws SettingsError with a sentence that names the setting. */
export function readSettings(argv: string[], env: NodeJS.ProcessEnv): Settings {
  const flags = parseFlags(argv);
  const base = wholeNumber("AGENTTRADER_PORT_BASE", env.AGENTTRADER_PORT_BASE ?? "21000", 1, 65_000);
  const port = wholeNumber("--port", flags.port ?? String(base), 1, 65_535);
  const prepareOnly = flags.prepare ?? false;
  const databaseUrl = flags["database-url"] ?? env.AGENTTRADER_DATABASE_URL;
  if (!databaseUrl) throw new SettingsError("--database-url is missing: it is the address of Postgres, postgresql://user:password@host:port/database");
  const jwtSecret = flags["jwt-secret"] ?? env.AGENTTRADER_JWT_SECRET ?? "";
  if (!prepareOnly && Buffer.byteLength(jwtSecret) < JWT_SECRET_BYTES) {
    throw new SettingsError(`--jwt-secret must hold at least ${JWT_SECRET_BYTES} bytes, found ${Buffer.byteLength(jwtSecret)}`);
  }
  return {
    port,
    databaseUrl,
    jwtSecret,
    realtimeUrl: address("--realtime", flags.realtime ?? env.AGENTTRADER_REALTIME_URL ?? `http://127.0.0.1:${base + 2}`),
    edgeUrl: address("--edge", flags.edge ?? env.AGENTTRADER_EDGE_URL ?? `http://127.0.0.1:${base + 3}`),
    storageFolder: flags["storage-folder"] ?? `${env.AGENTTRADER_STATE ?? ".agenttrader"}/storage`,
    poolSize: wholeNumber("--pool", flags.pool ?? env.AGENTTRADER_GATEWAY_POOL ?? "16", 1, 150),
    externalUrl: address("--external-url", flags["external-url"] ?? env.SUPABASE_URL ?? `http://127.0.0.1:${port}`),
    prepareOnly,
  };
}

function parseFlags(argv: string[]) {
  try {
    return parseArgs({ args: argv, options: FLAGS, allowPositionals: false }).values;
  } catch (error) {
    throw new SettingsError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new SettingsError(`${name} must be a whole number from ${least} to ${most}, found "${text}"`);
  }
  return value;
}

function address(name: string, text: string): string {
  if (!URL.canParse(text)) throw new SettingsError(`${name} must be an address such as http://127.0.0.1:21002, found "${text}"`);
  return text.replace(/\/+$/, "");
}
