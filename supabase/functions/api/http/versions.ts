/** A row's version as ETag: who changes it says which one they saw. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

export const IfMatchHeader = z.object({
  "if-match": z.string().openapi({ description: "The ETag of what you saw, or * for whatever it is.", example: '"3"' }),
});

/** Says the version on the answer. */
export function tag(context: Context<Environment>, version: number): void {
  context.header("ETag", `"${version}"`);
}

/** The version that the caller saw; undefined for any. Throws Problem 428 or 400. `fromNone`: "0" says that there was none yet. */
export function matched(context: Context<Environment>, fromNone = false): number | undefined {
  const given = context.req.header("If-Match");
  if (given === undefined) throw versionNeeded();
  if (given.trim() === "*") return undefined;
  if (fromNone && given.trim() === '"0"') return 0;
  // Versions begin at one; a zero means whichever to some functions of the ledger.
  const version = /^(?:W\/)?"([1-9]\d{0,14})"$/.exec(given.trim())?.[1];
  if (version === undefined) throw new Problem(400, "BAD_VERSION", `If-Match is an ETag such as "3", or *; found ${given}.`);
  return Number(version);
}

/** The request has no If-Match. */
export function versionNeeded(): Problem {
  return new Problem(428, "VERSION_NEEDED", "Send If-Match with the ETag of what you saw, or *.", { todo: "Read it first; its answer carries the ETag." });
}

/** Another change came first. */
export function changedMeanwhile(what: string, seen: number | undefined): Problem {
  return new Problem(412, "CHANGED_MEANWHILE", `The ${what} is no longer at version ${seen ?? "*"}.`, { todo: "Read it again and decide anew." });
}
