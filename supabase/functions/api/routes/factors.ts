/** The second factor: authenticator apps that make a code of six digits every half minute (TOTP). */
import { createRoute, z } from "@hono/zod-openapi";
import type { AuthSession, AuthUser } from "../../_shared/auth.ts";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import { authProblem } from "../http/auth_refusals.ts";
import type { Api } from "../http/environment.ts";
import { once, OnceHeader } from "../http/once.ts";
import { takeRate } from "../http/rates.ts";
import { Factor, factorOf, Session, sessionOf } from "../schemas/sessions.ts";
import { Id } from "../schemas/values.ts";
import { authOf } from "./sign_in.ts";

const tags = ["sign-in"];
const Named = z.object({ id: Id });

const NewFactor = z.strictObject({ name: z.string().trim().min(1).max(100).openapi({ example: "phone" }) }).openapi("NewFactor");
const Enrolled = z.object({
  id: Id,
  name: z.string(),
  secret: z.string().openapi({ description: "In Base32, for typing into the app. Shown only now." }),
  uri: z.string().openapi({ description: "The otpauth address of the same, for a QR code of your own. Shown only now." }),
  qr_code: z.string().openapi({ description: "The address as a QR code, an SVG. Shown only now." }),
}).openapi("EnrolledFactor");
const Code = z.strictObject({ code: z.string().regex(/^\d{6}$/, "is six digits") }).openapi("FactorCode");

const list = createRoute({
  method: "get",
  path: "/auth/factors",
  operationId: "listFactors",
  tags,
  summary: "Your second factors, oldest first.",
  security: security(),
  middleware: [signedIn()] as const,
  responses: { 200: json(z.object({ data: z.array(Factor) }).openapi("Factors"), "All of them."), ...refusals(401, 403) },
});

const enroll = createRoute({
  method: "post",
  path: "/auth/factors",
  operationId: "enrollFactor",
  tags,
  summary: "Begins a second factor. Give the secret to an authenticator app, then verify with its code.",
  security: security(),
  middleware: [signedIn(), once("enroll_factor", true)] as const,
  request: { headers: OnceHeader, body: { content: { "application/json": { schema: NewFactor } }, required: true } },
  responses: { 201: json(Enrolled, "Begun."), ...refusals(401, 403, 409) },
});

const verify = createRoute({
  method: "post",
  path: "/auth/factors/{id}/verify",
  operationId: "verifyFactor",
  tags,
  summary: "Shows the second factor: the answer's tokens are of level aal2, and stay so when refreshed.",
  security: security(),
  middleware: [signedIn()] as const,
  request: { params: Named, body: { content: { "application/json": { schema: Code } }, required: true } },
  responses: { 200: json(Session, "Shown. Sessions of yours without it have ended."), ...refusals(401, 403, 404) },
});

const remove = createRoute({
  method: "delete",
  path: "/auth/factors/{id}",
  operationId: "removeFactor",
  tags,
  summary: "Removes a second factor; a verified one only in a session that has shown it.",
  security: security(),
  middleware: [signedIn()] as const,
  request: { params: Named },
  responses: { 204: empty("Removed."), ...refusals(401, 403, 404) },
});

interface Begun {
  id: string;
  friendly_name?: string;
  totp: { qr_code: string; secret: string; uri: string };
}

export function factors(api: Api): void {
  api.openapi(list, async (context) => {
    const user = await authOf(context).ask<AuthUser>("GET", "user", undefined, context.get("caller").token).catch(refused);
    return context.json({ data: (user.factors ?? []).filter((factor) => factor.factor_type === "totp").map(factorOf) }, 200);
  });
  api.openapi(enroll, async (context) => {
    const { name } = context.req.valid("json");
    const asked = { factor_type: "totp", friendly_name: name, issuer: "AgentTrader" };
    const begun = await authOf(context).ask<Begun>("POST", "factors", asked, context.get("caller").token).catch(refused);
    const { secret, uri, qr_code } = begun.totp;
    return context.json({ id: begun.id, name, secret, uri, qr_code }, 201);
  });
  api.openapi(verify, async (context) => {
    const { id } = context.req.valid("param");
    const { code } = context.req.valid("json");
    const { id: user, token } = context.get("caller");
    await takeRate(context, `user:${user}`, "second_factor");
    const auth = authOf(context);
    const challenge = await auth.ask<{ id: string }>("POST", `factors/${id}/challenge`, {}, token).catch(refused);
    const session = await auth.ask<AuthSession>("POST", `factors/${id}/verify`, { challenge_id: challenge.id, code }, token).catch(refused);
    return context.json(sessionOf(session), 200);
  });
  api.openapi(remove, async (context) => {
    const { id } = context.req.valid("param");
    await authOf(context).ask("DELETE", `factors/${id}`, undefined, context.get("caller").token).catch(refused);
    return context.body(null, 204);
  });
}

function refused(error: unknown): never {
  throw authProblem(error);
}
