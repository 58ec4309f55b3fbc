/** Signing up, in and out. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { Auth, type AuthSession } from "../../_shared/auth.ts";
import { addressOf } from "../../_shared/address.ts";
import { anyone, signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import { authProblem } from "../http/auth_refusals.ts";
import type { Api, Environment } from "../http/environment.ts";
import { takeRate } from "../http/rates.ts";
import { Email, NewPassword, Password, Session, sessionOf } from "../schemas/sessions.ts";

const tags = ["sign-in"];
/** Auth is quicker to refuse where there is no such person; the answer is not. */
const REFUSED_AFTER_MS = 300;

const SignUp = z.strictObject({
  email: Email,
  password: NewPassword,
  display_name: z.string().max(200).optional(),
  invitation: z.string().max(200).optional().openapi({ description: "The token of an invitation; needed while sign-up is closed." }),
}).openapi("SignUp");

const SignedUp = z.object({
  session: z.union([Session, z.null()]).openapi({ description: "Null: follow the link in the mail first, then sign in." }),
}).openapi("SignedUp");

const Login = z.strictObject({ email: Email, password: Password }).openapi("Login");
const Refresh = z.strictObject({ refresh_token: z.string().min(1).max(4096) }).openapi("Refresh");
const Logout = z.strictObject({
  scope: z.enum(["local", "others", "global"]).default("local").openapi({
    description: "local: this session. others: every other of yours. global: all.",
  }),
}).openapi("Logout");

const signup = createRoute({
  method: "post",
  path: "/auth/signup",
  operationId: "signUp",
  tags,
  summary: "Makes a person's login; by invitation, where sign-up is closed.",
  security: [],
  middleware: [anyone()] as const,
  request: { body: { content: { "application/json": { schema: SignUp } }, required: true } },
  responses: { 201: json(SignedUp, "Signed up."), ...refusals(403, 409) },
});

const login = createRoute({
  method: "post",
  path: "/auth/login",
  operationId: "login",
  tags,
  summary: "Signs in by address and password. Where `factors` is not empty, verify one for what needs a second factor.",
  security: [],
  middleware: [anyone()] as const,
  request: { body: { content: { "application/json": { schema: Login } }, required: true } },
  responses: { 200: json(Session, "Signed in."), ...refusals(401) },
});

const refresh = createRoute({
  method: "post",
  path: "/auth/refresh",
  operationId: "refreshSession",
  tags,
  summary: "The session's next tokens; its level stays.",
  security: [],
  middleware: [anyone()] as const,
  request: { body: { content: { "application/json": { schema: Refresh } }, required: true } },
  responses: { 200: json(Session, "New tokens."), ...refusals(401) },
});

const logout = createRoute({
  method: "post",
  path: "/auth/logout",
  operationId: "logout",
  tags,
  summary: "Ends sessions: their refresh tokens buy nothing more. An access token counts until it expires.",
  security: security(),
  middleware: [signedIn()] as const,
  request: { body: { content: { "application/json": { schema: Logout } }, required: true } },
  responses: { 204: empty("Ended, or ended before."), ...refusals(401, 403) },
});

export function signIn(api: Api): void {
  api.openapi(signup, async (context) => {
    const { email, password, display_name, invitation } = context.req.valid("json");
    await countSignIn(context, email);
    const data = { ...(display_name === undefined ? {} : { display_name }), ...(invitation === undefined ? {} : { invitation }) };
    const answer = await asked<AuthSession | { id: string }>(context, "signup", { email, password, data });
    return context.json({ session: "access_token" in answer ? sessionOf(answer) : null }, 201);
  });
  api.openapi(login, async (context) => {
    const { email, password } = context.req.valid("json");
    await countSignIn(context, email);
    const earliest = new Promise((resolve) => setTimeout(resolve, REFUSED_AFTER_MS));
    try {
      return context.json(sessionOf(await asked<AuthSession>(context, "token?grant_type=password", { email, password })), 200);
    } catch (error) {
      await earliest;
      throw error;
    }
  });
  api.openapi(refresh, async (context) => {
    const { refresh_token } = context.req.valid("json");
    return context.json(sessionOf(await asked<AuthSession>(context, "token?grant_type=refresh_token", { refresh_token })), 200);
  });
  api.openapi(logout, async (context) => {
    const { scope } = context.req.valid("json");
    try {
      await authOf(context).ask("POST", `logout?scope=${scope}`, {}, context.get("caller").token);
    } catch (error) {
      // Ended before: what was asked for is so.
      const problem = authProblem(error);
      if (problem.code !== "SESSION_OVER") throw problem;
    }
    return context.body(null, 204);
  });
}

/** Auth, for the person who sent this request. */
export function authOf(context: Context<Environment>): Auth {
  return new Auth(addressOf(context.req.raw), context.get("requestId"));
}

/** Asks Auth for somebody who is not signed in; its refusals in the API's words. */
export async function asked<T>(context: Context<Environment>, path: string, body: unknown): Promise<T> {
  try {
    return await authOf(context).ask<T>("POST", path, body);
  } catch (error) {
    throw authProblem(error);
  }
}

/** Guesses are counted by where they come from and by whom they are at, whether or not there is such a person. */
async function countSignIn(context: Context<Environment>, email: string): Promise<void> {
  await takeRate(context, `ip:${addressOf(context.req.raw)}`, "sign_in");
  await takeRate(context, `email:${await nameless(email)}`, "sign_in_email");
}

/** No address is written where rates are counted. */
export async function nameless(email: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(email.toLowerCase())));
  return [...bytes.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
