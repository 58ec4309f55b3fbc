import { deepEqual, equal, rejects } from "node:assert/strict";
import { Rest } from "../../_shared/rest.ts";
import { Project } from "../../_shared/testing/project.ts";
import { readPage } from "./paging.ts";
import { Problem } from "./problem.ts";

const project = new Project();
const rest = new Rest("token", "request-1");
const ORDER = { by: ["at", "id"] as const };
const read = (cursor?: string, limit = 2, query: Record<string, string> = {}) =>
  readPage<{ at: string; id: string }>(rest, "rows", { select: "at,id", ...query }, { limit, cursor }, { by: [...ORDER.by] });

Deno.test("readPage when there are more rows then the cursor leads behind the last one", async () => {
  const odd = { at: '2026-11-30T14:30:00.000001+00:00', id: 'é"\\),(,' };
  project.answers.set("rows", () => [{ at: "b", id: "1" }, odd, { at: "a", id: "3" }]);
  const page = await read();
  deepEqual([page.data.length, page.data[1]], [2, odd]);
  equal(project.asked.at(-1)?.query.get("limit"), "3");
  project.answers.set("rows", () => [{ at: "a", id: "3" }]);
  const last = await read(page.next_cursor ?? "");
  deepEqual([last.data.length, last.next_cursor], [1, null]);
  const time = '"2026-11-30T14:30:00.000001+00:00"';
  equal(project.asked.at(-1)?.query.get("or"), `(at.lt.${time},and(at.eq.${time},id.lt."é\\"\\\\),(,"))`);
});

Deno.test("readPage when the list has an alternative of its own then the cursor does not put it aside", async () => {
  const { next_cursor } = await read(undefined, 0, {}).catch(() => ({ next_cursor: null }));
  equal(next_cursor, null);
  await read(btoa('["a","1"]'), 2, { or: "(a.eq.1,b.eq.2)" });
  equal(project.asked.at(-1)?.query.getAll("or")[0], "(a.eq.1,b.eq.2)");
  equal(project.asked.at(-1)?.query.getAll("or").length, 2);
});

const made = (value: unknown) => btoa(JSON.stringify(value));
for (const cursor of ["", "%", "abc", made("a"), made(["a"]), made(["a", 1]), made(["a", "b", "c"]), made(["a", "\0"]), made({ at: "a" }), btoa("\xff\xfe")]) {
  Deno.test(`readPage when the cursor is ${JSON.stringify(cursor)} then BAD_CURSOR`, async () => {
    await rejects(read(cursor), (error) => error instanceof Problem && error.status === 422 && error.code === "BAD_CURSOR");
  });
}

Deno.test("readPage when the cursor holds a value of another type then BAD_CURSOR, and without a cursor it is no such thing", async () => {
  project.answers.set("rows", () => Response.json({ code: "22007", message: "invalid input syntax" }, { status: 400 }));
  await rejects(read(made(["not a time", "1"])), (error) => error instanceof Problem && error.code === "BAD_CURSOR");
  await rejects(read(), (error) => !(error instanceof Problem));
});

Deno.test("the project of the tests is stopped", () => project.stop());
