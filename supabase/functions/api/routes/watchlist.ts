/** The symbols that a trader keeps in sight. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api, Environment } from "../http/environment.ts";
import { is } from "../http/filters.ts";
import { IfMatchHeader, matched, tag } from "../http/versions.ts";
import { Ticker, Time } from "../schemas/values.ts";

const MOST = 100;
const MOST_WATCHED = 10;

const Watchlist = z.object({
  symbols: z.array(z.string()).openapi({ description: "In your order." }),
  updated_at: Time.nullable().openapi({ description: "Null before the first change." }),
  version: z.int().openapi({ description: "Grows with every change; its ETag. 0 before the first." }),
}).openapi("Watchlist");

const GivenWatchlist = z.strictObject({
  symbols: z.array(Ticker).max(MOST).openapi({ description: `The whole list, in order, each symbol once; at most ${MOST}.` }),
}).openapi("GivenWatchlist");

const Watched = z.object({
  until: Time.openapi({ description: "Say it again before then, for as long as you need the quotes." }),
}).openapi("Watched");

const GivenWatched = z.strictObject({
  symbols: z.array(Ticker).max(MOST_WATCHED).openapi({ description: "Instead of those before; none ends it." }),
}).openapi("GivenWatched");

const read = createRoute({
  method: "get",
  path: "/watchlist",
  operationId: "getWatchlist",
  tags: ["market data"],
  summary: "The symbols that you keep in sight, in your order.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  responses: { 200: json(Watchlist, "Yours; empty before the first change."), ...refusals(401, 403) },
});

const set = createRoute({
  method: "put",
  path: "/watchlist",
  operationId: "setWatchlist",
  tags: ["market data"],
  summary: "Sets your watchlist, whole and in order.",
  description: "To watch is to keep in sight: market data comes for what strategies and positions need, and for what an open dashboard shows.",
  security: security("trade"),
  middleware: [signedIn("trade")] as const,
  request: { headers: IfMatchHeader, body: { required: true, content: { "application/json": { schema: GivenWatchlist } } } },
  responses: { 200: json(Watchlist, "As it is now."), ...refusals(401, 403, 412, 428) },
});

const watch = createRoute({
  method: "put",
  path: "/market-data/watched",
  operationId: "watchSymbols",
  tags: ["market data"],
  summary: "Has market data come for symbols that no strategy or position of anybody needs.",
  description:
    "An entry is refused (MISSING_QUOTE) while nobody has quoted its symbol: watch it first. It ends after five minutes, and a dashboard of yours that is open says the same for itself: the last word counts.",
  security: security("trade"),
  middleware: [signedIn("trade")] as const,
  request: { body: { required: true, content: { "application/json": { schema: GivenWatched } } } },
  responses: { 200: json(Watched, "They are watched, as far as the feed takes them."), ...refusals(401, 403) },
});

export function watchlist(api: Api): void {
  api.openapi(watch, async (context) => {
    const until = await context.get("ledger").call<string>("watch_symbols", { p_symbols: context.req.valid("json").symbols });
    return context.json({ until }, 200);
  });

  api.openapi(read, async (context) => context.json(await own(context), 200));

  api.openapi(set, async (context) => {
    const seen = matched(context, true);
    await context.get("ledger").call("set_watchlist", { p_symbols: context.req.valid("json").symbols, p_version: seen ?? null });
    return context.json(await own(context), 200);
  });
}

async function own(context: Context<Environment>): Promise<z.infer<typeof Watchlist>> {
  const [row] = await context.get("ledger").select<z.infer<typeof Watchlist>>("watchlists", {
    select: "symbols,updated_at,version",
    user_id: is(context.get("caller").id),
  });
  const found = row ?? { symbols: [], updated_at: null, version: 0 };
  tag(context, found.version);
  return found;
}
