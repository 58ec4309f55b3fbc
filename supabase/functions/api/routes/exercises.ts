/** Held options: exercised on request, or kept from being exercised at expiry. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { keyed, onceKey, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { tag } from "../http/versions.ts";
import { Amount, GivenQuantity, Id, Ticker, Time, Version } from "../schemas/values.ts";

const Exercise = z.object({
  id: Id,
  broker_account_id: Id,
  symbol: z.string(),
  wish: z.enum(["exercise", "do_not_exercise"]),
  quantity: Amount.openapi({ description: "Contracts that the account held when it was asked." }),
  status: z.enum(["requested", "sending", "accepted", "unknown", "done", "rejected", "expired", "not_taken"]).openapi({
    description: "done: the broker has told of the exercise; unknown: it did not answer and is asked what it holds; not_taken: it holds all of it still.",
  }),
  status_at: Time,
  refusal: z.string().nullable().openapi({ description: "Why it came to nothing, as CODE: what." }),
  reason: z.string(),
  requested_at: Time,
  version: Version,
}).openapi("Exercise");

const NewExercise = z.strictObject({
  broker_account_id: Id.openapi({ description: "The broker account that holds the option." }),
  quantity: GivenQuantity.optional().openapi({ description: "The contracts that you think it holds; brokers exercise all of them." }),
  do_not_exercise: z.boolean().optional().openapi({ description: "Have it expire although it is in the money." }),
  reason: z.string().max(500).optional(),
}).openapi("NewExercise");

const SELECT = "id,broker_account_id,symbol,wish,quantity::text,status,status_at,refusal,reason,requested_at,version";

const ask = createRoute({
  method: "post",
  path: "/positions/{symbol}/exercise",
  operationId: "exerciseOption",
  tags: ["positions"],
  summary: "Asks the broker to exercise all contracts of a held option, or to leave them to expire.",
  security: security("trade"),
  middleware: [signedIn("trade"), keyed()] as const,
  request: {
    params: z.object({ symbol: Ticker }),
    headers: OnceHeader,
    body: { required: true, content: { "application/json": { schema: NewExercise } } },
  },
  responses: { 202: json(Exercise, "On its way to the broker."), ...refusals(401, 403, 404, 409) },
});

const list = createRoute({
  method: "get",
  path: "/exercises",
  operationId: "listExercises",
  tags: ["positions"],
  summary: "What was asked about options, and what became of it; the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { query: z.strictObject({ broker_account_id: Id.optional(), symbol: Ticker.optional(), ...pageQuery }) },
  responses: { 200: json(pageOf(Exercise, "Exercise"), "One page."), ...refusals(401, 403) },
});

const read = createRoute({
  method: "get",
  path: "/exercises/{id}",
  operationId: "getExercise",
  tags: ["positions"],
  summary: "One request about an option.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params: z.object({ id: Id }) },
  responses: { 200: json(Exercise, "How far it is."), ...refusals(401, 403, 404) },
});

export function exercises(api: Api): void {
  api.openapi(ask, async (context) => {
    const { broker_account_id, ...said } = context.req.valid("json");
    const exercise = await context.get("ledger").call<z.infer<typeof Exercise>>("request_exercise", {
      p_account_id: broker_account_id,
      p_symbol: context.req.valid("param").symbol,
      p_request: { ...said, idempotency_key: onceKey(context) },
    });
    tag(context, exercise.version);
    return context.json(exercise, 202);
  });

  api.openapi(list, async (context) => {
    const asked = context.req.valid("query");
    const page = await readPage<z.infer<typeof Exercise>>(context.get("ledger"), "exercises", {
      select: SELECT,
      ...(asked.broker_account_id ? { broker_account_id: `eq.${asked.broker_account_id}` } : {}),
      ...(asked.symbol ? { symbol: `eq.${asked.symbol}` } : {}),
    }, asked, { by: ["requested_at", "id"] });
    return context.json(page, 200);
  });

  api.openapi(read, async (context) => {
    const { id } = context.req.valid("param");
    const [exercise] = await context.get("ledger").select<z.infer<typeof Exercise>>("exercises", { select: SELECT, id: `eq.${id}` });
    if (!exercise) throw notFound("exercise", id);
    tag(context, exercise.version);
    return context.json(exercise, 200);
  });
}
