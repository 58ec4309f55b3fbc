/** How old a quote is: by the machine's clock, or, where the market is replayed, by where its tape stands. */
import type { Quote } from "@/live/quotes";

const OLD_AFTER_MS = 30_000;
/** A tape is known by its newest bar, to the minute, and moves on between the reading of that and of the quote. */
const OLD_AFTER_ON_TAPE_MS = 120_000;
const DAY_MS = 86_400_000;

export interface QuoteAge {
  ms: number;
  old: boolean;
  /** Where the tape stands; null where the market is no replay of another day. */
  replay: string | null;
}

export function ageOf(quote: Pick<Quote, "quoted_at" | "delay_seconds">, now: number, tape: string | null): QuoteAge {
  const replay = tape !== null && now - Date.parse(tape) > DAY_MS ? tape : null;
  const ms = Math.max(0, (replay === null ? now : Date.parse(replay)) - Date.parse(quote.quoted_at));
  return { ms, old: ms - quote.delay_seconds * 1000 > (replay === null ? OLD_AFTER_MS : OLD_AFTER_ON_TAPE_MS), replay };
}
