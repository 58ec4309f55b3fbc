/** Who may come in: a person by their session, a program by its key and the scopes of that key; and how often. */
import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { addressOf } from "../../_shared/address.ts";
import { asApi } from "../../_shared/api_role.ts";
import { bearer, type Caller, callerOf, identify, NotSignedIn } from "../../_shared/caller.ts";
import { Refused, Rest } from "../../_shared/rest.ts";
import { type Claims, signed } from "../../_shared/tokens.ts";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";
import { requireRate, takeRate } from "./rates.ts";

export type Scope = "read" | "trade" | "strategies" | "risk" | "reports";

const KEY = /^at_[0-9a-f]{8}_[0-9a-f]+$/;
/** The ledger asks itself at every call whether the key still lives: what is kept here opens nothing that was closed. */
const KEPT_MS = 60_000;
const MOST_KEPT = 1000;
const programs = new Map<string, { caller: Caller; until: number }>();

interface KeyUsed {
  claims: Claims;
}

/** Signed in. A program's key needs one of the scopes; without any named, only a person comes in. */
export function signedIn(...scopes: Scope[]): MiddlewareHandler<Environment> {
  return createMiddleware<Environment>(async (context, next) => {
    const requestId = context.get("requestId");
    const caller = await whoCalls(context, requestId);
    context.set("caller", caller);
    context.set("ledger", new Rest(caller.token, requestId));
    await takeRate(context, caller.key ? `key:${caller.key}` : `user:${caller.id}`, context.req.method === "GET" ? "read" : "act");
    if (caller.scopes && !scopes.some((scope) => caller.scopes?.includes(scope))) {
      throw scopes.length === 0
        ? new Problem(403, "SCOPE_NEEDED", "Only a person does this, signed in; no scope of a key is enough.")
        : new Problem(403, "SCOPE_NEEDED", `This key may not do that; it needs the scope ${scopes.join(" or ")}.`, { numbers: { scopes: [...scopes] } });
    }
    await next();
  });
}

/** Nobody needs to be signed in; requests are counted by where they come from. */
export function anyone(): MiddlewareHandler<Environment> {
  return createMiddleware<Environment>(async (context, next) => {
    await takeRate(context, `ip:${addressOf(context.req.raw)}`, "anonymous");
    await next();
  });
}

async function whoCalls(context: Context<Environment>, requestId: string): Promise<Caller> {
  const from = `ip:${addressOf(context.req.raw)}`;
  try {
    const given = bearer(context.req.raw);
    if (!KEY.test(given)) return await identify(context.req.raw);
    if (!programs.has(given)) requireRate(from, "refused");
    return await program(given, requestId);
  } catch (error) {
    if (!(error instanceof NotSignedIn)) throw error;
    await takeRate(context, from, "refused");
    throw new Problem(401, "NOT_SIGNED_IN", error.message, { headers: { "WWW-Authenticate": "Bearer" } });
  }
}

async function program(key: string, requestId: string): Promise<Caller> {
  const known = programs.get(key);
  if (known && known.until > Date.now()) return known.caller;
  let used: KeyUsed;
  try {
    used = await (await asApi(requestId)).call<KeyUsed>("use_api_key", { p_key: key });
  } catch (error) {
    if (error instanceof Refused) throw new NotSignedIn("The API key is revoked, expired or none of ours.");
    throw error;
  }
  // Lives longer than what is kept here, and not so long that a stolen one were worth much.
  const caller = callerOf(used.claims, await signed(used.claims, 2 * KEPT_MS / 1000));
  if (programs.size >= MOST_KEPT) programs.clear();
  programs.set(key, { caller, until: Date.now() + KEPT_MS });
  return caller;
}
