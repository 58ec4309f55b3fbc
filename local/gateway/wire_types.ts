/**
 * How Postgres values travel in JSON: as PostgREST writes them.
 *
 * timestamps in ISO form ("2026-11-22T06:55:02+00:00"), numbers with every digit Postgres printed (numeric 1.10 is 1.10,
 * int8 above 2^53 is whole), bytea as "\x...". JSON.rawJSON lets the exact digits through JSON.stringify.
 */
import type { PostgresType } from "postgres";
import { ExactText } from "./exact_values.ts";

declare global {
  interface JSON {
    rawJSON(text: string): unknown;
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  }
}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** A number literal that JavaScript may not keep digit for digit: long, or ending in a zero behind the point. */
const DELICATE_NUMBER = /\d[\d.]{15,}|\.\d*0(?!\d)|\d[eE]/;

/** A number that keeps its digits: a plain number where JavaScript prints the same, else the raw text. */
export function exactNumber(text: string): unknown {
  const value = Number(text);
  if (String(value) === text) return value;
  return JSON_NUMBER.test(text) ? JSON.rawJSON(text) : text; // NaN and Infinity are text, as PostgREST sends them.
}

/** JSON from Postgres whose numbers keep their digits. */
export function exactJson(text: string): unknown {
  if (!DELICATE_NUMBER.test(text)) return JSON.parse(text) as unknown;
  return JSON.parse(text, (_key, value, context) =>
    typeof value === "number" && context.source !== undefined ? exactNumber(context.source) : value,
  );
}

/** "2026-11-22 06:55:02.5+00" -> "2026-11-22T06:55:02.5+00:00"; "infinity" stays. */
export function isoTimestamp(text: string): string {
  return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}

function asIs(value: unknown): string {
  return value as string;
}

function bytes(value: unknown): string {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : asIs(value);
}

/** lite hands some JSON over as text already; writing that as a JSON string would hide it from SQL. */
function jsonOnce(value: unknown): string {
  if (value instanceof ExactText) return value.text;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Type parsers for REST. */
export const REST_TYPES: Record<string, PostgresType> = {
  bigint: { to: 20, from: [20], serialize: String, parse: exactNumber },
  numeric: { to: 1700, from: [1700], serialize: String, parse: exactNumber },
  json: { to: 114, from: [114], serialize: jsonOnce, parse: exactJson },
  jsonb: { to: 3802, from: [3802], serialize: jsonOnce, parse: exactJson },
  timestamp: { to: 1114, from: [1114], serialize: asIs, parse: isoTimestamp },
  timestamptz: { to: 1184, from: [1184], serialize: asIs, parse: isoTimestamp },
  bytea: { to: 17, from: [17], serialize: bytes, parse: asIs },
};

/** Type parsers for auth and storage. */
export const SYSTEM_TYPES: Record<string, PostgresType> = {
  json: { to: 114, from: [114], serialize: jsonOnce, parse: (text: string) => JSON.parse(text) as unknown },
  jsonb: { to: 3802, from: [3802], serialize: jsonOnce, parse: (text: string) => JSON.parse(text) as unknown },
  timestamp: { to: 1114, from: [1114], serialize: asIs, parse: isoTimestamp },
  timestamptz: { to: 1184, from: [1184], serialize: asIs, parse: isoTimestamp },
};
