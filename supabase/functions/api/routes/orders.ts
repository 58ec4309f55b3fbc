/** Orders: placed, previewed, replaced and cancelled. What becomes of them is told by /trades. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { keyed, onceKey, OnceHeader } from "../http/once.ts";
import { IfMatchHeader, matched, tag } from "../http/versions.ts";
import { NewOrder, OrderChange } from "../schemas/orders.ts";
import { TradeStatus } from "../schemas/trades.ts";
import { Id, Ticker, Time, Version } from "../schemas/values.ts";

export const PlacedOrder = z.object({
  id: Id.openapi({ description: "The trade that the order is; see /trades/{id}." }),
  status: TradeStatus,
  client_order_id: z.string().openapi({ description: "Our name of it at the broker." }),
  replaces_trade_id: Id.nullable().openapi({ description: "The working order whose place it takes; null for a new one." }),
  version: Version,
}).openapi("PlacedOrder");

const CancelledOrder = z.object({
  id: Id,
  status: TradeStatus.openapi({ description: "canceled where nothing was sent yet, else cancel_pending until the broker has done it." }),
  cancel_requested_at: Time.nullable().openapi({ description: "Null where the order was over already." }),
  version: Version,
}).openapi("CancelledOrder");

/** What the ledger's functions answer of an order. */
export interface Placed {
  trade_id: string;
  status: z.infer<typeof TradeStatus>;
  client_order_id: string;
  replaces_trade_id?: string | null;
  version: number;
}

interface Cancelled {
  trade_id: string;
  status: z.infer<typeof TradeStatus>;
  cancel_requested_at: string | null;
  version: number;
}

const Which = z.object({ id: Id });
const body = <T extends z.ZodType>(schema: T) => ({ required: true, content: { "application/json": { schema } } });

const place = createRoute({
  method: "post",
  path: "/orders",
  operationId: "placeOrder",
  tags: ["orders"],
  summary: "Places an order: it is judged by risk and sent; sent again with the same Idempotency-Key, it is the same order.",
  security: security("trade"),
  middleware: [signedIn("trade"), keyed()] as const,
  request: { headers: OnceHeader, body: body(NewOrder) },
  responses: { 201: json(PlacedOrder, "It waits for risk."), ...refusals(401, 403, 404, 409) },
});

const replace = createRoute({
  method: "put",
  path: "/orders/{id}",
  operationId: "replaceOrder",
  tags: ["orders"],
  summary: "Asks that a new order takes the place of a working one; what is left out stays.",
  security: security("trade"),
  middleware: [signedIn("trade"), keyed()] as const,
  request: { params: Which, headers: OnceHeader.extend(IfMatchHeader.shape), body: body(OrderChange) },
  responses: { 201: json(PlacedOrder, "The new order; the old one works until the broker says that it is replaced."), ...refusals(401, 403, 404, 409, 412, 428) },
});

const cancel = createRoute({
  method: "delete",
  path: "/orders/{id}",
  operationId: "cancelOrder",
  tags: ["orders"],
  summary: "Asks for an order to be cancelled; one that is over already stays as it is.",
  security: security("trade"),
  middleware: [signedIn("trade")] as const,
  request: { params: Which },
  responses: { 200: json(CancelledOrder, "Asked for, or over already."), ...refusals(401, 403, 404) },
});

const cancelAll = createRoute({
  method: "delete",
  path: "/orders",
  operationId: "cancelAllOrders",
  tags: ["orders"],
  summary: "Asks for every order of the caller's that is not over to be cancelled, exits included.",
  security: security("trade"),
  middleware: [signedIn("trade")] as const,
  request: {
    query: z.strictObject({
      broker_account_id: Id.optional().openapi({ description: "Of this broker account only." }),
      symbol: Ticker.optional().openapi({ description: "Of this symbol only, as any leg." }),
    }),
  },
  responses: {
    200: json(z.object({ data: z.array(CancelledOrder) }).openapi("CancelledOrders"), "What was asked for, in the order of placing."),
    ...refusals(401, 403, 404),
  },
});

export function orders(api: Api): void {
  api.openapi(place, async (context) => {
    const placed = await context.get("ledger").call<Placed>("place_trade", {
      p_order: { ...context.req.valid("json"), idempotency_key: onceKey(context) },
    });
    tag(context, placed.version);
    return context.json(placedOrder(placed), 201);
  });

  api.openapi(replace, async (context) => {
    const version = matched(context);
    const placed = await context.get("ledger").call<Placed>("request_replace", {
      p_trade_id: context.req.valid("param").id,
      p_change: { ...context.req.valid("json"), idempotency_key: onceKey(context), ...(version === undefined ? {} : { version }) },
    });
    tag(context, placed.version);
    return context.json(placedOrder(placed), 201);
  });

  api.openapi(cancel, async (context) => {
    const cancelled = await context.get("ledger").call<Cancelled>("request_cancel", {
      p_trade_id: context.req.valid("param").id,
      p_reason: "asked for through the API",
    });
    tag(context, cancelled.version);
    return context.json(cancelledOrder(cancelled), 200);
  });

  api.openapi(cancelAll, async (context) => {
    const { broker_account_id, symbol } = context.req.valid("query");
    const cancelled = await context.get("ledger").call<Cancelled[]>("request_cancel_all", {
      p_account_id: broker_account_id ?? null,
      p_symbol: symbol ?? null,
      p_reason: "asked for through the API",
    });
    return context.json({ data: cancelled.map(cancelledOrder) }, 200);
  });
}

export function placedOrder(placed: Placed): z.infer<typeof PlacedOrder> {
  return {
    id: placed.trade_id,
    status: placed.status,
    client_order_id: placed.client_order_id,
    replaces_trade_id: placed.replaces_trade_id ?? null,
    version: placed.version,
  };
}

function cancelledOrder(cancelled: Cancelled): z.infer<typeof CancelledOrder> {
  const { trade_id: id, status, cancel_requested_at, version } = cancelled;
  return { id, status, cancel_requested_at, version };
}
