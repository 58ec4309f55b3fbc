/** Refusals as they are shown, wherever they are: the sentences first, and the code with its numbers beside them. */
import type { RiskDecision, RuleVerdict } from "@/api/schema";
import { useProfile } from "@/session/profile";
import { Numbers } from "@/ui/figures";
import { inSentences, readRefusal, sentences } from "./refusals";

/** Its sentences; of a code that has none here, what it says itself, and what to do where that is known. */
export function useRefusal(): (text: string, todo?: string) => string {
  const zone = useProfile().time_zone;
  return (text, todo = "") => {
    const refused = readRefusal(text);
    return (refused && sentences(refused, zone)) ?? (todo === "" ? text : `${text} ${todo}`);
  };
}

/** Waits for what was sent; a refusal by the rules is thrown on in their sentences. */
export function useSaidInSentences(): <T>(sent: Promise<T>) => Promise<T> {
  const zone = useProfile().time_zone;
  return (sent) => sent.catch((error: unknown) => {
    throw inSentences(error, zone);
  });
}

/** The code and its numbers are on hover: it is what support asks for. */
export function Refusal({ text, todo }: { text: string; todo?: string }) {
  return <span title={text}>{useRefusal()(text, todo)}</span>;
}

/** What a rule has said of an order: a refusal in sentences, and the numbers that it saw. */
export function RuleSaid({ of: { rule, verdict, numbers } }: { of: Pick<RuleVerdict | RiskDecision, "rule" | "verdict" | "numbers"> }) {
  const zone = useProfile().time_zone;
  const code = typeof numbers["code"] === "string" ? numbers["code"] : rule;
  const said = verdict === "deny" ? sentences({ code, numbers }, zone) : null;
  return (
    <>
      {said !== null && <span className="text-ink">{said} </span>}
      <span className="text-dim">{Object.keys(numbers).length === 0 ? said === null && "nothing to say" : <Numbers of={numbers} />}</span>
    </>
  );
}
