/** The REST API, typed by its OpenAPI document: every write goes through it, and what it computes is read from it. */
import { isAuthRetryableFetchError } from "@supabase/supabase-js";
import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { Supabase } from "@/session/supabase";
import { Problem, Unreachable } from "./problem";
import type { paths } from "./schema";

export type Api = Client<paths>;

const ACTS = new Set(["POST", "PUT"]);
const TRIES = 3;
const PAUSE_MS = 400;

export function apiOf(supabase: Supabase, supabaseUrl: string, publishableKey: string): Api {
  const api = createClient<paths>({ baseUrl: `${supabaseUrl}/functions/v1`, fetch: patient });
  const own = new WeakSet<Request>();
  api.use(signedBy(supabase, publishableKey, own), refusing, renewing(supabase, own));
  return api;
}

/** The session's token; and a name of the request, so that a lost one is sent again and done once. */
function signedBy(supabase: Supabase, publishableKey: string, own: WeakSet<Request>): Middleware {
  return {
    async onRequest({ request }) {
      const { data } = await supabase.auth.getSession();
      if (data.session && !request.headers.has("Authorization")) {
        request.headers.set("Authorization", `Bearer ${data.session.access_token}`);
        own.add(request);
      }
      request.headers.set("apikey", publishableKey);
      if (ACTS.has(request.method) && !request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", crypto.randomUUID());
      return request;
    },
  };
}

/**
 * The API does not take the session's token (401): the next one is asked for, and the request is sent again, which nothing
 * has come of yet. Where Auth gives none the session has ended, and the sign-in page comes.
 */
function renewing(supabase: Supabase, own: WeakSet<Request>): Middleware {
  return {
    async onResponse({ request, response }) {
      if (response.status !== 401 || !own.has(request)) return undefined;
      const { data, error } = await supabase.auth.refreshSession();
      if (!data.session) {
        // The client of Supabase keeps a session whose token has not run out by its own clock; here it counts for nothing.
        if (error && !isAuthRetryableFetchError(error)) await supabase.auth.signOut({ scope: "local" });
        return undefined;
      }
      const again = request.clone();
      again.headers.set("Authorization", `Bearer ${data.session.access_token}`);
      const answer = await patient(again);
      // A session that Auth renews and the API does not take is of no use here.
      if (answer.status === 401) await supabase.auth.signOut({ scope: "local" });
      return answer;
    },
  };
}

const refusing: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return undefined;
    let said: object = {};
    try {
      said = await response.clone().json() as object;
    } catch {
      // No problem document: the status alone speaks.
    }
    throw new Problem(response.status, said);
  },
};

/** Sends again what did not arrive: reads, and what carries an Idempotency-Key or may be repeated by nature. */
async function patient(request: Request): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(request.clone());
      if (attempt === TRIES || (response.status !== 502 && response.status !== 503)) return response;
    } catch (error) {
      if (request.signal.aborted) throw error;
      if (attempt === TRIES) throw new Unreachable("The API was not reached.", { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
  }
}

/** The body of an answer; what was refused has been thrown already. */
export async function body<T>(asked: Promise<{ data?: T | undefined }>): Promise<T> {
  return (await asked).data as T;
}
