import { deepEqual, equal, ok } from "node:assert/strict";
import { personToken, Project } from "../../_shared/testing/project.ts";
import { signedIn } from "./access.ts";
import { newApi } from "./requests.ts";

const project = new Project();
const api = newApi("/api");
api.get("/read", signedIn("read"), (context) => context.json({}));
api.post("/act", signedIn("trade"), (context) => context.json({}));
const ask = async (sub: string, method = "GET") =>
  await api.request(method === "GET" ? "/api/read" : "/api/act", { method, headers: { Authorization: `Bearer ${await personToken({ sub })}` } });

/** A bucket of the ledger that does not refill. */
function bucketOf(tokens: number): void {
  let left = tokens;
  project.answers.set("rpc/take_rate", ({ body }) => {
    const taken = Math.min((body as { p_count: number }).p_count, left);
    left -= taken;
    return { allowed: taken > 0, taken, remaining: left, retry_after: taken > 0 ? 0 : 3.2 };
  });
}

Deno.test("takeRate when requests come one by one then the ledger is asked for twenty at a time", async () => {
  bucketOf(1000);
  const before = project.times("rpc/take_rate");
  for (let n = 0; n < 40; n++) equal((await ask("one")).status, 200);
  equal(project.times("rpc/take_rate") - before, 2);
});

Deno.test("takeRate when fifty come at once then none of what was taken is lost", async () => {
  bucketOf(100);
  const many = await Promise.all(Array.from({ length: 100 }, () => ask("many")));
  deepEqual(many.filter((answer) => answer.status !== 200).length, 0);
  const refused = await ask("many");
  deepEqual([refused.status, refused.headers.get("Retry-After"), refused.headers.get("RateLimit")], [429, "4", '"read";r=0']);
});

Deno.test("takeRate when the bucket is empty then the ledger is not asked until it has filled again", async () => {
  bucketOf(0);
  equal((await ask("flood", "POST")).status, 429);
  const before = project.times("rpc/take_rate");
  for (let n = 0; n < 20; n++) equal((await ask("flood", "POST")).status, 429);
  equal(project.times("rpc/take_rate"), before);
  const now = Date.now;
  Date.now = () => now() + 4000;
  try {
    bucketOf(5);
    equal((await ask("flood", "POST")).status, 200);
  } finally {
    Date.now = now;
  }
});

Deno.test("takeRate when what was taken is old then it is forgotten", async () => {
  bucketOf(100);
  await ask("slow");
  const before = project.times("rpc/take_rate");
  const now = Date.now;
  Date.now = () => now() + 11_000;
  try {
    await ask("slow");
  } finally {
    Date.now = now;
  }
  equal(project.times("rpc/take_rate"), before + 1);
});

Deno.test("takeRate when a request is let through then it says what is left", async () => {
  bucketOf(1200);
  const answer = await ask("told");
  deepEqual([answer.headers.get("RateLimit-Policy"), answer.headers.get("RateLimit")], ['"read";q=1200;w=60', '"read";r=1199']);
  ok(answer.headers.get("X-Request-Id"));
});

Deno.test("takeRate when the ledger does not answer then the request is not let through", async () => {
  project.answers.set("rpc/take_rate", () => new Response("", { status: 502 }));
  equal((await ask("blind")).status, 503);
});

Deno.test("the project of the tests is stopped", () => project.stop());
