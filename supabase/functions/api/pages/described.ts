/** The parts of the OpenAPI document that the page shows, as it reads them. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  pattern?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Content {
  content?: Record<string, { schema?: Schema }>;
}

export interface Operation {
  operationId?: string;
  tags?: string[];
  summary?: string;
  description?: string;
  security?: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: Content;
  responses?: Record<string, Content & { description: string }>;
}

export interface Described {
  info: { title: string; version: string; description?: string };
  servers?: { url: string }[];
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

export const METHODS = ["get", "post", "put", "patch", "delete"] as const;

/** The JSON schema of a body or of an answer; undefined where it has none. */
export function schemaOf(of: Content | undefined): Schema | undefined {
  return Object.values(of?.content ?? {})[0]?.schema;
}

/** The name of a schema of the document; undefined for one that has none. */
export function nameOf(schema: Schema): string | undefined {
  return schema.$ref?.split("/").at(-1);
}

/** Who may ask: the words of the operation's security. */
export function callers(operation: Operation): string {
  const asked = operation.security ?? [];
  if (asked.length === 0) return "anyone";
  const scopes = asked.flatMap((one) => one.key ?? []);
  return scopes.length === 0 ? "a person, signed in" : `a person, signed in; or a key with the scope ${scopes.join(" or ")}`;
}
