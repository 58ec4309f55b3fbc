/**
 * Takes events of outside senders: POST /functions/v1/automation/{source}. Who sends, and what becomes of it, the ledger
 * decides in one call; here the request is only read.
 */
import { addressOf } from "../_shared/address.ts";
import { asAutomation } from "../_shared/api_role.ts";
import { Problem, problemOf } from "../_shared/problem.ts";
import { read } from "./reading.ts";

const MOST_BYTES = 16 * 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const SOURCE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface Taken {
  status: number;
  outcome?: "accepted" | "replayed";
  event_id?: string;
  trade_id?: string | null;
  trade_status?: string | null;
  code?: string;
  text?: string;
  todo?: string;
  numbers?: Record<string, unknown> | null;
  problem?: { field: string; reason: string } | null;
  retry_after?: number | null;
}

Deno.serve(async (request) => {
  const began = performance.now();
  const given = request.headers.get("X-Request-Id") ?? "";
  const requestId = REQUEST_ID.test(given) ? given : crypto.randomUUID();
  let answer: Response;
  try {
    answer = await take(request, requestId);
  } catch (error) {
    answer = problemOf(error).response(requestId);
    if (answer.status >= 500) log("ERROR", { request_id: requestId, error: String(error), stack: error instanceof Error ? error.stack : undefined });
  }
  // Without the query: a token may stand there.
  log("INFO", { request_id: requestId, method: request.method, path: new URL(request.url).pathname, status: answer.status, ms: Math.round(performance.now() - began) });
  return answer;
});

async function take(request: Request, requestId: string): Promise<Response> {
  const address = new URL(request.url);
  const source = /^\/automation\/([^/]+)\/?$/.exec(address.pathname)?.[1];
  if (source === undefined) throw new Problem(404, "NO_SUCH_ROUTE", "Events are sent to /automation/{source}.");
  if (request.method !== "POST") throw new Problem(405, "METHOD_NOT_ALLOWED", "Events are sent by POST.", { headers: { Allow: "POST" } });
  const bytes = await bodyOf(request);
  const taken = await (await asAutomation(requestId)).call<Taken>("take_delivery", {
    p_source: SOURCE.test(source) ? source : null,
    p_body: base64(bytes),
    p_timestamp: header(request, "X-AgentTrader-Timestamp", /^[\x21-\x7e]{1,40}$/),
    p_signature: header(request, "X-AgentTrader-Signature", /^[0-9a-f]{64}$/i),
    p_token: shaped(address.searchParams.get("token"), /^[\x21-\x7e]{1,200}$/),
    p_event_id: header(request, "X-AgentTrader-Event-Id", /^[\x21-\x7e]{1,200}$/),
    p_address: addressOf(request).slice(0, 100),
    p_read: read(bytes),
  });
  if (taken.status >= 400) throw refused(taken);
  const { outcome, event_id, trade_id, trade_status } = taken;
  return Response.json({ outcome, event_id, trade_id: trade_id ?? null, trade_status: trade_status ?? null }, {
    status: taken.status,
    headers: { "X-Request-Id": requestId },
  });
}

function refused(taken: Taken): Problem {
  return new Problem(taken.status, taken.code ?? "REFUSED", taken.text ?? "The event is refused.", {
    ...(taken.todo ? { todo: taken.todo } : {}),
    ...(taken.numbers ? { numbers: taken.numbers } : {}),
    ...(taken.problem ? { errors: [taken.problem] } : {}),
    ...(taken.retry_after ? { headers: { "Retry-After": String(Math.max(1, Math.ceil(taken.retry_after))) } } : {}),
  });
}

/** The bytes as they were signed. Throws Problem 413 without having read more than is taken. */
async function bodyOf(request: Request): Promise<Uint8Array> {
  const tooLarge = new Problem(413, "BODY_TOO_LARGE", `A body has at most ${MOST_BYTES} bytes.`);
  if (Number(request.headers.get("Content-Length") ?? 0) > MOST_BYTES) throw tooLarge;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.byteLength;
    if (size > MOST_BYTES) throw tooLarge;
    parts.push(part);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function header(request: Request, name: string, shape: RegExp): string | null {
  return shaped(request.headers.get(name), shape);
}

function shaped(text: string | null, shape: RegExp): string | null {
  return text !== null && shape.test(text) ? text : null;
}

function log(severity: string, what: Record<string, unknown>): void {
  (severity === "ERROR" ? console.error : console.log)(JSON.stringify({ severity, component: "automation", ...what }));
}
