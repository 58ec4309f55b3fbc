/** The options on an underlying: what is listed with its latest quotes, and the chain as it was taken at a bar's end. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { dayRange, is, onDays } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { Problem } from "../http/problem.ts";
import { Greeks, GREEKS, greeksOf, type GreeksRow } from "./quotes.ts";
import { Amount, Day, GivenQuantity, GivenTime, Ticker, Time } from "../schemas/values.ts";

const Right = z.enum(["call", "put"]);

const OptionQuote = z.object({
  bid: Amount.openapi({ description: "Zero where nobody bids." }),
  ask: Amount,
  bid_size: Amount,
  ask_size: Amount,
  quoted_at: Time,
  age_seconds: z.number(),
  feed: z.string(),
  delay_seconds: z.int(),
  greeks: Greeks,
}).openapi("OptionQuote");

const OptionContract = z.object({
  symbol: z.string().openapi({ example: "SPY181221C00250000" }),
  underlying: z.string(),
  expires_on: Day,
  option_right: Right,
  strike: Amount,
  open_interest: z.int().nullable(),
  open_interest_on: Day.nullable(),
  close_price: Amount.nullable(),
  close_on: Day.nullable(),
  feed: z.string().openapi({ description: "Which feed listed it." }),
  listed_at: Time,
  quote: z.union([OptionQuote, z.null()]).openapi({ description: "The latest; null where nobody has quoted it." }),
}).openapi("OptionContract");

const OptionChain = z.object({
  underlying: z.string(),
  bar_at: Time.openapi({ description: "The end of the underlying's bar." }),
  taken_at: Time.openapi({ description: "When the feed was asked." }),
  feed: z.string(),
  delay_seconds: z.int(),
  spot: Amount.openapi({ description: "The close of the underlying's bar." }),
  rate: Amount.nullable().openapi({ description: "A year's interest as a fraction." }),
  asked: z.int().openapi({ description: "How many contracts were asked for." }),
  dropped: z.record(z.string(), z.unknown()).openapi({ description: "How many quotes could not be used, by reason." }),
  quotes: z.array(z.record(z.string(), z.unknown())).openapi({
    description: "The contracts with a usable market, by expiry, strike and right; amounts are text, null where the feed does not say.",
  }),
}).openapi("OptionChain");

const CONTRACT = "symbol,underlying,expires_on,option_right,strike::text,open_interest,open_interest_on,close_price::text,close_on,feed," +
  "listed_at";
const QUOTE = `symbol,bid::text,ask::text,bid_size::text,ask_size::text,quoted_at,feed,delay_seconds,${GREEKS}`;
const CHAIN = "underlying,bar_at,taken_at,feed,delay_seconds,spot::text,rate::text,asked,dropped,quotes";
const params = z.object({ symbol: Ticker });

type ContractRow = Omit<z.infer<typeof OptionContract>, "quote">;
type QuoteRow = Omit<z.infer<typeof OptionQuote>, "age_seconds" | "greeks"> & GreeksRow & { symbol: string };

const list = createRoute({
  method: "get",
  path: "/market-data/options/{symbol}",
  operationId: "listOptions",
  tags: ["market data"],
  summary: "The options listed on an underlying, by expiry and strike, each with its latest quote and the feed's greeks.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    params,
    query: z.strictObject({
      ...pageQuery,
      ...dayRange,
      right: Right.optional(),
      strike_from: GivenQuantity.optional(),
      strike_until: GivenQuantity.optional(),
    }),
  },
  responses: { 200: json(pageOf(OptionContract, "OptionContract"), "A page of contracts."), ...refusals(401, 403, 404) },
});

const chain = createRoute({
  method: "get",
  path: "/market-data/options/{symbol}/chain",
  operationId: "getOptionChain",
  tags: ["market data"],
  summary: "The whole chain as it was taken at the end of a bar: the newest one, or the newest by a moment.",
  description: "A chain is taken where an active strategy needs it, and kept for a month.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params, query: z.strictObject({ at: GivenTime.optional() }) },
  responses: { 200: json(OptionChain, "The chain."), ...refusals(401, 403, 404) },
});

export function optionChains(api: Api): void {
  api.openapi(list, async (context) => {
    const { symbol } = context.req.valid("param");
    const { right, strike_from, strike_until, ...asked } = context.req.valid("query");
    const ledger = context.get("ledger");
    const query = {
      select: CONTRACT,
      underlying: is(symbol),
      expires_on: onDays(asked),
      option_right: is(right),
      strike: [...(strike_from ? [`gte.${strike_from}`] : []), ...(strike_until ? [`lte.${strike_until}`] : [])],
    };
    const order = { by: ["expires_on", "strike", "symbol"], ascending: true } as const;
    const page = await readPage<ContractRow>(ledger, "option_contracts", query, asked, order);
    if (page.data.length === 0) {
      const known = await ledger.select("instruments", { select: "symbol", symbol: is(symbol) });
      if (known.length === 0) {
        throw new Problem(404, "NO_SUCH_SYMBOL", `Nobody knows ${symbol}.`, { todo: "Name an underlying whose options are listed." });
      }
      return context.json({ ...page, data: [] }, 200);
    }
    const symbols = page.data.map((contract) => contract.symbol).join(",");
    const quotes = await ledger.select<QuoteRow>("option_quotes_latest", { select: QUOTE, symbol: `in.(${symbols})` });
    const latest = new Map(quotes.map((quote) => [quote.symbol, quote]));
    const now = Date.now();
    const data = page.data.map((contract) => ({ ...contract, quote: told(latest.get(contract.symbol), now) }));
    return context.json({ ...page, data }, 200);
  });

  api.openapi(chain, async (context) => {
    const { symbol } = context.req.valid("param");
    const { at } = context.req.valid("query");
    const [found] = await context.get("ledger").select<z.infer<typeof OptionChain>>("option_chain_snapshots", {
      select: CHAIN,
      underlying: is(symbol),
      bar_at: at === undefined ? undefined : `lte.${at}`,
      order: "bar_at.desc",
      limit: "1",
    });
    if (!found) {
      throw new Problem(404, "NO_CHAIN", `No chain of ${symbol} was taken by then.`, {
        todo: "List its options: each has its latest quote.",
      });
    }
    return context.json(found, 200);
  });
}

function told(row: QuoteRow | undefined, now: number): z.infer<typeof OptionQuote> | null {
  if (!row) return null;
  const { symbol: _, implied_volatility, delta, gamma, theta, vega, rho, ...quote } = row;
  const greeks = greeksOf({ implied_volatility, delta, gamma, theta, vega, rho });
  return { ...quote, age_seconds: (now - Date.parse(quote.quoted_at)) / 1000, greeks };
}
