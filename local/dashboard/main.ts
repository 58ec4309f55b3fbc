/**
 * Serves the built dashboard on loopback, as the bucket behind the CDN does: files, the entry page for every path that is
 * none, and the headers that a browser keeps a trading page safe by. Exit code 3: it could not start, and said why.
 *
 *   node local/dashboard/main.ts --port 21012 --files dashboard/dist --supabase http://127.0.0.1:21000
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import sirv from "sirv";
import { headersFor } from "./headers.ts";

const CANNOT_START = 3;
const HOST = "127.0.0.1";

const { values } = parseArgs({
  options: { port: { type: "string" }, files: { type: "string" }, supabase: { type: "string" } },
});
const port = Number(values.port);
const { files, supabase } = values;
const key = process.env.SUPABASE_ANON_KEY ?? "";
if (!Number.isInteger(port) || !files || !supabase || !key) {
  console.error("give --port, --files and --supabase, and SUPABASE_ANON_KEY in the environment");
  process.exit(CANNOT_START);
}
if (!existsSync(`${files}/index.html`)) {
  console.error(`the dashboard is not built: ${files}/index.html is not there; run make setup`);
  process.exit(CANNOT_START);
}

const config = JSON.stringify({ supabase_url: supabase, publishable_key: key, installation: "local" });
const always = headersFor(supabase);
const serve = sirv(files, {
  single: true,
  gzip: true,
  brotli: true,
  etag: true,
  setHeaders(response, path) {
    // Names of built files hold the hash of what is in them.
    response.setHeader("Cache-Control", path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  },
});

const server = createServer((request, response) => {
  for (const [name, value] of always) response.setHeader(name, value);
  if (request.url === "/health") {
    response.writeHead(200, { "Content-Type": "application/json" }).end('{"status":"ok"}');
  } else if (request.url === "/config.json") {
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(config);
  } else {
    serve(request, response, () => {
      response.writeHead(404).end();
    });
  }
});
server.on("error", (error: NodeJS.ErrnoException) => {
  console.error(
    error.code === "EADDRINUSE"
      ? `port ${port}, which the dashboard needs, is taken by another program; stop that program, or choose other ports with AGENTTRADER_PORT_BASE`
      : `the dashboard cannot listen on port ${port}: ${error.message}`,
  );
  process.exit(CANNOT_START);
});
const stop = () => {
  server.close();
  server.closeAllConnections();
  process.exit(0);
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
server.listen(port, HOST, () => { console.error(`dashboard: listening on ${HOST}:${port}`); });
