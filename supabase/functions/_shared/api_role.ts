/** The roles by which edge functions themselves ask the ledger: none reads a table, each calls what it was granted. */
import { Rest } from "./rest.ts";
import { signed } from "./tokens.ts";

const LIFETIME_SECONDS = 600;
const RENEWED_BEFORE_SECONDS = 60;
const kept = new Map<string, { token: string; until: number }>();

/** As role fn_api: whose key this is, and how many requests are left. */
export function asApi(requestId: string): Promise<Rest> {
  return as("fn_api", requestId);
}

/** As role fn_automation: takes what outside senders send. */
export function asAutomation(requestId: string): Promise<Rest> {
  return as("fn_automation", requestId);
}

async function as(role: string, requestId: string): Promise<Rest> {
  const now = Date.now() / 1000;
  let own = kept.get(role);
  if (!own || own.until - RENEWED_BEFORE_SECONDS < now) {
    own = { token: await signed({ role }, LIFETIME_SECONDS), until: now + LIFETIME_SECONDS };
    kept.set(role, own);
  }
  return new Rest(own.token, requestId);
}
