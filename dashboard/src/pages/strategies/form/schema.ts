/** A kind's JSON Schema as the form takes it: amounts are text, what may be null may be left empty, and the timeframe is the strategy's own. */
import type { RJSFSchema } from "@rjsf/utils";
import { grouped } from "@/money/amount";

/** Within which an amount must be, as its JSON Schema says for numbers. */
export interface Range {
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

const RANGE = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] as const;
/** What every kind has, so it comes last. */
const COMMON = ["good_for_bars", "cancel_after_bars"];
/** What the row of the strategy says already. */
const OF_THE_ROW = "timeframe";

export type ConfigSchema = Record<string, unknown>;

/** For the form: `format: "decimal"` is an amount, with its range beside it. */
export function formSchema(schema: ConfigSchema): RJSFSchema {
  const properties = propertiesOf(schema);
  // By name: the catalogue keeps no order, and what belongs together begins alike (days, days_from, days_to).
  const names = Object.keys(properties).filter((name) => name !== OF_THE_ROW).sort();
  const ordered = [...names.filter((name) => !COMMON.includes(name)), ...names.filter((name) => COMMON.includes(name))];
  return { ...without(schema, ["examples", "title", "description"]), properties: Object.fromEntries(ordered.map((name) => [name, field(name, properties[name] ?? {})])) };
}

/** The bars that a kind can decide on. */
export function timeframes(schema: ConfigSchema): readonly string[] {
  const found = propertiesOf(schema)[OF_THE_ROW]?.["enum"];
  return Array.isArray(found) ? found.map(String) : ["1Min", "5Min", "15Min", "1Hour", "1Day"];
}

/** Configs that make sense, as whoever wrote the kind says. */
export function examples(schema: ConfigSchema): readonly Record<string, unknown>[] {
  const found = schema["examples"];
  return Array.isArray(found) ? (found as Record<string, unknown>[]) : [];
}

/** A stored config as the form shows it: amounts that came as JSON numbers become text, and nothing is there twice. */
export function shownConfig(schema: RJSFSchema, config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const properties = propertiesOf(schema);
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(config)) {
    if (name === OF_THE_ROW || value === null) continue;
    const of = properties[name];
    if (of?.["format"] === "decimal" && typeof value === "number") shown[name] = String(value);
    else if (of?.["type"] === "integer" && typeof value === "string") shown[name] = Number(value);
    else shown[name] = value;
  }
  return shown;
}

/** "from 2 to 500", "above 0, up to 1,000,000", "at least 3"; nothing where there is no bound. */
export function rangeInWords({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Range): string {
  const shown = (bound: number) => grouped(String(bound));
  if (minimum !== undefined && maximum !== undefined) return `from ${shown(minimum)} to ${shown(maximum)}`;
  const low = minimum !== undefined ? `at least ${shown(minimum)}` : exclusiveMinimum !== undefined ? `above ${shown(exclusiveMinimum)}` : "";
  const high = maximum !== undefined ? `up to ${shown(maximum)}` : exclusiveMaximum !== undefined ? `below ${shown(exclusiveMaximum)}` : "";
  return [low, high].filter((part) => part !== "").join(", ");
}

export function rangeOf(schema: Readonly<Record<string, unknown>>): Range {
  return Object.fromEntries(RANGE.flatMap((name) => (typeof schema[name] === "number" ? [[name, schema[name]]] : [])));
}

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/\bpercent\b/i, "%"],
  [/\bminutes\b/i, "minutes"],
  [/\bcalendar days\b/i, "days"],
  [/\bdollars\b/i, "$"],
  [/\bshares or contracts\b/i, "shares"],
  [/\bcontracts\b/i, "contracts"],
  [/\bshare of\b|\bfraction\b|\bdelta\b/i, "of 1"],
  [/\btimes the\b/i, "×"],
  [/\bmoves\b/i, "moves"],
  [/\bbars\b/i, "bars"],
  [/\bsymbols\b/i, "symbols"],
];

/** What a number counts, by the words of its description; the description itself stands below the field. */
export function unitOf(schema: Readonly<Record<string, unknown>>): string {
  if (typeof schema["unit"] === "string") return schema["unit"];
  const words = typeof schema["description"] === "string" ? schema["description"] : "";
  return UNITS.find(([word]) => word.test(words))?.[1] ?? "";
}

/** "rotate_every_minutes" is "Rotate every minutes", unless it has a title of its own. */
export function labelOf(name: string, title: unknown): string {
  const words = name.split("_");
  const made = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
  if (typeof title === "string" && title !== made) return title;
  return (words[0] ?? "").charAt(0).toUpperCase() + words.join(" ").slice(1);
}

type Property = Record<string, unknown>;

function propertiesOf(schema: object): Record<string, Property> {
  return ((schema as { properties?: Record<string, Property> }).properties ?? {});
}

function without(object: Readonly<Property>, names: readonly string[]): Property {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function field(name: string, property: Property): RJSFSchema {
  const choices = Array.isArray(property["anyOf"]) ? (property["anyOf"] as Property[]) : [];
  const titled: Property = { ...property, title: labelOf(name, property["title"]) };
  const rest = without(titled, ["anyOf"]);
  const number = choices.find(({ type }) => type === "number");
  const optional = choices.some(({ type }) => type === "null");
  if (optional && rest["default"] === null) delete rest["default"];
  if (number && choices.some(({ type }) => type === "string")) {
    return { ...rest, type: "string", format: "decimal", ...rangeOf(number), ...(typeof rest["default"] === "number" ? { default: String(rest["default"]) } : {}) };
  }
  const only = choices.filter(({ type }) => type !== "null");
  if (optional && only.length === 1) return { ...rest, ...only[0] };
  return titled;
}
