/** Who is asking: the API key says which project, the bearer token says who. */
import { json } from "./replies.ts";
import { type Claims, TokenError, type Tokens } from "./tokens.ts";

/** Claims always hold a `role`; `fromKey` when no other token than the API key was sent. */
export interface Caller {
  claims: Claims & { role: string };
  fromKey: boolean;
}

const KEY_ROLES = new Set(["anon", "service_role"]);

/** The caller of a request that must carry an API key, or the answer that refuses it. */
export function identify(request: Request, tokens: Tokens): Caller | Response {
  const key = request.headers.get("apikey") ?? new URL(request.url).searchParams.get("apikey");
  if (!key) {
    return json(401, { message: "No API key found in request", hint: "No `apikey` request header or url param was found." });
  }
  const keyClaims = verifyKey(key, tokens);
  if (!keyClaims) return json(401, { message: "Invalid API key", hint: "Double check your Supabase `apikey`." });
  const bearer = bearerToken(request);
  if (!bearer || bearer === key) return { claims: keyClaims, fromKey: true };
  return verifyBearer(bearer, tokens);
}

/** The caller of a request where the key may be missing (storage, as hosted): then the bearer token, or anon. */
export function identifyLeniently(request: Request, tokens: Tokens): Caller | Response {
  const bearer = bearerToken(request);
  if (bearer) return verifyBearer(bearer, tokens);
  const key = request.headers.get("apikey");
  const keyClaims = key ? verifyKey(key, tokens) : undefined;
  return { claims: keyClaims ?? { role: "anon" }, fromKey: true };
}

function verifyKey(key: string, tokens: Tokens): (Claims & { role: string }) | undefined {
  try {
    const claims = tokens.verify(key);
    return typeof claims.role === "string" && KEY_ROLES.has(claims.role) ? { ...claims, role: claims.role } : undefined;
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}

function verifyBearer(bearer: string, tokens: Tokens): Caller | Response {
  try {
    const claims = tokens.verify(bearer);
    const role = typeof claims.role === "string" && claims.role !== "" ? claims.role : "anon";
    return { claims: { ...claims, role }, fromKey: false };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return json(
      401,
      { code: error.code, message: error.message, details: null, hint: null },
      { "www-authenticate": `Bearer error="invalid_token", error_description="${error.message}"` },
    );
  }
}

function bearerToken(request: Request): string | undefined {
  return /^Bearer\s+(\S+)\s*$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}
