/** The audit trail of one's own rows. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { is, timeRange, within } from "../http/filters.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { Time } from "../schemas/values.ts";

const Image = z.string().nullable().openapi({
  description: "The whole row without secrets, as JSON text: the text is what the hash is of, and keeps every digit.",
});
const Hash = z.string().openapi({ description: "SHA-256, in hexadecimal digits." });

const AuditLink = z.object({
  chain: z.string().openapi({ description: "The broker account's id, else user:<id>, else global." }),
  sequence: z.int().openapi({ description: "Its number in the chain, from 1 without a gap." }),
  at: Time,
  actor: z.string().openapi({ description: "Who did it.", example: "user:6f6c1c5e-3e1d-4b0a-9d6a-0d5a3a7c2b11" }),
  action: z.enum(["INSERT", "UPDATE", "DELETE"]),
  table_name: z.string(),
  row_id: z.string(),
  before: Image,
  after: Image,
  previous_hash: Hash,
  hash: Hash,
}).openapi("AuditLink");

const COLUMNS = "chain,sequence,at,actor,action,table_name,row_id,before::text,after::text,previous_hash,hash";

const list = createRoute({
  method: "get",
  path: "/audit",
  operationId: "listAudit",
  tags: ["audit"],
  summary: "Every change of your rows, by whom, before and after; the newest first.",
  security: security("read"),
  middleware: [signedIn("read")] as const,
  request: {
    query: z.strictObject({
      ...pageQuery,
      ...timeRange,
      table_name: z.string().max(100).optional(),
      row_id: z.string().max(200).optional(),
      action: AuditLink.shape.action.optional(),
      chain: z.string().max(100).optional(),
    }),
  },
  responses: { 200: json(pageOf(AuditLink, "AuditLink"), "A page of the trail."), ...refusals(401, 403) },
});

export function audit(api: Api): void {
  api.openapi(list, async (context) => {
    const { table_name, row_id, action, chain, ...asked } = context.req.valid("query");
    const query = {
      select: COLUMNS,
      at: within(asked),
      table_name: is(table_name),
      row_id: is(row_id),
      action: is(action),
      chain: is(chain),
    };
    const order = { by: ["at", "chain", "sequence"] } as const;
    const page = await readPage<z.infer<typeof AuditLink>>(context.get("ledger"), "audit_log", query, asked, order);
    const data = page.data.map((link) => ({ ...link, previous_hash: digits(link.previous_hash), hash: digits(link.hash) }));
    return context.json({ ...page, data }, 200);
  });
}

/** Postgres writes bytes as `\x0123`. */
function digits(bytes: string): string {
  return bytes.replace(/^\\x/, "");
}
