/** The kill switch: gates, the halts that close them, how far each is, and how they are lifted. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { tag } from "../http/versions.ts";
import { Id, Time, Version } from "../schemas/values.ts";

const GateKey = z.string().regex(/^(global|(user|account|strategy):[0-9a-f-]{36})$/, "is global, user:<id>, account:<id> or strategy:<id>")
  .openapi({ example: "account:0b5e3f8e-5c0e-4a57-9a8d-1c5b7a0f3d11" });
const Mode = z.enum(["no_new_entries", "cancel_working", "flatten"]).openapi({
  description: "no_new_entries; cancel_working also cancels working entries; flatten also closes every position.",
});
const Scope = z.enum(["global", "user", "account", "strategy"]);
const Reason = z.string().trim().min(1).max(2000);
const whose = {
  gate_key: GateKey,
  scope: Scope,
  broker_account_id: Id.nullable(),
  strategy_id: Id.nullable(),
};

const Gate = z.object({
  ...whose,
  closed: z.boolean(),
  mode: Mode,
  spare_exits: z.boolean().openapi({ description: "Cancelling leaves orders alone that only reduce." }),
  reason: z.string(),
  needs_administrator: z.boolean().openapi({ description: "Only an administrator lifts it." }),
  changed_by: z.string(),
  changed_at: Time,
  version: Version,
}).openapi("Gate");

/** What engaging or lifting has made of it: also told to an administrator, who does not read a trader's gate. */
const GateState = Gate.pick({ gate_key: true, closed: true, version: true }).openapi("GateState");
const EngagedGate = Gate.omit({ scope: true, broker_account_id: true, strategy_id: true, changed_by: true, changed_at: true })
  .openapi("EngagedGate");

const Halt = z.object({
  ...whose,
  mode: Mode,
  spare_exits: z.boolean(),
  reason: z.string(),
  engaged_by: z.string(),
  engaged_at: Time,
  working_entries: z.int().openapi({ description: "Orders that may open something and are not over." }),
  working_exits: z.int().openapi({ description: "Orders that only reduce and are not over." }),
  open_positions: z.int(),
  complete: z.boolean().openapi({ description: "Everything is done that its mode asks for." }),
  flat_at: Time.nullable().openapi({ description: "When a flattening halt had closed everything." }),
}).openapi("Halt");

const HaltEvent = z.object({
  id: z.int(),
  gate_key: GateKey,
  action: z.enum(["engaged", "flat", "open_again", "lifted"]),
  mode: Mode,
  spare_exits: z.boolean(),
  reason: z.string(),
  by_whom: z.string(),
  at: Time,
}).openapi("HaltEvent");

const WHOSE = "gate_key,scope,broker_account_id,strategy_id";
const GATE = `${WHOSE},closed,mode,spare_exits,reason,needs_administrator,changed_by,changed_at,version`;
const HALT = `${WHOSE},mode,spare_exits,reason,engaged_by,engaged_at,working_entries,working_exits,open_positions,complete,flat_at`;
const EVENT = "id,gate_key,action,mode,spare_exits,reason,by_whom,at";

const listGates = createRoute({
  method: "get",
  path: "/risk/gates",
  operationId: "listGates",
  tags: ["risk"],
  summary: "The gates that your orders pass: everybody's, your own, your accounts' and your strategies'.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { query: z.strictObject({ ...pageQuery, scope: Scope.optional(), closed: z.enum(["true", "false"]).optional() }) },
  responses: { 200: json(pageOf(Gate, "Gate"), "A page of gates."), ...refusals(401, 403) },
});

const listHalts = createRoute({
  method: "get",
  path: "/risk/halts",
  operationId: "listHalts",
  tags: ["risk"],
  summary: "The halts in force on your orders, and what is still open behind each.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { query: z.strictObject({ ...pageQuery, scope: Scope.optional(), gate_key: GateKey.optional() }) },
  responses: { 200: json(pageOf(Halt, "Halt"), "A page of halts."), ...refusals(401, 403) },
});

const listEvents = createRoute({
  method: "get",
  path: "/risk/halts/history",
  operationId: "listHaltEvents",
  tags: ["risk"],
  summary: "What closed and opened the gates, by whom and why, and how flattening went; the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: { query: z.strictObject({ ...pageQuery, ...timeRange, gate_key: GateKey.optional() }) },
  responses: { 200: json(pageOf(HaltEvent, "HaltEvent"), "A page of the history."), ...refusals(401, 403) },
});

const engage = createRoute({
  method: "post",
  path: "/risk/halts",
  operationId: "engageHalt",
  tags: ["risk"],
  summary: "Engages the kill switch of a scope: no new entries from this moment; exits and cancels still pass.",
  description: "Answers what is in force, which may be harder than what was asked: a halt that is engaged is only made harder.",
  security: security("risk"),
  middleware: [signedIn("risk"), once("halts.engage")] as const,
  request: {
    headers: OnceHeader,
    body: {
      content: {
        "application/json": {
          schema: z.strictObject({
            gate_key: GateKey,
            mode: Mode.default("no_new_entries"),
            spare_exits: z.boolean().default(true).openapi({ description: "false: working exits are cancelled too." }),
            reason: Reason,
          }).openapi("GivenHalt"),
        },
      },
      required: true,
    },
  },
  responses: { 200: json(EngagedGate, "The gate, closed."), ...refusals(401, 403, 404, 409) },
});

const lift = createRoute({
  method: "post",
  path: "/risk/halts/{gate_key}/lift",
  operationId: "liftHalt",
  tags: ["risk"],
  summary: "Lifts a halt, with a reason and a second factor.",
  description: "Its owner, signed in with a second factor; one that an administrator has engaged, only an administrator. No key is enough.",
  security: security(),
  middleware: [signedIn(), once("halts.lift")] as const,
  request: {
    params: z.object({ gate_key: GateKey }),
    headers: OnceHeader,
    body: { content: { "application/json": { schema: z.strictObject({ reason: Reason }).openapi("GivenLift") } }, required: true },
  },
  responses: { 200: json(GateState, "The gate, open."), ...refusals(401, 403, 404, 409) },
});

export function halts(api: Api): void {
  api.openapi(listGates, async (context) => {
    const { scope, closed, ...asked } = context.req.valid("query");
    const query = { select: GATE, scope: is(scope), closed: is(closed) };
    const order = { by: ["gate_key"], ascending: true } as const;
    return context.json(await readPage<z.infer<typeof Gate>>(context.get("ledger"), "trading_gates", query, asked, order), 200);
  });

  api.openapi(listHalts, async (context) => {
    const { scope, gate_key, ...asked } = context.req.valid("query");
    const query = { select: HALT, scope: is(scope), gate_key: is(gate_key) };
    const order = { by: ["gate_key"], ascending: true } as const;
    return context.json(await readPage<z.infer<typeof Halt>>(context.get("ledger"), "halt_progress", query, asked, order), 200);
  });

  api.openapi(listEvents, async (context) => {
    const { gate_key, ...asked } = context.req.valid("query");
    const query = { select: EVENT, gate_key: is(gate_key), at: within(asked) };
    const page = await readPage<z.infer<typeof HaltEvent>>(context.get("ledger"), "trading_halts", query, asked, { by: ["id"] });
    return context.json(page, 200);
  });

  api.openapi(engage, async (context) => {
    const { gate_key, mode, spare_exits, reason } = context.req.valid("json");
    const gate = await context.get("ledger").call<z.infer<typeof EngagedGate>>("close_gate", {
      p_gate_key: gate_key,
      p_reason: reason,
      p_mode: mode,
      p_spare_exits: spare_exits,
    });
    tag(context, gate.version);
    return context.json(gate, 200);
  });

  api.openapi(lift, async (context) => {
    const gate = await context.get("ledger").call<z.infer<typeof GateState>>("open_gate", {
      p_gate_key: context.req.valid("param").gate_key,
      p_reason: context.req.valid("json").reason,
    });
    tag(context, gate.version);
    return context.json(gate, 200);
  });
}
