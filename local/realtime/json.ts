// JSON as it comes from a wire: unknown until looked at.

export type JsonObject = Record<string, unknown>;

// JSON.rawJSON (ES2026) writes a number with all its digits; TypeScript's library does not know it yet.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => object };

/** A JSON number of exactly these digits, for JSON.stringify. */
export function exactNumber(digits: string): object {
  return rawJSON(digits);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object at a key, or an empty one. */
export function objectAt(source: JsonObject, key: string): JsonObject {
  const value = source[key];
  return isObject(value) ? value : {};
}

export function stringAt(source: JsonObject, key: string): string | undefined {
  const value = source[key];
  return typeof value === "string" ? value : undefined;
}
