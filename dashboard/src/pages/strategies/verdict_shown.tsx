/** What the platform says of the newest version: what it needs, or everything that is wrong with it. */
import { CircleAlert, CircleCheck, LoaderCircle } from "lucide-react";
import type { StrategyValidation } from "@/api/schema";
import { TIMEFRAMES } from "@/strategies/wording";

interface Inputs {
  symbols?: string[];
  timeframe?: string;
  warm_up?: number;
  context?: Record<string, number>;
  chains?: { underlying: string; days_from: number; days_to: number }[];
  quotes?: boolean;
  fills?: boolean;
}

export function Verdict({ validation }: { validation: StrategyValidation }) {
  if (validation.state === "pending") {
    return <p role="status" className="flex items-center gap-2 text-sm text-dim"><LoaderCircle aria-hidden className="size-4 animate-spin" /> Version {validation.strategy_version} is being checked.</p>;
  }
  if (validation.state === "not_valid") {
    return (
      <div role="status" className="text-sm">
        <p className="flex items-center gap-2 text-danger"><CircleAlert aria-hidden className="size-4" /> Version {validation.strategy_version} cannot decide. Edit it:</p>
        <ul className="mt-1 list-disc pl-6">{validation.problems.map(({ text }) => <li key={text} className="break-words">{text}</li>)}</ul>
        {validation.effective_version !== null && <p className="mt-1 text-dim">Version {validation.effective_version} stays in effect.</p>}
      </div>
    );
  }
  return <p role="status" className="flex items-start gap-2 text-sm"><CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-gain" /> <span>Version {validation.strategy_version} is valid. {needs((validation.inputs ?? {}))}</span></p>;
}

function needs({ timeframe = "", warm_up = 0, context = {}, chains = [], quotes = false, fills = false }: Inputs): string {
  const frame = (name: string) => TIMEFRAMES[name] ?? name;
  const looks = [`${warm_up} bars of ${frame(timeframe)}`, ...Object.entries(context).map(([name, bars]) => `${bars} bars of ${frame(name)}`),
    ...chains.map(({ underlying, days_from, days_to }) => `the option chain of ${underlying}, ${days_from} to ${days_to} days away`)];
  const also = [quotes ? "quotes" : "", fills ? "its fills" : ""].filter((word) => word !== "").join(" and ");
  return `It looks at ${looks.join(", ")}${also === "" ? "" : `, and decides on ${also} too`}.`;
}
