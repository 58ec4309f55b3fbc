/** Daily reports: listed, by strategy and symbol, in every version, as JSON or CSV. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { dayRange, is, onDays } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { tag } from "../http/versions.ts";
import type { Rest } from "../../_shared/rest.ts";
import { Amount, Day, Id, Time, Version } from "../schemas/values.ts";

const figures = {
  realised_pnl: Amount.openapi({ description: "Realised by average cost, fees not deducted." }),
  realised_pnl_fifo: Amount.openapi({ description: "The same by lots, first in first out." }),
  unrealised_pnl: Amount.nullable().openapi({ description: "Null where a closing price is missing." }),
  fees: Amount.openapi({ description: "Of fills, and what the broker charged or withheld by itself." }),
  total_pnl: Amount.nullable().openapi({ description: "Realised, dividends and interest less fees, plus the change of the unrealised." }),
  starting_cash: Amount.nullable(),
  ending_cash: Amount.nullable(),
  dividends: Amount,
  interest: Amount,
  deposits: Amount.openapi({ description: "Paid in; no profit." }),
  withdrawals: Amount.openapi({ description: "Paid out, not negative." }),
  transfers: Amount.openapi({ description: "Positions that came (positive) or went without a trade, at their cost." }),
  starting_equity: Amount.nullable(),
  ending_equity: Amount.nullable().openapi({ description: "Cash and what is held, at the closing bar; null where one is not known." }),
  daily_return: Amount.nullable().openapi({ description: "Time-weighted, a fraction: 0.01 is one percent." }),
  growth: Amount.nullable().openapi({ description: "What one dollar has become since the first report, the daily returns chained." }),
  drawdown: Amount.nullable().openapi({ description: "How far growth is below its highest, a fraction from 0 to 1." }),
  trades: z.int(),
  fills: z.int(),
};

const Report = z.object({
  id: Id,
  broker_account_id: Id,
  report_date: Day,
  ...figures,
  closed_at: Time.openapi({ description: "When the session closed." }),
  report_version: z.int().openapi({ description: "Grows with every correction; every version is kept." }),
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("Report");

const ReportLine = z.object({
  strategy_id: Id.nullable().openapi({ description: "Null for what is nobody's strategy's." }),
  symbol: z.string(),
  quantity: Amount.openapi({ description: "Held at the end, signed." }),
  cost_basis: Amount,
  close: Amount.nullable(),
  realised_pnl: Amount,
  unrealised_pnl: Amount.nullable(),
  fees: Amount,
}).openapi("ReportLine");

const ReportDetail = Report.extend({ lines: z.array(ReportLine) }).openapi("ReportDetail");

const ReportVersion = z.object({
  report_version: z.int(),
  written_at: Time,
  ...figures,
  lines: z.array(ReportLine),
}).openapi("ReportVersion");

const MONEY = [
  "realised_pnl", "realised_pnl_fifo", "unrealised_pnl", "fees", "total_pnl", "starting_cash", "ending_cash", "dividends", "interest", "deposits",
  "withdrawals", "transfers", "starting_equity", "ending_equity", "daily_return", "growth", "drawdown",
] as const;
const COLUMNS = `id,broker_account_id,report_date,${MONEY.map((name) => `${name}::text`).join(",")},trades,fills,closed_at,` +
  "report_version,created_at,updated_at,version";
/** The row as it was, in JSON: its numbers are asked for as text. */
const KEPT = `report_version,written_at,trades:report->>trades,fills:report->>fills,${MONEY.map((name) => `${name}:report->>${name}::text`).join(",")}`;
const LINE = "strategy_id,symbol,quantity::text,cost_basis::text,close::text,realised_pnl::text,unrealised_pnl::text,fees::text";
const CSV_COLUMNS = ["strategy_id", "symbol", "quantity", "cost_basis", "close", "realised_pnl", "unrealised_pnl", "fees"] as const;
const params = z.object({ id: Id });

type Line = z.infer<typeof ReportLine>;
type Kept = Omit<z.infer<typeof ReportVersion>, "lines">;

const list = createRoute({
  method: "get",
  path: "/reports",
  operationId: "listReports",
  tags: ["reports"],
  summary: "The daily reports of your accounts, the newest session first.",
  security: security("reports", "read"),
  middleware: [signedIn("reports", "read")] as const,
  request: { query: z.strictObject({ ...pageQuery, ...dayRange, broker_account_id: Id.optional() }) },
  responses: { 200: json(pageOf(Report, "Report"), "A page of reports."), ...refusals(401, 403) },
});

const read = createRoute({
  method: "get",
  path: "/reports/{id}",
  operationId: "getReport",
  tags: ["reports"],
  summary: "One report, by strategy and symbol.",
  security: security("reports", "read"),
  middleware: [signedIn("reports", "read")] as const,
  request: { params },
  responses: { 200: json(ReportDetail, "The report as it stands."), ...refusals(401, 403, 404) },
});

const versions = createRoute({
  method: "get",
  path: "/reports/{id}/versions",
  operationId: "listReportVersions",
  tags: ["reports"],
  summary: "Every version of a report, the newest first.",
  security: security("reports", "read"),
  middleware: [signedIn("reports", "read")] as const,
  request: { params, query: z.strictObject(pageQuery) },
  responses: { 200: json(pageOf(ReportVersion, "ReportVersion"), "A page of versions."), ...refusals(401, 403, 404) },
});

const download = createRoute({
  method: "get",
  path: "/reports/{id}/download",
  operationId: "downloadReport",
  tags: ["reports"],
  summary: "One report as a file: JSON as it is read, or its lines as CSV.",
  security: security("reports", "read"),
  middleware: [signedIn("reports", "read")] as const,
  request: { params, query: z.strictObject({ format: z.enum(["json", "csv"]).default("csv") }) },
  responses: {
    200: {
      description: "The file.",
      content: { "text/csv": { schema: z.string() }, "application/json": { schema: ReportDetail } },
    },
    ...refusals(401, 403, 404),
  },
});

export function reports(api: Api): void {
  api.openapi(list, async (context) => {
    const { broker_account_id, ...asked } = context.req.valid("query");
    const query = { select: COLUMNS, broker_account_id: is(broker_account_id), report_date: onDays(asked) };
    const order = { by: ["report_date", "id"] } as const;
    return context.json(await readPage<z.infer<typeof Report>>(context.get("ledger"), "daily_pnl_reports", query, asked, order), 200);
  });

  api.openapi(read, async (context) => {
    const report = await one(context.get("ledger"), context.req.valid("param").id);
    tag(context, report.version);
    return context.json(report, 200);
  });

  api.openapi(versions, async (context) => {
    const ledger = context.get("ledger");
    const { id } = await one(ledger, context.req.valid("param").id);
    const query = { select: KEPT, report_id: is(id) };
    const order = { by: ["report_version"] } as const;
    const page = await readPage<Kept>(ledger, "daily_pnl_report_versions", query, context.req.valid("query"), order);
    const numbers = page.data.map((kept) => kept.report_version);
    const lines = numbers.length === 0 ? [] : await ledger.select<Line & { report_version: number }>("daily_pnl_report_details", {
      select: `report_version,${LINE}`,
      report_id: is(id),
      report_version: `in.(${numbers.join(",")})`,
      order: "symbol.asc,owner_key.asc",
    });
    const data = page.data.map((kept) => ({
      ...kept,
      trades: Number(kept.trades),
      fills: Number(kept.fills),
      lines: lines.filter((line) => line.report_version === kept.report_version).map(({ report_version: _, ...line }) => line),
    }));
    return context.json({ ...page, data }, 200);
  });

  api.openapi(download, async (context) => {
    const report = await one(context.get("ledger"), context.req.valid("param").id);
    const { format } = context.req.valid("query");
    context.header("Content-Disposition", `attachment; filename="report-${report.report_date}-${report.broker_account_id}.${format}"`);
    if (format === "json") return context.json(report, 200);
    context.header("Content-Type", "text/csv; charset=utf-8");
    return context.body(csv(report.lines), 200);
  });
}

async function one(ledger: Rest, id: string): Promise<z.infer<typeof ReportDetail>> {
  const [report] = await ledger.select<z.infer<typeof Report>>("daily_pnl_reports", { select: COLUMNS, id: is(id) });
  if (!report) throw notFound("report", id);
  const lines = await ledger.select<Line>("daily_pnl_report_details", {
    select: LINE,
    report_id: is(id),
    report_version: is(report.report_version),
    order: "symbol.asc,owner_key.asc",
  });
  return { ...report, lines };
}

/** RFC 4180. Ids, symbols and numbers: nothing in them needs quotes, and what is missing stays empty. */
function csv(lines: readonly Line[]): string {
  const rows = [CSV_COLUMNS, ...lines.map((line) => CSV_COLUMNS.map((name) => line[name] ?? ""))];
  return rows.map((row) => `${row.join(",")}\r\n`).join("");
}
