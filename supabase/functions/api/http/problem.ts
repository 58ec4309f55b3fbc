/** What goes wrong, as RFC 9457 problem+json with the ledger's codes. */
import { z } from "@hono/zod-openapi";

export { notFound, Problem, problemOf } from "../../_shared/problem.ts";

/** One field that is not as it must be: where it stands, and why. */
export const FieldProblem = z.object({
  field: z.string().openapi({ example: "body.quantity" }),
  reason: z.string(),
}).openapi("FieldProblem");

export const ProblemBody = z.object({
  type: z.literal("about:blank"),
  title: z.string().openapi({ description: "The HTTP status in words.", example: "Unprocessable Content" }),
  status: z.int(),
  code: z.string().openapi({ description: "Stable; programs decide by it.", example: "UNKNOWN_SYMBOL" }),
  detail: z.string().openapi({ description: "What was expected and what was found." }),
  todo: z.string().optional().openapi({ description: "What to do about it, for a person." }),
  numbers: z.record(z.string(), z.unknown()).optional().openapi({ description: "What was seen, by name." }),
  errors: z.array(FieldProblem).optional(),
  request_id: z.string(),
}).openapi("Problem");
