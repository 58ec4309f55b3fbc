/** Puts right what the generator of the document says of a named schema that may be null. */

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * A copy in which "the named schema and, besides, text or null" is "the named schema, or null": taken by its word, null
 * would never be the named one, and no null would meet the document.
 */
export function withNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withNulls);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withNulls(one)]));
  const [named, besides] = Array.isArray(copy.allOf) && copy.allOf.length === 2 ? copy.allOf : [];
  if (!isObject(named) || !("$ref" in named) || !isObject(besides) || !Array.isArray(besides.type) || !besides.type.includes("null")) return copy;
  const { allOf: _allOf, ...rest } = copy;
  const { type: _type, ...told } = besides;
  return { ...rest, ...told, anyOf: [named, { type: "null" }] };
}

function isObject(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
