/** Refusals of Auth in hosted Auth's form: a status, a code for programs, a sentence. */
import { json } from "./replies.ts";

export class AuthError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function refusal(status: number, code: string, message: string): Response {
  return json(status, { code: status, error_code: code, msg: message }, { "x-sb-error-code": code });
}
