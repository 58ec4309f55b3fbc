import { deepEqual, equal, ok } from "node:assert/strict";
import { personToken, Project, refused } from "../../_shared/testing/project.ts";
import { addressOf } from "../../_shared/address.ts";
import { type Scope, signedIn } from "./access.ts";
import { once } from "./once.ts";
import { newApi } from "./requests.ts";

const project = new Project();
const api = newApi("/api");
const MADE = { id: "row-1" };
let done = 0;
for (const [path, scopes] of [["/read", ["read"]], ["/person", []]] as [string, Scope[]][]) {
  api.get(path, signedIn(...scopes), (context) => context.json(context.get("caller")));
}
api.post("/make", signedIn("trade"), once("make"), (context) => {
  done += 1;
  context.header("ETag", '"1"');
  return context.json(MADE, 201);
});
api.post("/stop", signedIn("trade"), once("stop"), (context) => context.body(null, 204));
api.post("/secret", signedIn(), once("secret", true), (context) => context.json({ secret: "hush" }, 201));
api.post("/refuse", signedIn(), once("refuse"), (context) => context.json({ no: true }, 409));

const person = await personToken();
const KEY = `at_01234567_${"a".repeat(56)}`;
const program = (scopes: string[]) => ({ claims: { sub: "7c1c34a0-1c5b-4b8e-9d0e-0d7f2c1f9b11", role: "authenticated", aal: "aal1", api_key_id: `key-${scopes}`, scopes } });
const ask = (path: string, token: string | null, headers: Record<string, string> = {}, method = "GET", body?: string) =>
  Promise.resolve(api.request(`/api${path}`, { method, headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers }, ...(body ? { body } : {}) }));
const key = (digit: string) => `at_01234567_${digit.repeat(56)}`;

Deno.test("signedIn when a person asks then they come in, whatever the scopes", async () => {
  for (const path of ["/read", "/person"]) equal((await ask(path, person)).status, 200);
});

Deno.test("signedIn when nobody asks then 401, which says how", async () => {
  const answer = await ask("/read", null);
  deepEqual([answer.status, answer.headers.get("WWW-Authenticate")], [401, "Bearer"]);
});

Deno.test("signedIn when a program asks then the scopes of its key decide, and its token is made for the ledger alone", async () => {
  project.answers.set("rpc/use_api_key", () => program(["read", "reports"]));
  const answer = await ask("/read", KEY);
  const caller = await answer.json();
  deepEqual([caller.scopes, caller.administrator, caller.level], [["read", "reports"], false, "aal1"]);
  ok(caller.token !== KEY);
  const refusal = await ask("/person", KEY);
  deepEqual([refusal.status, (await refusal.json()).code], [403, "SCOPE_NEEDED"]);
  ok(refusal.headers.get("RateLimit"));
  equal(project.times("rpc/use_api_key"), 1);
});

Deno.test("signedIn when the key is none of ours then 401, and the ledger is not asked for ever", async () => {
  project.answers.set("rpc/use_api_key", () => refused(401, "BAD_KEY", "Send another."));
  equal((await ask("/read", key("b"), { "X-Forwarded-For": "203.0.113.1" })).status, 401);
  project.answers.set("rpc/take_rate", () => ({ allowed: false, taken: 0, remaining: 0, retry_after: 7 }));
  const from = { "X-Forwarded-For": "198.51.100.7, 203.0.113.2" };
  equal((await ask("/read", key("c"), from)).status, 429);
  const before = project.times("rpc/use_api_key");
  const answer = await ask("/read", key("d"), from);
  deepEqual([answer.status, answer.headers.get("Retry-After"), project.times("rpc/use_api_key")], [429, "7", before]);
  // A key that is known comes in from there all the same.
  equal((await ask("/read", KEY, from)).status, 200);
  project.answers.set("rpc/take_rate", ({ body }) => ({ allowed: true, taken: (body as { p_count: number }).p_count, remaining: 90, retry_after: 0 }));
});

Deno.test("signedIn when the ledger does not answer then 503 and not 401", async () => {
  project.answers.set("rpc/use_api_key", () => new Response("", { status: 502 }));
  equal((await ask("/read", key("e"))).status, 503);
});

Deno.test("addressOf when the sender writes an address into the header then the proxy's word counts", () => {
  const from = (value: string) => addressOf(new Request("http://api", { headers: { "X-Forwarded-For": value } }));
  deepEqual([from("1.1.1.1, 2.2.2.2"), from("2.2.2.2"), from("")], ["2.2.2.2", "2.2.2.2", "unknown"]);
});

const post = (path: string, idempotencyKey: string | null, body = '{"a":1}') =>
  ask(path, person, { "Content-Type": "application/json", ...(idempotencyKey === null ? {} : { "Idempotency-Key": idempotencyKey }) }, "POST", body);

/** The ledger's own part, in memory. */
const requests = new Map<string, { hash: string; response: unknown }>();
project.answers.set("rpc/begin_request", ({ body }) => {
  const { p_operation, p_key, p_request_hash } = body as Record<string, string>;
  const kept = requests.get(`${p_operation} ${p_key}`);
  if (kept && kept.hash !== p_request_hash) return refused(422, "IDEMPOTENCY_KEY_REUSED", "Use a new one.");
  if (!kept) requests.set(`${p_operation} ${p_key}`, { hash: p_request_hash ?? "", response: null });
  return { state: !kept ? "new" : kept.response ? "done" : "running", response: kept?.response ?? null };
});
project.answers.set("rpc/finish_request", ({ body }) => {
  const { p_operation, p_key, p_response } = body as Record<string, string>;
  const kept = requests.get(`${p_operation} ${p_key}`);
  if (kept) kept.response = p_response;
  return true;
});

Deno.test("once when the same request comes again then it is not done again, and the answer is the same", async () => {
  const before = done;
  for (const replayed of [null, "true"]) {
    const answer = await post("/make", "first");
    deepEqual([answer.status, await answer.json(), answer.headers.get("ETag")], [201, MADE, '"1"']);
    equal(answer.headers.get("Idempotency-Replayed"), replayed);
  }
  equal(done, before + 1);
});

Deno.test("once when the answer has no body then neither has the second", async () => {
  for (const replayed of [null, "true"]) {
    const answer = await post("/stop", "first");
    deepEqual([answer.status, await answer.text(), answer.headers.get("Idempotency-Replayed")], [204, "", replayed]);
  }
});

Deno.test("once when the key is of another request then the ledger's refusal is told", async () => {
  await post("/make", "second");
  const answer = await post("/make", "second", '{"a":2}');
  deepEqual([answer.status, (await answer.json()).code], [422, "IDEMPOTENCY_KEY_REUSED"]);
});

Deno.test("once when the answer holds a secret then it is neither kept nor given twice", async () => {
  equal((await post("/secret", "first")).status, 201);
  ok(!JSON.stringify([...requests.values()]).includes("hush"));
  const again = await post("/secret", "first");
  deepEqual([again.status, (await again.text()).includes("hush")], [409, false]);
});

Deno.test("once when the request was refused then it is done again when it comes again", async () => {
  for (const _ of [1, 2]) equal((await post("/refuse", "first")).status, 409);
  equal(requests.get("refuse first")?.response, null);
});

for (const given of [null, "", "with blanks", "é", "a".repeat(201), "tab\tin it"]) {
  Deno.test(`once when the Idempotency-Key is ${JSON.stringify(given)} then 400`, async () => {
    const answer = await post("/make", given);
    deepEqual([answer.status, (await answer.json()).code], [400, "IDEMPOTENCY_KEY_NEEDED"]);
  });
}

Deno.test("the project of the tests is stopped", () => project.stop());
