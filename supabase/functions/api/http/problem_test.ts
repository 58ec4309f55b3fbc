import { deepEqual, equal, rejects } from "node:assert/strict";
import { Refused, Rest, Unreachable } from "../../_shared/rest.ts";
import { Project, refused } from "../../_shared/testing/project.ts";
import { notFound, Problem, problemOf } from "./problem.ts";

const project = new Project();
const rest = new Rest("token", "request-1");

async function thrown(answer: Response): Promise<unknown> {
  project.answers.set("rpc/act", () => answer);
  return await rest.call("act").then(() => undefined, (error) => error);
}

Deno.test("problemOf when the ledger refuses then its code, its words and its numbers are told", async () => {
  const error = await thrown(refused(409, "GATE_CLOSED", "Lift the halt first.", { account: "PA1" }));
  const answer = problemOf(error).response("request-1");
  deepEqual(await answer.json(), {
    type: "about:blank",
    title: "Conflict",
    status: 409,
    code: "GATE_CLOSED",
    detail: "GATE_CLOSED: account=PA1",
    todo: "Lift the halt first.",
    numbers: { account: "PA1" },
    request_id: "request-1",
  });
});

const OWN: Record<string, [number, string, number, string]> = {
  "a value is not of its type": [400, "22P02", 422, "MALFORMED"],
  "text holds NUL": [400, "22P05", 422, "MALFORMED"],
  "a number overflows": [400, "22003", 422, "MALFORMED"],
  "a check is broken": [400, "23514", 422, "MALFORMED"],
  "a value is missing": [400, "23502", 422, "MALFORMED"],
  "a row is there": [409, "23505", 409, "ALREADY_THERE"],
  "a row that is named is not there": [409, "23503", 409, "REFERENCE_REFUSED"],
  "a right is missing": [403, "42501", 403, "NOT_ALLOWED"],
  "the token has expired meanwhile": [401, "PGRST303", 401, "NOT_SIGNED_IN"],
};
for (const [what, [status, state, told, code]] of Object.entries(OWN)) {
  Deno.test(`problemOf when Postgres says that ${what} then ${told} ${code}`, async () => {
    const problem = problemOf(await thrown(Response.json({ code: state, message: "in words of Postgres", details: "Key (a)=(b)", hint: null }, { status })));
    deepEqual([problem.status, problem.code], [told, code]);
  });
}

const UNREACHABLE: Record<string, Response> = {
  "fails": Response.json({ code: "XX000", message: "internal" }, { status: 500 }),
  "is busy": Response.json({ code: "PGRST003", message: "timed out acquiring connection" }, { status: 504 }),
  "says nothing": new Response("<html>bad gateway</html>", { status: 502 }),
  "does not know the function": Response.json({ code: "PGRST202", message: "no function" }, { status: 404 }),
};
for (const [what, answer] of Object.entries(UNREACHABLE)) {
  Deno.test(`problemOf when the ledger ${what} then 503, to be tried again`, async () => {
    const error = await thrown(answer);
    const told = problemOf(error).response("request-1");
    deepEqual([error instanceof Unreachable, told.status, told.headers.get("Retry-After")], [true, 503, "2"]);
  });
}

Deno.test("problemOf when the error is none that anybody expected then 500 without its words", async () => {
  const answer = problemOf(new Error("password=hush")).response("request-1");
  const text = await answer.text();
  deepEqual([answer.status, text.includes("hush")], [500, false]);
});

Deno.test("notFound when a row is another tenant's or nobody's then the answer is the same", () => {
  const [one, other] = [notFound("broker account", "a"), notFound("broker account", "a")];
  deepEqual([one.status, one.code, one.message], [other.status, other.code, other.message]);
  equal(one.code, "NO_SUCH_BROKER_ACCOUNT");
});

Deno.test("Rest when the ledger's numbers are no JSON object then there are none", async () => {
  for (const details of [null, "not JSON", "[1]", "7"]) {
    const error = await thrown(Response.json({ code: "PT409", message: "NO: a=1", details, hint: null }, { status: 409 }));
    deepEqual((error as Refused).numbers, {});
  }
});

Deno.test("Rest when a name is written into the query then it stays a value", async () => {
  project.answers.set("trades", () => []);
  await rest.select("trades", { select: "id", symbol: "eq.SPY&user_id=eq.other", or: ["(a.eq.1)", "(b.eq.2)"] });
  const asked = project.asked.at(-1);
  deepEqual([asked?.query.get("symbol"), asked?.query.get("user_id"), asked?.query.getAll("or")], ["eq.SPY&user_id=eq.other", null, ["(a.eq.1)", "(b.eq.2)"]]);
});

Deno.test("Rest when nothing listens then Unreachable", async () => {
  await project.stop();
  await rejects(rest.select("trades", {}), Unreachable);
  equal(new Problem(418, "X", "x").response("r").status, 418);
});
