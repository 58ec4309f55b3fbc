/** One row of the caller's: read, made once, changed at the version that was seen. */
import type { Context } from "hono";
import { type Query, Refused, type Row } from "../../_shared/rest.ts";
import type { Environment } from "./environment.ts";
import { notFound } from "./problem.ts";
import { changedMeanwhile, matched } from "./versions.ts";

/** Where the row stands, and how it is called in a refusal. */
export interface Kept {
  relation: string;
  what: string;
  id: string;
  select: string;
  /** Further filters: what is not among them is not found. */
  but?: Query;
}

/** The row. Throws Problem 404 where the caller has none of this id. */
export async function oneRow<T extends Row>(context: Context<Environment>, kept: Kept): Promise<T> {
  const [row] = await context.get("ledger").select<T>(kept.relation, { select: kept.select, id: `eq.${kept.id}`, ...kept.but });
  if (!row) throw notFound(kept.what, kept.id);
  return row;
}

/** Makes the row under the id that `kept` names; one that is there already by that id is the same request's, done before. */
export async function makeRow<T extends Row>(context: Context<Environment>, kept: Kept, values: Row): Promise<T> {
  const ledger = context.get("ledger");
  try {
    return await ledger.insert<T>(kept.relation, { ...values, id: kept.id, user_id: context.get("caller").id }, kept.select);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 409) throw error;
    const [row] = await ledger.select<T>(kept.relation, { select: kept.select, id: `eq.${kept.id}` });
    if (!row) throw error;
    return row;
  }
}

/** Changes the row where it still has the version of If-Match, or any where that was `compared` before. Throws Problem 404 or 412. */
export async function changeRow<T extends Row>(context: Context<Environment>, kept: Kept, values: Row, compared = false): Promise<T> {
  const version = compared ? undefined : matched(context);
  const seen = version === undefined ? {} : { version: `eq.${version}` };
  const [row] = await context.get("ledger").update<T>(kept.relation, { select: kept.select, id: `eq.${kept.id}`, ...kept.but, ...seen }, values);
  if (row) return row;
  await oneRow(context, kept);
  throw changedMeanwhile(kept.what, version);
}
