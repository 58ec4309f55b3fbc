/** Numbers, profit and loss, times, and states, always shown in one way. */
import clsx from "clsx";
import { useProfile } from "@/session/profile";
import { dollars, MISSING, sign, signedDollars, type Maybe } from "@/money/amount";
import { clock, full } from "@/time/times";

/** Profit or loss in dollars: with sign, arrow and colour, so that no one of them is needed. */
export function Pnl({ amount, arrow = true, className }: { amount: Maybe; arrow?: boolean; className?: string }) {
  const direction = sign(amount);
  return (
    <span className={clsx("whitespace-nowrap tabular-nums", direction === 1 && "text-gain", direction === -1 && "text-loss", className)}>
      {arrow && direction !== null && direction !== 0 && <span aria-hidden className="mr-0.5 text-[0.75em]">{direction === 1 ? "▲" : "▼"}</span>}
      {signedDollars(amount)}
    </span>
  );
}

export function Dollars({ amount }: { amount: Maybe }) {
  return <span className="tabular-nums">{dollars(amount)}</span>;
}

/** A time in the trader's zone; the whole of it, with the zone, on hover. */
export function Time({ at }: { at: string | null | undefined }) {
  const zone = useProfile().time_zone;
  if (at === null || at === undefined) return <>{MISSING}</>;
  return (
    <time dateTime={at} title={full(at, zone)} className="whitespace-nowrap tabular-nums">
      {clock(at, zone)}
    </time>
  );
}

/** A time with its day and zone. */
export function FullTime({ at }: { at: string | null | undefined }) {
  const zone = useProfile().time_zone;
  if (at === null || at === undefined) return <>{MISSING}</>;
  return (
    <time dateTime={at} className="whitespace-nowrap tabular-nums">
      {full(at, zone)}
    </time>
  );
}

type Tone = "plain" | "good" | "bad" | "warn" | "accent";

const TONES: Record<Tone, string> = {
  plain: "border-line text-dim",
  good: "border-gain/50 text-gain",
  bad: "border-danger/50 text-danger",
  warn: "border-warn/50 text-warn",
  accent: "border-accent/50 text-accent",
};

/** A state in a word. */
export function Chip({ tone = "plain", children, title }: { tone?: Tone; children: React.ReactNode; title?: string }) {
  return (
    <span {...(title === undefined ? {} : { title })} className={clsx("inline-flex h-5 items-center gap-1 rounded-full border px-2 text-xs font-medium whitespace-nowrap", TONES[tone])}>
      {children}
    </span>
  );
}

/** Paper or live: never to be mistaken, by colour, word and shape. */
export function ModeBadge({ paper }: { paper: boolean }) {
  return paper ? (
    <span className="inline-flex h-5 items-center rounded border border-dashed border-paper px-1.5 text-xs font-semibold text-paper">PAPER</span>
  ) : (
    <span className="inline-flex h-5 items-center rounded bg-live px-1.5 text-xs font-bold text-on-danger">LIVE MONEY</span>
  );
}

const IDENTITY = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The numbers of a verdict, a measure or an alert, one after another, each under its name; without identities, which no person reads. */
export function Numbers({ of }: { of: Record<string, unknown> }) {
  const said = Object.entries(of).filter(([, value]) => !IDENTITY.test(String(value))).map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return <span className="tabular-nums">{said.join(" · ")}</span>;
}
