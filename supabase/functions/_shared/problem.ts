/** What goes wrong, as RFC 9457 problem+json with the ledger's codes. */
import { Refused, Unreachable } from "./rest.ts";
import { KeysUnreachable } from "./tokens.ts";

const TITLES: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  428: "Precondition Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

interface Further {
  todo?: string;
  numbers?: Record<string, unknown>;
  errors?: readonly { field: string; reason: string }[];
  headers?: Record<string, string>;
}

/** Ends a request with this answer, wherever it is thrown. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly further: Further;

  constructor(status: number, code: string, detail: string, further: Further = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.further = further;
  }

  response(requestId: string): Response {
    const { headers, ...members } = this.further;
    const body = {
      type: "about:blank",
      title: TITLES[this.status] ?? "Error",
      status: this.status,
      code: this.code,
      detail: this.message,
      ...members,
      request_id: requestId,
    };
    return new Response(JSON.stringify(body), {
      status: this.status,
      headers: { "Content-Type": "application/problem+json", "X-Request-Id": requestId, ...headers },
    });
  }
}

/** Nothing of this name is the caller's: another tenant's row and no row are the same answer. */
export function notFound(what: string, id: string): Problem {
  const code = `NO_SUCH_${what.toUpperCase().replaceAll(" ", "_")}`;
  return new Problem(404, code, `There is no ${what} ${id} of yours.`, { todo: `Name a ${what} of your own.` });
}

/** What is thrown anywhere, as the answer to it. What nobody expected is a 500, and only the log says why. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refused) {
    const status = error.status === 406 ? 404 : error.status;
    return new Problem(status, error.code, error.message, {
      ...(error.todo ? { todo: error.todo } : {}),
      ...(status === 401 ? { headers: { "WWW-Authenticate": "Bearer" } } : {}),
      ...(Object.keys(error.numbers).length > 0 ? { numbers: error.numbers } : {}),
    });
  }
  if (error instanceof Unreachable) {
    return new Problem(503, "LEDGER_UNAVAILABLE", "The ledger does not answer now.", {
      todo: "Send the request again; with the same Idempotency-Key nothing is done twice.",
      headers: { "Retry-After": "2" },
    });
  }
  if (error instanceof KeysUnreachable) {
    return new Problem(503, "SIGN_IN_UNAVAILABLE", "Whether the token is valid cannot be checked now.", {
      todo: "Send the request again in a moment; the token need not be renewed.",
      headers: { "Retry-After": "2" },
    });
  }
  return new Problem(500, "INTERNAL", "The request failed for a reason that is ours.", {
    todo: "Send the request again; if it fails again, tell the administrators the request id.",
  });
}
