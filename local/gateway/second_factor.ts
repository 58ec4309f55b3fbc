/**
 * Auth's API of the second factor, which lite does not have: enroll, challenge, verify and unenroll an authenticator app.
 *
 * Answers, error codes and rules are those of hosted Auth.
 */
import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { renderSVG } from "uqr";
import { AuthError } from "./auth_error.ts";
import { type Factor, factorsOf, isCurrentCode, newSecret, type SecretBox, totp } from "./factors.ts";
import { json } from "./replies.ts";
import { isPostgresError } from "./sqlstate.ts";
import { type Claims, TokenError, type Tokens } from "./tokens.ts";
import { inTransaction } from "./transaction.ts";

const MOST_FACTORS = 10;
const CHALLENGE_SECONDS = 300;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Who asks, and in which session. */
export interface Session {
  id: string;
  user: string;
  email: string;
  level: "aal1" | "aal2";
}

export interface SecondFactor {
  sql: postgres.Sql;
  secrets: SecretBox;
  /** The name that an app shows where the request gives none. */
  issuer: string;
  /** New tokens of the session, from lite: given its refresh token. */
  refreshed: (refreshToken: string) => Promise<Response>;
}

/** The session of the request's bearer token. Throws AuthError where there is none, or it has ended. */
export async function sessionOf(request: Request, tokens: Tokens, sql: postgres.Sql): Promise<Session> {
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (!token) throw new AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token");
  let claims: Claims;
  try {
    claims = tokens.verify(token);
  } catch (error) {
    if (error instanceof TokenError) throw new AuthError(403, "bad_jwt", `invalid JWT: ${error.message}`);
    throw error;
  }
  const session = typeof claims.session_id === "string" && UUID.test(claims.session_id) ? claims.session_id : null;
  const [found] = await sql<Session[]>`
    select s.id, s.user_id as user, coalesce(u.email, '') as email, coalesce(s.aal, 'aal1') as level
    from auth.sessions as s join auth.users as u on u.id = s.user_id where s.id = ${session} and s.user_id = ${String(claims.sub)}`;
  if (!found) throw new AuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist");
  return found;
}

/** True for an address under /auth/v1/factors. */
export function isFactorPath(path: string): boolean {
  return path === "/auth/v1/factors" || path.startsWith("/auth/v1/factors/");
}

/** Answers a request under /auth/v1/factors. Throws AuthError. */
export async function factorApi(request: Request, path: string, session: Session, own: SecondFactor): Promise<Response> {
  const [id, act, ...rest] = path.replace(/^\/auth\/v1\/factors\/?/, "").split("/");
  if (rest.length > 0) throw new AuthError(404, "not_found", `No such endpoint: ${path}`);
  const { method } = request;
  if (!id) {
    if (method === "POST") return enroll(await read(request), session, own);
  } else {
    if (!UUID.test(id)) throw new AuthError(404, "validation_failed", "factor_id must be an UUID");
    if (method === "DELETE" && act === undefined) return unenroll(id, session, own);
    if (method === "POST" && act === "challenge") return challenge(id, session, own);
    if (method === "POST" && act === "verify") return verify(id, await read(request), session, own);
  }
  throw new AuthError(405, "method_not_allowed", `${method} is not allowed here`);
}

/** Refuses a new password or address from a session without the second factor, where its user has one. */
export async function requireSecondFactor(session: Session, sql: postgres.Sql): Promise<void> {
  if (session.level !== "aal2" && (await factorsOf(session.user, sql)).some(isVerified)) {
    throw new AuthError(401, "insufficient_aal", "AAL2 session is required to update email or password when MFA is enabled.");
  }
}

/** Ends every other session of the user. */
export async function endOtherSessions(session: Session, sql: postgres.Sql, below: "aal2" | "any" = "any"): Promise<void> {
  await sql`
    with ended as (
      delete from auth.sessions where user_id = ${session.user} and id <> ${session.id} and (${below === "any"} or coalesce(aal, 'aal1') = 'aal1')
      returning id)
    delete from auth.refresh_tokens where session_id in (select id from ended)`;
}

async function enroll(body: Record<string, unknown>, session: Session, { sql, secrets, issuer }: SecondFactor): Promise<Response> {
  if (body.factor_type !== "totp") throw new AuthError(400, "validation_failed", "factor_type needs to be totp");
  const name = typeof body.friendly_name === "string" ? body.friendly_name : "";
  const shown = typeof body.issuer === "string" && body.issuer !== "" ? body.issuer : issuer;
  const id = randomUUID();
  const secret = newSecret();
  try {
    await inTransaction(sql, async (tx) => {
      await tx`select from auth.users where id = ${session.user} for update`;
      const factors = await factorsOf(session.user, tx);
      if (factors.some(isVerified) && session.level !== "aal2") throw new AuthError(403, "insufficient_aal", "AAL2 required to enroll a new factor");
      if (factors.length >= MOST_FACTORS) {
        throw new AuthError(403, "too_many_enrolled_mfa_factors", "Maximum number of verified factors reached, unenroll to continue");
      }
      await tx`
        insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, secret)
        values (${id}, ${session.user}, ${name}, 'totp', 'unverified', ${secrets.sealed(secret, id)})`;
    });
  } catch (error) {
    if (!isPostgresError(error) || error.code !== "23505") throw error;
    throw new AuthError(422, "mfa_factor_name_conflict", `A factor with the friendly name "${name}" for this user already exists`);
  }
  const uri = totp(secret, shown, session.email).toString();
  return json(200, { id, type: "totp", friendly_name: name, totp: { qr_code: renderSVG(uri), secret, uri } });
}

async function challenge(id: string, session: Session, { sql }: SecondFactor): Promise<Response> {
  const made = await sql<{ id: string; expires_at: number }[]>`
    insert into auth.mfa_challenges (id, factor_id)
    select ${randomUUID()}::uuid, f.id from auth.mfa_factors as f where f.id = ${id} and f.user_id = ${session.user}
    returning id, floor(extract(epoch from created_at))::int + ${CHALLENGE_SECONDS}::int as expires_at`;
  if (!made[0]) throw notFound();
  return json(200, { ...made[0], type: "totp" });
}

async function verify(id: string, body: Record<string, unknown>, session: Session, own: SecondFactor): Promise<Response> {
  const given = typeof body.challenge_id === "string" && UUID.test(body.challenge_id) ? body.challenge_id : null;
  const refreshToken = await inTransaction(own.sql, async (tx) => {
    const [factor] = await tx<{ secret: string }[]>`
      select secret from auth.mfa_factors where id = ${id} and user_id = ${session.user} for update`;
    if (!factor) throw notFound();
    const [asked] = await tx<{ expired: boolean }[]>`
      select created_at < now() - make_interval(secs => ${CHALLENGE_SECONDS}) as expired
      from auth.mfa_challenges where id = ${given} and factor_id = ${id} and verified_at is null`;
    if (!asked) throw new AuthError(404, "mfa_factor_not_found", "MFA factor with the provided challenge ID not found");
    if (asked.expired) {
      throw new AuthError(422, "mfa_challenge_expired", `MFA challenge ${given ?? ""} has expired, verify against another challenge or create a new challenge.`);
    }
    if (!isCurrentCode(own.secrets.opened(factor.secret, id), String(body.code))) {
      throw new AuthError(422, "mfa_verification_failed", "Invalid TOTP code entered");
    }
    await tx`update auth.mfa_challenges set verified_at = now() where id = ${given}`;
    await tx`update auth.mfa_factors set status = 'verified', updated_at = now() where id = ${id}`;
    await tx`delete from auth.mfa_factors where user_id = ${session.user} and status = 'unverified'`;
    await tx`update auth.sessions set aal = 'aal2', factor_id = ${id}, updated_at = now() where id = ${session.id}`;
    await tx`
      insert into auth.mfa_amr_claims (session_id, authentication_method) values (${session.id}, 'totp')
      on conflict (session_id, authentication_method) do update set updated_at = now()`;
    await endOtherSessions(session, tx, "aal2");
    const [current] = await tx<{ token: string }[]>`
      select token from auth.refresh_tokens where session_id = ${session.id} and not revoked order by created_at desc limit 1`;
    if (!current) throw new AuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist");
    return current.token;
  });
  return own.refreshed(refreshToken);
}

async function unenroll(id: string, session: Session, { sql }: SecondFactor): Promise<Response> {
  await inTransaction(sql, async (tx) => {
    const [factor] = await tx<Factor[]>`select status from auth.mfa_factors where id = ${id} and user_id = ${session.user} for update`;
    if (!factor) throw notFound();
    if (isVerified(factor) && session.level !== "aal2") throw new AuthError(422, "insufficient_aal", "AAL2 required to unenroll verified factor");
    await tx`delete from auth.mfa_factors where id = ${id}`;
    // What a session has shown by this factor, it has shown no more.
    const lowered = await tx<{ id: string }[]>`update auth.sessions set aal = 'aal1', factor_id = null where factor_id = ${id} returning id`;
    await tx`delete from auth.mfa_amr_claims where authentication_method = 'totp' and session_id = any (${lowered.map((one) => one.id)}::uuid[])`;
  });
  return json(200, { id });
}

function isVerified(factor: Factor): boolean {
  return factor.status === "verified";
}

function notFound(): AuthError {
  return new AuthError(404, "mfa_factor_not_found", "Factor not found");
}

async function read(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request.json().catch(() => undefined);
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new AuthError(400, "bad_json", "Could not parse request body as JSON");
}
