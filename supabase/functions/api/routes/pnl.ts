/** Profit and loss: of each day as it was reported, and now, at the latest marks. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { Amount, Day, Id, Time } from "../schemas/values.ts";

const DailyPnl = z.object({
  report_id: Id,
  broker_account_id: Id,
  report_date: Day.openapi({ description: "The session, a date of New York." }),
  realised_pnl: Amount.openapi({ description: "By average cost, fees not deducted." }),
  realised_pnl_fifo: Amount,
  unrealised_pnl: Amount.nullable().openapi({ description: "At the session's close; null where a closing price is missing." }),
  fees: Amount,
  total_pnl: Amount.nullable().openapi({ description: "Realised less fees, plus the change of the unrealised since the report before." }),
  starting_cash: Amount.nullable(),
  ending_cash: Amount.nullable(),
  trades: z.int(),
  fills: z.int(),
  report_version: z.int().openapi({ description: "Grows with every correction." }),
  closed_at: Time,
}).openapi("DailyPnl");

const Result = z.object({
  scope: z.enum(["user", "account", "strategy"]),
  broker_account_id: Id.nullable(),
  strategy_id: Id.nullable(),
  realised_pnl: Amount,
  unrealised_pnl: Amount.nullable().openapi({ description: "Null where something open has no mark." }),
  fees: Amount,
  result: Amount.nullable().openapi({ description: "Realised and unrealised less fees; null where something open has no mark." }),
  session_result: Amount.nullable().openapi({ description: "Won in the session day on record." }),
  drawdown_from_peak: Amount.nullable(),
  missing: z.array(z.string()).openapi({ description: "The open symbols that have no mark." }),
  oldest_mark_at: Time.nullable().openapi({ description: "How old the oldest mark is that counts." }),
}).openapi("CurrentResult");

const PositionResult = z.object({
  broker_account_id: Id,
  strategy_id: Id.nullable().openapi({ description: "Null for what was traded by hand or outside." }),
  symbol: z.string(),
  quantity: Amount,
  cost_basis: Amount,
  mark: Amount.nullable(),
  marked_at: Time.nullable(),
  realised_pnl: Amount,
  unrealised_pnl: Amount.nullable(),
  fees: Amount,
  result: Amount.nullable(),
}).openapi("PositionResult");

const CurrentPnl = z.object({
  results: z.array(Result).openapi({ description: "Of the user, each account and each strategy, since it began." }),
  positions: z.array(PositionResult).openapi({ description: "Of each open position, by its owner." }),
}).openapi("CurrentPnl");

const texts = (...names: string[]) => names.map((name) => `${name}::text`).join(",");
const DAILY = "report_id:id,id,broker_account_id,report_date,trades,fills,report_version,closed_at," +
  texts("realised_pnl", "realised_pnl_fifo", "unrealised_pnl", "fees", "total_pnl", "starting_cash", "ending_cash");
const RESULT = "scope,broker_account_id,strategy_id,missing,oldest_mark_at," +
  texts("realised_pnl", "unrealised_pnl", "fees", "result", "session_result", "drawdown_from_peak");
const POSITION = "broker_account_id,strategy_id,symbol,marked_at," +
  texts("quantity", "cost_basis", "mark", "realised_pnl", "unrealised_pnl", "fees", "result");
const broker_account_id = Id.optional().openapi({ description: "Of this broker account." });

const daily = createRoute({
  method: "get",
  path: "/pnl/daily",
  operationId: "listDailyPnl",
  tags: ["pnl"],
  summary: "Profit and loss of each account and session, as it was last reported; the newest first.",
  security: security("read", "reports"),
  middleware: [signedIn("read", "reports")] as const,
  request: {
    query: z.strictObject({
      broker_account_id,
      from: Day.optional().openapi({ description: "Sessions of this date or later." }),
      to: Day.optional().openapi({ description: "Sessions up to and with this date." }),
      ...pageQuery,
    }),
  },
  responses: { 200: json(pageOf(DailyPnl, "DailyPnl"), "One page."), ...refusals(401, 403) },
});

const current = createRoute({
  method: "get",
  path: "/pnl/current",
  operationId: "getCurrentPnl",
  tags: ["pnl"],
  summary: "What is won or lost now, at the latest marks. What has no mark has no result.",
  security: security("read", "reports"),
  middleware: [signedIn("read", "reports")] as const,
  request: { query: z.strictObject({ broker_account_id }) },
  responses: { 200: json(CurrentPnl, "As of the latest marks."), ...refusals(401, 403) },
});

export function pnl(api: Api): void {
  api.openapi(daily, async (context) => {
    const asked = context.req.valid("query");
    const days = [...(asked.from ? [`gte.${asked.from}`] : []), ...(asked.to ? [`lte.${asked.to}`] : [])];
    const page = await readPage<z.infer<typeof DailyPnl> & { id?: string }>(context.get("ledger"), "daily_pnl_reports", {
      select: DAILY,
      ...(asked.broker_account_id ? { broker_account_id: `eq.${asked.broker_account_id}` } : {}),
      ...(days.length > 0 ? { report_date: days } : {}),
    }, asked, { by: ["report_date", "id"] });
    return context.json({ ...page, data: page.data.map(({ id: _, ...report }) => report) }, 200);
  });

  api.openapi(current, async (context) => {
    const { broker_account_id } = context.req.valid("query");
    const ledger = context.get("ledger");
    const of = broker_account_id ? { broker_account_id: `eq.${broker_account_id}` } : {};
    const [results, positions] = await Promise.all([
      ledger.select<z.infer<typeof Result>>("result_progress", { select: RESULT, ...of, order: "scope_key.asc" }),
      ledger.select<z.infer<typeof PositionResult>>("position_results", { select: POSITION, ...of, quantity: "neq.0", order: "symbol.asc,broker_account_id.asc,owner_key.asc" }),
    ]);
    return context.json({ results, positions }, 200);
  });
}
