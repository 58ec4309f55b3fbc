/**
 * The edge runtime of the local cloud: serves every `<functions>/<name>/index.ts` behind `/functions/v1/<name>` on one
 * port. `/health` is the runtime's own.
 *
 *   deno run --allow-net --allow-env --allow-read local/edge/main.ts --port 21003 --functions supabase/functions
 *
 * Each function runs in a worker of its own, started by its first request; one that crashes is started anew by the next.
 * A changed file ends the workers, so that an edit is live at once. `--env NAME=VALUE` (repeatable) adds to the
 * environment that functions see. Exit code 3: it could not start, and said why.
 */
import { EdgeFunction } from "./edge_function.ts";

const CANNOT_START = 3;
const HOST = "127.0.0.1";
const PREFIX = "/functions/v1";
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

interface Settings {
  port: number;
  folder: string;
}

class SettingsError extends Error {}

function readSettings(flags: string[]): Settings {
  let port = Number(Deno.env.get("AGENTTRADER_PORT_BASE") ?? "21000") + 3;
  let folder = "supabase/functions";
  for (let at = 0; at < flags.length; at += 2) {
    const [flag, value] = [flags[at], flags[at + 1]];
    if (value === undefined) throw new SettingsError(`${flag} has no value`);
    if (flag === "--port") port = Number(value);
    else if (flag === "--functions") folder = value;
    else if (flag === "--env") setVariable(value);
    else throw new SettingsError(`${flag} is not known; known are --port, --functions and --env NAME=VALUE`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new SettingsError(`--port must be a port number, found "${port}"`);
  return { port, folder: Deno.realPathSync(folder) };
}

function setVariable(text: string): void {
  const at = text.indexOf("=");
  if (at < 1) throw new SettingsError(`--env must be NAME=VALUE, found "${text}"`);
  Deno.env.set(text.slice(0, at), text.slice(at + 1));
}

class Runtime {
  readonly #folder: string;
  readonly #functions = new Map<string, EdgeFunction>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return Response.json({ status: "ok" });
    // A function sees its own name as the first part of the path, as on the platform.
    const path = pathname.startsWith(PREFIX) ? pathname.slice(PREFIX.length) : "";
    const name = path.split("/")[1] ?? "";
    const edgeFunction = await this.#find(name);
    if (!edgeFunction) return Response.json({ code: "NOT_FOUND", message: `Requested function was not found: ${name}` }, { status: 404 });
    return edgeFunction.answer(request, path);
  }

  /** Ends every worker; the next request starts the function from its files as they are now. */
  forget(): void {
    for (const edgeFunction of this.#functions.values()) edgeFunction.stop();
    this.#functions.clear();
  }

  async #find(name: string): Promise<EdgeFunction | undefined> {
    const known = this.#functions.get(name);
    if (known) return known;
    const file = `${this.#folder}/${name}/index.ts`;
    if (!NAME.test(name) || !(await isFile(file))) return undefined;
    const found = this.#functions.get(name) ?? new EdgeFunction(name, file);
    this.#functions.set(name, found);
    return found;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function forgetOnChange(folder: string, runtime: Runtime): Promise<void> {
  for await (const event of Deno.watchFs(folder)) {
    if (event.kind !== "access") runtime.forget();
  }
}

function main(): void {
  let settings: Settings;
  try {
    settings = readSettings(Deno.args);
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof Deno.errors.NotFound)) throw error;
    console.error(`edge: ${error.message}`);
    Deno.exit(CANNOT_START);
  }
  const runtime = new Runtime(settings.folder);
  try {
    Deno.serve(
      { hostname: HOST, port: settings.port, onListen: () => console.error(`edge: listening on ${HOST}:${settings.port}`) },
      (request) => runtime.answer(request),
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    console.error(
      `port ${settings.port}, which the edge runtime needs, is taken by another program; stop that program, or choose other ports with AGENTTRADER_PORT_BASE`,
    );
    Deno.exit(CANNOT_START);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => Deno.exit(0));
  forgetOnChange(settings.folder, runtime);
}

main();
