/** Protective exits of positions: stops, targets, trails, times, and those of options. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { tag } from "../http/versions.ts";
import type { Rest } from "../../_shared/rest.ts";
import { Amount, GivenQuantity, GivenTime, Id, Ticker, Time, Version } from "../schemas/values.ts";

const Held = z.enum(["here", "broker"]).openapi({
  description: "here: it is watched here alone; broker: its stop or trail rests as an order at the broker too, where the broker takes it.",
});
const Status = z.enum(["armed", "triggered", "done", "canceled"]);

const Exit = z.object({
  id: Id,
  broker_account_id: Id,
  strategy_id: Id.nullable().openapi({ description: "Whose share of the position; null for what nobody's strategy holds." }),
  symbol: z.string().openapi({ description: "What is held; of a package its first leg." }),
  direction: z.enum(["long", "short"]),
  status: Status,
  stop_price: Amount.nullable(),
  target_price: Amount.nullable(),
  trail_amount: Amount.nullable(),
  trail_percent: Amount.nullable(),
  best_price: Amount.nullable().openapi({ description: "The best price seen while armed." }),
  exit_at: Time.nullable(),
  delta_limit: Amount.nullable(),
  underlying_below: Amount.nullable(),
  underlying_above: Amount.nullable(),
  short_strike: z.boolean(),
  multi_leg: z.boolean().openapi({ description: "It is of a package: its prices are what closing one unit brings or costs." }),
  held: Held,
  entry_trade_id: Id.nullable(),
  rest_trade_id: Id.nullable().openapi({ description: "The order that rests for it at the broker." }),
  exit_trade_id: Id.nullable().openapi({ description: "The order that it placed last." }),
  round: z.int().openapi({ description: "How often it has fired." }),
  triggered_by: z.string().nullable(),
  trigger_price: Amount.nullable(),
  triggered_at: Time.nullable(),
  blind_since: Time.nullable().openapi({ description: "Since when no fresh price of it came; null while it sees." }),
  ended_at: Time.nullable(),
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("Exit");

const GivenExit = z.strictObject({
  broker_account_id: Id,
  symbol: Ticker,
  strategy_id: Id.nullish().openapi({ description: "Whose share of the position; left out: what nobody's strategy holds." }),
  stop_price: GivenQuantity.optional(),
  target_price: GivenQuantity.optional(),
  trail_amount: GivenQuantity.optional(),
  trail_percent: GivenQuantity.optional(),
  exit_at: GivenTime.optional(),
  delta_limit: GivenQuantity.optional(),
  underlying_below: GivenQuantity.optional(),
  underlying_above: GivenQuantity.optional(),
  short_strike: z.boolean().optional(),
  held: Held.optional(),
}).openapi("GivenExit");

const COLUMNS = "id,broker_account_id,strategy_id,symbol,direction,status,stop_price::text,target_price::text,trail_amount::text," +
  "trail_percent::text,best_price::text,exit_at,delta_limit::text,underlying_below::text,underlying_above::text,short_strike," +
  "multi_leg,held,entry_trade_id,rest_trade_id,exit_trade_id,round,triggered_by,trigger_price::text,triggered_at,blind_since,ended_at,created_at," +
  "updated_at,version";
const params = z.object({ id: Id });

const list = createRoute({
  method: "get",
  path: "/risk/exits",
  operationId: "listExits",
  tags: ["risk"],
  summary: "The exits of your positions, the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      status: Status.optional(),
      symbol: Ticker.optional(),
      broker_account_id: Id.optional(),
      strategy_id: Id.optional(),
    }),
  },
  responses: { 200: json(pageOf(Exit, "Exit"), "A page of exits."), ...refusals(401, 403) },
});

const read = createRoute({
  method: "get",
  path: "/risk/exits/{id}",
  operationId: "getExit",
  tags: ["risk"],
  summary: "One exit.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params },
  responses: { 200: json(Exit, "The exit."), ...refusals(401, 403, 404) },
});

const set = createRoute({
  method: "put",
  path: "/risk/exits",
  operationId: "setExit",
  tags: ["risk"],
  summary: "Arms the exit of a position, or changes the one that is armed.",
  description: "Says all of it anew: what is left out is taken away. A position has one exit. Sent again it changes nothing.",
  security: security("risk"),
  middleware: [signedIn("risk")] as const,
  request: { body: { content: { "application/json": { schema: GivenExit } }, required: true } },
  responses: { 200: json(Exit, "The exit, as it is armed."), ...refusals(401, 403, 404, 409) },
});

const cancel = createRoute({
  method: "delete",
  path: "/risk/exits/{id}",
  operationId: "cancelExit",
  tags: ["risk"],
  summary: "Takes an armed exit away, and with it the order that rests for it at the broker.",
  description: "One that is over stays as it was. One that has fired is refused: its order is on its way.",
  security: security("risk"),
  middleware: [signedIn("risk")] as const,
  request: { params },
  responses: { 200: json(Exit, "The exit, as it is now."), ...refusals(401, 403, 404, 409) },
});

export function exits(api: Api): void {
  api.openapi(list, async (context) => {
    const { status, symbol, broker_account_id, strategy_id, ...asked } = context.req.valid("query");
    const query = {
      select: COLUMNS,
      status: is(status),
      symbol: is(symbol),
      broker_account_id: is(broker_account_id),
      strategy_id: is(strategy_id),
    };
    const order = { by: ["created_at", "id"] } as const;
    return context.json(await readPage<z.infer<typeof Exit>>(context.get("ledger"), "position_exits", query, asked, order), 200);
  });

  api.openapi(read, async (context) => {
    const exit = await one(context.get("ledger"), context.req.valid("param").id);
    tag(context, exit.version);
    return context.json(exit, 200);
  });

  api.openapi(set, async (context) => {
    const { broker_account_id, symbol, strategy_id, ...terms } = context.req.valid("json");
    const ledger = context.get("ledger");
    const id = await ledger.call<string>("set_position_exit", {
      p_account_id: broker_account_id,
      p_symbol: symbol,
      p_exit: terms,
      p_strategy_id: strategy_id ?? null,
    });
    const exit = await one(ledger, id);
    tag(context, exit.version);
    return context.json(exit, 200);
  });

  api.openapi(cancel, async (context) => {
    const { id } = context.req.valid("param");
    const ledger = context.get("ledger");
    await ledger.call("cancel_position_exit", { p_exit_id: id });
    return context.json(await one(ledger, id), 200);
  });
}

async function one(ledger: Rest, id: string): Promise<z.infer<typeof Exit>> {
  const [exit] = await ledger.select<z.infer<typeof Exit>>("position_exits", { select: COLUMNS, id: is(id) });
  if (!exit) throw notFound("exit", id);
  return exit;
}
