/** What Auth refuses, in the API's own words: what to do, and never whether an address is somebody's. */
import { AuthRefused } from "../../_shared/auth.ts";
import { Problem } from "./problem.ts";

type Words = readonly [status: number, code: string, detail: string, todo: string];

const SIGN_IN_FAILED: Words = [
  401,
  "SIGN_IN_FAILED",
  "The address or the password is wrong, the address is not confirmed, or its user is shut out.",
  "Try again, confirm the address by the mail that you were sent, or reset the password.",
];
const SESSION_OVER: Words = [401, "SESSION_OVER", "This session has ended.", "Sign in again."];
const NO_SUCH_FACTOR: Words = [404, "NO_SUCH_FACTOR", "There is no such factor of yours.", "See /auth/factors for yours."];
const CODE_WRONG: Words = [
  422,
  "CODE_WRONG",
  "This is not the code of now.",
  "Type the six digits that the app shows at this moment, and look whether its device has the right time.",
];
const SECOND_FACTOR_NEEDED: Words = [
  403,
  "SECOND_FACTOR_NEEDED",
  "This session has not shown the second factor.",
  "Verify a factor of yours (/auth/factors/{id}/verify) and use the token that it answers with.",
];

/** By Auth's own code. */
const WORDS: Record<string, Words> = {
  invalid_credentials: SIGN_IN_FAILED,
  email_not_confirmed: SIGN_IN_FAILED,
  user_banned: SIGN_IN_FAILED,
  user_not_found: SESSION_OVER,
  session_not_found: SESSION_OVER,
  session_expired: SESSION_OVER,
  refresh_token_not_found: SESSION_OVER,
  refresh_token_already_used: SESSION_OVER,
  bad_jwt: SESSION_OVER,
  no_authorization: SESSION_OVER,
  otp_expired: [422, "CODE_WRONG", "This code is wrong, used or too old.", "Ask for another one, and use it within the hour."],
  user_already_exists: [409, "CANNOT_SIGN_UP", "This address cannot sign up.", "If it is yours, sign in, or reset the password."],
  email_exists: [409, "CANNOT_SIGN_UP", "This address cannot sign up.", "If it is yours, sign in, or reset the password."],
  same_password: [422, "SAME_PASSWORD", "The new password is the old one.", "Choose another one."],
  reauthentication_needed: [403, "SIGN_IN_AGAIN", "A new password needs a sign-in of today.", "Sign in again, then change it."],
  insufficient_aal: SECOND_FACTOR_NEEDED,
  mfa_factor_not_found: NO_SUCH_FACTOR,
  mfa_verification_failed: CODE_WRONG,
  mfa_challenge_expired: CODE_WRONG,
  mfa_factor_name_conflict: [409, "FACTOR_NAME_TAKEN", "A factor of yours has this name.", "Choose another name, or remove that factor."],
  too_many_enrolled_mfa_factors: [409, "TOO_MANY_FACTORS", "You have as many factors as there may be.", "Remove one first."],
};

/** The answer to what was thrown while Auth was asked; what is no refusal of Auth's is thrown on. */
export function authProblem(error: unknown): Problem {
  if (!(error instanceof AuthRefused)) throw error;
  if (error.status === 429) {
    return new Problem(429, "TOO_MANY_REQUESTS", "Too many requests of this kind.", { todo: "Try again in a minute.", headers: { "Retry-After": "60" } });
  }
  const words = WORDS[error.code];
  if (words) return new Problem(words[0], words[1], words[2], { todo: words[3] });
  // The ledger's hook says why somebody may not sign up: "CODE: what to do."
  const [, code, todo] = /^([A-Z][A-Z0-9_]+): (.+)$/s.exec(error.message) ?? [];
  if (code && todo) return new Problem(403, code, error.message, { todo: `${todo.charAt(0).toUpperCase()}${todo.slice(1)}` });
  if (error.code === "weak_password") return new Problem(422, "WEAK_PASSWORD", error.message, { todo: "Choose a longer one." });
  return new Problem(error.status === 401 ? 401 : 422, "AUTH_REFUSED", error.message || "Auth refused the request.");
}
