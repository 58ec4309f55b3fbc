/** What a webhook is sent. The ledger writes it (private.webhook_data); this says what it is, and a test compares the two. */
import { z } from "@hono/zod-openapi";
import { Amount, Day, Id, Time } from "./values.ts";

const TRADE = [
  "trade.placed",
  "trade.approved",
  "trade.rejected",
  "trade.submitting",
  "trade.submitted",
  "trade.partially_filled",
  "trade.filled",
  "trade.cancel_requested",
  "trade.replace_requested",
  "trade.canceled",
  "trade.replaced",
  "trade.expired",
  "trade.unknown",
] as const;
const HALT = ["halt.engaged", "halt.lifted"] as const;

/** The types that a webhook may hear. webhook.test comes besides, when it is asked for. */
export const WebhookEventType = z.enum([...TRADE, ...HALT, "limit.breached", "alert.raised", "strategy.halted", "report.written"]).openapi(
  "WebhookEventType",
);

const Scope = z.enum(["global", "user", "account", "strategy"]);

function event<T extends [string, ...string[]], D extends z.ZodRawShape>(name: string, types: T, data: D) {
  return z.object({
    id: Id.openapi({ description: "Of the event: count it once by this." }),
    type: z.enum(types),
    occurred_at: Time,
    data: z.object(data),
  }).openapi(name);
}

const TradeEvent = event("WebhookTradeEvent", [...TRADE], {
  trade_id: Id,
  broker_account_id: Id,
  strategy_id: Id.optional(),
  symbol: z.string(),
  status: z.string(),
  version: z.int(),
});
const HaltEvent = event("WebhookHaltEvent", [...HALT], {
  scope: Scope,
  scope_id: Id.optional(),
  mode: z.enum(["no_new_entries", "cancel_working", "flatten"]),
  reason: z.string(),
});
const LimitEvent = event("WebhookLimitEvent", ["limit.breached"], {
  breach_id: z.int(),
  limit_id: Id,
  name: z.string(),
  scope: Scope,
  broker_account_id: Id.optional(),
  strategy_id: Id.optional(),
  value: Amount,
  measured: Amount,
  act: z.string(),
});
const AlertEvent = event("WebhookAlertEvent", ["alert.raised"], { alert_id: Id, code: z.string(), text: z.string() });
const StrategyEvent = event("WebhookStrategyEvent", ["strategy.halted"], { strategy_id: Id, status: z.string(), version: z.int() });
const ReportEvent = event("WebhookReportEvent", ["report.written"], {
  report_id: Id,
  broker_account_id: Id,
  report_date: Day,
  report_version: z.int(),
});
const TestEvent = event("WebhookTestEvent", ["webhook.test"], { webhook_id: Id });

export const WebhookEvent = z.union([TradeEvent, HaltEvent, LimitEvent, AlertEvent, StrategyEvent, ReportEvent, TestEvent]).openapi("WebhookEvent");
