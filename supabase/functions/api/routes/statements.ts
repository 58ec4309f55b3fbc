/** What the brokers said of the accounts: balances as they changed, account activities, and cash that moved. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { Amount, Id, Time } from "../schemas/values.ts";

const Balance = z.object({
  broker_account_id: Id,
  as_of: Time,
  cash: Amount,
  equity: Amount,
  buying_power: Amount.nullable(),
  options_buying_power: Amount.nullable(),
  settled_cash: Amount.nullable(),
  margin_requirement: Amount.nullable(),
}).openapi("Balance");

const Activity = z.object({
  id: Id,
  broker_account_id: Id,
  source: z.string(),
  external_id: z.string().openapi({ description: "The broker's own id of it." }),
  kind: z.string(),
  symbol: z.string().nullable(),
  occurred_at: Time,
  state: z.enum(["applied", "waiting", "unknown", "unreadable"]).openapi({ description: "What the books have made of it." }),
  note: z.string(),
  applied_at: Time.nullable(),
}).openapi("Activity");

const CashMovement = z.object({
  id: Id,
  broker_account_id: Id,
  activity_id: Id,
  kind: z.enum(["dividend", "interest", "fee", "tax", "deposit", "withdrawal"]),
  symbol: z.string().nullable(),
  amount: Amount.openapi({ description: "Dollars; negative where they were paid." }),
  occurred_at: Time,
}).openapi("CashMovement");

const query = z.strictObject({ ...pageQuery, ...timeRange, broker_account_id: Id.optional() });

const balances = createRoute({
  method: "get",
  path: "/statements/balances",
  operationId: "listBalances",
  tags: ["reports"],
  summary: "Cash, equity and buying power of your accounts, each time the broker said something new; the newest first.",
  security: security("reports", "read"),
  middleware: [signedIn("reports", "read")] as const,
  request: { query },
  responses: { 200: json(pageOf(Balance, "Balance"), "A page of balances."), ...refusals(401, 403) },
});

const activities = createRoute({
  method: "get",
  path: "/statements/activities",
  operationId: "listActivities",
  tags: ["reports"],
  summary: "What the broker says happened in your accounts beside trades: transfers, dividends, expiries; the newest first.",
  security: security("reports", "read"),
  middleware: [signedIn("reports", "read")] as const,
  request: { query },
  responses: { 200: json(pageOf(Activity, "Activity"), "A page of activities."), ...refusals(401, 403) },
});

const cash = createRoute({
  method: "get",
  path: "/statements/cash",
  operationId: "listCashMovements",
  tags: ["reports"],
  summary: "Dividends, interest, fees, taxes, deposits and withdrawals of your accounts; the newest first.",
  security: security("reports", "read"),
  middleware: [signedIn("reports", "read")] as const,
  request: { query },
  responses: { 200: json(pageOf(CashMovement, "CashMovement"), "A page of movements."), ...refusals(401, 403) },
});

const BALANCE = "broker_account_id,as_of,cash::text,equity::text,buying_power::text,options_buying_power::text,settled_cash::text," +
  "margin_requirement::text";
const ACTIVITY = "id,broker_account_id,source,external_id,kind,symbol,occurred_at,state,note,applied_at";
const MOVEMENT = "id,broker_account_id,activity_id,kind,symbol,amount::text,occurred_at";

export function statements(api: Api): void {
  api.openapi(balances, async (context) => {
    const asked = context.req.valid("query");
    const narrowed = { select: BALANCE, broker_account_id: is(asked.broker_account_id), as_of: within(asked) };
    const order = { by: ["as_of", "broker_account_id"] } as const;
    return context.json(await readPage<z.infer<typeof Balance>>(context.get("ledger"), "account_snapshots", narrowed, asked, order), 200);
  });

  api.openapi(activities, async (context) => {
    const asked = context.req.valid("query");
    const narrowed = { select: ACTIVITY, broker_account_id: is(asked.broker_account_id), occurred_at: within(asked) };
    const order = { by: ["occurred_at", "id"] } as const;
    return context.json(await readPage<z.infer<typeof Activity>>(context.get("ledger"), "broker_activities", narrowed, asked, order), 200);
  });

  api.openapi(cash, async (context) => {
    const asked = context.req.valid("query");
    const narrowed = { select: MOVEMENT, broker_account_id: is(asked.broker_account_id), occurred_at: within(asked) };
    const order = { by: ["occurred_at", "id"] } as const;
    return context.json(await readPage<z.infer<typeof CashMovement>>(context.get("ledger"), "cash_movements", narrowed, asked, order), 200);
  });
}
