/** What a request says, before it is validated: readable in one way only, and nothing in it that Postgres cannot keep. */
import type { MiddlewareHandler } from "hono";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

/** No body of ours is deeper than five; a parser or a check that recurses must not be led into the depth. */
const MOST_DEEP = 32;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/i;
/** What a string, or what stands around one, is made of in JSON that was parsed already. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

interface Fault {
  field: string;
  reason: string;
}

/** Refuses a body that is no JSON in UTF-8, names a member twice or is too deep, and text that Postgres cannot keep. */
export const readable: MiddlewareHandler<Environment> = async (context, next) => {
  const { searchParams, pathname } = new URL(context.req.url);
  const faults = [...unkeepable(safelyDecoded(pathname), "path")];
  for (const [name, value] of searchParams) faults.push(...unkeepable(value, `query.${name}`), ...unkeepable(name, "query"));
  if (context.req.raw.body && context.req.method !== "GET" && context.req.method !== "HEAD") {
    // Kept by Hono: whoever asks for the body later gets these bytes.
    const bytes = await context.req.arrayBuffer();
    if (bytes.byteLength > 0) faults.push(...faultsOf(bytes, context.req.header("Content-Type") ?? ""));
  }
  const [first] = faults;
  if (first) throw new Problem(422, "MALFORMED", `${first.field}: ${first.reason}`, { errors: faults });
  await next();
};

function faultsOf(bytes: ArrayBuffer, type: string): Fault[] {
  if (!JSON_TYPE.test(type.split(";")[0]?.trim() ?? "")) {
    throw new Problem(415, "NOT_JSON", "The body is not said to be JSON.", { todo: "Send JSON, with Content-Type: application/json." });
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    const what = error instanceof SyntaxError ? "The body is not JSON." : "The body is not UTF-8.";
    throw new Problem(400, "NOT_JSON", what, { todo: "Send JSON in UTF-8, with Content-Type: application/json." });
  }
  const [form] = faultOfForm(text);
  return form ? [form] : [...unkeepable(value, "body")];
}

/** JSON.parse takes the last of two members of one name, another reader the first: nobody knows which was meant. */
function* faultOfForm(text: string): Generator<Fault> {
  /** The members' names of each object that is open; null for an array. */
  const open: (Set<string> | null)[] = [];
  let string: string | undefined;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
      if (open.length > MOST_DEEP) yield { field: "body", reason: `is nested deeper than ${MOST_DEEP} levels` };
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":" && string !== undefined) {
      const name = JSON.parse(string) as string;
      const names = open.at(-1);
      if (names?.has(name)) yield { field: `body.${name}`, reason: "is there twice" };
      names?.add(name);
    }
    string = token.startsWith('"') ? token : undefined;
  }
}

/** Postgres keeps no NUL and no half of a surrogate pair; JSON no number that is too large for it. */
function* unkeepable(value: unknown, field: string): Generator<Fault> {
  if (typeof value === "string") {
    if (value.includes("\0") || !value.isWellFormed()) yield { field, reason: "holds a character that cannot be kept" };
  } else if (typeof value === "number") {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      yield { field, reason: "is a number too large to be kept exactly" };
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      yield* unkeepable(name, field);
      yield* unkeepable(inner, `${field}.${name}`);
    }
  }
}

function safelyDecoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path.includes("%00") ? "\0" : path;
  }
}
