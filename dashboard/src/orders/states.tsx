/** The states of an order, in the ledger's words, and what each means for whoever waits. */
import { Chip } from "@/ui/figures";

type Tone = "plain" | "good" | "bad" | "warn" | "accent";

interface State {
  tone: Tone;
  means: string;
}

export const STATES: Readonly<Record<string, State>> = {
  pending: { tone: "warn", means: "Placed. Risk has not judged it yet; nothing was sent." },
  approved: { tone: "accent", means: "Risk lets it pass. It is sent next, unless it grows too old first." },
  submitting: { tone: "accent", means: "On its way to the broker, which has not answered yet." },
  submitted: { tone: "accent", means: "The broker has it and works it." },
  partially_filled: { tone: "accent", means: "Part of it is filled; the broker works the rest." },
  cancel_pending: { tone: "warn", means: "The broker was asked to cancel it. Until it says so, it may still fill." },
  replace_pending: { tone: "warn", means: "The broker was asked to put another order in its place. Until it says so, this one works." },
  unknown: { tone: "bad", means: "Sent, and the answer was lost: the broker is asked whether it has it. It is not sent again before that is known." },
  filled: { tone: "good", means: "All of it is filled." },
  canceled: { tone: "plain", means: "Over: it was cancelled. What was filled before stays." },
  replaced: { tone: "plain", means: "Over: another order took its place." },
  rejected: { tone: "bad", means: "Over: risk or the broker refused it." },
  expired: { tone: "plain", means: "Over: its time passed before it was filled." },
};

const FINAL: ReadonlySet<string> = new Set(["filled", "canceled", "replaced", "rejected", "expired"]);

/** Whether it may still fill. */
export function isOpen(status: string): boolean {
  return !FINAL.has(status);
}

/** Whether the broker can put another one in its place. */
export function isReplaceable({ status, multi_leg, cancel_requested_at }: { status: string; multi_leg: boolean; cancel_requested_at: string | null }): boolean {
  return (status === "submitted" || status === "partially_filled") && !multi_leg && cancel_requested_at === null;
}

export function stateName(status: string): string {
  return status.replaceAll("_", " ");
}

export function StateChip({ status, cancelWished = false }: { status: string; cancelWished?: boolean }) {
  const state = STATES[status];
  const wished = cancelWished && isOpen(status) && status !== "cancel_pending";
  return (
    <span className="inline-flex items-center gap-1">
      <Chip tone={state?.tone ?? "plain"} {...(state ? { title: state.means } : {})}>{stateName(status)}</Chip>
      {wished && <Chip tone="warn" title="A cancel is asked for: it is done as soon as the outcome is known.">cancel wished</Chip>}
    </span>
  );
}
