/** Which methods a path knows: what a 405 says. */
import type { MiddlewareHandler } from "hono";
import type { Api, Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

/** In alphabetical order; none where the path is no route's. */
export function allowedAt(api: Api, path: string, fixed?: ReadonlySet<string>): string[] {
  const known = new Set<string>(fixed);
  // Middleware is registered for every method.
  if (!fixed) for (const { method, path: of } of api.routes) if (method !== "ALL" && patternOf(of).test(path)) known.add(method);
  if (known.has("GET")) known.add("HEAD");
  if (known.size > 0) known.add("OPTIONS");
  return [...known].sort();
}

/** Refuses a method that a path of fixed words does not know, before `/orders/{id}` takes it for the id `preview`. */
export function knownMethod(api: Api): MiddlewareHandler<Environment> {
  let fixed: Map<string, Set<string>> | undefined;
  return async (context, next) => {
    fixed ??= fixedPaths(api);
    const { method, path } = context.req;
    const known = fixed.get(path);
    if (known && !known.has(method === "HEAD" ? "GET" : method)) throw noSuchMethod(method, path, allowedAt(api, path, known));
    await next();
  };
}

export function noSuchMethod(method: string, path: string, allowed: readonly string[]): Problem {
  return new Problem(405, "NO_SUCH_METHOD", `${path} knows no ${method}.`, { todo: `It knows ${allowed.join(", ")}.`, headers: { Allow: allowed.join(", ") } });
}

function fixedPaths(api: Api): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { method, path } of api.routes) {
    if (method !== "ALL" && !path.includes(":")) found.set(path, (found.get(path) ?? new Set()).add(method));
  }
  return found;
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.split("/").map((part) => part.startsWith(":") ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("/")}/?$`);
}
