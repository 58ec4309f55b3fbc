/** Stored bars of a symbol, in one unit. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { badCursor, cursorOf, pageQuery, place } from "../http/paging.ts";
import { Amount, GivenTime, Ticker, Time } from "../schemas/values.ts";

const MOST = 1000;
/** The API's words, and the ledger's. */
const ADJUSTED = { raw: "none", split: "splits", total: "all" } as const;

const Bar = z.object({
  starts_at: Time,
  ends_at: Time,
  open: Amount,
  high: Amount,
  low: Amount,
  close: Amount,
  volume: Amount,
  feed: z.string(),
  delay_seconds: z.int(),
}).openapi("Bar");

const History = z.object({
  data: z.array(Bar),
  next_cursor: z.string().nullable().openapi({ description: "Null on the last page." }),
  archived_months: z.array(z.string()).openapi({
    description: "Months of the range of which the archive alone has the bars: they are missing here.",
    example: ["2018-02"],
  }),
}).openapi("History");

const read = createRoute({
  method: "get",
  path: "/market-data/history/{symbol}",
  operationId: "getHistory",
  tags: ["market data"],
  summary: "The stored bars that start in a range, oldest first; a gap stays a gap.",
  description: "adjusted says in which unit prices are: raw, as they were traded; split, in shares of the range's end; total, for " +
    "dividends too. Adjusted is for what was effective by the end of the range, and for nothing later.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    params: z.object({ symbol: Ticker }),
    query: z.strictObject({
      ...pageQuery,
      limit: z.coerce.number().int().min(1).max(MOST).default(500).openapi({ description: `How many bars, at most ${MOST}.` }),
      timeframe: z.enum(["1Min", "5Min", "15Min", "1Hour", "1Day"]).default("1Day"),
      from: GivenTime.openapi({ description: "Bars that start then or later." }),
      until: GivenTime.openapi({ description: "Bars that start before then." }),
      adjusted: z.enum(["raw", "split", "total"]).default("split"),
    }),
  },
  responses: { 200: json(History, "A page of bars."), ...refusals(401, 403, 404) },
});

interface Found {
  bars: z.infer<typeof Bar>[];
  more: boolean;
  archived_months: string[];
}

export function priceHistory(api: Api): void {
  api.openapi(read, async (context) => {
    const { limit, cursor, timeframe, from, until, adjusted } = context.req.valid("query");
    const found = await context.get("ledger").call<Found>("price_history", {
      p_symbol: context.req.valid("param").symbol,
      p_timeframe: timeframe,
      p_start: from,
      p_end: until,
      p_adjusted: ADJUSTED[adjusted],
      p_after: cursor === undefined ? null : moment(cursor),
      p_limit: limit,
    });
    const last = found.more ? found.bars.at(-1) : undefined;
    const next_cursor = last ? cursorOf([last.starts_at]) : null;
    return context.json({ data: found.bars, next_cursor, archived_months: found.archived_months }, 200);
  });
}

function moment(cursor: string): string {
  const [at = ""] = place(cursor, 1);
  if (!GivenTime.safeParse(at).success) {
    throw badCursor();
  }
  return at;
}
