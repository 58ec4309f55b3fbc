/** Sessions as hosted Auth issues them: lite's tokens lack the claims that policies and clients read. */
import type postgres from "postgres";
import { json } from "./replies.ts";
import type { Claims, Tokens } from "./tokens.ts";

interface TokenUser {
  id: string;
  email?: string | null;
  phone?: string | null;
  app_metadata?: unknown;
  user_metadata?: unknown;
  is_anonymous?: boolean;
}

/** Signs lite's session answers again with the hosted claims; every other answer passes unchanged. */
export async function completeSession(response: Response, tokens: Tokens, issuer: string, sql: postgres.Sql): Promise<Response> {
  const location = response.headers.get("location");
  if (location?.includes("#access_token=")) return completeRedirect(response, location, tokens, issuer, sql);
  if (!response.ok || !response.headers.get("content-type")?.includes("json")) return response;
  const text = await response.text();
  if (!text.includes('"access_token"')) return rebuilt(response, text);
  const session = JSON.parse(text) as { access_token?: string; user?: TokenUser };
  if (!session.access_token || !session.user) return rebuilt(response, text);
  const access_token = resign(session.access_token, session.user, tokens, issuer);
  return rebuilt(response, JSON.stringify({ ...session, access_token }));
}

async function completeRedirect(response: Response, location: string, tokens: Tokens, issuer: string, sql: postgres.Sql): Promise<Response> {
  const at = location.indexOf("#");
  const fragment = new URLSearchParams(location.slice(at + 1));
  const token = fragment.get("access_token") ?? "";
  const [user] = await sql<TokenUser[]>`
    select id, email, phone, raw_app_meta_data as app_metadata, raw_user_meta_data as user_metadata, is_anonymous
    from auth.users where id = ${String(tokens.verify(token).sub)}`;
  if (!user) return response;
  fragment.set("access_token", resign(token, user, tokens, issuer));
  const headers = new Headers(response.headers);
  headers.set("location", `${location.slice(0, at)}#${fragment.toString()}`);
  return new Response(null, { status: response.status, headers });
}

function resign(token: string, user: TokenUser, tokens: Tokens, issuer: string): string {
  const claims: Claims = tokens.verify(token);
  return tokens.sign({
    ...claims,
    iss: issuer,
    email: user.email ?? "",
    phone: user.phone ?? "",
    app_metadata: user.app_metadata ?? {},
    user_metadata: user.user_metadata ?? {},
    aal: "aal1",
    amr: [{ method: "password", timestamp: claims.iat }],
    is_anonymous: user.is_anonymous ?? false,
  });
}

function rebuilt(response: Response, body: string): Response {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(body, { status: response.status, headers });
}

/** What lite leaves out of a request for the current user's claims: the key set is empty, as for every HS256 project. */
export function discovery(issuer: string): Response {
  return json(200, { issuer, jwks_uri: `${issuer}/.well-known/jwks.json` });
}
