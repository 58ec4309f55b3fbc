/** Where the request comes from, as the nearest proxy says: what a client writes into the header itself stands before. */
export function addressOf(request: Request): string {
  return request.headers.get("X-Forwarded-For")?.split(",").at(-1)?.trim() || "unknown";
}
