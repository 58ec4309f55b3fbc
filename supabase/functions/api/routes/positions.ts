/** Positions: what accounts hold, and how a position is closed. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { keyed, onceKey, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { tag } from "../http/versions.ts";
import { Amount, GivenQuantity, Id, Ticker, Time, Version } from "../schemas/values.ts";
import { type Placed, PlacedOrder, placedOrder } from "./orders.ts";

const Position = z.object({
  broker_account_id: Id,
  symbol: z.string(),
  quantity: Amount.openapi({ description: "Shares or contracts; negative for short." }),
  average_entry_price: Amount.nullable(),
  cost_basis: Amount,
  mark: Amount.nullable().openapi({ description: "The price it is valued at; null where there is none." }),
  marked_at: Time.nullable(),
  mark_source: z.string().nullable(),
  market_value: Amount.nullable(),
  unrealised_pnl: Amount.nullable(),
  realised_pnl: Amount.openapi({ description: "So far, by average cost, fees not deducted." }),
  fifo_realised_pnl: Amount,
  fees: Amount,
  updated_at: Time,
  version: Version,
}).openapi("Position");

const NewClose = z.strictObject({
  broker_account_id: Id.openapi({ description: "The broker account that holds it." }),
  strategy_id: Id.optional().openapi({ description: "Whose position is closed; left out: what was traded by hand." }),
  quantity: GivenQuantity.optional().openapi({ description: "Left out: all of it that no other order closes." }),
  price: GivenQuantity.optional().openapi({ description: "Limit price; left out: at the market." }),
  time_in_force: z.enum(["day", "gtc"]).optional(),
  extended_hours: z.boolean().optional(),
  reason: z.string().max(500).optional(),
}).openapi("NewClose");

const SELECT = [
  "broker_account_id,symbol,marked_at,mark_source,updated_at,version",
  ...["quantity", "average_entry_price", "cost_basis", "mark", "market_value", "unrealised_pnl", "realised_pnl", "fifo_realised_pnl", "fees"]
    .map((amount) => `${amount}::text`),
].join(",");
const OfSymbol = z.object({ symbol: Ticker });
const broker_account_id = Id.optional().openapi({ description: "Of this broker account." });

const list = createRoute({
  method: "get",
  path: "/positions",
  operationId: "listPositions",
  tags: ["positions"],
  summary: "What is held, at its latest mark; by symbol.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      broker_account_id,
      closed: z.stringbool({ truthy: ["true"], falsy: ["false"], case: "sensitive" }).default(false)
        .openapi({ type: "boolean", description: "Those of which nothing is held any more too, with what they have realised." }),
      ...pageQuery,
    }),
  },
  responses: { 200: json(pageOf(Position, "Position"), "One page."), ...refusals(401, 403) },
});

const ofSymbol = createRoute({
  method: "get",
  path: "/positions/{symbol}",
  operationId: "getPositions",
  tags: ["positions"],
  summary: "The positions in one symbol, one for each account that holds or has held it.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params: OfSymbol, query: z.strictObject({ broker_account_id }) },
  responses: { 200: json(z.object({ data: z.array(Position) }).openapi("Positions"), "By account."), ...refusals(401, 403, 404) },
});

const close = createRoute({
  method: "post",
  path: "/positions/{symbol}/close",
  operationId: "closePosition",
  tags: ["positions"],
  summary: "Closes a position, or part of it, by an order that only reduces.",
  security: security("trade"),
  middleware: [signedIn("trade"), keyed()] as const,
  request: { params: OfSymbol, headers: OnceHeader, body: { required: true, content: { "application/json": { schema: NewClose } } } },
  responses: { 201: json(PlacedOrder, "It waits for risk."), ...refusals(401, 403, 404, 409) },
});

export function positions(api: Api): void {
  api.openapi(list, async (context) => {
    const asked = context.req.valid("query");
    const page = await readPage<z.infer<typeof Position>>(context.get("ledger"), "positions", {
      select: SELECT,
      ...(asked.broker_account_id ? { broker_account_id: `eq.${asked.broker_account_id}` } : {}),
      ...(asked.closed ? {} : { quantity: "neq.0" }),
    }, asked, { by: ["symbol", "broker_account_id"], ascending: true });
    return context.json(page, 200);
  });

  api.openapi(ofSymbol, async (context) => {
    const { symbol } = context.req.valid("param");
    const { broker_account_id } = context.req.valid("query");
    const data = await context.get("ledger").select<z.infer<typeof Position>>("positions", {
      select: SELECT,
      symbol: `eq.${symbol}`,
      ...(broker_account_id ? { broker_account_id: `eq.${broker_account_id}` } : {}),
      order: "broker_account_id.asc",
    });
    if (data.length === 0) throw notFound("position", symbol);
    return context.json({ data }, 200);
  });

  api.openapi(close, async (context) => {
    const { broker_account_id, strategy_id, ...said } = context.req.valid("json");
    const placed = await context.get("ledger").call<Placed>("close_position", {
      p_account_id: broker_account_id,
      p_symbol: context.req.valid("param").symbol,
      p_order: { ...said, ...(strategy_id ? { strategy_id } : {}), idempotency_key: onceKey(context) },
    });
    tag(context, placed.version);
    return context.json(placedOrder(placed), 201);
  });
}
