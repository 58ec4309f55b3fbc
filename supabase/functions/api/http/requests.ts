/** What every request goes through: its id, its log line, its size, and the form of what goes wrong. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import type { Context, MiddlewareHandler } from "hono";
import type { z } from "zod";
import { readable } from "./bodies.ts";
import type { Api, Environment } from "./environment.ts";
import { allowedAt, knownMethod, noSuchMethod } from "./methods.ts";
import { Problem, problemOf } from "./problem.ts";
import { versionNeeded } from "./versions.ts";

const MOST_BYTES = 64 * 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const EXPOSED = ["ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", "Idempotency-Replayed", "Link"];

/** An API without routes yet. `base` is what stands before every path. */
export function newApi(base: string): Api {
  const api = new OpenAPIHono<Environment>({ strict: false, defaultHook: refuseMalformed }).basePath(base) as Api;
  api.use(withRequestId);
  api.use(cors({
    origin: (origin) => dashboards().includes(origin) ? origin : null,
    allowHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Request-Id", "apikey", "x-client-info"],
    allowMethods: ["GET", "POST", "PUT", "DELETE"],
    exposeHeaders: EXPOSED,
    maxAge: 600,
  }));
  api.use(bodyLimit({
    maxSize: MOST_BYTES,
    onError: () => {
      throw new Problem(413, "BODY_TOO_LARGE", `A body has at most ${MOST_BYTES} bytes.`);
    },
  }));
  api.use(knownMethod(api));
  api.use(readable);
  api.onError((error, context) => {
    const requestId = context.get("requestId");
    const problem = error instanceof HTTPException ? fromHono(error) : problemOf(error);
    if (problem.status >= 500) {
      console.error(JSON.stringify({ severity: "ERROR", component: "api", request_id: requestId, error: String(error), stack: error.stack }));
    }
    return problem.response(requestId);
  });
  api.notFound((context) => {
    const { method, path } = context.req;
    const allowed = allowedAt(api, path);
    const problem = allowed.length > 0
      ? noSuchMethod(method, path, allowed)
      : new Problem(404, "NO_SUCH_ROUTE", `${method} ${path} is no route of this API.`, { todo: "See /openapi.json for what there is." });
    return problem.response(context.get("requestId"));
  });
  return api;
}

/** The pages that a browser may call from; nothing else reads an answer. */
function dashboards(): string[] {
  return (Deno.env.get("AGENTTRADER_DASHBOARD_ORIGINS") ?? "").split(",").filter((origin) => origin !== "");
}

const withRequestId: MiddlewareHandler<Environment> = async (context, next) => {
  const given = context.req.header("X-Request-Id") ?? "";
  const requestId = REQUEST_ID.test(given) ? given : crypto.randomUUID();
  context.set("requestId", requestId);
  const began = performance.now();
  await next();
  context.res.headers.set("X-Request-Id", requestId);
  const caller = context.get("caller") as Environment["Variables"]["caller"] | undefined;
  console.log(JSON.stringify({
    severity: context.res.status >= 500 ? "ERROR" : "INFO",
    component: "api",
    request_id: requestId,
    method: context.req.method,
    path: context.req.path,
    status: context.res.status,
    ms: Math.round(performance.now() - began),
    user: caller?.id ?? null,
    key: caller?.key ?? null,
  }));
};

type Validated = { success: true } | { success: false; target: string; error: z.ZodError };

const PLACES: Record<string, string> = { json: "body", query: "query", param: "path", header: "header", form: "body", cookie: "cookie" };

function refuseMalformed(result: Validated, context: Context<Environment>): void {
  if (result.success) return;
  context.set("malformed", true);
  const place = PLACES[result.target] ?? result.target;
  if (place === "header" && result.error.issues.some(({ path: [name], code }) => name === "if-match" && code === "invalid_type")) throw versionNeeded();
  const errors = result.error.issues.flatMap((issue) => {
    const path = [place, ...issue.path.map(String)].join(".");
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => ({ field: `${path}.${key}`, reason: "is not known" }));
    const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
    return [{ field: path, reason: missing ? "is needed" : issue.message }];
  });
  const [first] = errors;
  throw new Problem(422, "MALFORMED", first ? `${first.field}: ${first.reason}` : "The request is malformed.", { errors });
}

function fromHono(error: HTTPException): Problem {
  const todo = "Send JSON, with Content-Type: application/json.";
  if (error.status === 400) return new Problem(400, "NOT_JSON", "The body is not JSON.", { todo });
  if (error.status === 415) return new Problem(415, "NOT_JSON", "The body is not said to be JSON.", { todo });
  return new Problem(error.status, "REFUSED", error.message || "The request was refused.");
}
