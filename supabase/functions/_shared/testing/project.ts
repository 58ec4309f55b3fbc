/** A Supabase project for the tests of edge functions: Auth's key set, and a PostgREST that answers what a test says. */
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "npm:jose@6.2.18";

export const SECRET = "a-secret-of-the-tests-that-is-long-enough-for-hs256";

/** What PostgREST was asked: the path behind /rest/v1/, the query, the body and the claims of the token. */
export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  authorization: string | null;
}

type Answer = (asked: Asked) => Response | unknown;

/** Served on a port of its own; SUPABASE_URL names it. Answers are by path, such as `rpc/take_rate`. */
export class Project {
  readonly asked: Asked[] = [];
  readonly answers = new Map<string, Answer>();
  /** What Auth answers when it is asked for its keys. */
  keys: () => Response = () => Response.json({ keys: [] });
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => undefined }, (request) => this.#answer(request));
    Deno.env.set("SUPABASE_URL", `http://127.0.0.1:${this.#server.addr.port}`);
    Deno.env.set("SUPABASE_ANON_KEY", "publishable");
    Deno.env.set("AGENTTRADER_JWT_SECRET", SECRET);
    this.answers.set("rpc/take_rate", ({ body }) => {
      const { p_count, p_limit } = body as { p_count: number; p_limit: number };
      return { allowed: true, taken: p_count, remaining: p_limit - p_count, retry_after: 0 };
    });
  }

  /** How often the path was asked. */
  times(path: string): number {
    return this.asked.filter((one) => one.path === path).length;
  }

  async stop(): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/auth/v1/.well-known/jwks.json") return this.keys();
    const text = await request.text();
    const path = url.pathname.replace("/rest/v1/", "");
    const asked = { method: request.method, path, query: url.searchParams, body: text === "" ? null : JSON.parse(text), authorization: request.headers.get("Authorization") };
    this.asked.push(asked);
    const answer = await this.answers.get(path)?.(asked);
    if (answer instanceof Response) return answer;
    return answer === undefined ? Response.json({ code: "PGRST202", message: `no ${path}` }, { status: 404 }) : Response.json(answer);
  }
}

/** As the ledger refuses: by private.refuse. */
export function refused(status: number, code: string, hint: string, numbers: Record<string, unknown> = {}): Response {
  const message = [`${code}:`, ...Object.entries(numbers).map(([name, value]) => `${name}=${value}`)].join(" ");
  return Response.json({ code: `PT${status}`, message: Object.keys(numbers).length > 0 ? message : code, details: JSON.stringify(numbers), hint }, { status });
}

const PERSON: JWTPayload = { sub: "7c1c34a0-1c5b-4b8e-9d0e-0d7f2c1f9b11", role: "authenticated", email: "a@example.com" };

/** A person's token, signed with the project's secret. */
export function personToken(claims: JWTPayload = {}, secret: string = SECRET, alg = "HS256"): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ exp: now + 3600, ...PERSON, ...claims }).setProtectedHeader({ alg, typ: "JWT" }).sign(new TextEncoder().encode(secret));
}

/** A key pair of ES256: its public half for the key set, and tokens made with its private half. */
export async function keyPair(kid: string): Promise<{ jwk: JWK; privateJwk: JWK; token: (claims?: JWTPayload) => Promise<string> }> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const named = async (key: typeof publicKey) => ({ ...await exportJWK(key), kid, alg: "ES256", use: "sig" });
  const token = (claims: JWTPayload = {}) =>
    new SignJWT({ exp: Math.floor(Date.now() / 1000) + 3600, ...PERSON, ...claims }).setProtectedHeader({ alg: "ES256", kid, typ: "JWT" }).sign(privateKey);
  return { jwk: await named(publicKey), privateJwk: await named(privateKey), token };
}

/** Any header over any claims, signed by nobody. */
export function unsigned(header: Record<string, unknown>, claims: JWTPayload, signature = ""): string {
  const part = (value: unknown) => btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return `${part(header)}.${part({ ...PERSON, exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}.${signature}`;
}
