/**
 * Who calls an edge function, checked in code: the platform's `verify_jwt` does not work with asymmetric keys.
 *
 * A token of this project's HS256 secret (AGENTTRADER_JWT_SECRET, where it is set) is checked here; every other one is
 * shown to Auth, which knows its own keys.
 */

/** `token` is to be passed on to PostgREST, so that row-level security decides. */
export interface Caller {
  id: string | null;
  role: string;
  email: string | null;
  token: string;
}

/** The request carries no token, or one that is not valid; the message says which. */
export class NotSignedIn extends Error {}

interface Claims {
  sub?: string;
  role?: string;
  email?: string;
  exp?: number;
}

/** Checks the bearer token. Throws NotSignedIn; network errors of the question to Auth pass through. */
export async function identify(request: Request): Promise<Caller> {
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
  if (!token) throw new NotSignedIn("The request has no bearer token; sign in and send its access token.");
  const claims = (await checkedHere(token)) ?? (await checkedByAuth(token));
  return { id: claims.sub ?? null, role: claims.role ?? "anon", email: claims.email ?? null, token };
}

async function checkedHere(token: string): Promise<Claims | undefined> {
  const secret = Deno.env.get("AGENTTRADER_JWT_SECRET");
  const [header, payload, signature] = token.split(".");
  if (!secret || !header || !payload || !signature || decoded<{ alg?: string }>(header).alg !== "HS256") return undefined;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["verify"]);
  const genuine = await crypto.subtle.verify("HMAC", key, bytes(signature), new TextEncoder().encode(`${header}.${payload}`));
  if (!genuine) throw new NotSignedIn("The token's signature is not valid.");
  const claims = decoded<Claims>(payload);
  if (claims.exp !== undefined && claims.exp * 1000 < Date.now()) throw new NotSignedIn("The token has expired; sign in again.");
  return claims;
}

async function checkedByAuth(token: string): Promise<Claims> {
  const answer = await fetch(`${Deno.env.get("SUPABASE_URL")}/auth/v1/user`, {
    headers: { apikey: Deno.env.get("SUPABASE_ANON_KEY") ?? "", Authorization: `Bearer ${token}` },
  });
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new NotSignedIn(`Auth did not accept the token (status ${answer.status}).`);
  }
  const user = await answer.json() as { id: string; role: string; email: string };
  return { sub: user.id, role: user.role, email: user.email };
}

function decoded<T>(part: string): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes(part))) as T;
  } catch {
    throw new NotSignedIn("The bearer token is not a JSON web token.");
  }
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
