// From the text in which Postgres prints a value to the JSON that clients expect.

import type { Type } from "./catalogue.ts";
import { exactNumber } from "./json.ts";

const NUMBERS = new Set(["int2", "int4", "int8", "oid", "float4", "float8", "numeric"]);
const JSON_NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;

export function isNumber(type: Type | undefined): boolean {
  return type !== undefined && NUMBERS.has(type.name);
}

/** A value for JSON.stringify. Numbers keep all digits; what JSON has no word for (NaN, infinity) stays text. */
export function toJson(text: string | null, typeId: number, types: ReadonlyMap<number, Type>): unknown {
  const type = types.get(typeId);
  if (text === null || type === undefined) return text;
  if (type.elementId !== 0) return parseArray(text).map((item) => elementToJson(item, type.elementId, types));
  if (NUMBERS.has(type.name)) return JSON_NUMBER.test(text) ? exactNumber(text) : text;
  switch (type.name) {
    case "bool":
      return text === "t";
    case "json":
    case "jsonb":
      return JSON.parse(text) as unknown;
    case "timestamp":
      return text.replace(" ", "T");
    case "timestamptz":
      return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
    default:
      return text;
  }
}

type Item = string | null | Item[];

function elementToJson(item: Item, typeId: number, types: ReadonlyMap<number, Type>): unknown {
  return Array.isArray(item) ? item.map((inner) => elementToJson(inner, typeId, types)) : toJson(item, typeId, types);
}

/** Reads Postgres's array text, `{a,"b c",NULL,{...}}`; bounds before it (`[0:1]=`) are left out. */
export function parseArray(text: string): Item[] {
  let at = text.indexOf("{");

  function quoted(): string {
    let value = "";
    for (at += 1; text[at] !== '"' && at < text.length; at += 1) {
      if (text[at] === "\\") at += 1;
      value += text[at] ?? "";
    }
    at += 1;
    return value;
  }

  function list(): Item[] {
    const items: Item[] = [];
    at += 1;
    while (at < text.length && text[at] !== "}") {
      if (text[at] === "{") {
        items.push(list());
      } else if (text[at] === '"') {
        items.push(quoted());
      } else {
        const end = text.slice(at).search(/[,}]/);
        const word = text.slice(at, at + end);
        at += end;
        items.push(word === "NULL" ? null : word);
      }
      if (text[at] === ",") at += 1;
    }
    at += 1;
    return items;
  }

  return at < 0 ? [] : list();
}
