/** What an order would come to, without placing it: asked of the risk function with the caller's own token. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api, Environment } from "../http/environment.ts";
import { Problem } from "../http/problem.ts";
import { NewOrder } from "../schemas/orders.ts";
import { Amount, Time } from "../schemas/values.ts";

const WAIT_MS = 30_000;

const RuleVerdict = z.object({
  rule: z.string(),
  verdict: z.enum(["allow", "deny", "reduce"]),
  numbers: z.record(z.string(), z.unknown()).openapi({ description: "What the rule saw; amounts as text." }),
}).openapi("RuleVerdict");

const OrderPreview = z.object({
  verdict: z.enum(["allow", "reduce", "deny", "wait"]).openapi({ description: "wait: an option without a fresh quote." }),
  step: z.enum(["placing", "rules", "recheck"]).openapi({ description: "Where it would end; recheck is the ledger's own, under lock." }),
  code: z.string().nullable().openapi({ description: "Why it would be refused; stable." }),
  text: z.string(),
  do: z.string().openapi({ description: "What to do about it, for a person; may be empty." }),
  at: Time.openapi({ description: "The moment at which it was judged." }),
  ordered: Amount.nullable(),
  quantity: Amount.openapi({ description: "What would be sent; 0 where nothing would be." }),
  marks: z.record(z.string(), z.object({ price: Amount, quoted_at: Time })).openapi({ description: "What it was valued at, by symbol." }),
  rules: z.array(RuleVerdict),
}).openapi("OrderPreview");

const route = <P extends string>(path: P, operationId: string, tag: string) =>
  createRoute({
    method: "post",
    path,
    operationId,
    tags: [tag],
    summary: "Evaluates an order by every rule and the ledger's re-check. Nothing is placed.",
    security: security("read", "trade"),
    middleware: [signedIn("read", "trade")] as const,
    request: { body: { required: true, content: { "application/json": { schema: NewOrder } } } },
    responses: { 200: json(OrderPreview, "What would become of it."), ...refusals(401, 403, 404, 409) },
  });

export function previews(api: Api): void {
  api.openapi(route("/orders/preview", "previewOrder", "orders"), async (context) => context.json(await asked(context, context.req.valid("json")), 200));
  api.openapi(route("/risk/preview", "previewRisk", "risk"), async (context) => context.json(await asked(context, context.req.valid("json")), 200));
}

async function asked(context: Context<Environment>, order: z.infer<typeof NewOrder>): Promise<z.infer<typeof OrderPreview>> {
  const url = Deno.env.get("AGENTTRADER_FUNCTIONS_URL");
  if (!url) throw new Error("AGENTTRADER_FUNCTIONS_URL is not set: nobody can be asked for a preview");
  let answer: Response;
  let said: unknown;
  try {
    answer = await fetch(`${url}/preview_risk`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${context.get("caller").token}`,
        "Content-Type": "application/json",
        "X-Request-Id": context.get("requestId"),
      },
      body: JSON.stringify(order),
      signal: AbortSignal.timeout(WAIT_MS),
    });
    said = await answer.json();
  } catch (error) {
    console.error(JSON.stringify({ severity: "ERROR", component: "api", request_id: context.get("requestId"), error: String(error) }));
    throw unavailable();
  }
  if (answer.ok) return said as z.infer<typeof OrderPreview>;
  const { code, text } = said as { code?: string; text?: string };
  if (answer.status >= 500) throw unavailable(code, text);
  if (code === undefined) throw new Error(`preview_risk answered ${answer.status} without a code`);
  throw new Problem(answer.status, code, text ?? "");
}

function unavailable(code = "RISK_UNAVAILABLE", text = "Risk cannot evaluate orders now."): Problem {
  return new Problem(503, code, text, {
    todo: "Send the request again; a preview places nothing.",
    headers: { "Retry-After": "2" },
  });
}
