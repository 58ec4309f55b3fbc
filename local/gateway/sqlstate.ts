/**
 * What a Postgres error becomes for the HTTP caller.
 *
 * lite answers most SQLSTATEs with 500 "SUP" and drops the hint. Its own escape hatch is an error of code 'PGRST' whose
 * message and detail are JSON (PostgREST's RAISE SQLSTATE 'PGRST'); we put every Postgres error through it.
 *
 *   PTxyz            -> status xyz (PostgREST's rule; PT403, PT404, PT409, PT422)
 *   42501            -> 403 signed in, 401 anonymous         28xxx, 0Lxxx, 0Pxxx -> 403
 *   23505, 23503     -> 409       other 23xxx, 22xxx, 21xxx, 42xxx, P0001 and our own five-character codes -> 400
 *   42883, 42P01     -> 404       25006 -> 405       57014 -> 504 (the statement ran too long)
 *   40001, 40P01, 55P03, 53xxx, 57P0x, 08xxx and lost connections -> 503: try again
 *   P0xxx other than P0001, XXxxx, 54xxx, 58xxx, F0xxx, HVxxx, 2Dxxx, 38xxx, 39xxx, 3Bxxx -> 500
 */

/** The fields of a Postgres error as postgres.js gives them. */
export interface PostgresError {
  code: string;
  message: string;
  detail?: string | null;
  hint?: string | null;
}

const LOST_CONNECTION = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
]);
const TEMPORARY = new Set(["40001", "40P01", "55P03", "57P01", "57P02", "57P03"]);
const EXACT: Record<string, number> = {
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "42883": 404,
  "42P01": 404,
  "42P17": 500,
  "57014": 504,
  P0001: 400,
};
const FORBIDDEN_CLASSES = new Set(["28", "0L", "0P"]);
const TEMPORARY_CLASSES = new Set(["08", "53"]);
const BROKEN_CLASSES = new Set(["2D", "38", "39", "3B", "54", "58", "F0", "HV", "P0", "XX"]);

export function isPostgresError(error: unknown): error is PostgresError {
  if (typeof error !== "object" || error === null) return false;
  const { code, message } = error as Partial<PostgresError>;
  return typeof code === "string" && typeof message === "string" && /^[0-9A-Z]{5}$/.test(code);
}

export function isLostConnection(error: unknown): boolean {
  return typeof error === "object" && error !== null && LOST_CONNECTION.has(String((error as { code?: unknown }).code));
}

/** HTTP status of a SQLSTATE. */
export function statusOf(sqlstate: string, anonymous: boolean): number {
  const asked = /^PT([2-5]\d\d)$/.exec(sqlstate)?.[1];
  if (asked) return Number(asked);
  if (sqlstate === "42501") return anonymous ? 401 : 403;
  const exact = EXACT[sqlstate];
  if (exact) return exact;
  const group = sqlstate.slice(0, 2);
  if (TEMPORARY.has(sqlstate) || TEMPORARY_CLASSES.has(group)) return 503;
  if (FORBIDDEN_CLASSES.has(group)) return 403;
  return BROKEN_CLASSES.has(group) ? 500 : 400;
}

/** An error that the caller is told in full, so it need not be in the log. */
export class AnsweredError extends Error {
  readonly code = "PGRST";
  readonly detail: string;

  constructor(status: number, body: { code: string; message: string; details: string | null; hint: string | null }) {
    super(JSON.stringify(body));
    const headers = status === 503 ? { "Retry-After": "1" } : {};
    this.detail = JSON.stringify({ status, headers });
  }
}

/** The error as lite's PostgREST path wants it; errors that are not from Postgres pass unchanged. */
export function answerFor(error: unknown, anonymous: boolean): unknown {
  if (isLostConnection(error)) {
    return new AnsweredError(503, {
      code: "PGRST001",
      message: "The database connection was lost. Nothing is known of the outcome.",
      details: error instanceof Error ? error.message : null,
      hint: "Try again in a moment, with the same idempotency key.",
    });
  }
  if (!isPostgresError(error)) return error;
  const { code, message, detail, hint } = error;
  // A missing table is lite's to word (it guesses the name that was meant); a function's own RAISE of 'PGRST' is PostgREST's rule.
  if (code === "42P01" || code === "PGRST") return error;
  return new AnsweredError(statusOf(code, anonymous), { code, message, details: detail ?? null, hint: hint ?? null });
}
