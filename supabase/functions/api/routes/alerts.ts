/** What a person should see: listed, and acknowledged. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { Id, Time } from "../schemas/values.ts";

const Alert = z.object({
  id: Id,
  broker_account_id: Id.nullable().openapi({ description: "The account that it is about; null where it is about none." }),
  code: z.string().openapi({ description: "What it is, in a word that does not change.", example: "HALT_NOT_DONE" }),
  severity: z.enum(["info", "warning", "critical"]),
  text: z.string().openapi({ description: "What happened and what to do." }),
  numbers: z.record(z.string(), z.unknown()).openapi({ description: "What was seen." }),
  raised_at: Time,
  acknowledged_at: Time.nullable(),
  acknowledged_by: z.string().nullable(),
}).openapi("Alert");

const COLUMNS = "id,broker_account_id,code,severity,text,numbers,raised_at,acknowledged_at,acknowledged_by";
const params = z.object({ id: Id });

const list = createRoute({
  method: "get",
  path: "/alerts",
  operationId: "listAlerts",
  tags: ["alerts"],
  summary: "Your alerts, the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      ...timeRange,
      open: z.enum(["true", "false"]).optional().openapi({ description: "true: those that nobody has acknowledged." }),
      severity: Alert.shape.severity.optional(),
      code: z.string().max(100).optional(),
      broker_account_id: Id.optional(),
    }),
  },
  responses: { 200: json(pageOf(Alert, "Alert"), "A page of alerts."), ...refusals(401, 403) },
});

const read = createRoute({
  method: "get",
  path: "/alerts/{id}",
  operationId: "getAlert",
  tags: ["alerts"],
  summary: "One alert.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params },
  responses: { 200: json(Alert, "The alert."), ...refusals(401, 403, 404) },
});

const acknowledge = createRoute({
  method: "post",
  path: "/alerts/{id}/acknowledge",
  operationId: "acknowledgeAlert",
  tags: ["alerts"],
  summary: "Says that an alert was seen; the first to say so stays on record.",
  security: security("trade", "strategies", "risk"),
  middleware: [signedIn("trade", "strategies", "risk"), once("alerts.acknowledge")] as const,
  request: { params, headers: OnceHeader },
  responses: {
    200: json(Alert, "The alert, as acknowledged."),
    204: empty("It is acknowledged, by an administrator who does not read it."),
    ...refusals(401, 403, 404, 409),
  },
});

export function alerts(api: Api): void {
  api.openapi(list, async (context) => {
    const { open, severity, code, broker_account_id, ...asked } = context.req.valid("query");
    const query = {
      select: COLUMNS,
      raised_at: within(asked),
      acknowledged_at: open === undefined ? undefined : open === "true" ? "is.null" : "not.is.null",
      severity: is(severity),
      code: is(code),
      broker_account_id: is(broker_account_id),
    };
    const order = { by: ["raised_at", "id"] } as const;
    return context.json(await readPage<z.infer<typeof Alert>>(context.get("ledger"), "alerts", query, asked, order), 200);
  });

  api.openapi(read, async (context) => {
    const { id } = context.req.valid("param");
    const [alert] = await context.get("ledger").select<z.infer<typeof Alert>>("alerts", { select: COLUMNS, id: is(id) });
    if (!alert) throw notFound("alert", id);
    return context.json(alert, 200);
  });

  api.openapi(acknowledge, async (context) => {
    const { id } = context.req.valid("param");
    const ledger = context.get("ledger");
    await ledger.call("acknowledge_alert", { p_alert_id: id });
    const [alert] = await ledger.select<z.infer<typeof Alert>>("alerts", { select: COLUMNS, id: is(id) });
    if (!alert) return context.body(null, 204);
    return context.json(alert, 200);
  });
}
