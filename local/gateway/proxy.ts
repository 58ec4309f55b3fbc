/** Hands requests on to the realtime process and the edge runtime, as they are. */
import { type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { corsHeaders, unavailable } from "./replies.ts";

/** Headers that belong to one connection and not to the message. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"]);

export interface Upstream {
  /** Name in messages. */
  name: string;
  /** Address of the process. */
  url: string;
  /** True where the process itself says which pages may read its answers. */
  saysCors?: boolean;
}

/** Streams the request to the upstream process and its answer back; 503 where it does not answer. */
export function proxyHttp(upstream: Upstream, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const target = new URL(upstream.url);
  const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => !HOP_BY_HOP.has(name)));
  const forwarded = httpRequest(
    {
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url ?? "/",
      headers: {
        ...headers,
        // The last entry is who called us; what the caller wrote into the header stands before it.
        "x-forwarded-for": [headers["x-forwarded-for"], incoming.socket.remoteAddress].flat().filter(Boolean).join(", "),
        "x-forwarded-host": incoming.headers.host ?? "",
        "x-forwarded-proto": "http",
      },
    },
    (answer) => {
      // Whose pages may read the answer is for the edge function to say.
      outgoing.writeHead(answer.statusCode ?? 502, { ...(upstream.saysCors ? {} : corsHeaders()), ...answer.headers });
      answer.pipe(outgoing);
    },
  );
  forwarded.on("error", () => {
    if (outgoing.headersSent) outgoing.destroy();
    else void refuse(upstream, outgoing);
  });
  outgoing.on("close", () => forwarded.destroy());
  incoming.pipe(forwarded);
}

async function refuse(upstream: Upstream, outgoing: ServerResponse): Promise<void> {
  const answer = notAnswering(upstream);
  outgoing.writeHead(answer.status, { ...corsHeaders(), ...Object.fromEntries(answer.headers) });
  outgoing.end(await answer.text());
}

function notAnswering(upstream: Upstream): Response {
  return unavailable("UPSTREAM_DOWN", `The ${upstream.name} process does not answer at ${upstream.url}.`);
}

/** Joins a WebSocket's two sockets; the upstream process does the handshake. */
export function proxyUpgrade(upstream: Upstream, incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
  const target = new URL(upstream.url);
  const onward = connect(Number(target.port), target.hostname);
  onward.on("connect", () => {
    const lines = [`${incoming.method ?? "GET"} ${incoming.url ?? "/"} HTTP/1.1`];
    for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) lines.push(`${incoming.rawHeaders[i] ?? ""}: ${incoming.rawHeaders[i + 1] ?? ""}`);
    onward.write(`${lines.join("\r\n")}\r\n\r\n`);
    if (head.length > 0) onward.write(head);
    socket.pipe(onward);
    onward.pipe(socket);
  });
  onward.setNoDelay(true);
  onward.on("error", () => {
    if (onward.bytesRead === 0 && socket.writable) {
      const body = JSON.stringify({ code: "UPSTREAM_DOWN", message: `The ${upstream.name} process does not answer at ${upstream.url}.` });
      socket.end(
        `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    } else socket.destroy();
  });
  onward.on("close", () => socket.destroy());
  socket.on("error", () => onward.destroy());
  socket.on("close", () => onward.destroy());
}
