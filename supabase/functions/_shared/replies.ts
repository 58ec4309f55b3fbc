/** JSON answers that a page of any origin may read. */

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "authorization, x-client-info, apikey, content-type, idempotency-key, if-match",
  "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
};

export function reply(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: CORS });
}

/** The answer to a browser's preflight request. */
export function preflight(): Response {
  return new Response(null, { status: 204, headers: CORS });
}
