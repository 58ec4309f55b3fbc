/** What broke a watched limit, and what was done about it. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { Amount, Day, Id, Time } from "../schemas/values.ts";

const Breach = z.object({
  id: z.int(),
  limit_id: Id,
  name: z.string().openapi({ description: "Which limit.", example: "max_daily_loss" }),
  scope: z.enum(["global", "user", "account", "strategy"]),
  broker_account_id: Id.nullable().openapi({ description: "The account that it was measured on; null: on all of the scope." }),
  strategy_id: Id.nullable().openapi({ description: "The strategy that it was measured on; null: on all of the scope." }),
  happened: z.enum(["warned", "breached", "worse", "recovered"]),
  measured: Amount,
  value: Amount.openapi({ description: "The limit at that time." }),
  act: z.string().nullable().openapi({ description: "What was done; null for a warning and a recovery." }),
  session_date: Day,
  at: Time.openapi({ description: "Event time of the measure." }),
  detail: z.record(z.string(), z.unknown()).openapi({ description: "Further numbers of the measure." }),
}).openapi("Breach");

const COLUMNS =
  "id,limit_id,name,scope,broker_account_id,strategy_id,happened,measured::text,value::text,act,session_date,at,detail";

const list = createRoute({
  method: "get",
  path: "/risk/breaches",
  operationId: "listBreaches",
  tags: ["risk"],
  summary: "What broke your limits, what was done about it, and when it had recovered; the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      ...timeRange,
      limit_id: Id.optional(),
      name: z.string().max(100).optional(),
      happened: Breach.shape.happened.optional(),
      broker_account_id: Id.optional(),
      strategy_id: Id.optional(),
    }),
  },
  responses: { 200: json(pageOf(Breach, "Breach"), "A page of breaches."), ...refusals(401, 403) },
});

export function breaches(api: Api): void {
  api.openapi(list, async (context) => {
    const { limit_id, name, happened, broker_account_id, strategy_id, ...asked } = context.req.valid("query");
    const query = {
      select: COLUMNS,
      at: within(asked),
      limit_id: is(limit_id),
      name: is(name),
      happened: is(happened),
      broker_account_id: is(broker_account_id),
      strategy_id: is(strategy_id),
    };
    return context.json(await readPage<z.infer<typeof Breach>>(context.get("ledger"), "limit_breaches", query, asked, { by: ["id"] }), 200);
  });
}
