/** The one client of Supabase: Auth, reads under row-level security, Realtime. */
import { createClient } from "@supabase/supabase-js";
import type { Config } from "@/config";
import { decodeFrame } from "@/live/exact";

export type Supabase = ReturnType<typeof connect>;

export function connect(config: Config) {
  return createClient(config.supabase_url, config.publishable_key, {
    auth: { flowType: "pkce", persistSession: true, autoRefreshToken: true, detectSessionInUrl: false, storageKey: "agenttrader.session" },
    // In a worker the heartbeat goes on in a tab that the browser has put to sleep; the CSP allows none from a blob.
    realtime: { decode: decodeFrame, worker: false },
  });
}
