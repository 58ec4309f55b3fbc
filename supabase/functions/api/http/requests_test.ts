import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createRoute, z } from "@hono/zod-openapi";
import { Project } from "../../_shared/testing/project.ts";
import { anyone } from "./access.ts";
import { json, refusals } from "./answers.ts";
import { newApi } from "./requests.ts";
import { IfMatchHeader, matched, tag } from "./versions.ts";

const project = new Project();
Deno.env.set("AGENTTRADER_DASHBOARD_ORIGINS", "http://dashboard.example");
const api = newApi("/api");

const Thing = z.strictObject({ name: z.string().max(20), config: z.record(z.string(), z.unknown()).default({}) });
api.openapi(
  createRoute({
    method: "put",
    path: "/things/{id}",
    request: { params: z.object({ id: z.string() }), headers: IfMatchHeader, body: { required: true, content: { "application/json": { schema: Thing } } } },
    responses: { 200: json(Thing, "As it is now."), ...refusals() },
  }),
  (context) => {
    tag(context, (matched(context) ?? 7) + 1);
    return context.json(context.req.valid("json"), 200);
  },
);
api.openapi(
  createRoute({
    method: "get",
    path: "/things",
    middleware: [anyone()] as const,
    request: { query: z.strictObject({ name: z.string().optional() }) },
    responses: { 200: json(z.array(Thing), "All."), ...refusals() },
  }),
  (context) => context.json([], 200),
);
api.get("/broken", () => {
  throw new Error("secret words of the machine");
});

function put(body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  const standard = { "Content-Type": "application/json", "If-Match": '"3"' };
  return Promise.resolve(api.request("/api/things/one", { method: "PUT", body, headers: { ...standard, ...headers } }));
}

async function problem(answer: Response): Promise<{ status: number; code: string; field: string | undefined }> {
  const body = await answer.json();
  equal(answer.headers.get("Content-Type"), "application/problem+json");
  equal(body.request_id, answer.headers.get("X-Request-Id"));
  equal(body.status, answer.status);
  return { status: body.status, code: body.code, field: body.errors?.[0]?.field };
}

Deno.test("a body when it is as it must be then it is taken, and the version is told", async () => {
  const answer = await put('{"name":"a \\u00e9","config":{"n":9007199254740991}}');
  deepEqual(await answer.json(), { name: "a é", config: { n: 9007199254740991 } });
  equal(answer.headers.get("ETag"), '"4"');
});

const deep = (levels: number) => `{"name":"a","config":{"deep":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
const BODIES: Record<string, [BodyInit, number, string, string | undefined]> = {
  "holds NUL": ['{"name":"a\\u0000b"}', 422, "MALFORMED", "body.name"],
  "holds NUL deep within": ['{"name":"a","config":{"x":[{"y":"\\u0000"}]}}', 422, "MALFORMED", "body.config.x.0.y"],
  "holds NUL in a member's name": ['{"name":"a","config":{"\\u0000":1}}', 422, "MALFORMED", "body.config"],
  "holds half of a surrogate pair": ['{"name":"\\ud800"}', 422, "MALFORMED", "body.name"],
  "names a member twice": ['{"name":"a","name":"b"}', 422, "MALFORMED", "body.name"],
  "names a member twice, once in escapes": ['{"name":"a","n\\u0061me":"b"}', 422, "MALFORMED", "body.name"],
  "names a member twice deep within": ['{"name":"a","config":{"x":[{"y":1,"z":"}","y":2}]}}', 422, "MALFORMED", "body.y"],
  "has a member that is not known": ['{"name":"a","admin":true}', 422, "MALFORMED", "body.admin"],
  "would change an object's kind": ['{"name":"a","__proto__":{"admin":true}}', 422, "MALFORMED", "body.__proto__"],
  "is deep": [deep(40), 422, "MALFORMED", "body"],
  "is as deep as its size allows": [deep(30_000), 422, "MALFORMED", "body"],
  "has a number beyond all": ['{"name":"a","config":{"n":1e400}}', 422, "MALFORMED", "body.config.n"],
  "has a number that would lose digits": ['{"name":"a","config":{"n":12345678901234567890}}', 422, "MALFORMED", "body.config.n"],
  "is of another type": ['{"name":7}', 422, "MALFORMED", "body.name"],
  "is an array": ["[]", 422, "MALFORMED", "body"],
  "is null": ["null", 422, "MALFORMED", "body"],
  "is no JSON": ["{name:1}", 400, "NOT_JSON", undefined],
  "has something behind it": ['{"name":"a"}{}', 400, "NOT_JSON", undefined],
  "is not UTF-8": [new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400, "NOT_JSON", undefined],
  "is too large": [`{"name":"${"a".repeat(70_000)}"}`, 413, "BODY_TOO_LARGE", undefined],
  "is too large and of unknown length": [new Blob([`{"name":"${"a".repeat(70_000)}"}`]).stream(), 413, "BODY_TOO_LARGE", undefined],
};
for (const [what, [body, status, code, field]] of Object.entries(BODIES)) {
  Deno.test(`a body when it ${what} then ${status} ${code}`, async () => {
    deepEqual(await problem(await put(body)), { status, code, field });
  });
}

for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonp"]) {
  Deno.test(`a body when it is said to be ${JSON.stringify(type)} then 415`, async () => {
    deepEqual(await problem(await put('{"name":"a"}', { "Content-Type": type })), { status: 415, code: "NOT_JSON", field: undefined });
  });
}

Deno.test("a body when a member is there in two objects then it is taken", async () => {
  equal((await put('{"name":"a:\\"name\\":","config":{"name":[{"name":1},{"name":2}]}}')).status, 200);
});

Deno.test("text in the query or the path when Postgres cannot keep it then 422", async () => {
  deepEqual(await problem(await api.request("/api/things?name=a%00b")), { status: 422, code: "MALFORMED", field: "query.name" });
  deepEqual(await problem(await api.request("/api/things/a%00b", { method: "PUT" })), { status: 422, code: "MALFORMED", field: "path" });
});

Deno.test("a query when it is not known then 422, whose field says so", async () => {
  deepEqual(await problem(await api.request("/api/things?names=a")), { status: 422, code: "MALFORMED", field: "query.names" });
  deepEqual(await problem(await api.request("/api/things?name=a&name=b")), { status: 422, code: "MALFORMED", field: "query.name" });
});

const VERSIONS: Record<string, [number, string]> = {
  '"3"': [200, ""],
  'W/"3"': [200, ""],
  " * ": [200, ""],
  "3": [400, "BAD_VERSION"],
  '"three"': [400, "BAD_VERSION"],
  '"3", "4"': [400, "BAD_VERSION"],
  '"-1"': [400, "BAD_VERSION"],
  '"9999999999999999999"': [400, "BAD_VERSION"],
  '""': [400, "BAD_VERSION"],
};
for (const [given, [status, code]] of Object.entries(VERSIONS)) {
  Deno.test(`If-Match when it is ${given} then ${status}`, async () => {
    const answer = await put('{"name":"a"}', { "If-Match": given });
    equal(answer.status, status);
    if (code) equal((await answer.json()).code, code);
  });
}

Deno.test("If-Match when it is missing then 428", async () => {
  const answer = await api.request("/api/things/one", { method: "PUT", body: '{"name":"a"}', headers: { "Content-Type": "application/json" } });
  deepEqual(await problem(answer), { status: 428, code: "VERSION_NEEDED", field: undefined });
});

Deno.test("a method when the path does not know it then 405, which says what it knows", async () => {
  const answer = await api.request("/api/things/one", { method: "DELETE" });
  deepEqual([answer.status, answer.headers.get("Allow")], [405, "OPTIONS, PUT"]);
  equal((await api.request("/api/things", { method: "PATCH" })).headers.get("Allow"), "GET, HEAD, OPTIONS");
  equal((await api.request("/api/thing.")).status, 404);
});

Deno.test("what nobody expected when it happens then 500, of which only the log says why", async () => {
  const said: string[] = [];
  const error = console.error;
  console.error = (text: string) => said.push(text);
  try {
    const answer = await api.request("/api/broken", { headers: { "X-Request-Id": "a-name-of-mine" } });
    const text = await answer.text();
    deepEqual([answer.status, text.includes("secret words")], [500, false]);
    ok(said.some((line) => line.includes("secret words") && line.includes("a-name-of-mine")));
  } finally {
    console.error = error;
  }
});

Deno.test("a request id when the sender gives one then it is kept where it is plain, else a new one is made", async () => {
  const idFor = async (given: string) => (await api.request("/api/nowhere", { headers: { "X-Request-Id": given } })).headers.get("X-Request-Id") ?? "";
  equal(await idFor("order-2026.11_30"), "order-2026.11_30");
  for (const given of ["short", "a".repeat(65), "with blanks in it", '{"severity":"ERROR"}']) match(await idFor(given), /^[0-9a-f-]{36}$/);
});

Deno.test("the log when a request is done then it has one line, with neither token, query nor body", async () => {
  const said: string[] = [];
  const log = console.log;
  console.log = (text: string) => said.push(text);
  try {
    await api.request("/api/things/one?token=hush", {
      method: "PUT",
      body: '{"name":"hush"}',
      headers: { Authorization: "Bearer hush", "Content-Type": "application/json", "If-Match": "*", "Idempotency-Key": "hush", apikey: "hush" },
    });
  } finally {
    console.log = log;
  }
  equal(said.length, 1);
  ok(!said[0]?.includes("hush"));
  deepEqual(Object.keys(JSON.parse(said[0] ?? "")), ["severity", "component", "request_id", "method", "path", "status", "ms", "user", "key"]);
});

Deno.test("a page when it is the dashboard's then it reads answers and refusals, any other none", async () => {
  for (const path of ["/api/things", "/api/nowhere", "/api/things?bad=1"]) {
    const from = async (origin: string) => (await api.request(path, { headers: { Origin: origin } })).headers.get("Access-Control-Allow-Origin");
    deepEqual([await from("http://dashboard.example"), await from("http://evil.example"), await from("null")], ["http://dashboard.example", null, null]);
  }
});

Deno.test("the project of the tests is stopped", () => project.stop());
