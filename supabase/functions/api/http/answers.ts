/** The answers of a route, as the OpenAPI document lists them. */
import { z } from "@hono/zod-openapi";
import { ProblemBody } from "./problem.ts";
import type { Scope } from "./access.ts";

const WHAT: Record<number, string> = {
  400: "The request cannot be read, or lacks a header.",
  401: "Nobody is signed in, or the key is revoked.",
  403: "The caller may not do this.",
  404: "No such row of the caller's.",
  409: "The state of things refuses it.",
  412: "Another change came first.",
  413: "The body is too large.",
  415: "The body is not said to be JSON.",
  422: "A field is not as it must be.",
  428: "The request lacks If-Match.",
  429: "Too many requests.",
  503: "The ledger does not answer now.",
};
const ALWAYS = [400, 413, 415, 422, 429, 503];

const headers = z.object({
  "X-Request-Id": z.string().openapi({ description: "Under which the request is logged." }),
  RateLimit: z.string().optional().openapi({ description: "Requests left." }),
});

/** A JSON answer. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, headers, content: { "application/json": { schema } } };
}

/** An answer without a body. */
export function empty(description: string) {
  return { description, headers };
}

/** Every refusal that the route knows, beside those that any has. */
export function refusals(...statuses: number[]) {
  const known = [...new Set([...ALWAYS, ...statuses])].sort((one, other) => one - other);
  return Object.fromEntries(known.map((status) => [status, { description: WHAT[status] ?? "Refused.", headers, content: { "application/problem+json": { schema: ProblemBody } } }]));
}

/** What a route asks of its caller, in the document's words: a session, or a key with one of the scopes. */
export function security(...scopes: Scope[]): Record<string, string[]>[] {
  return [{ session: [] }, ...scopes.map((scope) => ({ key: [scope] }))];
}
