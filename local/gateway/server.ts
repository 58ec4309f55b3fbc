/** One port for everything: routes a request to REST, auth, storage, realtime or the edge functions. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { App } from "@supabase/lite";
import { AuthArea } from "./auth_area.ts";
import { type Caller, identify, identifyLeniently } from "./caller.ts";
import type { Backend, Database } from "./database.ts";
import type { LiteEnvironment } from "./lite_apps.ts";
import { servedWithWish } from "./one_object.ts";
import { proxyHttp, proxyUpgrade, type Upstream } from "./proxy.ts";
import { corsHeaders, isPreflight, json, preflight, unavailable } from "./replies.ts";
import type { Settings } from "./settings.ts";
import { Studio } from "./studio.ts";
import { asPlainUpload, listFolder, signMany, withClientNames, withCopiedKey } from "./storage_wire.ts";
import { Tokens } from "./tokens.ts";

const LARGEST_BODY = 50 * 1024 * 1024;

export function createGateway(settings: Settings, database: Database): Server {
  const tokens = new Tokens(settings.jwtSecret);
  const auth = new AuthArea(settings, tokens, toLite);
  const realtime: Upstream = { name: "realtime", url: settings.realtimeUrl };
  const edge: Upstream = { name: "edge functions", url: settings.edgeUrl, saysCors: true };
  const studio = new Studio(settings);

  function upstreamOf(path: string): Upstream | undefined {
    if (path.startsWith("/realtime/v1/")) return realtime;
    return path.startsWith("/functions/v1/") ? edge : undefined;
  }

  async function answer(request: Request, peerAddress: string | undefined): Promise<Response> {
    const path = new URL(request.url).pathname;
    if (isPreflight(request)) return preflight(request);
    if (path === "/health") return health(database);
    if (studio.serves(request, path)) {
      const open = database.backend;
      return open ? studio.answer(request, path, peerAddress, open, database.suspect) : unavailable("PGRST001", "The database does not answer at the moment.");
    }
    const area = /^\/(rest|auth|storage)\/v1(\/|$)/.exec(path)?.[1];
    if (!area) return json(404, { code: "NOT_FOUND", message: `Nothing is served at ${path}.`, details: null, hint: "See /rest/v1, /auth/v1, /storage/v1, /realtime/v1, /functions/v1." });
    const backend = database.backend;
    if (!backend) return unavailable("PGRST001", "The database does not answer at the moment.");
    const answered = await serve[area as keyof typeof serve](request, backend, path, peerAddress);
    return explained(answered);
  }

  const serve = {
    rest: async (request: Request, backend: Backend, _path: string, peerAddress: string | undefined) => {
      const caller = identify(request, tokens);
      if (caller instanceof Response) return caller;
      const served = await servedWithWish(request, () => toLite(backend.rest, request, caller, peerAddress));
      return asUnauthorised(await asMalformed(served), caller);
    },
    auth: (request: Request, backend: Backend, path: string, peerAddress: string | undefined) => auth.answer(request, backend, path, peerAddress),
    storage: async (request: Request, backend: Backend, path: string, peerAddress: string | undefined) => {
      const caller = identifyLeniently(request, tokens);
      if (caller instanceof Response) return caller;
      const listed = /^\/storage\/v1\/object\/list\/([^/]+)$/.exec(path)?.[1];
      if (listed && request.method === "POST") {
        return listFolder(decodeURIComponent(listed), (await request.json()) as object, caller, backend.sql);
      }
      const serveLite = (wanted: Request) => toLite(backend.system, wanted, caller, peerAddress);
      if (request.method === "POST" && /^\/storage\/v1\/object\/sign\/[^/]+$/.test(path)) {
        return signMany(request, (await request.json()) as object, serveLite);
      }
      if (request.method === "POST" && path === "/storage/v1/object/copy") {
        const copy = (await request.clone().json()) as object;
        return withCopiedKey(copy, await serveLite(request));
      }
      return withClientNames(request, await serveLite(await asPlainUpload(request)));
    },
  };

  /** A failure without a reason is looked into: with Postgres gone it is "try again", not "broken". */
  async function explained(response: Response): Promise<Response> {
    if (response.status !== 500 || (await database.answers())) return response;
    database.suspect();
    return unavailable("PGRST001", "The database does not answer at the moment.");
  }

  const server = createServer((incoming, outgoing) => {
    const upstream = upstreamOf(incoming.url ?? "/");
    if (upstream && (incoming.method !== "OPTIONS" || upstream.saysCors)) {
      proxyHttp(upstream, incoming, outgoing);
      return;
    }
    void respond(incoming, outgoing, answer);
  });
  server.on("close", () => void studio.close());
  server.on("upgrade", (incoming, socket, head) => {
    const upstream = upstreamOf(incoming.url ?? "/");
    if (upstream) proxyUpgrade(upstream, incoming, socket, head);
    else socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
  });
  // A slow RPC is Postgres's to stop (statement_timeout), not the socket's.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 65_000;
  return server;
}

async function toLite(app: App, request: Request, caller: Caller, peerAddress: string | undefined): Promise<Response> {
  const environment: LiteEnvironment = { caller, peerAddress };
  return app.fetch(request, environment as never);
}

/** PostgREST answers a refused right with 401 to those who are not signed in: signing in might help. */
async function asUnauthorised(response: Response, caller: Caller): Promise<Response> {
  if (response.status !== 403 || caller.claims.role !== "anon") return response;
  const body = await response.text();
  return body.includes('"42501"') ? new Response(body, { status: 401, headers: response.headers }) : new Response(body, response);
}

/** lite says 500 where its parser of the query string gives up; the caller wrote it, so PostgREST says 400. */
async function asMalformed(response: Response): Promise<Response> {
  if (response.status !== 500) return response;
  const body = await response.text();
  const gaveUp = /"message":"Error: ([^"\\]* at position \d+)"/.exec(body);
  if (!gaveUp) return new Response(body, response);
  return json(400, { code: "PGRST100", message: gaveUp[1], details: null, hint: null });
}

function health(database: Database): Response {
  return database.backend ? json(200, { status: "ok", database: "up" }) : json(503, { status: "down", database: "down" });
}

type Answer = (request: Request, peerAddress: string | undefined) => Promise<Response>;

async function respond(incoming: IncomingMessage, outgoing: ServerResponse, answer: Answer): Promise<void> {
  let response: Response;
  try {
    const request = await readRequest(incoming);
    response = request instanceof Response ? request : await answer(request, incoming.socket.remoteAddress);
  } catch (error) {
    console.error(`gateway: ${incoming.method ?? ""} ${incoming.url?.split("?")[0] ?? ""} failed:`, error);
    response = json(500, { code: "GATEWAY_FAILED", message: "The gateway failed; its log says why.", details: null, hint: null });
  }
  // What says that it is for its own page only is so: no other may read it.
  const open = response.headers.get("cross-origin-resource-policy") === null;
  const headers = { ...(open ? corsHeaders() : {}), ...Object.fromEntries(response.headers) };
  if (outgoing.destroyed) return;
  const body = Buffer.from(await response.arrayBuffer());
  if (![101, 204, 304].includes(response.status) && incoming.method !== "HEAD") headers["content-length"] = String(body.length);
  outgoing.writeHead(response.status, headers);
  outgoing.end(body);
}

async function readRequest(incoming: IncomingMessage): Promise<Request | Response> {
  const method = incoming.method ?? "GET";
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const address = `http://${incoming.headers.host ?? "127.0.0.1"}${incoming.url ?? "/"}`;
  if (!URL.canParse(address)) return json(400, { code: "BAD_REQUEST", message: "The request's address cannot be read." });
  const url = plain(new URL(address));
  if (method === "GET" || method === "HEAD") return new Request(url, { method, headers });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) return json(413, { code: "TOO_LARGE", message: `The body is larger than ${LARGEST_BODY} bytes.` });
    chunks.push(chunk);
  }
  return new Request(url, { method, headers, body: size > 0 ? Buffer.concat(chunks) : null });
}

/** The same address without needless escapes (RFC 3986, 6.2.2.2): lite reads `/%75ser` as `/user`, so our checks of a path must too. */
function plain(url: URL): URL {
  url.pathname = url.pathname.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(parseInt(escape.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escape;
  });
  return url;
}
