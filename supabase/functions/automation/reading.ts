/** What a body says, as each kind of source reads it: the ledger knows which kind the source is of, and takes that one. */
import type { z } from "zod";
import { Generic } from "./generic.ts";
import { tradingView } from "./tradingview.ts";

interface Said {
  event_id?: string | undefined;
  sent_at?: string | undefined;
  order?: unknown;
  event?: unknown;
  problem?: { field: string; reason: string };
}

/** Postgres takes neither of them in a text: a NUL, and half of a pair. */
const NO_TEXT = /\\u(?:0000|d[89a-f][0-9a-f]{2})/i;

/** Never throws: what cannot be read is told to a sender who is known, and to nobody else. */
export function read(bytes: Uint8Array): Record<"generic" | "tradingview", Said> {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (NO_TEXT.test(JSON.stringify(body))) return both({ field: "body", reason: "has a character that is none" });
  } catch {
    return both({ field: "body", reason: "is not JSON" });
  }
  return { generic: said(Generic.safeParse(body), body), tradingview: said(tradingView(body), body) };
}

function both(problem: { field: string; reason: string }): Record<"generic" | "tradingview", Said> {
  return { generic: { problem }, tradingview: { problem } };
}

function said(result: z.ZodSafeParseResult<Said>, body: unknown): Said {
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = ["body", ...(issue?.path ?? []).map(String)].join(".");
  const problem = issue?.code === "unrecognized_keys"
    ? { field: `${path}.${issue.keys[0]}`.slice(0, 100), reason: "is not known" }
    : { field: path.slice(0, 100), reason: issue?.message ?? "is not as it must be" };
  // So that a body that is malformed is known by its id and its time all the same.
  const given = typeof body === "object" && body !== null ? body as Record<string, unknown> : {};
  return { event_id: text(given.event_id, /^[\x21-\x7e]{1,200}$/), sent_at: text(given.sent_at ?? given.time, /^[0-9TZ:.+-]{10,40}$/), problem };
}

function text(value: unknown, shape: RegExp): string | undefined {
  return typeof value === "string" && shape.test(value) ? value : undefined;
}
