/** Strategies: configured, started and stopped, and what they decided. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { nameOf, once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { changeRow, type Kept, makeRow, oneRow } from "../http/rows.ts";
import { IfMatchHeader, tag } from "../http/versions.ts";
import {
  Activated,
  Activation,
  Deactivated,
  Deactivation,
  DeactivationProgress,
  Decision,
  NewStrategy,
  Strategy,
  StrategyStatus,
  StrategyTerms,
  StrategyValidation,
  StrategyVersion,
} from "../schemas/strategies.ts";
import { Id, Ticker } from "../schemas/values.ts";

const COLUMNS = "id,broker_account_id,name,description,kind,config,symbols,timeframe,exits_by,status,strategy_version,effective_version," +
  "effective_since,created_at,updated_at,version";
const TAGS = ["strategies"];
const Which = z.object({ id: Id });
const acts = { tags: TAGS, security: security("strategies") };
const reads = { tags: TAGS, security: security("read") };

const create = createRoute({
  method: "post",
  path: "/strategies",
  operationId: "createStrategy",
  summary: "Write a strategy as a draft. It is validated at once, and decides nothing before it is activated.",
  ...acts,
  middleware: [signedIn("strategies"), once("strategies.create")] as const,
  request: { headers: OnceHeader, body: { required: true, content: { "application/json": { schema: NewStrategy } } } },
  responses: { 201: json(Strategy, "The draft; its ETag is its version."), ...refusals(401, 403, 404, 409) },
});

const list = createRoute({
  method: "get",
  path: "/strategies",
  operationId: "listStrategies",
  summary: "Your strategies, the newest first; deleted ones are not among them.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      status: StrategyStatus.optional(),
      kind: z.string().max(63).optional(),
      broker_account_id: Id.optional(),
      symbol: Ticker.optional().openapi({ description: "Those that look at this symbol." }),
    }),
  },
  responses: { 200: json(pageOf(Strategy, "Strategy"), "One page."), ...refusals(401, 403) },
});

const get = createRoute({
  method: "get",
  path: "/strategies/{id}",
  operationId: "getStrategy",
  summary: "One strategy; its ETag is its version.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { params: Which },
  responses: { 200: json(Strategy, "The strategy."), ...refusals(401, 403, 404) },
});

const change = createRoute({
  method: "put",
  path: "/strategies/{id}",
  operationId: "changeStrategy",
  summary: "Replace what it does. Each change of configuration, symbols, timeframe or exits is a new version, which takes effect once it is found valid.",
  ...acts,
  middleware: [signedIn("strategies")] as const,
  request: { params: Which, headers: IfMatchHeader, body: { required: true, content: { "application/json": { schema: StrategyTerms } } } },
  responses: { 200: json(Strategy, "The strategy as it is now."), ...refusals(401, 403, 404, 409, 412, 428) },
});

const remove = createRoute({
  method: "delete",
  path: "/strategies/{id}",
  operationId: "deleteStrategy",
  summary: "Delete a strategy: it stops deciding and gives its name free; its history stays. Refused while it has positions or working orders.",
  ...acts,
  middleware: [signedIn("strategies")] as const,
  request: { params: Which },
  responses: { 204: empty("It is deleted."), ...refusals(401, 403, 404, 409) },
});

const activate = createRoute({
  method: "post",
  path: "/strategies/{id}/activate",
  operationId: "activateStrategy",
  summary: "Start a strategy: it decides on bars that end from now on. Refused until its newest version is found valid and its account is verified.",
  ...acts,
  middleware: [signedIn("strategies"), once("strategies.activate")] as const,
  request: { params: Which, headers: OnceHeader, body: { required: false, content: { "application/json": { schema: Activation } } } },
  responses: { 200: json(Activated, "It is active."), ...refusals(401, 403, 404, 409) },
});

const deactivate = createRoute({
  method: "post",
  path: "/strategies/{id}/deactivate",
  operationId: "deactivateStrategy",
  summary: "Stop a strategy from deciding, and say what becomes of what it has open. To cancel or close, a key needs the scope trade or risk besides.",
  ...acts,
  middleware: [signedIn("strategies"), once("strategies.deactivate")] as const,
  request: { params: Which, headers: OnceHeader, body: { required: true, content: { "application/json": { schema: Deactivation } } } },
  responses: { 200: json(Deactivated, "It decides no more."), ...refusals(401, 403, 404, 409) },
});

const progress = createRoute({
  method: "get",
  path: "/strategies/{id}/deactivation",
  operationId: "getDeactivation",
  summary: "How far the closing of a stopped strategy is; 404 where nothing is to be closed.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { params: Which },
  responses: { 200: json(DeactivationProgress, "What is in force, and what is still open."), ...refusals(401, 403, 404) },
});

const decisions = createRoute({
  method: "get",
  path: "/strategies/{id}/decisions",
  operationId: "listStrategyDecisions",
  summary: "What it decided and why, the newest first; decisions not to trade are kept for some months.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: {
    params: Which,
    query: z.strictObject({ ...pageQuery, symbol: Ticker.optional(), action: z.enum(["stay", "trade", "cancel"]).optional() }),
  },
  responses: { 200: json(pageOf(Decision, "StrategyDecision"), "One page."), ...refusals(401, 403, 404) },
});

const versions = createRoute({
  method: "get",
  path: "/strategies/{id}/versions",
  operationId: "listStrategyVersions",
  summary: "Every edit of it as it was, the newest first.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { params: Which, query: z.strictObject(pageQuery) },
  responses: { 200: json(pageOf(StrategyVersion, "StrategyVersion"), "One page."), ...refusals(401, 403, 404) },
});

const validation = createRoute({
  method: "get",
  path: "/strategies/{id}/validation",
  operationId: "getStrategyValidation",
  summary: "Whether its newest version can decide, or everything that is wrong with it. Pending for a moment after an edit.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { params: Which },
  responses: { 200: json(StrategyValidation, "The verdict."), ...refusals(401, 403, 404) },
});

function kept(id: string, select = COLUMNS): Kept {
  return { relation: "strategies", what: "strategy", id, select, but: { status: "neq.deleted" } };
}

export function strategies(api: Api): void {
  api.openapi(create, async (context) => {
    const row = await makeRow<z.infer<typeof Strategy>>(context, kept(await nameOf(context, "strategy")), context.req.valid("json"));
    tag(context, row.version);
    return context.json(row, 201);
  });
  api.openapi(list, async (context) => {
    const { limit, cursor, status, kind, broker_account_id, symbol } = context.req.valid("query");
    const page = await readPage<z.infer<typeof Strategy>>(context.get("ledger"), "strategies", {
      select: COLUMNS,
      status: status ? `eq.${status}` : "neq.deleted",
      ...(kind === undefined ? {} : { kind: `eq.${kind}` }),
      ...(broker_account_id === undefined ? {} : { broker_account_id: `eq.${broker_account_id}` }),
      ...(symbol === undefined ? {} : { symbols: `cs.{"${symbol}"}` }),
    }, { limit, cursor }, { by: ["created_at", "id"] });
    return context.json(page, 200);
  });
  api.openapi(get, async (context) => {
    const row = await oneRow<z.infer<typeof Strategy>>(context, kept(context.req.valid("param").id));
    tag(context, row.version);
    return context.json(row, 200);
  });
  api.openapi(change, async (context) => {
    const row = await changeRow<z.infer<typeof Strategy>>(context, kept(context.req.valid("param").id), context.req.valid("json"));
    tag(context, row.version);
    return context.json(row, 200);
  });
  api.openapi(remove, async (context) => {
    await context.get("ledger").call("delete_strategy", { p_strategy_id: context.req.valid("param").id });
    return context.body(null, 204);
  });
  api.openapi(activate, async (context) => {
    const { from } = context.req.valid("json");
    const answer = await context.get("ledger").call<z.infer<typeof Activated>>("activate_strategy", {
      p_strategy_id: context.req.valid("param").id,
      ...(from === undefined ? {} : { p_from: from }),
    });
    tag(context, answer.version);
    return context.json(answer, 200);
  });
  api.openapi(deactivate, async (context) => {
    const answer = await context.get("ledger").call<z.infer<typeof Deactivated>>("deactivate_strategy", {
      p_strategy_id: context.req.valid("param").id,
      p_then: context.req.valid("json").then,
    });
    tag(context, answer.version);
    return context.json(answer, 200);
  });
  addHistory(api);
}

function addHistory(api: Api): void {
  api.openapi(progress, async (context) => {
    const { id } = context.req.valid("param");
    const [row] = await context.get("ledger").select<z.infer<typeof DeactivationProgress>>("deactivation_progress", {
      select: "strategy_id,then:then_do,asked_at,done_at,complete,waiting_for,working_entries,working_exits,open_positions",
      strategy_id: `eq.${id}`,
    });
    if (!row) throw notFound("deactivation", id);
    return context.json(row, 200);
  });
  api.openapi(decisions, async (context) => {
    const { id } = context.req.valid("param");
    const { limit, cursor, symbol, action } = context.req.valid("query");
    await oneRow(context, kept(id, "id"));
    const page = await readPage<z.infer<typeof Decision>>(context.get("ledger"), "strategy_decisions", {
      select: "symbol,bar_at,cause,caused_by,strategy_version,action,reason,orders,cancels,chain_taken_at,refused,created_at",
      strategy_id: `eq.${id}`,
      ...(symbol === undefined ? {} : { symbol: `eq.${symbol}` }),
      ...(action === undefined ? {} : { action: `eq.${action}` }),
    }, { limit, cursor }, { by: ["bar_at", "symbol", "cause", "caused_by"] });
    return context.json(page, 200);
  });
  api.openapi(versions, async (context) => {
    const { id } = context.req.valid("param");
    await oneRow(context, kept(id, "id"));
    const page = await readPage<z.infer<typeof StrategyVersion>>(context.get("ledger"), "strategy_versions", {
      select: "strategy_version,kind,config,symbols,timeframe,exits_by,created_at,created_by",
      strategy_id: `eq.${id}`,
    }, context.req.valid("query"), { by: ["strategy_version"] });
    return context.json(page, 200);
  });
  api.openapi(validation, async (context) => {
    const { id } = context.req.valid("param");
    const { strategy_version, effective_version } = await oneRow<z.infer<typeof Strategy>>(context, kept(id, "strategy_version,effective_version"));
    const [verdict] = await context.get("ledger").select<Pick<z.infer<typeof StrategyValidation>, "problems" | "inputs" | "validated_at"> & { valid: boolean }>(
      "strategy_validations",
      { select: "valid,problems,inputs,validated_at", strategy_id: `eq.${id}`, strategy_version: `eq.${strategy_version}` },
    );
    const state = verdict === undefined ? "pending" : verdict.valid ? "valid" : "not_valid";
    return context.json({
      strategy_version,
      effective_version,
      state,
      problems: verdict?.problems ?? [],
      inputs: verdict?.inputs ?? null,
      validated_at: verdict?.validated_at ?? null,
    } as const, 200);
  });
}
