/** Answers that the gateway itself gives. */

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers":
    "content-range, content-location, preference-applied, content-length, sb-error-code, x-total-count, link, retry-after",
};

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json; charset=utf-8", ...headers } });
}

/** A part of the cloud does not answer; the caller may try again. `code` is stable. */
export function unavailable(code: string, message: string): Response {
  return json(503, { code, message, details: null, hint: "Try again in a moment." }, { "retry-after": "1" });
}

/** The answer to a browser's preflight request. */
export function preflight(request: Request): Response {
  const headers = request.headers.get("access-control-request-headers") ?? "authorization, apikey, content-type, x-client-info";
  return new Response(null, {
    status: 204,
    headers: {
      ...CORS,
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": headers,
      "access-control-max-age": "86400",
    },
  });
}

export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && request.headers.has("access-control-request-method");
}

/** The headers that let a page of any origin read the answer, as the hosted gateway sends them. */
export function corsHeaders(): Record<string, string> {
  return CORS;
}
