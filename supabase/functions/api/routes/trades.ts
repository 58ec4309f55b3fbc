/** Trades: every order of every source, from signal to its end. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Query } from "../../_shared/rest.ts";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { is } from "../http/filters.ts";
import { notFound } from "../http/problem.ts";
import { IfMatchHeader, matched, tag } from "../http/versions.ts";
import { FINAL, GivenNote, Trade, TradeDetail, TradeNote, TradeStatus } from "../schemas/trades.ts";
import { GivenTime, Id, Ticker } from "../schemas/values.ts";

const COLUMNS = [
  "id,broker_account_id,strategy_id,strategy_version,source,symbol,side,order_type,time_in_force",
  ...["quantity", "notional", "price", "stop_price", "trail_price", "trail_percent", "planned_stop", "filled_quantity", "fill_price"]
    .map((amount) => `${amount}::text`),
  "reduce_only,multi_leg,extended_hours,parent_trade_id,replaces_trade_id,reprices_trade_id,oco_group",
  "status,reason,refusal,client_order_id,broker_order_id,executed_at,event_at,status_at,good_until,cancel_requested_at,cancel_reason,version",
].join(",");
const NOTE = "text,changed_by,updated_at,version";

const PARTS = {
  trade_legs: "leg,symbol,side,position_intent,ratio,quantity::text,filled_quantity::text",
  fills: "id,leg,kind,corrects_fill_id,symbol,side,quantity::text,price::text,fee::text,realised_pnl::text,executed_at",
  trade_transitions: "number,from_status,to_status,actor,reason,event_at,at",
  risk_decisions: "number,rule,verdict,numbers,at",
  order_attempts: "attempt,kind,outcome,detail,broker_order_id,claimed_at,answered_at",
} as const;
const PART_ORDER: Record<keyof typeof PARTS, string> = {
  trade_legs: "leg.asc",
  fills: "number.asc",
  trade_transitions: "number.asc",
  risk_decisions: "number.asc",
  order_attempts: "attempt.asc",
};

const list = createRoute({
  method: "get",
  path: "/trades",
  operationId: "listTrades",
  tags: ["trades"],
  summary: "Orders of every source, the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      broker_account_id: Id.optional().openapi({ description: "Of this broker account." }),
      strategy_id: Id.optional().openapi({ description: "Of this strategy." }),
      source: Trade.shape.source.optional().openapi({ description: "Of this source." }),
      symbol: Ticker.optional().openapi({ description: "That trade this symbol, as any leg." }),
      status: z.union([TradeStatus, z.literal("open")]).optional().openapi({ description: "Of this status; open: of every one that is not over." }),
      from: GivenTime.optional().openapi({ description: "Decided at this moment or later." }),
      until: GivenTime.optional().openapi({ description: "Decided before this moment." }),
      noted: z.enum(["true"]).optional().openapi({ description: "true: those with a note only." }),
      ...pageQuery,
    }),
  },
  responses: { 200: json(pageOf(Trade, "Trade"), "One page."), ...refusals(401, 403) },
});

const read = createRoute({
  method: "get",
  path: "/trades/{id}",
  operationId: "getTrade",
  tags: ["trades"],
  summary: "One trade with its legs, fills, steps, the verdicts of risk, and what was sent to the broker.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { params: z.object({ id: Id }) },
  responses: { 200: json(TradeDetail, "All that is on record of it."), ...refusals(401, 403, 404) },
});

const note = createRoute({
  method: "put",
  path: "/trades/{id}/note",
  operationId: "setTradeNote",
  tags: ["trades"],
  summary: "Writes your note of a trade; nothing decides by it.",
  description: 'If-Match is the version of the note that you saw, "0" where there was none. An empty text takes the note away.',
  security: security("trade"),
  middleware: [signedIn("trade")] as const,
  request: {
    params: z.object({ id: Id }),
    headers: IfMatchHeader,
    body: { required: true, content: { "application/json": { schema: GivenNote } } },
  },
  responses: { 200: json(TradeNote, "As it is now."), ...refusals(401, 403, 404, 412, 428) },
});

type Note = z.infer<typeof TradeNote>;
type Noted = { trade_notes: Note | null };

function noted<T extends Noted>({ trade_notes, ...trade }: T): Omit<T, "trade_notes"> & { note: Note | null } {
  return { ...trade, note: trade_notes };
}

export function trades(api: Api): void {
  api.openapi(list, async (context) => {
    const asked = context.req.valid("query");
    const moments = [...(asked.from ? [`gte.${asked.from}`] : []), ...(asked.until ? [`lt.${asked.until}`] : [])];
    const notes = asked.noted ? `trade_notes!inner(${NOTE})` : `trade_notes(${NOTE})`;
    const query: Query = {
      select: asked.symbol ? `${COLUMNS},${notes},trade_legs!inner(symbol)` : `${COLUMNS},${notes}`,
      source: is(asked.source),
      "trade_notes.text": asked.noted ? "neq." : undefined,
      ...(asked.broker_account_id ? { broker_account_id: `eq.${asked.broker_account_id}` } : {}),
      ...(asked.strategy_id ? { strategy_id: `eq.${asked.strategy_id}` } : {}),
      ...(asked.symbol ? { "trade_legs.symbol": `eq.${asked.symbol}` } : {}),
      ...(asked.status === undefined ? {} : { status: asked.status === "open" ? `not.in.(${FINAL.join(",")})` : `eq.${asked.status}` }),
      ...(moments.length > 0 ? { event_at: moments } : {}),
    };
    type Row = Omit<z.infer<typeof Trade>, "note"> & Noted & { trade_legs?: unknown };
    const page = await readPage<Row>(context.get("ledger"), "trades", query, asked, { by: ["event_at", "id"] });
    return context.json({ ...page, data: page.data.map(({ trade_legs: _, ...trade }) => noted(trade)) }, 200);
  });

  api.openapi(read, async (context) => {
    const ledger = context.get("ledger");
    const { id } = context.req.valid("param");
    const part = async <T>(table: keyof typeof PARTS): Promise<T[]> => {
      return await ledger.select<T>(table, { select: PARTS[table], trade_id: `eq.${id}`, order: PART_ORDER[table] });
    };
    type Detail = z.infer<typeof TradeDetail>;
    const [rows, legs, fills, transitions, risk_decisions, attempts] = await Promise.all([
      ledger.select<Omit<Detail, "note" | "legs" | "fills" | "transitions" | "risk_decisions" | "attempts"> & Noted>("trades", {
        select: `${COLUMNS},exit_plan,trade_notes(${NOTE})`,
        id: `eq.${id}`,
      }),
      part<Detail["legs"][number]>("trade_legs"),
      part<Detail["fills"][number]>("fills"),
      part<Detail["transitions"][number]>("trade_transitions"),
      part<Detail["risk_decisions"][number]>("risk_decisions"),
      part<Detail["attempts"][number]>("order_attempts"),
    ]);
    const trade = rows[0];
    if (!trade) throw notFound("trade", id);
    tag(context, trade.version);
    return context.json({ ...noted(trade), legs, fills, transitions, risk_decisions, attempts }, 200);
  });

  api.openapi(note, async (context) => {
    const ledger = context.get("ledger");
    const { id } = context.req.valid("param");
    const seen = matched(context, true);
    await ledger.call("set_trade_note", { p_trade_id: id, p_text: context.req.valid("json").text, p_version: seen ?? null });
    const [row] = await ledger.select<Note>("trade_notes", { select: NOTE, trade_id: is(id) });
    if (!row) throw notFound("note", id);
    tag(context, row.version);
    return context.json(row, 200);
  });
}
