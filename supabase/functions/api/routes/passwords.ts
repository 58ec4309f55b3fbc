/** A new password: for who knows the old one, and for who is sent a code. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Auth, AuthSession } from "../../_shared/auth.ts";
import { checked } from "../../_shared/tokens.ts";
import { anyone, signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import { authProblem } from "../http/auth_refusals.ts";
import type { Api } from "../http/environment.ts";
import { Problem } from "../http/problem.ts";
import { takeRate } from "../http/rates.ts";
import { Email, NewPassword, Password, Session, sessionOf } from "../schemas/sessions.ts";
import { asked, authOf, nameless } from "./sign_in.ts";

const tags = ["sign-in"];
/** A session begun by a mailed code sets a new password without the old one for so long. */
const RESET_SECONDS = 900;

const PasswordReset = z.strictObject({ email: Email }).openapi("PasswordReset");
const PasswordResetCode = z.strictObject({
  email: Email,
  code: z.string().regex(/^\d{6,10}$/, "is the number in the mail"),
}).openapi("PasswordResetCode");
const PasswordChange = z.strictObject({
  password: NewPassword,
  current_password: Password.optional().openapi({ description: "Needed unless this session began by a mailed code, in the last quarter of an hour." }),
}).openapi("PasswordChange");

const reset = createRoute({
  method: "post",
  path: "/auth/password-reset",
  operationId: "requestPasswordReset",
  tags,
  summary: "Mails a code to the address, if somebody has signed up with it. The answer is the same if not.",
  security: [],
  middleware: [anyone()] as const,
  request: { body: { content: { "application/json": { schema: PasswordReset } }, required: true } },
  responses: { 202: empty("Whoever has signed up with this address is mailed a code. Ask again where none comes within minutes."), ...refusals() },
});

const verify = createRoute({
  method: "post",
  path: "/auth/password-reset/verify",
  operationId: "verifyPasswordReset",
  tags,
  summary: "Signs in by the mailed code; then set a new password, with a second factor shown where there is one.",
  security: [],
  middleware: [anyone()] as const,
  request: { body: { content: { "application/json": { schema: PasswordResetCode } }, required: true } },
  responses: { 200: json(Session, "Signed in."), ...refusals() },
});

const change = createRoute({
  method: "put",
  path: "/auth/password",
  operationId: "changePassword",
  tags,
  summary: "Sets a new password, and ends every other session of yours.",
  security: security(),
  middleware: [signedIn()] as const,
  request: { body: { content: { "application/json": { schema: PasswordChange } }, required: true } },
  responses: { 204: empty("Set."), ...refusals(401, 403) },
});

export function passwords(api: Api): void {
  api.openapi(reset, async (context) => {
    const { email } = context.req.valid("json");
    await takeRate(context, `email:${await nameless(email)}`, "mail");
    inBackground(mailCode(authOf(context), email, context.get("requestId")));
    return context.body(null, 202);
  });
  api.openapi(verify, async (context) => {
    const { email, code } = context.req.valid("json");
    await takeRate(context, `email:${await nameless(email)}`, "sign_in_email");
    return context.json(sessionOf(await asked<AuthSession>(context, "verify", { type: "recovery", email, token: code })), 200);
  });
  api.openapi(change, async (context) => {
    const { password, current_password } = context.req.valid("json");
    const caller = context.get("caller");
    const auth = authOf(context);
    await takeRate(context, `user:${caller.id}`, "second_factor");
    try {
      if (current_password !== undefined) {
        const guess = { email: caller.email, password: current_password };
        const opened = await auth.ask<AuthSession>("POST", "token?grant_type=password", guess);
        // It was begun to see whether the password is right.
        await auth.ask("POST", "logout?scope=local", {}, opened.access_token);
      } else if (!await beganByCode(caller.token)) {
        throw new Problem(422, "CURRENT_PASSWORD_NEEDED", "Send the current password too.", {
          todo: "Where it is forgotten, ask for a code by /auth/password-reset.",
        });
      }
      await auth.ask("PUT", "user", { password }, caller.token);
    } catch (error) {
      if (error instanceof Problem) throw error;
      const problem = authProblem(error);
      throw problem.code === "SIGN_IN_FAILED" ? new Problem(403, "CURRENT_PASSWORD_WRONG", "The current password is another one.", {
        todo: "Try again, or ask for a code by /auth/password-reset.",
      }) : problem;
    }
    return context.body(null, 204);
  });
}

/** Auth takes longer, fails and refuses where the address is somebody's alone: neither the answer nor its time may tell, only the log. */
async function mailCode(auth: Auth, email: string, request_id: string): Promise<void> {
  try {
    await auth.ask("POST", "recover", { email });
  } catch (error) {
    console.error(JSON.stringify({ severity: "ERROR", component: "api", request_id, error: `no mail was sent: ${String(error)}` }));
  }
}

/** The platform ends an instance that has answered, unless it is told what to wait for. */
function inBackground(work: Promise<void>): void {
  const { EdgeRuntime } = globalThis as { EdgeRuntime?: { waitUntil: (work: Promise<void>) => void } };
  EdgeRuntime?.waitUntil(work);
}

/** True where a code that was mailed has just opened the session. */
async function beganByCode(token: string): Promise<boolean> {
  const { amr } = await checked(token) as { amr?: { method: string; timestamp: number }[] };
  return (amr ?? []).some(({ method, timestamp }) => ["otp", "recovery"].includes(method) && timestamp > Date.now() / 1000 - RESET_SECONDS);
}
