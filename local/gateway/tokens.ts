/** HS256 JSON web tokens: signing and verifying, the way Auth and PostgREST do it. */
import { createHmac, timingSafeEqual } from "node:crypto";

export type Claims = Record<string, unknown>;

/** Why a token was refused; `code` is PostgREST's. */
export class TokenError extends Error {
  readonly code: "PGRST301" | "PGRST303";

  constructor(code: "PGRST301" | "PGRST303", message: string) {
    super(message);
    this.code = code;
  }
}

/** Clocks of two machines differ; PostgREST allows the same. */
const CLOCK_SKEW_SECONDS = 30;
const KEPT_TOKENS = 1000;
const HEADER = base64url(JSON.stringify({ alg: "HS256", typ: "JWT" }));

export class Tokens {
  readonly #secret: string;
  // Checking a signature costs more than a whole RPC's SQL, and a function sends the same token for minutes.
  readonly #verified = new Map<string, Claims>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  sign(claims: Claims): string {
    const signed = `${HEADER}.${base64url(JSON.stringify(claims))}`;
    return `${signed}.${this.#signature(signed).toString("base64url")}`;
  }

  /** The claims of a token. Throws TokenError where it is malformed, not ours, expired or not valid yet. */
  verify(token: string): Claims {
    let claims = this.#verified.get(token);
    if (!claims) {
      claims = this.#read(token);
      if (this.#verified.size >= KEPT_TOKENS) this.#verified.clear();
      this.#verified.set(token, claims);
    }
    requireCurrent(claims, Date.now() / 1000);
    return claims;
  }

  #read(token: string): Claims {
    const parts = token.split(".");
    const [header, payload, signature] = parts;
    if (parts.length !== 3 || !header || !payload || !signature) {
      throw new TokenError("PGRST301", `Expected 3 parts in JWT; got ${parts.length}`);
    }
    const algorithm = parseObject(header)?.alg;
    const expected = this.#signature(`${header}.${payload}`);
    const found = Buffer.from(signature, "base64url");
    const claims = parseObject(payload);
    if (algorithm !== "HS256" || expected.length !== found.length || !timingSafeEqual(expected, found) || !claims) {
      throw new TokenError("PGRST301", "No suitable key or wrong key type");
    }
    return claims;
  }

  #signature(text: string): Buffer {
    return createHmac("sha256", this.#secret).update(text).digest();
  }
}

function requireCurrent(claims: Claims, nowSeconds: number): void {
  const { exp, nbf, iat } = claims;
  if (typeof exp === "number" && exp + CLOCK_SKEW_SECONDS < nowSeconds) throw new TokenError("PGRST303", "JWT expired");
  if (typeof nbf === "number" && nbf - CLOCK_SKEW_SECONDS > nowSeconds) throw new TokenError("PGRST303", "JWT not yet valid");
  if (typeof iat === "number" && iat - CLOCK_SKEW_SECONDS > nowSeconds) throw new TokenError("PGRST303", "JWT issued at future");
}

function parseObject(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined; // Not a token's part; the caller refuses it.
  }
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
