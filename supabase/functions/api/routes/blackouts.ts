/** Days on which nothing new is opened: earnings, expiries, ex-dividend dates, others. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is } from "../http/filters.ts";
import { once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import type { Rest } from "../../_shared/rest.ts";
import { Day, Id, Ticker, Time } from "../schemas/values.ts";

const Kind = z.enum(["earnings", "expiry", "ex_dividend", "other"]);

const Blackout = z.object({
  id: Id,
  for_everybody: z.boolean().openapi({ description: "Entered by an administrator; it keeps everybody's orders back." }),
  symbol: z.string().nullable().openapi({ description: "The symbol, its options too; null for everything." }),
  kind: Kind,
  from_date: Day.nullable().openapi({ description: "Null, of earnings and ex_dividend: the symbol has none to wait for." }),
  until_date: Day.nullable().openapi({ description: "Itself included." }),
  reason: z.string(),
  source: z.string(),
  removed_at: Time.nullable().openapi({ description: "Since when it counts no more." }),
  changed_by: z.string(),
  created_at: Time,
}).openapi("Blackout");

const GivenBlackout = z.strictObject({
  kind: Kind,
  symbol: Ticker.nullish(),
  from_date: z.iso.date().nullish(),
  until_date: z.iso.date().nullish(),
  reason: z.string().max(2000).default(""),
  source: z.string().min(1).max(200).default("entered"),
  for_everybody: z.boolean().default(false).openapi({ description: "For an administrator to say." }),
}).openapi("GivenBlackout");

const COLUMNS = "id,user_id,symbol,kind,from_date,until_date,reason,source,removed_at,changed_by,created_at";
type Row = Omit<z.infer<typeof Blackout>, "for_everybody"> & { user_id: string | null };

const list = createRoute({
  method: "get",
  path: "/risk/blackouts",
  operationId: "listBlackouts",
  tags: ["risk"],
  summary: "The dates on which your orders open nothing new: your own, and everybody's.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      symbol: Ticker.optional(),
      kind: Kind.optional(),
      on: z.iso.date().optional().openapi({ description: "Those that count on this exchange date." }),
      removed: z.enum(["true", "false"]).default("false").openapi({ description: "true: those that were removed too." }),
    }),
  },
  responses: { 200: json(pageOf(Blackout, "Blackout"), "A page of dates."), ...refusals(401, 403) },
});

const set = createRoute({
  method: "post",
  path: "/risk/blackouts",
  operationId: "setBlackout",
  tags: ["risk"],
  summary: "Enters days on which nothing new is opened, of a symbol or of everything.",
  description: "Without dates: the symbol has no earnings, or no ex-dividend date, to wait for. The same dates again are the same row.",
  security: security("risk"),
  middleware: [signedIn("risk"), once("blackouts.set")] as const,
  request: { headers: OnceHeader, body: { content: { "application/json": { schema: GivenBlackout } }, required: true } },
  responses: { 201: json(Blackout, "The dates, as entered."), ...refusals(401, 403, 409) },
});

const remove = createRoute({
  method: "delete",
  path: "/risk/blackouts/{id}",
  operationId: "removeBlackout",
  tags: ["risk"],
  summary: "Removes dates; those that were removed before stay so.",
  security: security("risk"),
  middleware: [signedIn("risk")] as const,
  request: { params: z.object({ id: Id }) },
  responses: { 204: empty("They count no more."), ...refusals(401, 403, 404) },
});

export function blackouts(api: Api): void {
  api.openapi(list, async (context) => {
    const { symbol, kind, on, removed, ...asked } = context.req.valid("query");
    const query = {
      select: COLUMNS,
      symbol: is(symbol),
      kind: is(kind),
      from_date: on === undefined ? undefined : `lte.${on}`,
      until_date: on === undefined ? undefined : `gte.${on}`,
      removed_at: removed === "true" ? undefined : "is.null",
    };
    const page = await readPage<Row>(context.get("ledger"), "blackout_dates", query, asked, { by: ["created_at", "id"] });
    return context.json({ ...page, data: page.data.map(told) }, 200);
  });

  api.openapi(set, async (context) => {
    const given = context.req.valid("json");
    const ledger = context.get("ledger");
    const id = await ledger.call<string>("set_blackout", {
      p_kind: given.kind,
      p_from: given.from_date ?? null,
      p_until: given.until_date ?? null,
      p_symbol: given.symbol ?? null,
      p_reason: given.reason,
      p_source: given.source,
      p_for_everybody: given.for_everybody,
    });
    return context.json(await one(ledger, id), 201);
  });

  api.openapi(remove, async (context) => {
    await context.get("ledger").call("remove_blackout", { p_blackout_id: context.req.valid("param").id });
    return context.body(null, 204);
  });
}

async function one(ledger: Rest, id: string): Promise<z.infer<typeof Blackout>> {
  const [row] = await ledger.select<Row>("blackout_dates", { select: COLUMNS, id: is(id) });
  if (!row) throw notFound("blackout", id);
  return told(row);
}

function told({ user_id, ...row }: Row): z.infer<typeof Blackout> {
  return { ...row, for_everybody: user_id === null };
}
