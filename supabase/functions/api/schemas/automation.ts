/** Automation sources and what they have sent, as the API says them. */
import { z } from "@hono/zod-openapi";
import { Amount, GivenAmount, GivenQuantity, Id, Ticker, Time, Version } from "./values.ts";

const Name = z.string().min(1).max(100).openapi({ description: "Unique among your sources.", example: "My model" });
const Network = z.string().regex(/^[0-9A-Fa-f:.]{2,45}\/\d{1,3}$/, "is a network such as 203.0.113.0/24").openapi({ example: "203.0.113.0/24" });

const Template = z.strictObject({
  event: z.string().min(1).max(100).openapi({ example: "model_score" }),
  symbol: Ticker.optional(),
  at_least: GivenAmount.optional(),
  at_most: GivenAmount.optional(),
  order: z.record(z.string(), z.unknown()).openapi({
    description: "As an event's own order; without symbol that of the event.",
    example: { side: "buy", position_intent: "buy_to_open", quantity: "10" },
  }),
}).openapi("AutomationTemplate");

const settings = {
  name: Name,
  strategy_id: Id.nullable().openapi({ description: "The strategy that its trades are counted to." }),
  symbols: z.array(Ticker).min(1).max(100).openapi({ description: "What it may trade." }),
  max_quantity: GivenQuantity.openapi({ description: "The most it may ask for in one order." }),
  max_per_minute: z.int().min(1).max(600),
  networks: z.array(Network).max(50).openapi({ description: "Where its events may come from; empty: anywhere (only where they are signed)." }),
  templates: z.array(Template).max(20).openapi({ description: "What an event without an order becomes; the first that fits." }),
  enabled: z.boolean(),
};

export const NewSource = z.strictObject({
  ...settings,
  broker_account_id: Id,
  kind: z.enum(["generic", "tradingview"]),
  authentication: z.enum(["hmac", "url_token"]).default("hmac").openapi({
    description: "url_token is weaker: who knows the address is believed. It needs narrow networks and takes at most 10 events a minute.",
  }),
  strategy_id: settings.strategy_id.default(null),
  max_per_minute: settings.max_per_minute.default(10),
  networks: settings.networks.default([]),
  templates: settings.templates.default([]),
  enabled: settings.enabled.default(true),
}).openapi("NewAutomationSource");

/** All that may be changed, at once. */
export const SourceSettings = z.strictObject(settings).openapi("AutomationSourceSettings");

export const Source = z.object({
  id: Id,
  broker_account_id: Id,
  strategy_id: Id.nullable(),
  name: z.string(),
  kind: z.enum(["generic", "tradingview"]),
  authentication: z.enum(["hmac", "url_token"]),
  symbols: z.array(z.string()),
  max_quantity: Amount,
  max_per_minute: z.int(),
  networks: z.array(z.string()),
  templates: z.array(z.record(z.string(), z.unknown())),
  enabled: z.boolean(),
  secret_changed_at: Time,
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("AutomationSource");

export const SourceSecret = z.object({
  source_id: Id,
  version: Version,
  secret: z.string().openapi({ description: "Shown this once. Events are signed with it; of a url_token source it stands in the address." }),
  url: z.string().openapi({ description: "Where events are sent." }),
}).openapi("AutomationSecret");

export const Rotation = z.strictObject({
  overlap_seconds: z.int().min(0).max(86_400).default(600).openapi({ description: "So long the secret before is good, too; 0 ends it at once." }),
}).openapi("AutomationRotation");

export const Delivery = z.object({
  id: Id,
  event_id: z.string().nullable(),
  outcome: z.enum(["accepted", "refused"]),
  decided: z.boolean().openapi({ description: "False: it was not looked at, as it was not genuine, late, sent before, malformed, or one too many." }),
  refusal: z.string().nullable().openapi({ example: "SYMBOL_NOT_ALLOWED: symbol=IWM" }),
  event: z.record(z.string(), z.unknown()).nullable(),
  trade_id: Id.nullable(),
  sent_at: Time.nullable(),
  created_at: Time,
}).openapi("Delivery");

export const RefusedCount = z.object({
  minute: Time,
  refused: z.int().openapi({ description: "Events that were not looked at; the first twenty of them are listed as deliveries." }),
}).openapi("RefusedCount");
