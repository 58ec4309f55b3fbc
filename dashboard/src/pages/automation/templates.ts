/** What an event without an order becomes, as a person types it: JSON, read strictly. */
import { z } from "zod";
import type { AutomationTemplate } from "@/api/schema";

const Template = z.strictObject({
  event: z.string().min(1).max(100),
  symbol: z.string().optional(),
  at_least: z.string().optional(),
  at_most: z.string().optional(),
  order: z.record(z.string(), z.unknown()),
});

export const EXAMPLE = `[{"event": "model_score", "symbol": "SPY", "at_least": "0.8",
  "order": {"side": "buy", "position_intent": "buy_to_open", "quantity": "1"}}]`;

/** The templates, or in a sentence why they are none. Amounts are text, in quotes. */
export function templatesOf(text: string): { templates: AutomationTemplate[] } | { problem: string } {
  if (text.trim() === "") return { templates: [] };
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return { problem: "This is no JSON." };
  }
  const found = z.array(Template).max(20).safeParse(read);
  if (found.success) return { templates: found.data as AutomationTemplate[] };
  const [issue] = found.error.issues;
  return { problem: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as expected"}` };
}
