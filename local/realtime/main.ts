// node local/realtime/main.ts --port N [--database-url postgres://...] [--jwt-secret S] [--keep-hours H]
//
// Secrets may come by environment instead, where no process list shows them: AGENTTRADER_DATABASE_URL,
// AGENTTRADER_JWT_SECRET.

import { parseArgs } from "node:util";
import { log, textOf } from "./log.ts";
import { RealtimeServer, type Settings } from "./server.ts";

const WRONG_USE = 2;
const CANNOT_START = 3;
const DEFAULT_KEEP_HOURS = 24;

function readSettings(): Settings {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      "database-url": { type: "string", default: process.env["AGENTTRADER_DATABASE_URL"] ?? "" },
      "jwt-secret": { type: "string", default: process.env["AGENTTRADER_JWT_SECRET"] ?? "" },
      "keep-hours": { type: "string", default: String(DEFAULT_KEEP_HOURS) },
    },
  });
  const port = Number(values.port);
  const keepHours = Number(values["keep-hours"]);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error("--port needs a port number");
  if (!Number.isInteger(keepHours) || keepHours < 1) throw new Error("--keep-hours needs a whole number from 1");
  if (values["database-url"] === "") throw new Error("--database-url or AGENTTRADER_DATABASE_URL is needed");
  if (values["jwt-secret"] === "") throw new Error("--jwt-secret or AGENTTRADER_JWT_SECRET is needed");
  return { port, databaseUrl: values["database-url"], jwtSecret: values["jwt-secret"], keepHours };
}

function settingsOrExit(): Settings {
  try {
    return readSettings();
  } catch (error) {
    process.stderr.write(`${textOf(error)}\n`);
    process.exit(WRONG_USE);
  }
}

const settings = settingsOrExit();
const server = new RealtimeServer(settings);
try {
  await server.start();
} catch (error) {
  const isTaken = error instanceof Error && (error as { code?: unknown }).code === "EADDRINUSE";
  process.stderr.write(
    isTaken
      ? `PORT_TAKEN: the realtime server needs port ${settings.port}, which is not free; ` +
          "stop what holds it, or choose another AGENTTRADER_PORT_BASE\n"
      : `CANNOT_LISTEN: ${textOf(error)}\n`,
  );
  process.exit(CANNOT_START);
}
log.info(`listening on port ${settings.port}`);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    void server.stop().then(() => process.exit(0));
  });
}
