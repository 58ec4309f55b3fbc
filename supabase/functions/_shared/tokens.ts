/**
 * JSON web tokens of this project: checked by its keys, and made for a program or for the API's own role.
 *
 * A token is checked here, not by the platform: its `verify_jwt` does not work with asymmetric keys. The project's public
 * keys come from Auth (JWKS); HS256 is believed only where AGENTTRADER_JWT_SECRET is set, which is the local cloud.
 * Tokens are made with AGENTTRADER_SIGNING_KEY, a private key (JWK, ES256) whose public half the project trusts.
 */
import { createRemoteJWKSet, decodeProtectedHeader, errors, importJWK, type JWTPayload, jwtVerify, SignJWT } from "npm:jose@6.2.18";

export type Claims = JWTPayload & Record<string, unknown>;

/** A token that is malformed, not of this project, expired or not valid yet; the message says which. */
export class BadToken extends Error {}

/** Auth does not give the keys by which a token is checked: nothing is known of the token. */
export class KeysUnreachable extends Error {}

/** Clocks of two machines differ; PostgREST allows the same. */
const CLOCK_SKEW_SECONDS = 30;
const KEPT_TOKENS = 1000;
const verified = new Map<string, Claims>();
let keySet: ReturnType<typeof createRemoteJWKSet> | undefined;

/** The claims of a genuine token. Throws BadToken, KeysUnreachable. */
export async function checked(token: string): Promise<Claims> {
  const known = verified.get(token);
  if (known) return current(known);
  const alg = algorithmOf(token);
  let claims: Claims;
  try {
    // One that never ends could never be taken back.
    const options = { clockTolerance: CLOCK_SKEW_SECONDS, requiredClaims: ["exp"] };
    const secret = Deno.env.get("AGENTTRADER_JWT_SECRET");
    claims = alg === "HS256" && secret
      ? (await jwtVerify<Claims>(token, new TextEncoder().encode(secret), { ...options, algorithms: ["HS256"] })).payload
      : (await jwtVerify<Claims>(token, projectKeys(), { ...options, algorithms: ["ES256", "RS256", "EdDSA"] })).payload;
  } catch (error) {
    throw refusal(error);
  }
  if (verified.size >= KEPT_TOKENS) verified.clear();
  verified.set(token, claims);
  return claims;
}

function algorithmOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).alg;
  } catch {
    throw new BadToken("The token is not a JSON web token.");
  }
}

function refusal(error: unknown): BadToken | KeysUnreachable {
  if (error instanceof errors.JWTExpired) return new BadToken("The token has expired; sign in again.");
  const ofToken = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && !(error instanceof errors.JWKSInvalid) &&
    // What jose throws where Auth answers something else than 200, or no JSON.
    error.code !== "ERR_JOSE_GENERIC";
  if (ofToken) return new BadToken("The token is not valid; sign in again.");
  return new KeysUnreachable(`Auth does not give its keys: ${error instanceof Error ? error.message : String(error)}`);
}

function current(claims: Claims): Claims {
  if (claims.exp !== undefined && claims.exp + CLOCK_SKEW_SECONDS < Date.now() / 1000) {
    throw new BadToken("The token has expired; sign in again.");
  }
  return claims;
}

function projectKeys(): ReturnType<typeof createRemoteJWKSet> {
  keySet ??= createRemoteJWKSet(new URL(`${Deno.env.get("SUPABASE_URL")}/auth/v1/.well-known/jwks.json`));
  return keySet;
}

/** A token that says these claims, for so many seconds. Throws Error where the project has given no key to sign with. */
export async function signed(claims: Claims, seconds: number): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const token = (alg: string, kid?: string) => new SignJWT(claims).setProtectedHeader({ alg, typ: "JWT", ...(kid ? { kid } : {}) }).setIssuedAt(now).setExpirationTime(now + seconds);
  const key = Deno.env.get("AGENTTRADER_SIGNING_KEY");
  if (key) {
    const jwk = JSON.parse(key) as { kid?: string; alg?: string };
    return token(jwk.alg ?? "ES256", jwk.kid).sign(await importJWK(jwk as Parameters<typeof importJWK>[0], jwk.alg ?? "ES256"));
  }
  const secret = Deno.env.get("AGENTTRADER_JWT_SECRET");
  if (!secret) throw new Error("AGENTTRADER_SIGNING_KEY is not set: the API can make no token for a program");
  return token("HS256").sign(new TextEncoder().encode(secret));
}
