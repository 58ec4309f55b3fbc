/** What the API refuses, as RFC 9457 says it: shown as the sentence, and what to do. */
import { isAuthError, isAuthRetryableFetchError } from "@supabase/supabase-js";

export interface FieldProblem {
  field: string;
  reason: string;
}

export class Problem extends Error {
  override name = "Problem";
  readonly status: number;
  readonly code: string;
  /** What the person can do now. */
  readonly todo: string;
  readonly numbers: Record<string, unknown>;
  readonly errors: readonly FieldProblem[];
  readonly requestId: string | null;

  constructor(status: number, said: Partial<{ code: string; detail: string; title: string; todo: string; numbers: Record<string, unknown>; errors: FieldProblem[]; request_id: string }>) {
    super(said.detail ?? said.title ?? `The API answered ${status}.`);
    this.status = status;
    this.code = said.code ?? "REFUSED";
    this.todo = said.todo ?? "";
    this.numbers = said.numbers ?? {};
    this.errors = said.errors ?? [];
    this.requestId = said.request_id ?? null;
  }

  /** Worth trying again later, unchanged. */
  get temporary(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/** The API was not reached: nothing is known of what was asked. What acts is asked again under the same Idempotency-Key. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** One sentence for a person, whatever went wrong. */
export function sentence(error: unknown): string {
  if (error instanceof Problem) return error.todo ? `${error.message} ${error.todo}` : error.message;
  if (error instanceof Unreachable || isAuthRetryableFetchError(error)) return "The platform cannot be reached. Check your connection; nothing was sent twice.";
  // Everything that a person asks of Auth goes through the API, which has words for it; here the session itself is refused.
  if (isAuthError(error)) return "This session has ended. Sign in again.";
  return error instanceof Error ? error.message : String(error);
}
