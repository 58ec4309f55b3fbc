/** The same request twice is done once: the sender's Idempotency-Key, kept in the ledger with the answer. */
import { createMiddleware } from "hono/factory";
import type { Context, MiddlewareHandler } from "hono";
import { z } from "@hono/zod-openapi";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

/** The header of every route that acts. */
export const OnceHeader = z.object({
  "idempotency-key": z.string().regex(/^[\x21-\x7e]{1,200}$/).openapi({
    description: "Your own name of this request: sent again with the same one, it is not done twice.",
    example: "rebalance-2026-11-30-1",
  }),
});

interface Kept {
  status: number;
  body: unknown;
  /** Answers that the handler gave without one have null. */
  etag: string | null;
}

interface Begun {
  state: "new" | "running" | "done";
  response: Kept | null;
}

/**
 * Keeps the answer of an operation under the sender's key; the same key with another request is refused by the ledger.
 *
 * One whose answer was not kept, because something died between the two, is done again: what the handler does must be
 * the same when done twice (a row's id comes from `nameOf`). `secret` answers are not kept, not given twice, and what makes
 * one runs once: the same request beside it is refused. A request that was malformed gives its key back.
 */
export function once(operation: string, secret = false): MiddlewareHandler<Environment> {
  return createMiddleware<Environment>(async (context, next) => {
    const key = context.req.header("Idempotency-Key") ?? "";
    if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw keyNeeded();
    const ledger = context.get("ledger");
    const p_request_hash = await hash(`${context.req.method} ${context.req.path}\n${await context.req.text()}`);
    const request = { p_operation: operation, p_key: key, p_request_hash };
    const begun = await ledger.call<Begun>("begin_request", request);
    if (begun.state === "done" && begun.response) {
      if (secret) throw new Problem(409, "DONE_ALREADY", "This request was done; its answer held a secret and is not shown again.");
      context.header("Idempotency-Replayed", "true");
      return again(context, begun.response);
    }
    if (begun.state === "running" && secret) throw runsAlready();
    await next();
    const { status } = context.res;
    // What makes a secret does it in one statement: refused, it did nothing.
    if (context.get("malformed") || (secret && status >= 400 && status < 500)) await ledger.call("abandon_request", request);
    if (status < 200 || status >= 300) return;
    const text = secret ? "" : await context.res.clone().text();
    const kept: Kept = { status, body: text === "" ? null : JSON.parse(text), etag: context.res.headers.get("ETag") };
    await ledger.call("finish_request", { p_operation: operation, p_key: key, p_response: kept });
  });
}

function again(context: Context<Environment>, { status, body, etag }: Kept): Response {
  if (etag) context.header("ETag", etag);
  return body === null ? context.body(null, status as never) : context.json(body as never, status as never);
}

/** A name-based UUID (version 8) of the request: the same key makes the same row. */
export async function nameOf(context: Context<Environment>, what: string): Promise<string> {
  const key = context.req.header("Idempotency-Key") ?? "";
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${what}|${context.get("caller").id}|${key}`)));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The key of a request that the ledger itself keeps unique, as an order's. */
export function onceKey(context: Context<Environment>): string {
  const key = context.req.header("Idempotency-Key") ?? "";
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw keyNeeded();
  return key;
}

/** Asks for the key alone, where the ledger itself keeps it unique. */
export function keyed(): MiddlewareHandler<Environment> {
  return createMiddleware<Environment>(async (context, next) => {
    onceKey(context);
    await next();
  });
}

function runsAlready(): Problem {
  return new Problem(409, "RUNS_ALREADY", "This request is being done, or its answer was lost.", {
    todo: "Look at the list: revoke what you do not have the secret of, and ask with a new Idempotency-Key.",
  });
}

function keyNeeded(): Problem {
  return new Problem(400, "IDEMPOTENCY_KEY_NEEDED", "Send an Idempotency-Key of 1 to 200 printable characters: with it nothing is done twice.");
}

async function hash(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
