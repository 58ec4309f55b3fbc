/** The timeline as it is shown: each step with its time, its numbers and its reason. */
import { ArrowRight, CircleDot, Lightbulb, Send, ShieldCheck, Zap } from "lucide-react";
import type { ReactNode } from "react";
import type { OrderAttempt, TradeDetail } from "@/api/schema";
import { dollars, grouped, price, sign } from "@/money/amount";
import { Chip, Pnl, Time } from "@/ui/figures";
import { Refusal, RuleSaid } from "@/orders/refusal";
import { StateChip, STATES } from "@/orders/states";
import { took, type Slippage, type Step } from "./timeline";
import { WhereFrom } from "./where_from";

const TONES = { allow: "good", deny: "bad", reduce: "warn" } as const;
const ICONS = { signal: Lightbulb, rules: ShieldCheck, moved: ArrowRight, sent: Send, filled: Zap };

export function Timeline({ trade, steps }: { trade: TradeDetail; steps: readonly Step[] }) {
  return (
    <ol aria-label="Timeline" className="flex flex-col">
      {steps.map((step, at) => {
        const Icon = ICONS[step.kind];
        return (
          <li key={at} className="grid grid-cols-[1.75rem_minmax(0,1fr)] gap-x-2">
            <span className="flex flex-col items-center">
              <span className="flex size-7 items-center justify-center rounded-full border border-line bg-raised text-dim"><Icon aria-hidden className="size-3.5" /></span>
              {at < steps.length - 1 && <span aria-hidden className="w-px flex-1 bg-line" />}
            </span>
            <div className="min-w-0 pb-4 text-sm">
              <Head step={step} />
              <Body trade={trade} step={step} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Head({ step }: { step: Step }) {
  return (
    <div className="flex min-h-7 flex-wrap items-center gap-x-3 gap-y-1">
      <span className="font-medium">{title(step)}</span>
      <span className="text-xs text-dim"><Time at={step.at} /></span>
      {step.kind === "moved" && step.tookMs !== null && <span className="text-xs text-dim tabular-nums" title="Since the step before, by the platform's own clock">after {took(step.tookMs)}</span>}
    </div>
  );
}

function title(step: Step): ReactNode {
  switch (step.kind) {
    case "signal":
      return "Signal";
    case "rules": {
      const denied = step.rules.filter(({ verdict }) => verdict === "deny").length;
      const reduced = step.rules.filter(({ verdict }) => verdict === "reduce").length;
      const but = [denied > 0 && `${denied} denied`, reduced > 0 && `${reduced} reduced`].filter(Boolean).join(", ");
      return `Risk: ${step.rules.length} rules, ${but === "" ? "all allow" : but}`;
    }
    case "moved":
      return <StateChip status={step.moved.to_status} />;
    case "sent":
      return "Sent to the broker";
    case "filled":
      return step.fill.kind === "fill" ? "Filled" : step.fill.kind === "bust" ? "A fill was busted" : "A fill was corrected";
  }
}

function Body({ trade, step }: { trade: TradeDetail; step: Step }) {
  switch (step.kind) {
    case "signal":
      return (
        <div className="flex flex-col gap-1">
          <WhereFrom source={trade.source} strategy={trade.strategy_id} />
          <p className="break-words">{trade.reason === "" ? <span className="text-dim">No reason was given.</span> : trade.reason}</p>
        </div>
      );
    case "rules":
      return <Rules rules={step.rules} />;
    case "moved":
      return (
        <p className="text-xs break-words text-dim">
          {STATES[step.moved.to_status]?.means} <span className="whitespace-nowrap">By {step.moved.actor}.</span>
          {step.moved.reason !== "" && step.moved.reason !== trade.reason && <span className="block text-ink"><Refusal text={step.moved.reason} /></span>}
        </p>
      );
    case "sent":
      return <ul className="flex flex-col gap-1 text-xs">{step.attempts.map((attempt) => <Sending key={attempt.attempt} attempt={attempt} />)}</ul>;
    case "filled": {
      const { fill } = step;
      return (
        <p className="flex flex-wrap gap-x-4 gap-y-1 tabular-nums">
          <span>{fill.side === "buy" ? "Bought" : "Sold"} {grouped(fill.quantity)} {fill.symbol} at {price(fill.price)} USD</span>
          <span className="text-dim">Fee {dollars(fill.fee)}</span>
          {step.slippage && <Slipped slippage={step.slippage} />}
          {sign(fill.realised_pnl) !== 0 && <span>Realised <Pnl amount={fill.realised_pnl} /></span>}
        </p>
      );
    }
  }
}

function Slipped({ slippage: { amount, against } }: { slippage: Slippage }) {
  const worse = sign(amount);
  const text = price(amount.replace("-", ""));
  return (
    <span className="text-dim" title="Per share or contract unit">
      {worse === 0 ? `At its ${against} price` : worse === 1 ? `Slippage: ${text} USD worse than its ${against} price` : `${text} USD better than its ${against} price`}
    </span>
  );
}

/** Denials first: they are what is asked for. */
function Rules({ rules }: { rules: Readonly<TradeDetail["risk_decisions"]> }) {
  const order = { deny: 0, reduce: 1, allow: 2 };
  const sorted = rules.toSorted((a, b) => order[a.verdict] - order[b.verdict] || a.number - b.number);
  return (
    <details open={sorted[0]?.verdict !== "allow"}>
      <summary className="cursor-pointer text-xs text-dim hover:text-ink">Each rule, with what it saw</summary>
      <ul aria-label="Rules" className="mt-2 divide-y divide-line/60 rounded-md border border-line">
        {sorted.map((rule) => (
          <li key={rule.number} className="grid items-baseline gap-x-3 gap-y-0.5 px-3 py-1.5 text-xs sm:grid-cols-[14rem_4.5rem_minmax(0,1fr)]">
            <code className="break-all">{rule.rule}</code>
            <span><Chip tone={TONES[rule.verdict]}>{rule.verdict}</Chip></span>
            <span className="break-words"><RuleSaid of={rule} /></span>
          </li>
        ))}
      </ul>
    </details>
  );
}

const OUTCOMES: Readonly<Record<string, string>> = {
  accepted: "accepted by the broker",
  rejected: "refused by the broker",
  unknown: "the answer was lost",
  not_seen: "the broker does not show it",
  not_placed: "the broker does not have it",
  adopted: "found at the broker",
};

function Sending({ attempt }: { attempt: OrderAttempt }) {
  const latency = attempt.answered_at === null ? null : Date.parse(attempt.answered_at) - Date.parse(attempt.claimed_at);
  return (
    <li className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
      <CircleDot aria-hidden className="size-3 text-dim" />
      <span>Attempt {attempt.attempt}, {attempt.kind === "send" ? "sent" : "looked for"}: {attempt.outcome === null ? "no answer yet" : (OUTCOMES[attempt.outcome] ?? attempt.outcome)}</span>
      {latency !== null && <span className="text-dim tabular-nums">{` in ${took(latency)}`}</span>}
      {attempt.detail !== "" && <span className="break-words text-dim">{attempt.detail}</span>}
      {attempt.broker_order_id !== null && <span className="break-all text-dim">Broker&apos;s order {attempt.broker_order_id}</span>}
    </li>
  );
}
