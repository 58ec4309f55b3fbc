/**
 * Auth's admin API, which lite does not have: create, list, get, update and delete users, and sign a user out.
 *
 * Only a service_role token may call it. Answers and error codes are those of hosted Auth.
 */
import { randomUUID } from "node:crypto";
import bcrypt from "bcryptjs";
import type postgres from "postgres";
import { AuthError, refusal } from "./auth_error.ts";
import type { Caller } from "./caller.ts";
import { json } from "./replies.ts";
import { isPostgresError } from "./sqlstate.ts";
import { inTransaction } from "./transaction.ts";

const BCRYPT_COST = 10;
const LEAST_PASSWORD = 8;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const FOREVER = "876000h";

interface UserAttributes {
  id?: string;
  email?: string;
  phone?: string;
  password?: string;
  role?: string;
  email_confirm?: boolean;
  phone_confirm?: boolean;
  user_metadata?: Record<string, unknown>;
  app_metadata?: Record<string, unknown>;
  ban_duration?: string;
}

/** Answers a request under /auth/v1/admin. */
export async function adminApi(request: Request, caller: Caller, sql: postgres.Sql): Promise<Response> {
  try {
    if (caller.claims.role !== "service_role") throw new AuthError(403, "not_admin", "User not allowed");
    return await route(request, sql);
  } catch (error) {
    const refused = error instanceof AuthError ? error : fromPostgres(error);
    if (!refused) throw error;
    return refusal(refused.status, refused.code, refused.message);
  }
}

async function route(request: Request, sql: postgres.Sql): Promise<Response> {
  const url = new URL(request.url);
  const [collection, id, ...rest] = url.pathname.replace("/auth/v1/admin/", "").split("/");
  if (collection !== "users" || rest.length > 0) throw new AuthError(404, "not_found", `No such admin endpoint: ${url.pathname}`);
  if (id === undefined || id === "") {
    if (request.method === "GET") return listUsers(url, sql);
    if (request.method === "POST") return json(200, await createUser(await attributes(request), sql));
  } else {
    if (!UUID.test(id)) throw new AuthError(404, "validation_failed", "user_id must be an UUID");
    if (request.method === "GET") return json(200, await getUser(id, sql));
    if (request.method === "PUT") return json(200, await updateUser(id, await attributes(request), sql));
    if (request.method === "DELETE") return json(200, await deleteUser(id, sql));
  }
  throw new AuthError(405, "method_not_allowed", `${request.method} is not allowed here`);
}

async function attributes(request: Request): Promise<UserAttributes> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new AuthError(400, "bad_json", "Could not parse request body as JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new AuthError(400, "bad_json", "The body must be a JSON object");
  const { email, password } = body as UserAttributes;
  if (email !== undefined && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) {
    throw new AuthError(400, "validation_failed", "Unable to validate email address: invalid format");
  }
  if (password !== undefined && password.length < LEAST_PASSWORD) {
    throw new AuthError(422, "weak_password", `Password should be at least ${LEAST_PASSWORD} characters.`);
  }
  return body;
}

async function createUser(given: UserAttributes, sql: postgres.Sql): Promise<unknown> {
  const email = given.email?.toLowerCase() ?? null;
  if (!email && !given.phone) throw new AuthError(400, "validation_failed", "Cannot create a user without either an email or phone");
  const id = given.id ?? randomUUID();
  const hash = given.password === undefined ? null : await bcrypt.hash(given.password, BCRYPT_COST);
  const appMetadata = { provider: email ? "email" : "phone", providers: [email ? "email" : "phone"], ...given.app_metadata };
  await inTransaction(sql, async (tx) => {
    await tx`
      insert into auth.users (id, aud, role, email, phone, encrypted_password, email_confirmed_at, phone_confirmed_at,
                              raw_app_meta_data, raw_user_meta_data, banned_until)
      values (${id}, 'authenticated', ${given.role ?? "authenticated"}, ${email}, ${given.phone ?? null}, ${hash},
              ${given.email_confirm ? new Date().toISOString() : null}, ${given.phone_confirm ? new Date().toISOString() : null},
              ${JSON.stringify(appMetadata)}, ${JSON.stringify(given.user_metadata ?? {})}, ${bannedUntil(given.ban_duration)})`;
    if (email) {
      const identity = { sub: id, email, email_verified: given.email_confirm ?? false, phone_verified: false };
      await tx`
        insert into auth.identities (id, provider, provider_id, user_id, identity_data)
        values (${randomUUID()}, 'email', ${id}, ${id}, ${JSON.stringify(identity)})`;
    }
  });
  return getUser(id, sql);
}

async function updateUser(id: string, given: UserAttributes, sql: postgres.Sql): Promise<unknown> {
  const email = given.email?.toLowerCase();
  const hash = given.password === undefined ? undefined : await bcrypt.hash(given.password, BCRYPT_COST);
  await inTransaction(sql, async (tx) => {
    const changed = await tx`
      update auth.users set
        email = coalesce(${email ?? null}, email),
        phone = coalesce(${given.phone ?? null}, phone),
        role = coalesce(${given.role ?? null}, role),
        encrypted_password = coalesce(${hash ?? null}, encrypted_password),
        email_confirmed_at = case when ${given.email_confirm ?? false} then coalesce(email_confirmed_at, now()) else email_confirmed_at end,
        phone_confirmed_at = case when ${given.phone_confirm ?? false} then coalesce(phone_confirmed_at, now()) else phone_confirmed_at end,
        raw_app_meta_data = coalesce(raw_app_meta_data, '{}') || ${JSON.stringify(given.app_metadata ?? {})}::jsonb,
        raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || ${JSON.stringify(given.user_metadata ?? {})}::jsonb,
        banned_until = case when ${given.ban_duration !== undefined} then ${bannedUntil(given.ban_duration)}::timestamptz else banned_until end,
        updated_at = now()
      where id = ${id}`;
    if (changed.count === 0) throw userNotFound();
    if (email) {
      await tx`
        update auth.identities set identity_data = identity_data || ${JSON.stringify({ email })}::jsonb, updated_at = now()
        where user_id = ${id} and provider = 'email'`;
    }
    // A new password ends what was signed in with the old one.
    if (hash) await tx`delete from auth.refresh_tokens where user_id = ${id}`;
  });
  return getUser(id, sql);
}

async function deleteUser(id: string, sql: postgres.Sql): Promise<unknown> {
  await inTransaction(sql, async (tx) => {
    await tx`delete from auth.refresh_tokens where user_id = ${id}`;
    const gone = await tx`delete from auth.users where id = ${id}`;
    if (gone.count === 0) throw userNotFound();
  });
  return {};
}

async function getUser(id: string, sql: postgres.Sql): Promise<unknown> {
  const [user] = await sql`${selectUsers(sql)} where u.id = ${id}`;
  if (!user) throw userNotFound();
  return user;
}

async function listUsers(url: URL, sql: postgres.Sql): Promise<Response> {
  const page = wholeNumber(url, "page", 1, 1, 1_000_000);
  const perPage = wholeNumber(url, "per_page", 50, 1, 1000);
  const users = await sql`${selectUsers(sql)} order by u.created_at desc, u.id limit ${perPage} offset ${(page - 1) * perPage}`;
  const [counted] = await sql<{ total: number }[]>`select count(*)::int as total from auth.users`;
  const total = counted?.total ?? 0;
  const link = (rel: string, to: number) => `<${url.origin}${url.pathname}?page=${to}&per_page=${perPage}>; rel="${rel}"`;
  const last = Math.max(1, Math.ceil(total / perPage));
  const links = [...(page < last ? [link("next", page + 1)] : []), link("last", last)];
  return json(200, { users, aud: "authenticated" }, { "x-total-count": String(total), link: links.join(", ") });
}

function selectUsers(sql: postgres.Sql) {
  return sql`
    select u.id, u.aud, u.role, coalesce(u.email, '') as email, coalesce(u.phone, '') as phone, u.email_confirmed_at, u.phone_confirmed_at,
      u.confirmed_at, u.last_sign_in_at, u.raw_app_meta_data as app_metadata, u.raw_user_meta_data as user_metadata, u.banned_until,
      u.created_at, u.updated_at, u.is_anonymous,
      coalesce((select jsonb_agg(jsonb_build_object('identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'provider', i.provider,
          'identity_data', i.identity_data, 'email', i.email, 'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
          'updated_at', i.updated_at) order by i.created_at)
        from auth.identities i where i.user_id = u.id), '[]') as identities
    from auth.users u`;
}

/** "24h", "30m", "none": the duration Go's clients send. */
function bannedUntil(duration: string | undefined): string | null {
  if (duration === undefined || duration === "none") return null;
  const found = /^(\d+)([hms])$/.exec(duration);
  if (!found) throw new AuthError(400, "validation_failed", `invalid format for ban duration: expected e.g. 24h, none or ${FOREVER}, found ${duration}`);
  const seconds = Number(found[1]) * { h: 3600, m: 60, s: 1 }[found[2] as "h" | "m" | "s"];
  return new Date(Date.now() + seconds * 1000).toISOString();
}

function wholeNumber(url: URL, name: string, otherwise: number, least: number, most: number): number {
  const text = url.searchParams.get(name);
  if (text === null || text === "") return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new AuthError(400, "validation_failed", `${name} must be a whole number from ${least} to ${most}, found ${text}`);
  }
  return value;
}

function userNotFound(): AuthError {
  return new AuthError(404, "user_not_found", "User not found");
}

function fromPostgres(error: unknown): AuthError | undefined {
  if (!isPostgresError(error)) return undefined;
  const asked = /^PT([45]\d\d)$/.exec(error.code)?.[1];
  if (asked) return new AuthError(Number(asked), "unexpected_failure", error.message);
  if (error.code === "23505") return new AuthError(422, "email_exists", "A user with this email address has already been registered");
  if (error.code === "23503" || error.code === "23001") return new AuthError(409, "conflict", `The user still owns rows: ${error.message}`);
  if (error.code.startsWith("22") || error.code.startsWith("23") || error.code.startsWith("P0")) {
    return new AuthError(400, "validation_failed", error.message);
  }
  return undefined;
}
