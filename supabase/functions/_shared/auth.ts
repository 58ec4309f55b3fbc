/** Supabase Auth, asked for a person: under their own token, or under none. */
import { Unreachable } from "./rest.ts";

/** What Auth refused: its HTTP status, its code, its own words. */
export class AuthRefused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, text: string) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

export interface AuthFactor {
  id: string;
  friendly_name: string | null;
  factor_type: string;
  status: string;
  created_at: string;
}

export interface AuthUser {
  id: string;
  email?: string;
  factors?: AuthFactor[];
}

export interface AuthSession {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  expires_at?: number;
  user: AuthUser;
}

const WAIT_MS = 15_000;

/**
 * For one request to the API. `address` is where it came from.
 *
 * Auth limits sign-ins by address, and would see the API's own for everybody: where AGENTTRADER_AUTH_KEY, a secret key of the
 * project, is set, Auth is told the person's.
 */
export class Auth {
  readonly #address: string;
  readonly #requestId: string;

  constructor(address: string, requestId: string) {
    this.#address = address;
    this.#requestId = requestId;
  }

  /** Throws AuthRefused, and Unreachable where Auth does not answer or only that it cannot. */
  async ask<T>(method: string, path: string, body?: unknown, token?: string): Promise<T> {
    const secret = Deno.env.get("AGENTTRADER_AUTH_KEY");
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${Deno.env.get("SUPABASE_URL")}/auth/v1/${path}`, {
        method,
        headers: {
          apikey: secret ?? Deno.env.get("SUPABASE_ANON_KEY") ?? "",
          "X-Request-Id": this.#requestId,
          ...(secret ? { "Sb-Forwarded-For": this.#address } : {}),
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(WAIT_MS),
      });
      text = await answer.text();
    } catch (error) {
      throw new Unreachable(`auth ${method} ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (answer.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
    throw refusal(answer.status, text, `${method} ${path}`);
  }
}

function refusal(status: number, text: string, asked: string): Error {
  let said: { error_code?: string; msg?: string; message?: string };
  try {
    said = JSON.parse(text);
  } catch {
    return new Unreachable(`auth ${asked}: answered ${status} without a reason`);
  }
  if (status >= 500) return new Unreachable(`auth ${asked}: ${said.error_code ?? status} ${said.msg ?? said.message ?? ""}`);
  return new AuthRefused(status, said.error_code ?? "", said.msg ?? said.message ?? "");
}
