/** The plug-ins that a strategy may be of. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";

const StrategyKind = z.object({
  kind: z.string(),
  title: z.string(),
  description: z.string(),
  config_schema: z.record(z.string(), z.unknown()).openapi({ description: "JSON Schema of a strategy's config." }),
}).openapi("StrategyKind");

const list = createRoute({
  method: "get",
  path: "/strategy-kinds",
  operationId: "listStrategyKinds",
  tags: ["strategies"],
  summary: "The kinds of strategies there are, with the JSON Schema of each one's configuration.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  responses: { 200: json(z.object({ data: z.array(StrategyKind) }).openapi("StrategyKinds"), "All kinds."), ...refusals(401, 403) },
});

export function strategyKinds(api: Api): void {
  api.openapi(list, async (context) => {
    const data = await context.get("ledger").select<z.infer<typeof StrategyKind>>("strategy_kinds", {
      select: "kind,title,description,config_schema",
      order: "kind.asc",
    });
    return context.json({ data }, 200);
  });
}
