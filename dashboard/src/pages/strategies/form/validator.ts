/**
 * Validation of a generated form without code that is made from text, which the Content-Security-Policy forbids: rjsf's
 * validator over @cfworker/json-schema, which interprets the schema. What only the platform knows it says itself.
 */
import { Validator, type OutputUnit, type Schema } from "@cfworker/json-schema";
import { toErrorSchema, unwrapErrorHandler, createErrorHandler, validationDataMerge, type RJSFSchema, type RJSFValidationError, type ValidatorType } from "@rjsf/utils";
import Big from "big.js";
import { grouped, typed } from "@/money/amount";
import { rangeOf } from "./schema";

/** Of these the parts say what is wrong. */
const WHOLES = new Set(["properties", "additionalProperties", "items", "prefixItems", "additionalItems", "$ref", "allOf", "if", "then", "else"]);
const DRAFT = "2020-12";

/** Everything that is wrong with the data, each at its property (".fast"), in words that say what is expected. */
export function problems(schema: RJSFSchema, data: unknown): RJSFValidationError[] {
  const { errors } = new Validator(schema as Schema, DRAFT, false).validate(present(data) ?? {});
  const told = errors.filter(({ keyword }) => !WHOLES.has(keyword));
  return [...told.flatMap((error) => inWords(schema, data, error)), ...amountProblems(schema, data, "")];
}

export const validator: ValidatorType<unknown> = {
  validateFormData(data, schema, customValidate, transformErrors, uiSchema) {
    const found = problems(schema, data);
    const errors = transformErrors ? transformErrors(found, uiSchema) : found;
    const said = { errors, errorSchema: toErrorSchema(errors) };
    if (!customValidate) return said;
    const handler = customValidate(data, createErrorHandler(data), uiSchema, said.errorSchema);
    return validationDataMerge(said, unwrapErrorHandler(handler));
  },
  isValid: (schema, data, root) => problems({ ...root, ...schema }, data).length === 0,
  rawValidation: (schema, data) => ({ errors: problems(schema, data) as never[] }),
};

function inWords(schema: RJSFSchema, data: unknown, { keyword, keywordLocation, instanceLocation }: OutputUnit): RJSFValidationError[] {
  const wanted = at(schema, keywordLocation);
  const property = propertyOf(instanceLocation);
  const problem = (message: string, of = property) => ({ name: keyword, property: of, message, stack: `${of} ${message}`, schemaPath: keywordLocation });
  switch (keyword) {
    case "required": {
      const there = at(data, instanceLocation);
      return (wanted as string[]).filter((name) => (there as Record<string, unknown> | undefined)?.[name] === undefined).map((name) => problem("is needed", `${property}.${name}`));
    }
    case "type":
      return [problem(`must be ${TYPES[String(wanted)] ?? String(wanted)}`)];
    case "minimum":
      return [problem(`must be at least ${shown(wanted)}`)];
    case "maximum":
      return [problem(`must be at most ${shown(wanted)}`)];
    case "exclusiveMinimum":
      return [problem(`must be above ${shown(wanted)}`)];
    case "exclusiveMaximum":
      return [problem(`must be below ${shown(wanted)}`)];
    case "multipleOf":
      return [problem(`must be a multiple of ${shown(wanted)}`)];
    case "enum":
      return [problem(`must be one of ${(wanted as unknown[]).map(String).join(", ")}`)];
    case "minLength":
      return [problem(`must have at least ${shown(wanted)} characters`)];
    case "maxLength":
      return [problem(`must have at most ${shown(wanted)} characters`)];
    case "false":
      return [problem("is not known to this kind")];
    default:
      return [problem("is not as it is expected")];
  }
}

const TYPES: Readonly<Record<string, string>> = { integer: "a whole number", number: "a number", string: "text", boolean: "yes or no" };

/** Amounts are text, of which a JSON Schema knows no order: compared exactly. */
function amountProblems(schema: RJSFSchema, data: unknown, path: string): RJSFValidationError[] {
  const found: RJSFValidationError[] = [];
  const values = (data ?? {}) as Record<string, unknown>;
  for (const [name, of] of Object.entries(schema.properties ?? {})) {
    if (typeof of === "boolean") continue;
    const value = values[name];
    const property = `${path}.${name}`;
    if (of.type === "object") found.push(...amountProblems(of, value, property));
    if (of.format !== "decimal" || typeof value !== "string") continue;
    const message = amountProblem(value, of as Record<string, unknown>);
    if (message !== null) found.push({ name: "decimal", property, message, stack: `${property} ${message}` });
  }
  return found;
}

function amountProblem(text: string, of: Readonly<Record<string, unknown>>): string | null {
  const amount = typed(text);
  if (amount === null) return "must be an amount, such as 12.5";
  const value = new Big(amount);
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = rangeOf(of);
  if (minimum !== undefined && value.lt(minimum)) return `must be at least ${shown(minimum)}`;
  if (exclusiveMinimum !== undefined && value.lte(exclusiveMinimum)) return `must be above ${shown(exclusiveMinimum)}`;
  if (maximum !== undefined && value.gt(maximum)) return `must be at most ${shown(maximum)}`;
  if (exclusiveMaximum !== undefined && value.gte(exclusiveMaximum)) return `must be below ${shown(exclusiveMaximum)}`;
  return null;
}

/** As it would be sent: what is undefined is not there. */
function present(data: unknown): unknown {
  return data === undefined ? undefined : JSON.parse(JSON.stringify(data));
}

function shown(bound: unknown): string {
  return grouped(String(bound));
}

function parts(pointer: string): string[] {
  return pointer.replace(/^#\/?/, "").split("/").filter((part) => part !== "").map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
}

function at(root: unknown, pointer: string): unknown {
  return parts(pointer).reduce<unknown>((there, part) => (there as Record<string, unknown> | null | undefined)?.[part], root);
}

function propertyOf(pointer: string): string {
  return parts(pointer).map((part) => `.${part}`).join("");
}
