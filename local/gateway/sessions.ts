/** Sessions as hosted Auth issues them: lite's tokens lack the claims that policies and clients read. */
import type postgres from "postgres";
import { AuthError } from "./auth_error.ts";
import { factorsOf } from "./factors.ts";
import { isPostgresError } from "./sqlstate.ts";
import type { Claims, Tokens } from "./tokens.ts";
import { inTransaction } from "./transaction.ts";

/** How somebody has just shown who they are, as `amr` names it. */
export type Method = "password" | "otp" | "oauth";

export interface Issuing {
  tokens: Tokens;
  issuer: string;
  sql: postgres.Sql;
  /** Of a new session; undefined where one goes on. */
  method: Method | undefined;
}

interface TokenUser {
  id: string;
  email?: string | null;
  phone?: string | null;
  app_metadata?: unknown;
  user_metadata?: unknown;
  is_anonymous?: boolean;
}

interface Proven {
  aal: string | null;
  amr: { method: string; timestamp: number }[];
}

interface HookAnswer {
  claims?: Claims;
  error?: { http_code?: number; message?: string };
}

/** What a request to Auth begins a session by; undefined where it begins none. */
export function methodOf(request: Request): Method | undefined {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/auth/v1/signup") return "password";
  if (pathname === "/auth/v1/verify") return "otp";
  if (pathname === "/auth/v1/callback") return "oauth";
  if (pathname !== "/auth/v1/token") return undefined;
  return ({ password: "password", pkce: "oauth" } as const)[searchParams.get("grant_type") ?? ""];
}

/** Signs lite's session answers again with the hosted claims; every other answer passes unchanged. Throws AuthError where the hook refuses. */
export async function completeSession(response: Response, issuing: Issuing): Promise<Response> {
  const location = response.headers.get("location");
  if (location?.includes("#access_token=")) return completeRedirect(response, location, issuing);
  if (!response.ok || !response.headers.get("content-type")?.includes("json")) return response;
  const text = await response.text();
  if (!text.includes('"access_token"')) return rebuilt(response, text);
  const session = JSON.parse(text) as { access_token?: string; user?: TokenUser };
  if (!session.access_token || !session.user) return rebuilt(response, text);
  const access_token = await resign(session.access_token, session.user, issuing);
  const user = { ...session.user, factors: await factorsOf(session.user.id, issuing.sql) };
  return rebuilt(response, JSON.stringify({ ...session, access_token, user }));
}

async function completeRedirect(response: Response, location: string, issuing: Issuing): Promise<Response> {
  const at = location.indexOf("#");
  const fragment = new URLSearchParams(location.slice(at + 1));
  const token = fragment.get("access_token") ?? "";
  const [user] = await issuing.sql<TokenUser[]>`
    select id, email, phone, raw_app_meta_data as app_metadata, raw_user_meta_data as user_metadata, is_anonymous
    from auth.users where id = ${String(issuing.tokens.verify(token).sub)}`;
  if (!user) return response;
  fragment.set("access_token", await resign(token, user, issuing));
  const headers = new Headers(response.headers);
  headers.set("location", `${location.slice(0, at)}#${fragment.toString()}`);
  return new Response(null, { status: response.status, headers });
}

async function resign(token: string, user: TokenUser, { tokens, issuer, sql, method }: Issuing): Promise<string> {
  const issued: Claims = tokens.verify(token);
  const proven = await provenBy(String(issued.session_id), method, sql);
  const claims: Claims = {
    ...issued,
    iss: issuer,
    email: user.email ?? "",
    phone: user.phone ?? "",
    app_metadata: user.app_metadata ?? {},
    user_metadata: user.user_metadata ?? {},
    aal: proven.aal ?? "aal1",
    amr: proven.amr,
    is_anonymous: user.is_anonymous ?? false,
  };
  return tokens.sign(await hooked(claims, method ?? "token_refresh", sql));
}

/** What the session's person has shown, newest first; a new session's method is kept, so that a refreshed token says the same. */
async function provenBy(session: string, method: Method | undefined, sql: postgres.Sql): Promise<Proven> {
  if (method) {
    await sql`
      insert into auth.mfa_amr_claims (session_id, authentication_method) values (${session}, ${method})
      on conflict (session_id, authentication_method) do update set updated_at = now()`;
  }
  const [proven] = await sql<Proven[]>`
    select s.aal, coalesce(jsonb_agg(
        jsonb_build_object('method', c.authentication_method, 'timestamp', floor(extract(epoch from c.updated_at))::bigint)
        order by c.updated_at desc) filter (where c.id is not null), '[]') as amr
    from auth.sessions as s left join auth.mfa_amr_claims as c on c.session_id = s.id
    where s.id = ${session} group by s.id`;
  return proven ?? { aal: null, amr: [] };
}

/** The claims as the ledger's hook `private.custom_access_token` leaves them, asked with the rights that hosted Auth has. */
async function hooked(claims: Claims, method: string, sql: postgres.Sql): Promise<Claims> {
  const event = JSON.stringify({ user_id: claims.sub, claims, authentication_method: method });
  let answer: HookAnswer | undefined;
  try {
    answer = await inTransaction(sql, async (tx) => {
      await tx`set local role supabase_auth_admin`;
      const [row] = await tx<{ answer: HookAnswer }[]>`select private.custom_access_token(${event}::jsonb) as answer`;
      return row?.answer;
    });
  } catch (error) {
    // A database without our migrations has neither the function nor its schema.
    if (isPostgresError(error) && (error.code === "42883" || error.code === "3F000")) return claims;
    throw error;
  }
  if (answer?.error) throw new AuthError(answer.error.http_code ?? 500, "hook_payload_invalid", answer.error.message ?? "");
  if (!answer?.claims) throw new AuthError(500, "hook_payload_invalid", "The hook custom_access_token answered without claims");
  return answer.claims;
}

export function rebuilt(response: Response, body: string): Response {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(body, { status: response.status, headers });
}
