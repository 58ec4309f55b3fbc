/** What a person is given who has signed in. */
import { z } from "@hono/zod-openapi";
import type { AuthFactor, AuthSession } from "../../_shared/auth.ts";
import { Id } from "./values.ts";

export const Factor = z.object({
  id: Id,
  name: z.string().openapi({ description: "As you called it." }),
  verified: z.boolean().openapi({ description: "False until a code of it was sent once; until then it guards nothing." }),
  created_at: z.string().openapi({ format: "date-time" }),
}).openapi("Factor");

export const Session = z.object({
  access_token: z.string().openapi({ description: "The bearer token of every other route." }),
  refresh_token: z.string().openapi({ description: "Buys the next session, once; keep it secret." }),
  expires_at: z.string().openapi({ format: "date-time", description: "Until when the access token counts." }),
  user_id: Id,
  level: z.enum(["aal1", "aal2"]).openapi({ description: "aal2: with a second factor." }),
  factors: z.array(Factor).openapi({ description: "The second factors that this person can show." }),
}).openapi("Session");

export const Email = z.email().max(255).openapi({ example: "ann@example.com" });
/** How strong it must be, Auth says; it reads the first 72 bytes. */
export const NewPassword = z.string().min(8).max(72).openapi({ format: "password" });
export const Password = z.string().min(1).max(72).openapi({ format: "password" });

/** Times are the machine's: Auth's, whose clock made them. */
export function sessionOf(session: AuthSession): z.infer<typeof Session> {
  return {
    access_token: session.access_token,
    refresh_token: session.refresh_token,
    expires_at: new Date((session.expires_at ?? Date.now() / 1000 + session.expires_in) * 1000).toISOString(),
    user_id: session.user.id,
    level: levelOf(session.access_token),
    factors: (session.user.factors ?? []).map(factorOf).filter((factor) => factor.verified),
  };
}

export function factorOf(factor: AuthFactor): z.infer<typeof Factor> {
  return { id: factor.id, name: factor.friendly_name ?? "", verified: factor.status === "verified", created_at: factor.created_at };
}

/** Auth has just made the token: it is read, not checked. */
function levelOf(token: string): "aal1" | "aal2" {
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const { aal } = JSON.parse(atob(payload)) as { aal?: string };
  return aal === "aal2" ? "aal2" : "aal1";
}
