/** Why a strategy did not trade, the most frequent reason first: the same words with other numbers are the same reason. */
import type { StrategyDecision } from "@/api/schema";

export interface Reason {
  words: string;
  times: number;
}

export function reasons(decisions: readonly Pick<StrategyDecision, "action" | "reason" | "refused">[], most = 5): readonly Reason[] {
  const counted = new Map<string, number>();
  for (const { action, reason, refused } of decisions) {
    if (action !== "stay" && refused === null) continue;
    const words = (refused ?? reason).replaceAll(/[+-]?\d[\d,]*(?:\.\d+)?/g, "…");
    counted.set(words, (counted.get(words) ?? 0) + 1);
  }
  return [...counted].map(([words, times]) => ({ words, times })).toSorted((a, b) => b.times - a.times).slice(0, most);
}
