// The filters of a postgres_changes subscription: `column=op.value`, joined by commas, all of which must hold.
// Values are brought to Postgres's own spelling at the join; from then on rows are judged without the database.

import type { Type } from "./catalogue.ts";
import { isNumber } from "./values.ts";

const OPERATORS = ["eq", "neq", "lt", "lte", "gt", "gte", "in", "is", "isdistinct", "like", "ilike"] as const;
type Operator = (typeof OPERATORS)[number];

export interface Condition {
  readonly column: string;
  readonly operator: Operator;
  readonly negated: boolean;
  readonly values: readonly string[];
}

/** The filter cannot be read; the message says what was expected. */
export class BadFilter extends Error {
  override readonly name = "BadFilter";
}

/** Reads a filter. Throws BadFilter. */
export function parseFilter(text: string): Condition[] {
  return splitOutside(text).map((part) => {
    const match = /^\s*([^=]+)=(not\.)?([a-z]+)\.(.*)$/s.exec(part);
    const [, column, not, operator, value] = match ?? [];
    if (column === undefined || value === undefined || !isOperator(operator)) {
      throw new BadFilter(`expected column=operator.value with one of ${OPERATORS.join(", ")}, got ${part}`);
    }
    return { column: column.trim(), operator, negated: not !== undefined, values: valuesOf(operator, value, part) };
  });
}

function isOperator(text: string | undefined): text is Operator {
  return (OPERATORS as readonly (string | undefined)[]).includes(text);
}

function valuesOf(operator: Operator, value: string, part: string): string[] {
  if (operator === "in") {
    const list = /^\((.*)\)$/s.exec(value.trim());
    if (list?.[1] === undefined || list[1] === "") throw new BadFilter(`expected in.(a,b,...), got ${part}`);
    return splitOutside(list[1]).map(unquote);
  }
  if (operator === "is" && !["null", "true", "false", "unknown"].includes(value.toLowerCase())) {
    throw new BadFilter(`is knows null, true, false and unknown, got ${part}`);
  }
  return [operator === "is" ? value.toLowerCase() : unquote(value)];
}

/** Splits at commas that are neither in parentheses nor in quotes. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let inQuotes = false;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inQuotes && character === "\\") at += 1;
    else if (character === '"') inQuotes = !inQuotes;
    else if (!inQuotes && character === "(") depth += 1;
    else if (!inQuotes && character === ")") depth -= 1;
    else if (!inQuotes && depth === 0 && character === ",") {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function unquote(text: string): string {
  const match = /^\s*"(.*)"\s*$/s.exec(text);
  return match?.[1] === undefined ? text : match[1].replace(/\\(.)/gs, "$1");
}

// Types whose printed text sorts as the values do: enums, arrays and documents do not.
const SORTED_AS_TEXT = new Set([
  "text", "varchar", "bpchar", "name", "uuid", "bool", "date", "time", "timestamp", "timestamptz",
]);

/** Checks the condition against its column's type and spells its values as Postgres does. Throws BadFilter. */
export async function canonicalCondition(
  condition: Condition,
  type: Type,
  canonical: (value: string) => Promise<string>,
): Promise<Condition> {
  const { operator, column } = condition;
  if (operator === "is" || operator === "like" || operator === "ilike") return condition;
  if (["lt", "lte", "gt", "gte"].includes(operator) && !isNumber(type) && !SORTED_AS_TEXT.has(type.name)) {
    throw new BadFilter(`${column} is ${type.sqlName}, which ${operator} cannot compare here; use eq, neq or in`);
  }
  return { ...condition, values: await Promise.all(condition.values.map(canonical)) };
}

/** Whether a row passes: `valueOf` gives a column's text, null, or undefined where the log did not carry it. */
export function passes(
  conditions: readonly Condition[],
  valueOf: (column: string) => string | null | undefined,
  typeOf: (column: string) => Type | undefined,
): boolean {
  return conditions.every((condition) => {
    const value = valueOf(condition.column);
    if (value === undefined) return false;
    const verdict = judge(condition, value, typeOf(condition.column));
    return verdict !== null && verdict !== condition.negated;
  });
}

/** Three-valued, as SQL: null is unknown, and stays unknown when negated. */
function judge({ operator, values }: Condition, value: string | null, type: Type | undefined): boolean | null {
  const [wanted = ""] = values;
  if (operator === "is") {
    if (wanted === "null" || wanted === "unknown") return value === null;
    return value === (wanted === "true" ? "t" : "f");
  }
  if (operator === "isdistinct") return value === null || compare(value, wanted, type) !== 0;
  if (value === null) return null;
  switch (operator) {
    case "eq":
      return compare(value, wanted, type) === 0;
    case "neq":
      return compare(value, wanted, type) !== 0;
    case "lt":
      return compare(value, wanted, type) < 0;
    case "lte":
      return compare(value, wanted, type) <= 0;
    case "gt":
      return compare(value, wanted, type) > 0;
    case "gte":
      return compare(value, wanted, type) >= 0;
    case "in":
      return values.some((each) => compare(value, each, type) === 0);
    case "like":
      return isLike(value, wanted);
    case "ilike":
      return isLike(value.toLowerCase(), wanted.toLowerCase());
  }
}

function compare(left: string, right: string, type: Type | undefined): number {
  if (isNumber(type)) return compareNumbers(left, right);
  // By bytes, which is the order of the C locale.
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

const PLAIN_NUMBER = /^(-?)(\d+)(?:\.(\d+))?$/;

function compareNumbers(left: string, right: string): number {
  const a = PLAIN_NUMBER.exec(left);
  const b = PLAIN_NUMBER.exec(right);
  if (a === null || b === null) return compareSpecial(left, right);
  const places = Math.max(a[3]?.length ?? 0, b[3]?.length ?? 0);
  const difference = scaled(a, places) - scaled(b, places);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function scaled([, sign, whole, fraction = ""]: RegExpExecArray, places: number): bigint {
  return BigInt(`${sign ?? ""}${whole ?? "0"}${fraction.padEnd(places, "0")}`);
}

/** Floats with an exponent, infinities, and NaN, which Postgres sorts above everything and equal to itself. */
function compareSpecial(left: string, right: string): number {
  const [a, b] = [Number(left), Number(right)];
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** SQL's LIKE in time proportional to both lengths: a pattern comes from a stranger, so no regular expression. */
export function isLike(value: string, pattern: string): boolean {
  const text = Array.from(value);
  const tokens = Array.from(patternTokens(pattern));
  let [at, token, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    const expected = tokens[token];
    if (expected === ANY_TEXT) {
      star = token;
      resume = at;
      token += 1;
    } else if (expected !== undefined && (expected === ANY_CHARACTER || expected === text[at])) {
      at += 1;
      token += 1;
    } else if (star >= 0) {
      token = star + 1;
      resume += 1;
      at = resume;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every((rest) => rest === ANY_TEXT);
}

const ANY_TEXT = Symbol("%");
const ANY_CHARACTER = Symbol("_");

function* patternTokens(pattern: string): Generator<string | symbol> {
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (character === "%") yield ANY_TEXT;
    else if (character === "_") yield ANY_CHARACTER;
    else if (character === "\\") yield characters[(at += 1)] ?? "\\";
    else yield character;
  }
}
