// Broadcasts over HTTP: a list of messages, or one message on a topic's own address.

import type { IncomingMessage, ServerResponse } from "node:http";
import { Refused, TryAgain, type Authority } from "./authority.ts";
import type { Broadcast } from "./frames.ts";
import type { Hub } from "./hub.ts";
import { isObject } from "./json.ts";
import type { Identity } from "./token.ts";

const MOST_BYTES = 3 * 1024 * 1024;
const ONE_MESSAGE = /^\/api\/broadcast\/([^/]+)\/events\/([^/]+)$/;

interface Message {
  readonly topic: string;
  readonly isPrivate: boolean;
  readonly broadcast: Broadcast;
}

class BadRequest extends Error {
  override readonly name = "BadRequest";
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export class RestBroadcast {
  readonly #authority: Authority;
  readonly #hub: Hub;

  constructor(authority: Authority, hub: Hub) {
    this.#authority = authority;
    this.#hub = hub;
  }

  /** Whether a path (without the prefix `/realtime/v1`) is served here. */
  serves(path: string): boolean {
    return path === "/api/broadcast" || ONE_MESSAGE.test(path);
  }

  /**
   * 202 when all messages were sent; 403 when the caller may not send one of them, and then none is sent; 401 for a bad
   * token, 422 for a bad body, 503 while Postgres is away.
   */
  async handle(request: IncomingMessage, response: ServerResponse, url: URL, path: string): Promise<void> {
    try {
      if (request.method !== "POST") throw new BadRequest(405, "a broadcast is a POST");
      const identity = await this.#caller(request, url);
      const messages = ONE_MESSAGE.test(path)
        ? [await readOne(request, url, path)]
        : readList(await readBody(request));
      for (const message of messages) await this.#requireAllowed(message, identity);
      for (const { topic, isPrivate, broadcast } of messages) this.#hub.broadcast(topic, isPrivate, broadcast);
      response.writeHead(202).end();
    } catch (error) {
      if (!(error instanceof BadRequest || error instanceof TryAgain)) throw error;
      const status = error instanceof BadRequest ? error.status : 503;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ message: error.message }));
    }
  }

  async #caller(request: IncomingMessage, url: URL): Promise<Identity> {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    const key = request.headers["apikey"];
    const token = bearer ?? (typeof key === "string" ? key : url.searchParams.get("apikey"));
    if (!token) throw new BadRequest(401, "Unauthorized: an apikey or a bearer token is needed");
    try {
      return await this.#authority.identify(token);
    } catch (error) {
      throw error instanceof Refused ? new BadRequest(401, error.message) : error;
    }
  }

  async #requireAllowed({ topic, isPrivate }: Message, identity: Identity): Promise<void> {
    if (!isPrivate) return;
    let allowed = false;
    try {
      allowed = (await this.#authority.permissions(topic, identity)).broadcast.write;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    if (!allowed) throw new BadRequest(403, `Unauthorized: may not send on topic: ${topic}`);
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new BadRequest(413, `a broadcast has at most ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readOne(request: IncomingMessage, url: URL, path: string): Promise<Message> {
  const [, topic, event] = (ONE_MESSAGE.exec(path) ?? []).map((part) => decodePart(part));
  if (topic === undefined || event === undefined) throw new BadRequest(422, "a topic and an event are needed");
  if (url.searchParams.has("persist")) {
    throw new BadRequest(422, "persist is not served here: use realtime.send in a transaction");
  }
  const bytes = await readBody(request);
  const isBinary = request.headers["content-type"]?.startsWith("application/octet-stream") === true;
  const body = isBinary ? bytes : JSON.stringify(parsed(bytes));
  return { topic, isPrivate: url.searchParams.get("private") === "true", broadcast: { event, body, meta: null } };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequest(422, `not a percent-encoded path: ${part}`);
  }
}

function readList(bytes: Buffer): Message[] {
  const body = parsed(bytes);
  const messages = isObject(body) ? body["messages"] : undefined;
  if (!Array.isArray(messages)) throw new BadRequest(422, "expected {messages: [{topic, event, payload}]}");
  return messages.map((message: unknown) => {
    if (!isObject(message) || typeof message["topic"] !== "string" || typeof message["event"] !== "string") {
      throw new BadRequest(422, "each message needs a topic and an event, both text");
    }
    const { topic, event, payload } = message;
    const broadcast = { event, body: JSON.stringify(payload ?? {}), meta: null };
    return { topic, isPrivate: message["private"] === true, broadcast };
  });
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new BadRequest(422, "the body is not JSON");
  }
}
