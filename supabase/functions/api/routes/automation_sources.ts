/** Outside senders who trade for their owner: what they may ask for, their secrets, and what they have sent. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { nameOf, once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { IfMatchHeader, matched, tag } from "../http/versions.ts";
import { Delivery, NewSource, RefusedCount, Rotation, Source, SourceSecret, SourceSettings } from "../schemas/automation.ts";
import { Id } from "../schemas/values.ts";

const COLUMNS = "id,broker_account_id,strategy_id,name,kind,authentication,symbols,max_quantity::text,max_per_minute,networks,templates,enabled," +
  "secret_changed_at,created_at,updated_at,version";
const path = "/automation-sources";
const tags = ["automation"];
const params = z.object({ id: Id });

interface Saved {
  source_id: string;
  version: number;
  secret: string;
}

/** The token is in the address of a source that cannot sign. */
function shown(saved: Saved): z.infer<typeof SourceSecret> {
  const url = `${Deno.env.get("SUPABASE_URL")}/functions/v1/automation/${saved.source_id}`;
  return { source_id: saved.source_id, version: saved.version, secret: saved.secret, url: saved.secret.startsWith("att_") ? `${url}?token=${saved.secret}` : url };
}

const create = createRoute({
  method: "post",
  path,
  operationId: "createAutomationSource",
  tags,
  summary: "Lets an outside sender trade for you; its secret is shown this once.",
  security: security(),
  middleware: [signedIn(), once("automation-sources.create", true)] as const,
  request: { headers: OnceHeader, body: { required: true, content: { "application/json": { schema: NewSource } } } },
  responses: { 201: json(SourceSecret, "The source, and its secret."), ...refusals(401, 403, 404, 409) },
});

const list = createRoute({
  method: "get",
  path,
  operationId: "listAutomationSources",
  tags,
  summary: "Your automation sources.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { query: z.strictObject(pageQuery) },
  responses: { 200: json(pageOf(Source, "AutomationSource"), "Newest first."), ...refusals(401, 403) },
});

const get = createRoute({
  method: "get",
  path: `${path}/{id}`,
  operationId: "getAutomationSource",
  tags,
  summary: "One automation source.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params },
  responses: { 200: json(Source, "The source."), ...refusals(401, 403, 404) },
});

const change = createRoute({
  method: "put",
  path: `${path}/{id}`,
  operationId: "changeAutomationSource",
  tags,
  summary: "Changes what a source may ask for; its account, kind and authentication stay.",
  security: security(),
  middleware: [signedIn()] as const,
  request: { params, headers: IfMatchHeader, body: { required: true, content: { "application/json": { schema: SourceSettings } } } },
  responses: { 200: json(Source, "The source as it is now."), ...refusals(401, 403, 404, 409, 412, 428) },
});

const disable = createRoute({
  method: "delete",
  path: `${path}/{id}`,
  operationId: "disableAutomationSource",
  tags,
  summary: "Disables a source: nothing more of it is taken. It and what it sent stay on record.",
  security: security(),
  middleware: [signedIn()] as const,
  request: { params },
  responses: { 204: empty("It is disabled."), ...refusals(401, 403, 404) },
});

const rotate = createRoute({
  method: "post",
  path: `${path}/{id}/rotate`,
  operationId: "rotateAutomationSecret",
  tags,
  summary: "Gives a source a new secret, shown this once; the one before is good for a little longer.",
  security: security(),
  middleware: [signedIn(), once("automation-sources.rotate", true)] as const,
  request: { params, headers: OnceHeader, body: { required: true, content: { "application/json": { schema: Rotation } } } },
  responses: { 200: json(SourceSecret, "The source, and its new secret."), ...refusals(401, 403, 404, 409) },
});

const deliveries = createRoute({
  method: "get",
  path: `${path}/{id}/deliveries`,
  operationId: "listDeliveries",
  tags,
  summary: "What a source has sent, and why it was refused where it was.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params, query: z.strictObject({ ...pageQuery, outcome: z.enum(["accepted", "refused"]).optional() }) },
  responses: { 200: json(pageOf(Delivery, "Delivery"), "Newest first."), ...refusals(401, 403, 404) },
});

const counts = createRoute({
  method: "get",
  path: `${path}/{id}/refused`,
  operationId: "countRefusedDeliveries",
  tags,
  summary: "How many events of a source were not looked at, by the minute: of a flood not each is kept.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params, query: z.strictObject(pageQuery) },
  responses: { 200: json(pageOf(RefusedCount, "RefusedCount"), "Newest minute first; thirty days."), ...refusals(401, 403, 404) },
});

type Ledger = Parameters<typeof readPage>[0];

async function sourceOf(ledger: Ledger, id: string): Promise<z.infer<typeof Source>> {
  const [source] = await ledger.select<z.infer<typeof Source>>("automation_sources", { select: COLUMNS, id: `eq.${id}` });
  if (!source) throw notFound("source", id);
  return source;
}

export function automationSources(api: Api): void {
  api.openapi(create, async (context) => {
    const p_source = { id: await nameOf(context, "automation source"), ...context.req.valid("json") };
    return context.json(shown(await context.get("ledger").call<Saved>("save_automation_source", { p_source })), 201);
  });
  api.openapi(list, async (context) => {
    const page = await readPage<z.infer<typeof Source>>(context.get("ledger"), "automation_sources", { select: COLUMNS }, context.req.valid("query"), {
      by: ["created_at", "id"],
    });
    return context.json(page, 200);
  });
  api.openapi(get, async (context) => {
    const source = await sourceOf(context.get("ledger"), context.req.valid("param").id);
    tag(context, source.version);
    return context.json(source, 200);
  });
  api.openapi(change, async (context) => {
    const { id } = context.req.valid("param");
    const ledger = context.get("ledger");
    await ledger.call("save_automation_source", { p_source: { id, ...context.req.valid("json") }, p_version: matched(context) ?? 0 });
    const source = await sourceOf(ledger, id);
    tag(context, source.version);
    return context.json(source, 200);
  });
  api.openapi(disable, async (context) => {
    await context.get("ledger").call("save_automation_source", { p_source: { id: context.req.valid("param").id, enabled: false }, p_version: 0 });
    return context.body(null, 204);
  });
  api.openapi(rotate, async (context) => {
    const saved = await context.get("ledger").call<Saved>("rotate_automation_secret", {
      p_source_id: context.req.valid("param").id,
      p_overlap_seconds: context.req.valid("json").overlap_seconds,
    });
    return context.json(shown(saved), 200);
  });
  api.openapi(deliveries, async (context) => {
    const { id } = context.req.valid("param");
    const { outcome, ...asked } = context.req.valid("query");
    const ledger = context.get("ledger");
    await sourceOf(ledger, id);
    const page = await readPage<z.infer<typeof Delivery>>(ledger, "deliveries", {
      select: "id,event_id,outcome,decided,refusal,event,trade_id,sent_at,created_at",
      source_id: `eq.${id}`,
      ...(outcome ? { outcome: `eq.${outcome}` } : {}),
    }, asked, { by: ["created_at", "id"] });
    return context.json(page, 200);
  });
  api.openapi(counts, async (context) => {
    const { id } = context.req.valid("param");
    const ledger = context.get("ledger");
    await sourceOf(ledger, id);
    const page = await readPage<z.infer<typeof RefusedCount>>(ledger, "delivery_counts", { select: "minute,refused", source_id: `eq.${id}` }, context.req.valid("query"), {
      by: ["minute"],
    });
    return context.json(page, 200);
  });
}
