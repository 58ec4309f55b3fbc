/** How many requests are left to a user, a key or an address: counted in Postgres, over all instances of the API. */
import type { Context } from "hono";
import { asApi } from "../../_shared/api_role.ts";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

/** "refused" are those who are not let in: they cannot ask the ledger about one key after another. */
type Kind = "read" | "act" | "anonymous" | "refused" | "sign_in" | "sign_in_email" | "second_factor" | "mail";

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
  refused: { limit: 120, seconds: 60, batch: 5 },
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
  /** The ledger had none; it is not asked again until `until`. */
  refused: boolean;
  remaining: number;
  until: number;
}

const allotments = new Map<string, Allotment>();
/** What is being asked of the ledger now: of fifty requests at once, one asks, and all spend what it brings. */
const asking = new Map<string, Promise<Allotment>>();

/** Takes one request of a bucket and says on the answer what is left. Throws Problem 429 where nothing is. */
export async function takeRate(context: Context<Environment>, who: string, kind: Kind): Promise<void> {
  const policy = policyOf(kind);
  const bucket = `api:${who}:${kind}`;
  let allotment = allotments.get(bucket);
  while (!allotment || allotment.until <= Date.now() || (allotment.left < 1 && !allotment.refused)) {
    allotment = await asked(bucket, policy, context.get("requestId"));
  }
  if (allotment.refused) {
    // What was said of a bucket before stands on the answer, over the problem's own headers.
    say(context, told(kind, policy, 0));
    throw spent(kind, policy, allotment);
  }
  allotment.left -= 1;
  say(context, told(kind, policy, allotment.remaining + allotment.left));
}

function say(context: Context<Environment>, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) context.header(name, value);
}

/** Throws Problem 429 where the bucket was found empty a moment ago; takes nothing of it. */
export function requireRate(who: string, kind: Kind): void {
  const known = allotments.get(`api:${who}:${kind}`);
  if (known?.refused && known.until > Date.now()) throw spent(kind, policyOf(kind), known);
}

function asked(bucket: string, policy: Policy, requestId: string): Promise<Allotment> {
  const going = asking.get(bucket);
  if (going) return going;
  const begun = taken(bucket, policy, requestId).finally(() => asking.delete(bucket));
  asking.set(bucket, begun);
  return begun;
}

async function taken(bucket: string, policy: Policy, requestId: string): Promise<Allotment> {
  const given = await (await asApi(requestId)).call<Taken>("take_rate", {
    p_bucket: bucket,
    p_limit: policy.limit,
    p_seconds: policy.seconds,
    p_count: policy.batch,
  });
  if (allotments.size >= MOST_KEPT) allotments.clear();
  const lasts = given.allowed ? SPENT_WITHIN_MS : Math.max(1, given.retry_after * 1000);
  const allotment = { left: given.taken, refused: !given.allowed, remaining: given.remaining, until: Date.now() + lasts };
  allotments.set(bucket, allotment);
  return allotment;
}

function spent(kind: Kind, policy: Policy, { until }: Allotment): Problem {
  const wait = String(Math.max(1, Math.ceil((until - Date.now()) / 1000)));
  return new Problem(429, "TOO_MANY_REQUESTS", `At most ${policy.limit} requests in ${policy.seconds} seconds.`, {
    todo: `Send the request again in ${wait} seconds.`,
    headers: { "Retry-After": wait, ...told(kind, policy, 0) },
  });
}

const GUESSES: readonly Kind[] = ["sign_in", "sign_in_email", "second_factor", "mail"];

/** AGENTTRADER_API_RATE_FACTOR multiplies every limit but those of guesses: a load test asks for more than a trader does. */
function policyOf(kind: Kind): Policy {
  const factor = GUESSES.includes(kind) ? 1 : Number(Deno.env.get("AGENTTRADER_API_RATE_FACTOR") ?? "1");
  return { ...POLICIES[kind], limit: Math.ceil(POLICIES[kind].limit * factor) };
}

/** As the IETF's draft of RateLimit header fields has them. */
function told(kind: Kind, policy: Policy, remaining: number): Record<string, string> {
  return { "RateLimit-Policy": `"${kind}";q=${policy.limit};w=${policy.seconds}`, RateLimit: `"${kind}";r=${Math.floor(remaining)}` };
}
