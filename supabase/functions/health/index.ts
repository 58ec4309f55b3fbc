/** Says who the caller is, whether REST answers under the caller's own token, and which version this is. */
import { type Caller, identify, NotSignedIn } from "../_shared/caller.ts";
import { preflight, reply } from "../_shared/replies.ts";
import config from "./deno.json" with { type: "json" };

const REST_WAIT_MS = 5000;

Deno.serve(async (request) => {
  if (request.method === "OPTIONS") return preflight();
  try {
    const caller = await identify(request);
    const rest = await restUnder(caller);
    const body = { status: rest.reachable ? "ok" : "degraded", version: config.version, caller: { id: caller.id, role: caller.role, email: caller.email }, rest };
    return reply(rest.reachable ? 200 : 503, body);
  } catch (error) {
    if (!(error instanceof NotSignedIn)) throw error;
    return reply(401, { code: "NOT_SIGNED_IN", message: error.message });
  }
});

/** Reachable means that PostgREST answered; `status` 401, 403 or 404 then only tells what the caller may see. */
async function restUnder(caller: Caller): Promise<{ reachable: boolean; status: number | null }> {
  try {
    const answer = await fetch(`${Deno.env.get("SUPABASE_URL")}/rest/v1/profiles?select=*&limit=1`, {
      headers: { apikey: Deno.env.get("SUPABASE_ANON_KEY") ?? "", Authorization: `Bearer ${caller.token}` },
      signal: AbortSignal.timeout(REST_WAIT_MS),
    });
    await answer.body?.cancel();
    return { reachable: answer.status < 500, status: answer.status };
  } catch (error) {
    console.error("health: REST does not answer:", error);
    return { reachable: false, status: null };
  }
}
