/**
 * lite's built-in studio, for an administrator of this machine only.
 *
 * Every request is checked anew: own page (studio_session.ts), cookie, and whether the person is an administrator at this
 * moment. What they change is recorded in their name: the claims of the request say who.
 */
import { readdir, readFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Backend } from "./database.ts";
import type { LiteEnvironment } from "./lite_apps.ts";
import { json } from "./replies.ts";
import { openStudioDatabase, STUDIO_ROLE, type StudioDatabase } from "./studio_database.ts";
import { isOwnPage, type Sitter, StudioSessions } from "./studio_session.ts";
import type { Settings } from "./settings.ts";

const STATIC = join(dirname(fileURLToPath(import.meta.resolve("@supabase/lite"))), "static");
const PATHS = /^\/(studio\/(enter|leave)|editor(\/.*)?|static\/.*|_system\/.*)$/;
const TYPES: Record<string, string> = { ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".ico": "image/x-icon" };
const GUARDED = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
const HOW = "The studio is for administrators: `agenttrader studio` prints a link that lets you in.";

export class Studio {
  readonly #settings: Settings;
  readonly #sessions: StudioSessions;
  #open: { backend: Backend; database: Promise<StudioDatabase> } | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#sessions = new StudioSessions(settings.jwtSecret);
  }

  /** Whether the request is the studio's: its pages, or REST without a key, which only its pages ask for. */
  serves(request: Request, path: string): boolean {
    if (PATHS.test(path)) return true;
    return path.startsWith("/rest/v1/") && !request.headers.has("apikey") && !request.headers.has("authorization") && this.#sessions.sitter(request) !== undefined;
  }

  async answer(request: Request, path: string, peerAddress: string | undefined, backend: Backend, suspect: () => void): Promise<Response> {
    const entering = path === "/studio/enter";
    if (!isOwnPage(request, peerAddress, this.#settings.port, entering)) return refused(403, "NOT_FROM_HERE", "The studio answers to its own page on this machine only.");
    if (entering) return this.#enter(request, backend);
    if (path === "/studio/leave") return guarded(new Response("You have left the studio.", { headers: { "set-cookie": this.#sessions.noCookie() } }));
    const named = this.#sessions.sitter(request);
    const sitter = named && (await current(backend, named.id));
    if (!sitter) return refused(403, "ADMINISTRATOR_NEEDED", HOW);
    if (path.startsWith("/rest/v1/")) return guarded(await this.#rest(request, sitter, peerAddress, await this.#database(backend, suspect)));
    if (request.method !== "GET" && request.method !== "HEAD") return refused(405, "METHOD_NOT_ALLOWED", "Nothing here takes this method.");
    if (path.startsWith("/static/")) return asset(path.slice("/static/".length));
    if (path === "/_system/info") return guarded(json(200, { admin: true, config: {} }));
    if (path === "/_system/introspect") return guarded(json(200, await (await this.#database(backend, suspect)).catalogue()));
    // lite's other system pages tell its configuration, the database's password included.
    if (path.startsWith("/_system/")) return refused(404, "NOT_FOUND", `Nothing is served at ${path}.`);
    return page();
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.database.then((database) => database.close()).catch(() => undefined);
  }

  async #enter(request: Request, backend: Backend): Promise<Response> {
    const id = request.method === "GET" ? this.#sessions.enter(new URL(request.url).searchParams.get("link") ?? "") : undefined;
    const sitter = id === undefined ? undefined : await current(backend, id);
    if (!sitter) return refused(403, "BAD_LINK", `This link is used up, expired, or not an administrator's. ${HOW}`);
    return guarded(new Response(null, { status: 303, headers: { location: "/editor/admin.overview", "set-cookie": this.#sessions.cookieFor(sitter) } }));
  }

  async #rest(request: Request, sitter: Sitter, peerAddress: string | undefined, database: StudioDatabase): Promise<Response> {
    const environment: LiteEnvironment = {
      caller: { claims: { role: STUDIO_ROLE, sub: sitter.id, email: sitter.email }, fromKey: false },
      peerAddress,
    };
    if (request.method !== "PATCH") return database.app.fetch(request, environment as never);
    // A change of no row is an answer of success, and the page would show it as made.
    const headers = new Headers(request.headers);
    headers.set("prefer", "return=representation");
    const changed = await database.app.fetch(new Request(request, { headers }), environment as never);
    if (!changed.ok) return changed;
    if (((await changed.clone().json()) as unknown[]).length > 0) return changed;
    return json(404, { code: "NO_ROW_CHANGED", message: "No row was changed: it is not there, or not yours to change.", details: null, hint: null });
  }

  /** Opened when first asked for, anew after Postgres was away. */
  async #database(backend: Backend, suspect: () => void): Promise<StudioDatabase> {
    if (this.#open?.backend === backend) return this.#open.database;
    await this.close();
    const opening = openStudioDatabase(this.#settings, backend.sql, backend.readSchema, suspect);
    this.#open = { backend, database: opening };
    opening.catch(() => (this.#open = undefined));
    return opening;
  }
}

/** The person, where they are an administrator now. */
async function current(backend: Backend, id: string): Promise<Sitter | undefined> {
  const [row] = await backend.sql<Sitter[]>`
    select id, coalesce(email, id::text) as email from auth.users where id = ${id}::uuid and private.is_current_administrator(id)`;
  return row;
}

async function page(): Promise<Response> {
  const assets = await readdir(join(STATIC, "assets"));
  const [script, style] = [".js", ".css"].map((end) => assets.find((name) => name.startsWith("main-") && name.endsWith(end)));
  const head = `<meta charset="UTF-8"><title>AgentTrader studio</title><link rel="stylesheet" href="/static/assets/${style ?? ""}"><script type="module" src="/static/assets/${script ?? ""}"></script>`;
  const html = `<!doctype html><html lang="en" data-theme="dark" class="dark" style="color-scheme: dark"><head>${head}</head><body><div id="root"></div></body></html>`;
  return guarded(new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } }));
}

async function asset(name: string): Promise<Response> {
  if (!/^(assets\/)?[\w.-]+$/.test(name)) return refused(404, "NOT_FOUND", "No such file.");
  try {
    const body = await readFile(join(STATIC, name));
    return guarded(new Response(body, { headers: { "content-type": TYPES[extname(name)] ?? "application/octet-stream" } }));
  } catch {
    return refused(404, "NOT_FOUND", "No such file."); // Whatever the reason, there is nothing to send.
  }
}

function refused(status: number, code: string, message: string): Response {
  return guarded(json(status, { code, message, details: null, hint: null }));
}

function guarded(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const name of [...headers.keys()]) if (name.startsWith("access-control-")) headers.delete(name);
  for (const [name, value] of Object.entries(GUARDED)) headers.set(name, value);
  return new Response(response.body, { status: response.status, headers });
}
