/** What is served under /auth/v1: lite's Auth, and around it what hosted Auth does besides. */
import type { App } from "@supabase/lite";
import { adminApi } from "./admin_api.ts";
import { signUpRefusal, withoutBanned } from "./admission.ts";
import { AuthError, refusal } from "./auth_error.ts";
import { type Caller, identify } from "./caller.ts";
import type { Backend } from "./database.ts";
import { factorsOf, SecretBox } from "./factors.ts";
import { json } from "./replies.ts";
import { endOtherSessions, factorApi, isFactorPath, requireSecondFactor, sessionOf } from "./second_factor.ts";
import { completeSession, methodOf, rebuilt } from "./sessions.ts";
import type { Settings } from "./settings.ts";
import type { Tokens } from "./tokens.ts";

/** Addresses that a browser opens from a mail or a redirect, without a key. */
const KEYLESS = /^\/auth\/v1\/(verify|callback|authorize|\.well-known\/.*)$/;
/** What an authenticator app shows as the place that its codes are for. */
const ISSUER = "AgentTrader";

type ToLite = (app: App, request: Request, caller: Caller, peerAddress: string | undefined) => Promise<Response>;

export class AuthArea {
  readonly #tokens: Tokens;
  readonly #issuer: string;
  readonly #secrets: SecretBox;
  readonly #toLite: ToLite;

  constructor(settings: Settings, tokens: Tokens, toLite: ToLite) {
    this.#tokens = tokens;
    this.#issuer = `${settings.externalUrl}/auth/v1`;
    this.#secrets = new SecretBox(settings.jwtSecret);
    this.#toLite = toLite;
  }

  async answer(request: Request, backend: Backend, path: string, peerAddress: string | undefined): Promise<Response> {
    try {
      return await this.#route(request, backend, path, peerAddress);
    } catch (error) {
      if (error instanceof AuthError) return refusal(error.status, error.code, error.message);
      throw error;
    }
  }

  async #route(request: Request, backend: Backend, path: string, peerAddress: string | undefined): Promise<Response> {
    // What lite leaves out: the key set is empty, as for every HS256 project.
    if (path === "/auth/v1/.well-known/openid-configuration") {
      return json(200, { issuer: this.#issuer, jwks_uri: `${this.#issuer}/.well-known/jwks.json` });
    }
    const caller = KEYLESS.test(path) ? keyless() : this.#byKey(request);
    if (caller instanceof Response) return caller;
    if (path.startsWith("/auth/v1/admin/")) {
      const admin = identify(request, this.#tokens);
      return admin instanceof Response ? admin : adminApi(request, admin, backend.sql);
    }
    const serve = (wanted: Request) => this.#served(wanted, backend, caller, peerAddress);
    if (isFactorPath(path)) {
      const session = await sessionOf(request, this.#tokens, backend.sql);
      return factorApi(request, path, session, {
        sql: backend.sql,
        secrets: this.#secrets,
        issuer: ISSUER,
        refreshed: (refreshToken) => serve(refreshing(request, refreshToken)),
      });
    }
    if (path === "/auth/v1/user" && request.method === "PUT") return this.#changeUser(request, backend, serve);
    if (path === "/auth/v1/user") return withFactors(await serve(request), backend);
    if (path === "/auth/v1/signup" && request.method === "POST") return this.#signUp(request, backend, serve);
    return serve(request);
  }

  /** lite's answer, its sessions completed. */
  async #served(request: Request, backend: Backend, caller: Caller, peerAddress: string | undefined): Promise<Response> {
    const answered = await this.#toLite(backend.system, request, caller, peerAddress);
    const admitted = await withoutBanned(answered, backend.sql);
    return completeSession(admitted, { tokens: this.#tokens, issuer: this.#issuer, sql: backend.sql, method: methodOf(request) });
  }

  async #signUp(request: Request, backend: Backend, serve: (request: Request) => Promise<Response>): Promise<Response> {
    const again = request.clone();
    const refused = await signUpRefusal(request.clone(), backend.sql);
    if (refused) return refused;
    const answered = await serve(request);
    // Somebody else may have used the invitation up in between.
    const late = answered.status >= 500 ? await signUpRefusal(again, backend.sql) : undefined;
    return late ?? answered;
  }

  async #changeUser(request: Request, backend: Backend, serve: (request: Request) => Promise<Response>): Promise<Response> {
    const body = (await request.clone().json().catch(() => ({}))) as { password?: unknown; email?: unknown } | null;
    const isGuarded = body?.password !== undefined || body?.email !== undefined;
    const session = isGuarded ? await sessionOf(request, this.#tokens, backend.sql) : undefined;
    if (session) await requireSecondFactor(session, backend.sql);
    const answered = await serve(request);
    if (session && answered.ok && body?.password !== undefined) await endOtherSessions(session, backend.sql);
    return withFactors(answered, backend);
  }

  /** Auth checks the bearer token itself (an expired one may still sign in again), so only the key is looked at. */
  #byKey(request: Request): Caller | Response {
    const keyOnly = new Request(request.url, { headers: { apikey: request.headers.get("apikey") ?? "" } });
    return identify(keyOnly, this.#tokens);
  }
}

function keyless(): Caller {
  return { claims: { role: "anon" }, fromKey: true };
}

function refreshing(request: Request, refreshToken: string): Request {
  const headers = { "content-type": "application/json", apikey: request.headers.get("apikey") ?? "" };
  const address = new URL("/auth/v1/token?grant_type=refresh_token", request.url);
  return new Request(address, { method: "POST", headers, body: JSON.stringify({ refresh_token: refreshToken }) });
}

async function withFactors(response: Response, backend: Backend): Promise<Response> {
  if (!response.ok) return response;
  const user = (await response.json()) as { id: string };
  return rebuilt(response, JSON.stringify({ ...user, factors: await factorsOf(user.id, backend.sql) }));
}
