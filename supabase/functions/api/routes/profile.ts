/** Who the caller is, and how they want to be called. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { changedMeanwhile, IfMatchHeader, matched, tag } from "../http/versions.ts";
import { Problem } from "../http/problem.ts";
import { Id, Time, Version } from "../schemas/values.ts";

const tags = ["profile"];

const Profile = z.object({
  user_id: Id,
  email: z.string().nullable(),
  display_name: z.string(),
  time_zone: z.string().openapi({ description: "For showing times, which are UTC.", example: "America/New_York" }),
  desk_id: Id.nullable().openapi({ description: "The desk that you are on; null: none." }),
  desk_role: z.enum(["trader", "viewer"]),
  administrator: z.boolean().openapi({ description: "As this session's token says." }),
  level: z.enum(["aal1", "aal2"]).openapi({ description: "Of this session; aal2: with a second factor." }),
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("Profile");

const ProfileChange = z.strictObject({
  display_name: z.string().max(200),
  time_zone: z.string().min(1).max(64).openapi({ example: "America/New_York" }),
}).openapi("ProfileChange");

const COLUMNS = "user_id,display_name,time_zone,desk_id,desk_role,created_at,updated_at,version";
type Row = Omit<z.infer<typeof Profile>, "email" | "administrator" | "level">;

const read = createRoute({
  method: "get",
  path: "/user/profile",
  operationId: "getProfile",
  tags,
  summary: "Your name, time zone, desk and rights.",
  security: security(),
  middleware: [signedIn()] as const,
  responses: { 200: json(Profile, "Yours."), ...refusals(401, 403, 404) },
});

const change = createRoute({
  method: "put",
  path: "/user/profile",
  operationId: "changeProfile",
  tags,
  summary: "Changes your name and time zone.",
  security: security(),
  middleware: [signedIn()] as const,
  request: { headers: IfMatchHeader, body: { content: { "application/json": { schema: ProfileChange } }, required: true } },
  responses: { 200: json(Profile, "As it is now."), ...refusals(401, 403, 404, 412, 428) },
});

export function profile(api: Api): void {
  api.openapi(read, async (context) => {
    const { id, email, administrator, level } = context.get("caller");
    const [row] = await context.get("ledger").select<Row>("profiles", { select: COLUMNS, user_id: `eq.${id}` });
    if (!row) throw noProfile();
    tag(context, row.version);
    return context.json({ ...row, email, administrator, level }, 200);
  });
  api.openapi(change, async (context) => {
    const { id, email, administrator, level } = context.get("caller");
    const ledger = context.get("ledger");
    const seen = matched(context);
    const query = { user_id: `eq.${id}`, select: COLUMNS, ...(seen === undefined ? {} : { version: `eq.${seen}` }) };
    const [row] = await ledger.update<Row>("profiles", query, context.req.valid("json"));
    if (!row) {
      const [there] = await ledger.select<Row>("profiles", { select: COLUMNS, user_id: `eq.${id}` });
      throw there ? changedMeanwhile("profile", seen) : noProfile();
    }
    tag(context, row.version);
    return context.json({ ...row, email, administrator, level }, 200);
  });
}

/** Whoever is shut out reads nothing, their own row neither. */
function noProfile(): Problem {
  return new Problem(404, "NO_SUCH_PROFILE", "You have no profile, or are shut out.", { todo: "Ask an administrator." });
}
