/** How many requests are left to a user, a key or an address: counted in Postgres, over all instances of the API. */
import type { Context } from "hono";
import { asApi } from "../../_shared/api_role.ts";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

type Kind = "read" | "act" | "anonymous" | "sign_in" | "sign_in_email" | "second_factor" | "mail";

interface Policy {
  limit: number;
  seconds: number;
  /** So many are taken from the ledger at once, and spent here: not every request asks it. */
  batch: number;
}

const POLICIES: Record<Kind, Policy> = {
  read: { limit: 1200, seconds: 60, batch: 20 },
  act: { limit: 300, seconds: 60, batch: 5 },
  anonymous: { limit: 60, seconds: 60, batch: 1 },
  // Guesses: by address, at one person's password, at one person's code or current password; and mails to one person.
  sign_in: { limit: 30, seconds: 300, batch: 1 },
  sign_in_email: { limit: 10, seconds: 300, batch: 1 },
  second_factor: { limit: 10, seconds: 300, batch: 1 },
  mail: { limit: 5, seconds: 3600, batch: 1 },
};
/** What was taken and not spent by then is forgotten: it counts as used. */
const SPENT_WITHIN_MS = 10_000;
const MOST_KEPT = 5000;

interface Taken {
  allowed: boolean;
  taken: number;
  remaining: number;
  retry_after: number;
}

interface Allotment {
  left: number;
  remaining: number;
  until: number;
}

const allotments = new Map<string, Allotment>();

/** Takes one request of a bucket and says on the answer what is left. Throws Problem 429 where nothing is. */
export async function takeRate(context: Context<Environment>, who: string, kind: Kind): Promise<void> {
  const policy = policyOf(kind);
  const bucket = `api:${who}:${kind}`;
  let allotment = allotments.get(bucket);
  if (!allotment || allotment.left < 1 || allotment.until < Date.now()) {
    const taken = await (await asApi(context.get("requestId"))).call<Taken>("take_rate", {
      p_bucket: bucket,
      p_limit: policy.limit,
      p_seconds: policy.seconds,
      p_count: policy.batch,
    });
    if (!taken.allowed) {
      const wait = String(Math.max(1, Math.ceil(taken.retry_after)));
      throw new Problem(429, "TOO_MANY_REQUESTS", `At most ${policy.limit} requests in ${policy.seconds} seconds.`, {
        todo: `Send the request again in ${wait} seconds.`,
        headers: { "Retry-After": wait, ...told(kind, policy, 0) },
      });
    }
    if (allotments.size >= MOST_KEPT) allotments.clear();
    allotment = { left: taken.taken, remaining: taken.remaining, until: Date.now() + SPENT_WITHIN_MS };
    allotments.set(bucket, allotment);
  }
  allotment.left -= 1;
  for (const [name, value] of Object.entries(told(kind, policy, allotment.remaining + allotment.left))) context.header(name, value);
}

/** AGENTTRADER_API_RATE_FACTOR multiplies every limit: a load test asks for more than a trader ever does. */
function policyOf(kind: Kind): Policy {
  const factor = Number(Deno.env.get("AGENTTRADER_API_RATE_FACTOR") ?? "1");
  return { ...POLICIES[kind], limit: Math.ceil(POLICIES[kind].limit * factor) };
}

/** As the IETF's draft of RateLimit header fields has them. */
function told(kind: Kind, policy: Policy, remaining: number): Record<string, string> {
  return { "RateLimit-Policy": `"${kind}";q=${policy.limit};w=${policy.seconds}`, RateLimit: `"${kind}";r=${Math.floor(remaining)}` };
}
