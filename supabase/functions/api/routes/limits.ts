/** What orders and positions are held to: the limits that are set, those that can be, and their history. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { tag } from "../http/versions.ts";
import type { Rest } from "../../_shared/rest.ts";
import { Amount, GivenAmount, Id, Ticker, Time, Version } from "../schemas/values.ts";

const Scope = z.enum(["global", "user", "account", "strategy"]).openapi({ description: "Whose exposure it is held against." });
const Act = z.enum(["warn", "block_entries", "cancel", "reduce", "flatten", "deactivate", "roll"]);
const LimitName = z.string().regex(/^[a-z][a-z_]{1,62}$/, "is a name in small letters").openapi({ example: "max_daily_loss" });

const Limit = z.object({
  id: Id,
  scope: Scope,
  broker_account_id: Id.nullable(),
  strategy_id: Id.nullable(),
  symbol: z.string().nullable().openapi({ description: "Null: every symbol." }),
  name: LimitName,
  value: Amount.nullable().openapi({ description: "Null: removed, no limit." }),
  unit: z.string().openapi({ example: "dollars" }),
  parameters: z.record(z.string(), z.string()).openapi({ description: "Further numbers of this kind of limit." }),
  act: Act.nullable().openapi({ description: "What is done when it is broken; null: the first act of its kind." }),
  set_by_administrator: z.boolean().openapi({ description: "Only an administrator changes it." }),
  changed_by: z.string(),
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("Limit");

const LimitKind = z.object({
  name: LimitName,
  family: z.enum(["rule", "protection", "watch", "breaker", "desk"]),
  unit: z.string(),
  scopes: z.array(z.string()).openapi({ description: "Where it may be set; symbol where it may be for one symbol." }),
  default_value: Amount.nullable().openapi({ description: "What holds where none is set; null: it is off until one is." }),
  tighter: z.enum(["lower", "higher"]).openapi({ description: "Which way a value is stricter." }),
  parameters: z.record(z.string(), z.unknown()),
  acts: z.array(z.string()),
  source: z.string().nullable().openapi({ description: "Data that it needs and that is not everywhere." }),
  summary: z.string(),
}).openapi("LimitKind");

const LimitVersion = z.object({
  limit_id: Id,
  version: Version,
  at: Time,
  actor: z.string(),
  value_before: Amount.nullable(),
  value: Amount.nullable(),
  unit: z.string(),
  parameters: z.record(z.string(), z.string()),
  act: z.string().nullable(),
}).openapi("LimitVersion");

const GivenLimit = z.strictObject({
  scope: Scope,
  scope_id: Id.nullish().openapi({ description: "Of the user, account or strategy; your own user where it is left out of scope user." }),
  name: LimitName,
  value: GivenAmount,
  unit: z.string().max(100).openapi({ description: "As its kind has it: it says that you mean the same.", example: "dollars" }),
  symbol: Ticker.nullish(),
  parameters: z.record(z.string().max(63), GivenAmount).optional(),
  act: Act.nullish(),
}).openapi("GivenLimit");

const COLUMNS = "id,scope,user_id,broker_account_id,strategy_id,symbol,name,value::text,unit,parameters,act,set_by_administrator," +
  "changed_by,created_at,updated_at,version";
const params = z.object({ id: Id });

type LimitRow = z.infer<typeof Limit> & { user_id: string | null };

const list = createRoute({
  method: "get",
  path: "/risk/limits",
  operationId: "listLimits",
  tags: ["risk"],
  summary: "The limits that are set on you, your accounts and strategies, and everybody's.",
  description: "The strictest that applies counts. A limit that was removed is not among them, unless removed=true.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      scope: Scope.optional(),
      name: LimitName.optional(),
      symbol: Ticker.optional(),
      broker_account_id: Id.optional(),
      strategy_id: Id.optional(),
      removed: z.enum(["true", "false"]).default("false").openapi({ description: "true: those that were removed too." }),
    }),
  },
  responses: { 200: json(pageOf(Limit, "Limit"), "A page of limits."), ...refusals(401, 403) },
});

const read = createRoute({
  method: "get",
  path: "/risk/limits/{id}",
  operationId: "getLimit",
  tags: ["risk"],
  summary: "One limit.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params },
  responses: { 200: json(Limit, "The limit."), ...refusals(401, 403, 404) },
});

const set = createRoute({
  method: "put",
  path: "/risk/limits",
  operationId: "setLimit",
  tags: ["risk"],
  summary: "Sets a limit of a scope, from this moment on.",
  description: "Says all of the limit anew: parameters and act that are left out are the defaults. Sent again it changes nothing.",
  security: security("risk"),
  middleware: [signedIn("risk")] as const,
  request: { body: { content: { "application/json": { schema: GivenLimit } }, required: true } },
  responses: {
    200: json(Limit, "The limit, as it is set."),
    204: empty("It is set, by an administrator, on somebody whose limits they do not read."),
    ...refusals(401, 403, 404, 409),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/risk/limits/{id}",
  operationId: "removeLimit",
  tags: ["risk"],
  summary: "Removes a limit; one that was removed before stays so.",
  security: security("risk"),
  middleware: [signedIn("risk")] as const,
  request: { params },
  responses: { 204: empty("It is removed."), ...refusals(401, 403, 404) },
});

const history = createRoute({
  method: "get",
  path: "/risk/limits/{id}/history",
  operationId: "listLimitVersions",
  tags: ["risk"],
  summary: "Every change of a limit, by whom, before and after; the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params, query: z.strictObject({ ...pageQuery, ...timeRange }) },
  responses: { 200: json(pageOf(LimitVersion, "LimitVersion"), "A page of changes."), ...refusals(401, 403, 404) },
});

const kinds = createRoute({
  method: "get",
  path: "/risk/limit-kinds",
  operationId: "listLimitKinds",
  tags: ["risk"],
  summary: "Every limit that can be set: its unit, its default, where it may be set, and which way is stricter.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  responses: { 200: json(z.object({ data: z.array(LimitKind) }).openapi("LimitKinds"), "All kinds."), ...refusals(401, 403) },
});

export function limits(api: Api): void {
  api.openapi(list, async (context) => {
    const { scope, name, symbol, broker_account_id, strategy_id, removed, ...asked } = context.req.valid("query");
    const query = {
      select: COLUMNS,
      scope: is(scope),
      name: is(name),
      symbol: is(symbol),
      broker_account_id: is(broker_account_id),
      strategy_id: is(strategy_id),
      value: removed === "true" ? undefined : "not.is.null",
    };
    const page = await readPage<LimitRow>(context.get("ledger"), "risk_limits", query, asked, { by: ["name", "id"], ascending: true });
    return context.json({ ...page, data: page.data.map(told) }, 200);
  });

  api.openapi(read, async (context) => {
    const limit = await one(context.get("ledger"), context.req.valid("param").id);
    tag(context, limit.version);
    return context.json(told(limit), 200);
  });

  api.openapi(set, async (context) => {
    const given = context.req.valid("json");
    const ledger = context.get("ledger");
    const id = await ledger.call<string>("set_limit", {
      p_scope: given.scope,
      p_scope_id: given.scope_id ?? (given.scope === "user" ? context.get("caller").id : null),
      p_name: given.name,
      p_value: given.value,
      p_unit: given.unit,
      p_symbol: given.symbol ?? null,
      p_parameters: given.parameters ?? {},
      p_act: given.act ?? null,
    });
    const [limit] = await ledger.select<LimitRow>("risk_limits", { select: COLUMNS, id: is(id) });
    if (!limit) return context.body(null, 204);
    tag(context, limit.version);
    return context.json(told(limit), 200);
  });

  api.openapi(remove, async (context) => {
    const ledger = context.get("ledger");
    const limit = await one(ledger, context.req.valid("param").id);
    await ledger.call("remove_limit", {
      p_scope: limit.scope,
      p_scope_id: limit.strategy_id ?? limit.broker_account_id ?? limit.user_id,
      p_name: limit.name,
      p_symbol: limit.symbol,
    });
    return context.body(null, 204);
  });

  api.openapi(history, async (context) => {
    const ledger = context.get("ledger");
    const { id } = await one(ledger, context.req.valid("param").id);
    const asked = context.req.valid("query");
    const query = {
      select: "limit_id,version,at,actor,value_before::text,value::text,unit,parameters,act",
      limit_id: is(id),
      at: within(asked),
    };
    const page = await readPage<z.infer<typeof LimitVersion>>(ledger, "risk_limit_versions", query, asked, { by: ["version"] });
    return context.json(page, 200);
  });

  api.openapi(kinds, async (context) => {
    const data = await context.get("ledger").select<z.infer<typeof LimitKind>>("risk_limit_kinds", {
      select: "name,family,unit,scopes,default_value::text,tighter,parameters,acts,source,summary",
      order: "name.asc",
    });
    return context.json({ data }, 200);
  });
}

async function one(ledger: Rest, id: string): Promise<LimitRow> {
  const [limit] = await ledger.select<LimitRow>("risk_limits", { select: COLUMNS, id: is(id) });
  if (!limit) throw notFound("limit", id);
  return limit;
}

/** Whose it is, its scope says. */
function told({ user_id: _, ...limit }: LimitRow): z.infer<typeof Limit> {
  return limit;
}
