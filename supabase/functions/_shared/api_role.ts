/** The role by which the API itself asks the ledger: whose key this is, and how many requests are left. */
import { Rest } from "./rest.ts";
import { signed } from "./tokens.ts";

const LIFETIME_SECONDS = 600;
const RENEWED_BEFORE_SECONDS = 60;
let kept: { token: string; until: number } | undefined;

/** As role fn_api, which reads no table and calls two functions. */
export async function asApi(requestId: string): Promise<Rest> {
  const now = Date.now() / 1000;
  if (!kept || kept.until - RENEWED_BEFORE_SECONDS < now) {
    kept = { token: await signed({ role: "fn_api" }, LIFETIME_SECONDS), until: now + LIFETIME_SECONDS };
  }
  return new Rest(kept.token, requestId);
}
