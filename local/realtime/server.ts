// The HTTP server: websocket upgrades, broadcasts over HTTP, health.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { Authority, Refused } from "./authority.ts";
import { Catalogue } from "./catalogue.ts";
import type { Channel } from "./channel.ts";
import { ChangeFeed } from "./changes.ts";
import { Connection, type Services } from "./connection.ts";
import { openPool, type Sql } from "./database.ts";
import type { Version } from "./frames.ts";
import { Hub } from "./hub.ts";
import { log, textOf } from "./log.ts";
import { Replay } from "./replay.ts";
import { Replication } from "./replication.ts";
import { RestBroadcast } from "./rest.ts";
import { Retention } from "./retention.ts";

export interface Settings {
  readonly port: number;
  readonly databaseUrl: string;
  readonly jwtSecret: string;
  /** How long rows of realtime.messages are kept. */
  readonly keepHours: number;
}

const PREFIX = "/realtime/v1";
const SOCKET_PATHS = new Set(["/websocket", "/socket/websocket"]);
const MOST_FRAME_BYTES = 3 * 1024 * 1024;
// Clients send a heartbeat every 25 s.
const SILENCE_MS = 60_000;

export class RealtimeServer {
  readonly #settings: Settings;
  readonly #sql: Sql;
  readonly #replication: Replication;
  readonly #retention: Retention;
  readonly #services: Services;
  readonly #rest: RestBroadcast;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_FRAME_BYTES, perMessageDeflate: false });
  readonly #connections = new Set<Connection>();
  #sweep: NodeJS.Timeout | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#sql = openPool(settings.databaseUrl);
    this.#replication = new Replication(settings.databaseUrl);
    this.#retention = new Retention(this.#sql, settings.keepHours);
    const catalogue = new Catalogue(this.#sql);
    const hub = new Hub();
    this.#services = {
      authority: new Authority(this.#sql, settings.jwtSecret),
      catalogue,
      hub,
      changes: new ChangeFeed(this.#sql, catalogue, (channel) => { this.#joinAgain([channel], "a change was missed"); }),
      replication: this.#replication,
      replay: new Replay(this.#sql),
    };
    this.#rest = new RestBroadcast(this.#services.authority, hub);
    this.#http = createServer((request, response) => { void this.#answer(request, response); });
    this.#http.on("upgrade", (request, socket, head) => { this.#upgrade(request, socket, head); });
  }

  /** Listens and begins to stream. Throws the system's error where the port is taken. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(this.#settings.port, "127.0.0.1", () => {
        this.#http.off("error", reject);
        resolve();
      });
    });
    this.#replication.on("transaction", (transaction) => {
      this.#services.hub.broadcastRows(transaction);
      this.#services.changes.take(transaction);
    });
    this.#replication.on("lost", () => {
      for (const channel of this.#services.hub.channels()) {
        channel.system("error", "system", "DatabaseUnavailable: changes are not streaming");
      }
    });
    this.#replication.on("gap", () => {
      this.#joinAgain([...this.#services.hub.channels()], "changes may have been missed; subscribe and take a snapshot");
    });
    this.#replication.start();
    this.#retention.start();
    this.#sweep = setInterval(() => { this.#dropSilent(); }, SILENCE_MS);
  }

  async stop(): Promise<void> {
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#retention.stop();
    for (const connection of this.#connections) connection.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    await this.#replication.stop();
    await this.#sql.end({ timeout: 1 });
  }

  /** Ends channels so that their clients join again: after a join a client takes a snapshot. */
  #joinAgain(channels: Iterable<Channel>, reason: string): void {
    for (const channel of channels) channel.outlet.drop(channel, "phx_error", { reason });
  }

  #dropSilent(): void {
    for (const connection of this.#connections) {
      if (!connection.isAlive) connection.terminate();
      connection.isAlive = false;
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = addressOf(request);
    const header = request.headers["apikey"] ?? request.headers["x-api-key"];
    const apiKey = url.searchParams.get("apikey") ?? (typeof header === "string" ? header : "");
    const refusal = this.#refusal(url, apiKey);
    if (refusal !== null) {
      const body = JSON.stringify({ message: refusal.text });
      socket.end(
        `HTTP/1.1 ${refusal.status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}` +
          `\r\nConnection: close\r\n\r\n${body}`,
      );
      return;
    }
    const version: Version = url.searchParams.get("vsn") === "2.0.0" ? "2.0.0" : "1.0.0";
    this.#sockets.handleUpgrade(request, socket, head, (client) => {
      const connection = new Connection(client, version, apiKey, this.#services);
      this.#connections.add(connection);
      client.on("close", () => { this.#connections.delete(connection); });
    });
  }

  #refusal(url: URL, apiKey: string): { status: string; text: string } | null {
    if (!SOCKET_PATHS.has(pathOf(url))) return { status: "404 Not Found", text: `no websocket at ${url.pathname}` };
    try {
      this.#services.authority.verify(apiKey);
      return null;
    } catch (error) {
      if (error instanceof Refused) return { status: "401 Unauthorized", text: error.message };
      throw error;
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = addressOf(request);
    const path = pathOf(url);
    try {
      if (path === "/health") this.#health(response);
      else if (this.#rest.serves(path)) await this.#rest.handle(request, response, url, path);
      else json(response, 404, { message: `nothing at ${url.pathname}` });
    } catch (error) {
      log.error(`${request.method ?? ""} ${path}: ${textOf(error)}`);
      json(response, 500, { message: "InternalError: see the server's log" });
    }
  }

  #health(response: ServerResponse): void {
    const ok = this.#replication.running;
    json(response, ok ? 200 : 503, { ok, streaming: ok, connections: this.#connections.size });
  }
}

function addressOf(request: IncomingMessage): URL {
  return new URL(request.url ?? "/", "http://realtime");
}

/** The path without the gateway's prefix, which may or may not have been taken off. */
function pathOf(url: URL): string {
  return url.pathname.startsWith(`${PREFIX}/`) ? url.pathname.slice(PREFIX.length) : url.pathname;
}

function json(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
