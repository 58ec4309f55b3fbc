/** What each rule said of each order, with the numbers that it saw. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { Id, Time } from "../schemas/values.ts";

const RiskDecision = z.object({
  trade_id: Id,
  number: z.int().openapi({ description: "Its number among the trade's, in the order in which the rules were asked." }),
  rule: z.string().openapi({ example: "POSITION_LIMIT" }),
  verdict: z.enum(["allow", "deny", "reduce"]),
  numbers: z.record(z.string(), z.unknown()).openapi({ description: "What the rule saw." }),
  at: Time,
}).openapi("RiskDecision");

const list = createRoute({
  method: "get",
  path: "/risk/decisions",
  operationId: "listRiskDecisions",
  tags: ["risk"],
  summary: "The rules' verdicts on your orders, the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      ...timeRange,
      trade_id: Id.optional(),
      rule: z.string().max(100).optional(),
      verdict: RiskDecision.shape.verdict.optional(),
    }),
  },
  responses: { 200: json(pageOf(RiskDecision, "RiskDecision"), "A page of verdicts."), ...refusals(401, 403) },
});

export function riskDecisions(api: Api): void {
  api.openapi(list, async (context) => {
    const { trade_id, rule, verdict, ...asked } = context.req.valid("query");
    const query = {
      select: "trade_id,number,rule,verdict,numbers,at",
      at: within(asked),
      trade_id: is(trade_id),
      rule: is(rule),
      verdict: is(verdict),
    };
    const order = { by: ["at", "trade_id", "number"] } as const;
    return context.json(await readPage<z.infer<typeof RiskDecision>>(context.get("ledger"), "risk_decisions", query, asked, order), 200);
  });
}
