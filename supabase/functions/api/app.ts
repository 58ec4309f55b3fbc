/** The REST API: every route, and the document that describes them. */
import { newApi } from "./http/requests.ts";
import type { Api } from "./http/environment.ts";
import { factors } from "./routes/factors.ts";
import { passwords } from "./routes/passwords.ts";
import { profile } from "./routes/profile.ts";
import { signIn } from "./routes/sign_in.ts";
import { strategyKinds } from "./routes/strategy_kinds.ts";
import config from "./deno.json" with { type: "json" };

/** Each adds the routes of one resource. */
const RESOURCES: readonly ((api: Api) => void)[] = [signIn, passwords, factors, profile, strategyKinds];

const ABOUT = `Everything that a trader does in the dashboard, for programs: with the same rights and the same checks.

Amounts are text, times UTC. A request that acts carries an Idempotency-Key of your own: sent again it is not done twice.
A change carries If-Match with the ETag that was read. What goes wrong is application/problem+json with a stable code.`;

export const app = newApi("/api");
for (const add of RESOURCES) add(app);
app.openAPIRegistry.registerComponent("securitySchemes", "session", {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description: "The access token of a signed-in person.",
});
app.openAPIRegistry.registerComponent("securitySchemes", "key", {
  type: "http",
  scheme: "bearer",
  description: "An API key of a program; the scopes named are those of which it needs one.",
});

/** The OpenAPI 3.1 document. */
export function document(): ReturnType<typeof app.getOpenAPI31Document> {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "AgentTrader", version: config.version, description: ABOUT, license: { name: "Apache-2.0" } },
    servers: [{ url: "/functions/v1" }],
  });
}

app.get("/openapi.json", (context) => context.json(document()));
