/** Who calls an edge function: a person by the session's token, or a program by a token that the ledger gave its key. */
import { BadToken, checked, type Claims } from "./tokens.ts";

/** `token` is to be passed on to PostgREST, so that row-level security decides. `scopes` is null for a person. */
export interface Caller {
  id: string;
  role: string;
  email: string | null;
  /** aal2 after a second factor. */
  level: "aal1" | "aal2";
  administrator: boolean;
  scopes: readonly string[] | null;
  /** The API key of a program. */
  key: string | null;
  token: string;
}

/** The request carries no token, or one that is not valid; the message says which. */
export class NotSignedIn extends Error {}

/** What stands in the Authorization header after Bearer. Throws NotSignedIn where there is nothing. */
export function bearer(request: Request): string {
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
  if (!token) throw new NotSignedIn("The request has no bearer token; sign in and send its access token.");
  return token;
}

/** Checks the bearer token. Throws NotSignedIn; KeysUnreachable where Auth does not give its keys. */
export async function identify(request: Request): Promise<Caller> {
  const token = bearer(request);
  try {
    return callerOf(await checked(token), token);
  } catch (error) {
    if (error instanceof BadToken) throw new NotSignedIn(error.message);
    throw error;
  }
}

/** Throws NotSignedIn for a token of nobody: of the project itself, or of a function's role. */
export function callerOf(claims: Claims, token: string): Caller {
  if (typeof claims.sub !== "string" || claims.role !== "authenticated") {
    throw new NotSignedIn("The token is not of a signed-in user; sign in and send its access token.");
  }
  const app = claims.app_metadata as { administrator?: unknown } | undefined;
  return {
    id: claims.sub,
    role: "authenticated",
    email: typeof claims.email === "string" ? claims.email : null,
    level: claims.aal === "aal2" ? "aal2" : "aal1",
    administrator: app?.administrator === true,
    scopes: Array.isArray(claims.scopes) ? claims.scopes.map(String) : null,
    key: typeof claims.api_key_id === "string" ? claims.api_key_id : null,
    token,
  };
}
