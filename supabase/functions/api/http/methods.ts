/** Which methods a path knows: what a 405 says. */
import type { Api } from "./environment.ts";

/** In alphabetical order; none where the path is no route's. */
export function allowedAt(api: Api, path: string): string[] {
  const known = new Set<string>();
  // Middleware is registered for every method.
  for (const route of api.routes) if (route.method !== "ALL" && patternOf(route.path).test(path)) known.add(route.method);
  if (known.has("GET")) known.add("HEAD");
  if (known.size > 0) known.add("OPTIONS");
  return [...known].sort();
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.split("/").map((part) => part.startsWith(":") ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("/")}/?$`);
}
