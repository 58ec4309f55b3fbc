/** What the platform says of a version: asked until it has looked, and sorted by the field that it is about. */
import type { RJSFSchema } from "@rjsf/utils";
import { body, type Api } from "@/api/client";
import type { StrategyProblem, StrategyValidation } from "@/api/schema";

const EVERY_MS = 400;
const TIMES = 40;

/** The verdict on this version or a newer one; pending where there is none within a quarter of a minute. */
export async function verdict(api: Api, id: string, version: number): Promise<StrategyValidation> {
  for (let time = 1; ; time += 1) {
    const said = await body(api.GET("/api/strategies/{id}/validation", { params: { path: { id } } }));
    if ((said.state !== "pending" && said.strategy_version >= version) || time === TIMES) return said;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

export interface ByField {
  terms: Partial<Record<"name" | "account" | "symbols" | "timeframe", string>>;
  /** By field of the configuration. */
  config: Record<string, readonly string[]>;
  /** What is about no field that is shown. */
  rest: readonly string[];
}

const TERMS = ["symbols", "timeframe"] as const;

export function byField(problems: readonly StrategyProblem[], schema: RJSFSchema): ByField {
  const found: { terms: ByField["terms"]; config: Record<string, string[]>; rest: string[] } = { terms: {}, config: {}, rest: [] };
  for (const { field, text } of problems) {
    const name = field ?? "";
    const term = TERMS.find((one) => one === name);
    const words = text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text;
    if (term !== undefined) found.terms[term] = sentence(words);
    else if (schema.properties && name in schema.properties) (found.config[name] ??= []).push(words);
    else found.rest.push(text);
  }
  return found;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
