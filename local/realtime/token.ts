// Who is calling: a JWT signed with this stack's secret. HS256 and nothing else; `alg: none` is not an algorithm here.

import { createHmac, timingSafeEqual } from "node:crypto";
import { isObject, type JsonObject } from "./json.ts";

export interface Identity {
  readonly role: string;
  readonly claims: JsonObject;
  /** Seconds since 1970, or null where the token never expires. */
  readonly expiresAt: number | null;
  /** Equal for two callers whom the database cannot tell apart. */
  readonly key: string;
}

/** A token that is refused; the message says why. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
}

/** Reads and verifies a token. Throws TokenRefused. */
export function verify(token: string, secret: string, nowSeconds: number = Date.now() / 1000): Identity {
  const parts = token.split(".");
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) {
    throw new TokenRefused("InvalidJWTToken: The token provided is not a valid JWT");
  }
  if (part(header)["alg"] !== "HS256") {
    throw new TokenRefused("InvalidJWTToken: The token must be signed with HS256");
  }
  const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new TokenRefused("JwtSignatureError: Failed to validate JWT signature");
  }
  const claims = part(payload);
  const { exp, nbf, role } = claims;
  if (typeof role !== "string" || role === "") {
    throw new TokenRefused("InvalidJWTToken: Fields `role` and `exp` are required in JWT");
  }
  if (exp !== undefined && typeof exp !== "number") {
    throw new TokenRefused("InvalidJWTToken: The claim `exp` must be a number");
  }
  if (exp !== undefined && exp <= nowSeconds) {
    throw new TokenRefused(`InvalidJWTToken: Token has expired ${Math.floor(nowSeconds - exp)} seconds ago`);
  }
  if (nbf !== undefined && (typeof nbf !== "number" || nbf > nowSeconds)) {
    throw new TokenRefused("InvalidJWTToken: The token is not valid yet");
  }
  return { role, claims, expiresAt: exp ?? null, key: JSON.stringify(claims) };
}

function part(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (isObject(value)) return value;
  } catch {
    // Not JSON: refused below, like everything else that is not an object.
  }
  throw new TokenRefused("InvalidJWTToken: The token provided is not a valid JWT");
}
