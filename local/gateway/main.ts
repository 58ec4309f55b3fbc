/** The Supabase gateway of the local cloud: one process, one port. Exit code 3: it could not start, and said why. */
import { RelationNotFoundError } from "@supabase/lite";
import { Database } from "./database.ts";
import { isWriteAfterCut } from "./guarded_pool.ts";
import { createGateway } from "./server.ts";
import { readSettings, SettingsError, type Settings } from "./settings.ts";
import { AnsweredError } from "./sqlstate.ts";
import { prepareSystemSchema } from "./system_schema.ts";

const CANNOT_START = 3;
const HOST = "127.0.0.1";

async function main(): Promise<void> {
  process.env.DO_NOT_TRACK = "1";
  const settings = settingsOrExit();
  dropAnsweredErrors();
  if (settings.prepareOnly) {
    await prepareSystemSchema(settings.databaseUrl);
    return;
  }
  const database = new Database(settings);
  const server = createGateway(settings, database);
  server.on("error", (error: NodeJS.ErrnoException) => {
    console.error(
      error.code === "EADDRINUSE"
        ? `port ${settings.port}, which the gateway needs, is taken by another program; stop that program, or choose other ports with AGENTTRADER_PORT_BASE`
        : `the gateway cannot listen on port ${settings.port}: ${error.message}`,
    );
    process.exit(CANNOT_START);
  });
  process.on("uncaughtException", (error) => {
    if (!isWriteAfterCut(error)) {
      console.error("the gateway failed:", error);
      process.exit(1);
    }
    console.error("gateway: a database connection was cut between two statements; opening new ones");
    database.reset();
  });
  const stop = () => {
    server.close();
    server.closeAllConnections();
    void database.stop().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  server.listen(settings.port, HOST, () => {
    console.error(`gateway: listening on ${HOST}:${settings.port}`);
    void database.start();
  });
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error(error.message);
    return process.exit(CANNOT_START);
  }
}

/**
 * lite writes every database error to the log; one that the caller was told in full is not the operator's business.
 * Its start-up warning about storage being experimental says nothing here either: the contract tests cover it.
 */
function dropAnsweredErrors(): void {
  const error = console.error.bind(console);
  console.error = (...parts: unknown[]) => {
    if (!(parts[0] instanceof AnsweredError || parts[0] instanceof RelationNotFoundError)) error(...parts);
  };
  const warn = console.warn.bind(console);
  console.warn = (...parts: unknown[]) => {
    if (!String(parts[0]).startsWith("EXPERIMENTAL FEATURES ENABLED")) warn(...parts);
  };
}

main().catch((error: unknown) => {
  console.error(`the gateway failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(CANNOT_START);
});
