/** The last best bid and ask of a symbol, with its age: an old quote is no market. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is } from "../http/filters.ts";
import { Problem } from "../http/problem.ts";
import type { Rest } from "../../_shared/rest.ts";
import { Amount, Ticker, Time } from "../schemas/values.ts";

export const Greeks = z.object({
  implied_volatility: Amount.nullable(),
  delta: Amount.nullable(),
  gamma: Amount.nullable(),
  theta: Amount.nullable(),
  vega: Amount.nullable(),
  rho: Amount.nullable(),
}).openapi("Greeks");

const Quote = z.object({
  symbol: z.string(),
  bid: Amount.openapi({ description: "Zero where nobody bids for an option." }),
  ask: Amount,
  bid_size: Amount,
  ask_size: Amount,
  quoted_at: Time.openapi({ description: "When the exchange said so." }),
  age_seconds: z.number().openapi({ description: "How long ago that was when this was answered." }),
  feed: z.string().openapi({ description: "Which feed told it: an indicative one is no market." }),
  delay_seconds: z.int().openapi({ description: "By how much the feed is late, as declared." }),
  greeks: Greeks.nullable().openapi({ description: "Of an option, what the feed says; null for anything else." }),
}).openapi("Quote");

const QUOTE = "symbol,bid::text,ask::text,bid_size::text,ask_size::text,quoted_at,feed,delay_seconds";
export const GREEKS = "implied_volatility::text,delta::text,gamma::text,theta::text,vega::text,rho::text";

export type GreeksRow = z.infer<typeof Greeks>;
type Row = Omit<z.infer<typeof Quote>, "age_seconds" | "greeks"> & Partial<GreeksRow>;

const read = createRoute({
  method: "get",
  path: "/market-data/quotes/{symbol}",
  operationId: "getQuote",
  tags: ["market data"],
  summary: "The last best bid and ask of a share or an option, how old it is, and who told it.",
  description: "For display. Orders are judged by fresh quotes only; a symbol that nobody has quoted is not found.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params: z.object({ symbol: Ticker }) },
  responses: { 200: json(Quote, "The quote."), ...refusals(401, 403, 404) },
});

export function quotes(api: Api): void {
  api.openapi(read, async (context) => {
    const { symbol } = context.req.valid("param");
    const row = await quoted(context.get("ledger"), symbol);
    if (!row) {
      throw new Problem(404, "NO_QUOTE", `Nobody has quoted ${symbol}.`, {
        todo: "Watch the symbol (PUT /market-data/watched), or name one that a strategy or position needs.",
      });
    }
    const { implied_volatility, delta, gamma, theta, vega, rho, ...quote } = row;
    const greeks = delta === undefined ? null : greeksOf({ implied_volatility, delta, gamma, theta, vega, rho });
    return context.json({ ...quote, age_seconds: (Date.now() - Date.parse(quote.quoted_at)) / 1000, greeks }, 200);
  });
}

async function quoted(ledger: Rest, symbol: string): Promise<Row | undefined> {
  const [share] = await ledger.select<Row>("quotes_latest", { select: QUOTE, symbol: is(symbol) });
  if (share) return share;
  const [option] = await ledger.select<Row>("option_quotes_latest", { select: `${QUOTE},${GREEKS}`, symbol: is(symbol) });
  return option;
}

/** What a feed leaves out stays null. */
export function greeksOf(row: Partial<GreeksRow>): GreeksRow {
  return {
    implied_volatility: row.implied_volatility ?? null,
    delta: row.delta ?? null,
    gamma: row.gamma ?? null,
    theta: row.theta ?? null,
    vega: row.vega ?? null,
    rho: row.rho ?? null,
  };
}
