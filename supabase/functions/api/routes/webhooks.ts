/** Outgoing webhooks: a trader's own addresses, told of their events, and what became of each delivery. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { nameOf, once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { IfMatchHeader, matched, tag } from "../http/versions.ts";
import { Id, Time, Version } from "../schemas/values.ts";
import { WebhookEvent, WebhookEventType } from "../schemas/webhook_events.ts";
import type { Rest } from "../../_shared/rest.ts";

const Given = {
  name: z.string().min(1).max(100),
  url: z.string().max(2000).openapi({ description: "Where events are sent: https.", example: "https://example.com/agenttrader" }),
  events: z.array(WebhookEventType).min(1).max(50),
};
const NewWebhook = z.strictObject(Given).openapi("NewWebhook");
const ChangedWebhook = z.strictObject({
  ...Given,
  enabled: z.boolean().openapi({ description: "What happens while it is off is not sent later." }),
}).openapi("ChangedWebhook");

const Webhook = z.object({
  id: Id,
  name: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  enabled: z.boolean(),
  disabled_reason: z.enum(["FAILING"]).nullable().openapi({ description: "FAILING: switched off by itself, after days in which nothing arrived." }),
  failing_since: Time.nullable().openapi({ description: "The first failure since anything last arrived." }),
  secret_rotated_at: Time,
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("Webhook");
const COLUMNS = "id,name,url,events,enabled,disabled_reason,failing_since,secret_rotated_at,created_at,updated_at,version";

const Secret = z.string().openapi({ description: "What events are signed with; shown this once.", example: "whsec_..." });
const WebhookWithSecret = Webhook.extend({ secret: Secret }).openapi("WebhookWithSecret");
const WebhookSecret = z.object({ webhook_id: Id, secret: Secret }).openapi("WebhookSecret");

const State = z.enum(["queued", "sending", "delivered", "retrying", "dead"]);
const Delivery = z.object({
  id: Id,
  webhook_id: Id,
  event_id: Id.openapi({ description: "The same in every attempt." }),
  type: z.string(),
  occurred_at: Time,
  state: State,
  attempts: z.int(),
  next_attempt_at: Time.nullable().openapi({ description: "Null when it is over; while it is being sent, when it is taken to be lost." }),
  give_up_at: Time.nullable(),
  last_attempt_at: Time.nullable(),
  last_status: z.int().nullable().openapi({ description: "The HTTP status of the last answer." }),
  last_error: z.string().nullable().openapi({ description: "Why the last attempt failed, as CODE: sentence." }),
  last_response: z.string().nullable().openapi({ description: "The beginning of the last answer's body." }),
  finished_at: Time.nullable(),
  created_at: Time,
}).openapi("WebhookDelivery");
const DELIVERY_COLUMNS = "id,webhook_id:endpoint_id,event_id,type,occurred_at,state,attempts,next_attempt_at,give_up_at,last_attempt_at,last_status," +
  "last_error,last_response,finished_at,created_at";

const OfOne = z.object({ id: Id });
const OfDelivery = z.object({ id: Id, delivery_id: Id });
const common = { tags: ["webhooks"], security: security() };
const persons = signedIn();

const create = createRoute({
  ...common,
  method: "post",
  path: "/webhooks",
  operationId: "createWebhook",
  summary: "Enters an address that is told of your events, and shows its secret, once.",
  middleware: [persons, once("webhooks.create", true)] as const,
  request: { headers: OnceHeader, body: { required: true, content: { "application/json": { schema: NewWebhook } } } },
  responses: { 201: json(WebhookWithSecret, "The webhook."), ...refusals(401, 403, 404, 409) },
});

const list = createRoute({
  ...common,
  method: "get",
  path: "/webhooks",
  operationId: "listWebhooks",
  summary: "Your webhooks, newest first.",
  middleware: [persons] as const,
  request: { query: z.strictObject(pageQuery) },
  responses: { 200: json(pageOf(Webhook, "Webhook"), "A page of webhooks."), ...refusals(401, 403) },
});

const get = createRoute({
  ...common,
  method: "get",
  path: "/webhooks/{id}",
  operationId: "getWebhook",
  summary: "One webhook.",
  middleware: [persons] as const,
  request: { params: OfOne },
  responses: { 200: json(Webhook, "The webhook."), ...refusals(401, 403, 404) },
});

const change = createRoute({
  ...common,
  method: "put",
  path: "/webhooks/{id}",
  operationId: "changeWebhook",
  summary: "Changes a webhook, or switches it on or off.",
  middleware: [persons] as const,
  request: { params: OfOne, headers: IfMatchHeader, body: { required: true, content: { "application/json": { schema: ChangedWebhook } } } },
  responses: { 200: json(Webhook, "The webhook as it is now."), ...refusals(401, 403, 404, 412, 428) },
});

const remove = createRoute({
  ...common,
  method: "delete",
  path: "/webhooks/{id}",
  operationId: "removeWebhook",
  summary: "Ends a webhook and what is still to be sent to it.",
  middleware: [persons] as const,
  request: { params: OfOne },
  responses: { 204: empty("It is gone."), ...refusals(401, 403, 404) },
});

const rotate = createRoute({
  ...common,
  method: "post",
  path: "/webhooks/{id}/rotate",
  operationId: "rotateWebhookSecret",
  summary: "Gives a webhook a new secret and shows it, once. What is sent from now on is signed with it.",
  middleware: [persons, once("webhooks.rotate", true)] as const,
  request: { params: OfOne, headers: OnceHeader },
  responses: { 200: json(WebhookSecret, "The new secret."), ...refusals(401, 403, 404, 409) },
});

const test = createRoute({
  ...common,
  method: "post",
  path: "/webhooks/{id}/test",
  operationId: "testWebhook",
  summary: "Sends an event of type webhook.test, without trying again; its delivery says how it went.",
  middleware: [persons, once("webhooks.test")] as const,
  request: { params: OfOne, headers: OnceHeader },
  responses: { 202: json(Delivery, "The delivery of the test."), ...refusals(401, 403, 404, 409) },
});

const deliveries = createRoute({
  ...common,
  method: "get",
  path: "/webhooks/{id}/deliveries",
  operationId: "listWebhookDeliveries",
  summary: "What was sent to a webhook, or is to be, newest first.",
  middleware: [persons] as const,
  request: { params: OfOne, query: z.strictObject({ ...pageQuery, state: State.optional() }) },
  responses: { 200: json(pageOf(Delivery, "WebhookDelivery"), "A page of deliveries."), ...refusals(401, 403, 404) },
});

const redeliver = createRoute({
  ...common,
  method: "post",
  path: "/webhooks/{id}/deliveries/{delivery_id}/redeliver",
  operationId: "redeliverWebhook",
  summary: "Sends an event again, under the same id.",
  middleware: [persons, once("webhooks.redeliver")] as const,
  request: { params: OfDelivery, headers: OnceHeader },
  responses: { 202: json(Delivery, "The delivery as it is now."), ...refusals(401, 403, 404, 409) },
});

export function webhooks(api: Api): void {
  api.openapi(create, async (context) => {
    const { name, url, events } = context.req.valid("json");
    const ledger = context.get("ledger");
    const p_id = await nameOf(context, "webhook");
    const { secret } = await ledger.call<z.infer<typeof WebhookSecret>>("create_webhook", { p_name: name, p_url: url, p_events: events, p_id });
    const made = await one(ledger, p_id);
    tag(context, made.version);
    return context.json({ ...made, secret }, 201);
  });
  api.openapi(list, async (context) => {
    const asked = context.req.valid("query");
    const filters = { select: COLUMNS, removed_at: "is.null" };
    const page = await readPage<z.infer<typeof Webhook>>(context.get("ledger"), "webhook_endpoints", filters, asked, { by: ["created_at", "id"] });
    return context.json(page, 200);
  });
  api.openapi(get, async (context) => {
    const found = await one(context.get("ledger"), context.req.valid("param").id);
    tag(context, found.version);
    return context.json(found, 200);
  });
  api.openapi(change, async (context) => {
    const { id } = context.req.valid("param");
    const { name, url, events, enabled } = context.req.valid("json");
    const ledger = context.get("ledger");
    const p_version = matched(context) ?? null;
    await ledger.call("set_webhook", { p_webhook_id: id, p_name: name, p_url: url, p_events: events, p_enabled: enabled, p_version });
    const changed = await one(ledger, id);
    tag(context, changed.version);
    return context.json(changed, 200);
  });
  api.openapi(remove, async (context) => {
    await context.get("ledger").call("remove_webhook", { p_webhook_id: context.req.valid("param").id });
    return context.body(null, 204);
  });
  api.openapi(rotate, async (context) => {
    const rotated = await context.get("ledger").call<z.infer<typeof WebhookSecret>>("rotate_webhook", { p_webhook_id: context.req.valid("param").id });
    return context.json(rotated, 200);
  });
  api.openapi(test, async (context) => {
    const { id } = context.req.valid("param");
    const ledger = context.get("ledger");
    const p_event_id = await nameOf(context, `test of webhook ${id}`);
    return context.json(await delivery(ledger, await ledger.call<string>("test_webhook", { p_webhook_id: id, p_event_id })), 202);
  });
  api.openapi(deliveries, async (context) => {
    const { id } = context.req.valid("param");
    const { state, ...asked } = context.req.valid("query");
    const ledger = context.get("ledger");
    await one(ledger, id);
    const filters = { select: DELIVERY_COLUMNS, endpoint_id: `eq.${id}`, state: state && `eq.${state}` };
    const page = await readPage<z.infer<typeof Delivery>>(ledger, "webhook_deliveries", filters, asked, { by: ["created_at", "id"] });
    return context.json(page, 200);
  });
  api.openapi(redeliver, async (context) => {
    const { id, delivery_id } = context.req.valid("param");
    const ledger = context.get("ledger");
    await ledger.call("redeliver_webhook", { p_webhook_id: id, p_delivery_id: delivery_id });
    return context.json(await delivery(ledger, delivery_id), 202);
  });
  documentEvents(api);
}

/** The events themselves, under `webhooks` of the OpenAPI document: what a receiver is sent. */
function documentEvents(api: Api): void {
  api.openAPIRegistry.registerWebhook({
    method: "post",
    path: "event",
    operationId: "receiveEvent",
    tags: ["webhooks"],
    summary: "What your address is sent: one event, signed.",
    request: {
      headers: z.object({
        "x-agenttrader-event-id": Id,
        "x-agenttrader-timestamp": z.string().openapi({ description: "Seconds since 1970, when it was signed." }),
        "x-agenttrader-signature": z.string().openapi({ description: "Hex of HMAC-SHA256, under the secret, of timestamp, a full stop and the body." }),
      }),
      body: { required: true, content: { "application/json": { schema: WebhookEvent } } },
    },
    responses: { 200: { description: "Any status of the 200s: the event has arrived." } },
  });
}

async function one(ledger: Rest, id: string): Promise<z.infer<typeof Webhook>> {
  const [found] = await ledger.select<z.infer<typeof Webhook>>("webhook_endpoints", { select: COLUMNS, id: `eq.${id}`, removed_at: "is.null" });
  if (!found) throw notFound("webhook", id);
  return found;
}

async function delivery(ledger: Rest, id: string): Promise<z.infer<typeof Delivery>> {
  const [found] = await ledger.select<z.infer<typeof Delivery>>("webhook_deliveries", { select: DELIVERY_COLUMNS, id: `eq.${id}` });
  if (!found) throw notFound("delivery", id);
  return found;
}
