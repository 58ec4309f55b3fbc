/** Keys by which programs act for a person: made and revoked by the person alone. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { type Kept, oneRow } from "../http/rows.ts";
import { GivenTime, Id, Time } from "../schemas/values.ts";

const Scopes = z.array(z.enum(["read", "trade", "strategies", "risk", "reports"])).min(1).max(5);
const key = {
  id: Id,
  name: z.string(),
  prefix: z.string().openapi({ description: "The beginning of the key, by which you recognise it.", example: "at_0123abcd" }),
  scopes: Scopes,
  expires_at: Time,
  last_used_at: Time.nullable().openapi({ description: "To the minute." }),
  revoked_at: Time.nullable(),
  created_at: Time,
};
const ApiKey = z.object(key).openapi("ApiKey");
const MadeApiKey = z.object({ ...key, key: z.string().openapi({ description: "The key itself: shown now, and never again." }) }).openapi("MadeApiKey");
const NewApiKey = z.strictObject({
  name: z.string().min(1).max(100).openapi({ example: "my rebalancer" }),
  scopes: Scopes.openapi({ description: "What it may do; they only ever shrink." }),
  expires_at: GivenTime.openapi({ description: "At most two years from now." }),
}).openapi("NewApiKey");

const COLUMNS = "id,name,prefix,scopes,expires_at,last_used_at,revoked_at,created_at";
const Which = z.object({ id: Id });
const persons = { tags: ["API keys"], security: security() };

const create = createRoute({
  method: "post",
  path: "/api-keys",
  operationId: "createApiKey",
  summary: "Make a key for a program. It is shown once; sent again with the same Idempotency-Key the request is refused, and no second key is made.",
  ...persons,
  middleware: [signedIn(), once("api_keys.create", true)] as const,
  request: { headers: OnceHeader, body: { required: true, content: { "application/json": { schema: NewApiKey } } } },
  responses: { 201: json(MadeApiKey, "The key, once."), ...refusals(401, 403, 409) },
});

const list = createRoute({
  method: "get",
  path: "/api-keys",
  operationId: "listApiKeys",
  summary: "Your keys, the newest first, revoked and expired ones among them; never the keys themselves.",
  ...persons,
  middleware: [signedIn()] as const,
  request: { query: z.strictObject(pageQuery) },
  responses: { 200: json(pageOf(ApiKey, "ApiKey"), "One page."), ...refusals(401, 403) },
});

const get = createRoute({
  method: "get",
  path: "/api-keys/{id}",
  operationId: "getApiKey",
  summary: "What one key may do, and when it was last used.",
  ...persons,
  middleware: [signedIn()] as const,
  request: { params: Which },
  responses: { 200: json(ApiKey, "The key, without itself."), ...refusals(401, 403, 404) },
});

const revoke = createRoute({
  method: "delete",
  path: "/api-keys/{id}",
  operationId: "revokeApiKey",
  summary: "End a key at once, also for what was begun with it. Safe to repeat.",
  ...persons,
  middleware: [signedIn()] as const,
  request: { params: Which },
  responses: { 204: empty("It opens nothing any more."), ...refusals(401, 403, 404) },
});

function kept(id: string): Kept {
  return { relation: "api_keys", what: "key", id, select: COLUMNS };
}

export function apiKeys(api: Api): void {
  api.openapi(create, async (context) => {
    const { name, scopes, expires_at } = context.req.valid("json");
    const made = await context.get("ledger").call<{ api_key_id: string; key: string }>("create_api_key", {
      p_name: name,
      p_scopes: scopes,
      p_expires_at: expires_at,
    });
    const row = await oneRow<z.infer<typeof ApiKey>>(context, kept(made.api_key_id));
    return context.json({ ...row, key: made.key }, 201);
  });
  api.openapi(list, async (context) => {
    const page = await readPage<z.infer<typeof ApiKey>>(context.get("ledger"), "api_keys", { select: COLUMNS }, context.req.valid("query"), {
      by: ["created_at", "id"],
    });
    return context.json(page, 200);
  });
  api.openapi(get, async (context) => context.json(await oneRow<z.infer<typeof ApiKey>>(context, kept(context.req.valid("param").id)), 200));
  api.openapi(revoke, async (context) => {
    await context.get("ledger").call("revoke_api_key", { p_api_key_id: context.req.valid("param").id });
    return context.body(null, 204);
  });
}
