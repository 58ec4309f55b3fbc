/** Runs of a strategy over history: asked for, followed, cancelled, and what came out. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { once, OnceHeader, onceKey } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { tag } from "../http/versions.ts";
import type { Rest } from "../../_shared/rest.ts";
import { Day, Id, Ticker, Time, Version } from "../schemas/values.ts";

const Timeframe = z.enum(["1Min", "5Min", "15Min", "1Hour", "1Day"]);
const Purpose = z.enum(["single", "optimise", "walk_forward"]).openapi({
  description: "A single run; optimise, many configurations; walk_forward, optimise and then try what was not seen.",
});
const Status = z.enum(["queued", "running", "done", "failed", "canceled"]);
const Config = z.record(z.string(), z.unknown());

const Backtest = z.object({
  id: Id,
  strategy_id: Id.nullable().openapi({ description: "Null for a kind and configuration of nobody's strategy." }),
  strategy_version: z.int().nullable(),
  kind: z.string(),
  config: Config,
  symbols: z.array(z.string()),
  timeframe: Timeframe,
  starts_on: Day,
  ends_on: Day,
  purpose: Purpose,
  status: Status,
  progress: z.number().openapi({ description: "Share done, 0 to 1." }),
  result: z.record(z.string(), z.unknown()).nullable().openapi({ description: "The figures, once done." }),
  failure: z.string().nullable(),
  finished_at: Time.nullable(),
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("Backtest");

const Trial = z.object({
  trial: z.int().openapi({ description: "Its number in the run, from 1." }),
  config: Config,
  fold: z.int().nullable().openapi({ description: "The walk-forward window, from 1." }),
  result: z.record(z.string(), z.unknown()),
  created_at: Time,
}).openapi("Trial");

const GivenBacktest = z.strictObject({
  strategy_id: Id.nullish().openapi({ description: "The strategy to try; without it, say kind, config, symbols and timeframe." }),
  strategy_version: z.int().min(1).max(2_147_483_647).nullish().openapi({ description: "Left out: as it is now." }),
  kind: z.string().min(1).max(100).nullish(),
  config: Config.nullish(),
  symbols: z.array(Ticker).min(1).max(100).nullish(),
  timeframe: Timeframe.nullish(),
  starts_on: z.iso.date(),
  ends_on: z.iso.date(),
  purpose: Purpose.default("single"),
}).openapi("GivenBacktest");

const COLUMNS = "id,strategy_id,strategy_version,kind,config,symbols,timeframe,starts_on,ends_on,purpose,status,progress,result,failure," +
  "finished_at,created_at,updated_at,version";
const params = z.object({ id: Id });

const request = createRoute({
  method: "post",
  path: "/backtests",
  operationId: "requestBacktest",
  tags: ["backtests"],
  summary: "Asks for a run over history: of a strategy, or of a kind with a configuration.",
  security: security("strategies"),
  middleware: [signedIn("strategies")] as const,
  request: { headers: OnceHeader, body: { content: { "application/json": { schema: GivenBacktest } }, required: true } },
  responses: { 201: json(Backtest, "The run, queued."), ...refusals(401, 403, 404, 409) },
});

const list = createRoute({
  method: "get",
  path: "/backtests",
  operationId: "listBacktests",
  tags: ["backtests"],
  summary: "Your runs, the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      ...timeRange,
      status: Status.optional(),
      strategy_id: Id.optional(),
      kind: z.string().max(100).optional(),
    }),
  },
  responses: { 200: json(pageOf(Backtest, "Backtest"), "A page of runs."), ...refusals(401, 403) },
});

const read = createRoute({
  method: "get",
  path: "/backtests/{id}",
  operationId: "getBacktest",
  tags: ["backtests"],
  summary: "One run: how far it is, and what came out.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params },
  responses: { 200: json(Backtest, "The run."), ...refusals(401, 403, 404) },
});

const trials = createRoute({
  method: "get",
  path: "/backtests/{id}/trials",
  operationId: "listTrials",
  tags: ["backtests"],
  summary: "Each configuration that an optimisation tried, and what came out.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params, query: z.strictObject({ ...pageQuery, fold: z.coerce.number().int().min(1).optional() }) },
  responses: { 200: json(pageOf(Trial, "Trial"), "A page of trials."), ...refusals(401, 403, 404) },
});

const cancel = createRoute({
  method: "post",
  path: "/backtests/{id}/cancel",
  operationId: "cancelBacktest",
  tags: ["backtests"],
  summary: "Ends a run that is queued or running; one that is over stays as it was.",
  security: security("strategies"),
  middleware: [signedIn("strategies"), once("backtests.cancel")] as const,
  request: { params, headers: OnceHeader },
  responses: { 200: json(Backtest, "The run, as it is now."), ...refusals(401, 403, 404, 409) },
});

export function backtests(api: Api): void {
  api.openapi(request, async (context) => {
    const given = context.req.valid("json");
    const ledger = context.get("ledger");
    const id = await ledger.call<string>("request_backtest", {
      p_idempotency_key: onceKey(context),
      p_starts_on: given.starts_on,
      p_ends_on: given.ends_on,
      p_purpose: given.purpose,
      p_strategy_id: given.strategy_id ?? null,
      p_strategy_version: given.strategy_version ?? null,
      p_kind: given.kind ?? null,
      p_config: given.config ?? null,
      p_symbols: given.symbols ?? null,
      p_timeframe: given.timeframe ?? null,
    });
    const run = await one(ledger, id);
    tag(context, run.version);
    return context.json(run, 201);
  });

  api.openapi(list, async (context) => {
    const { status, strategy_id, kind, ...asked } = context.req.valid("query");
    const query = { select: COLUMNS, created_at: within(asked), status: is(status), strategy_id: is(strategy_id), kind: is(kind) };
    const order = { by: ["created_at", "id"] } as const;
    return context.json(await readPage<z.infer<typeof Backtest>>(context.get("ledger"), "backtests", query, asked, order), 200);
  });

  api.openapi(read, async (context) => {
    const run = await one(context.get("ledger"), context.req.valid("param").id);
    tag(context, run.version);
    return context.json(run, 200);
  });

  api.openapi(trials, async (context) => {
    const ledger = context.get("ledger");
    const { id } = await one(ledger, context.req.valid("param").id);
    const { fold, ...asked } = context.req.valid("query");
    const query = { select: "trial,config,fold,result,created_at", backtest_id: is(id), fold: is(fold) };
    const order = { by: ["trial"], ascending: true } as const;
    return context.json(await readPage<z.infer<typeof Trial>>(ledger, "backtest_trials", query, asked, order), 200);
  });

  api.openapi(cancel, async (context) => {
    const { id } = context.req.valid("param");
    const ledger = context.get("ledger");
    await ledger.call("cancel_backtest", { p_backtest_id: id });
    return context.json(await one(ledger, id), 200);
  });
}

async function one(ledger: Rest, id: string): Promise<z.infer<typeof Backtest>> {
  const [run] = await ledger.select<z.infer<typeof Backtest>>("backtests", { select: COLUMNS, id: is(id) });
  if (!run) throw notFound("backtest", id);
  return run;
}
