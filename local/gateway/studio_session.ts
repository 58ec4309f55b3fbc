/**
 * Who sits at the studio: a one-time link from the command line becomes a cookie, and the cookie names an administrator.
 *
 * The link's and the cookie's tokens are signed with a key of their own, so that neither is a token of the API.
 */
import { createHmac } from "node:crypto";
import { type Claims, TokenError, Tokens } from "./tokens.ts";

const COOKIE = "agenttrader_studio";
const SESSION_SECONDS = 8 * 3600;

/** An administrator at the studio. */
export interface Sitter {
  id: string;
  email: string;
}

export class StudioSessions {
  readonly #tokens: Tokens;
  readonly #used = new Map<string, number>();
  /** A link from before this process began may have been used already; who used it is forgotten. */
  readonly #begun = Math.floor(Date.now() / 1000);

  constructor(jwtSecret: string) {
    this.#tokens = new Tokens(createHmac("sha256", jwtSecret).update("studio").digest("hex"));
  }

  /** Whom a link names; undefined where it is forged, expired, or used before. Uses it up. */
  enter(link: string): string | undefined {
    const claims = this.#read(link, "enter");
    const { sub, jti, exp, iat } = claims ?? {};
    if (typeof sub !== "string" || typeof jti !== "string" || typeof exp !== "number" || typeof iat !== "number") return undefined;
    const now = Date.now() / 1000;
    for (const [id, end] of this.#used) if (end < now - 60) this.#used.delete(id);
    if (iat < this.#begun || exp < now || this.#used.has(jti)) return undefined;
    this.#used.set(jti, exp);
    return sub;
  }

  /** The header that gives an administrator their cookie. */
  cookieFor(sitter: Sitter): string {
    const now = Math.floor(Date.now() / 1000);
    const token = this.#tokens.sign({ purpose: "session", sub: sitter.id, email: sitter.email, iat: now, exp: now + SESSION_SECONDS });
    return `${COOKIE}=${token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_SECONDS}`;
  }

  /** The header that takes it away. */
  noCookie(): string {
    return `${COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0`;
  }

  /** Whom the request's cookie names; whether they are an administrator still is for the caller to ask. */
  sitter(request: Request): Sitter | undefined {
    const token = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1];
    const claims = token ? this.#read(token, "session") : undefined;
    return typeof claims?.sub === "string" && typeof claims.email === "string" ? { id: claims.sub, email: claims.email } : undefined;
  }

  #read(token: string, purpose: string): Claims | undefined {
    try {
      const claims = this.#tokens.verify(token);
      return claims.purpose === purpose ? claims : undefined;
    } catch (error) {
      if (error instanceof TokenError) return undefined;
      throw error;
    }
  }
}

/**
 * True for a request of this machine's own browser on the studio's own page.
 *
 * The peer's address keeps the network out, the Host header a page whose name was re-pointed to 127.0.0.1, and Origin and
 * Sec-Fetch-Site every other page: other ports of this machine too, to which a SameSite cookie goes as well.
 */
export function isOwnPage(request: Request, peerAddress: string | undefined, port: number, entering = false): boolean {
  const host = request.headers.get("host") ?? "";
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  const reads = request.method === "GET" || request.method === "HEAD";
  return (
    isLoopback(peerAddress) &&
    [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`].includes(host) &&
    !request.headers.has("x-forwarded-for") &&
    !request.headers.has("forwarded") &&
    (origin === null ? reads : origin === `http://${host}`) &&
    (entering || site === null || site === "same-origin" || site === "none")
  );
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (/^(::ffff:)?127\./.test(address) || address === "::1");
}
