/** The REST API: every route, and the document that describes them. */
import { newApi } from "./http/requests.ts";
import type { Api } from "./http/environment.ts";
import type { Described } from "./pages/described.ts";
import { DOCS_POLICY, docsPage } from "./pages/docs.ts";
import { withNulls } from "./pages/nulls.ts";
import { alerts } from "./routes/alerts.ts";
import { apiKeys } from "./routes/api_keys.ts";
import { audit } from "./routes/audit.ts";
import { automationSources } from "./routes/automation_sources.ts";
import { backtests } from "./routes/backtests.ts";
import { blackouts } from "./routes/blackouts.ts";
import { breaches } from "./routes/breaches.ts";
import { brokerAccounts } from "./routes/broker_accounts.ts";
import { exercises } from "./routes/exercises.ts";
import { exits } from "./routes/exits.ts";
import { factors } from "./routes/factors.ts";
import { halts } from "./routes/halts.ts";
import { limits } from "./routes/limits.ts";
import { optionChains } from "./routes/option_chains.ts";
import { orders } from "./routes/orders.ts";
import { passwords } from "./routes/passwords.ts";
import { pnl } from "./routes/pnl.ts";
import { positions } from "./routes/positions.ts";
import { previews } from "./routes/previews.ts";
import { priceHistory } from "./routes/price_history.ts";
import { profile } from "./routes/profile.ts";
import { quotes } from "./routes/quotes.ts";
import { reports } from "./routes/reports.ts";
import { riskDecisions } from "./routes/risk_decisions.ts";
import { signIn } from "./routes/sign_in.ts";
import { statements } from "./routes/statements.ts";
import { strategies } from "./routes/strategies.ts";
import { strategyKinds } from "./routes/strategy_kinds.ts";
import { trades } from "./routes/trades.ts";
import { watchlist } from "./routes/watchlist.ts";
import { webhooks } from "./routes/webhooks.ts";
import config from "./deno.json" with { type: "json" };

/** Each adds the routes of one resource. */
const RESOURCES: readonly ((api: Api) => void)[] = [
  alerts,
  apiKeys,
  audit,
  automationSources,
  backtests,
  blackouts,
  breaches,
  brokerAccounts,
  exercises,
  exits,
  factors,
  halts,
  limits,
  optionChains,
  orders,
  passwords,
  pnl,
  positions,
  previews,
  priceHistory,
  profile,
  quotes,
  reports,
  riskDecisions,
  signIn,
  statements,
  strategies,
  strategyKinds,
  trades,
  watchlist,
  webhooks,
];

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

let page: Promise<string> | undefined;

/** The OpenAPI 3.1 document. */
export function document(): Described {
  const described = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "AgentTrader", version: config.version, description: ABOUT, license: { name: "Apache-2.0" } },
    servers: [{ url: "/functions/v1" }],
  });
  return withNulls(JSON.parse(JSON.stringify(described))) as unknown as Described;
}

app.get("/openapi.json", (context) => context.json(document()));
app.get("/docs", async (context) => {
  page ??= docsPage(document());
  context.header("Content-Security-Policy", DOCS_POLICY);
  context.header("X-Content-Type-Options", "nosniff");
  context.header("Referrer-Policy", "no-referrer");
  return context.html(await page);
});
