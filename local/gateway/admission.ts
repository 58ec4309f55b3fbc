/** Who may sign up and sign in, said in words: what hosted Auth does by its hook and its ban, and lite does not. */
import type postgres from "postgres";
import { refusal } from "./auth_error.ts";
import { isPostgresError } from "./sqlstate.ts";

interface Hook {
  error?: { http_code?: number; message?: string };
}

/**
 * The refusal of a sign-up, from the ledger's hook `private.before_user_created`; undefined where it has none.
 *
 * The trigger on auth.users is what keeps people out. It cannot word the answer: lite hides the reason, as hosted Auth does.
 */
export async function signUpRefusal(request: Request, sql: postgres.Sql): Promise<Response | undefined> {
  const body = (await request.json().catch(() => ({}))) as { email?: unknown; data?: unknown };
  const event = { user: { email: body.email ?? null, user_metadata: body.data ?? {} } };
  try {
    const [row] = await sql<{ answer: Hook }[]>`select private.before_user_created(${JSON.stringify(event)}::jsonb) as answer`;
    return row?.answer.error && refusal(row.answer.error.http_code ?? 403, "signup_disabled", row.answer.error.message ?? "");
  } catch (error) {
    if (isPostgresError(error) && (error.code === "42883" || error.code === "3F000")) return undefined; // A database without our migrations.
    throw error;
  }
}

/** A session that lite has just given to somebody who is banned is taken back. */
export async function withoutBanned(response: Response, sql: postgres.Sql): Promise<Response> {
  if (!response.ok || !response.headers.get("content-type")?.includes("json")) return response;
  const text = await response.clone().text();
  if (!text.includes('"access_token"')) return response;
  const { user } = JSON.parse(text) as { user?: { id?: string } };
  const banned = await sql`select from auth.users where id = ${user?.id ?? null}::uuid and banned_until > now()`;
  if (banned.count === 0) return response;
  await sql`delete from auth.refresh_tokens where user_id = ${user?.id ?? null}::uuid`;
  await sql`delete from auth.sessions where user_id = ${user?.id ?? null}::uuid`;
  return refusal(400, "user_banned", "User is banned");
}
