/** Every step of an order with its time, and how long it took. */
import type { TradeDetail } from "@/api/schema";
import { stateOf } from "@/orders/words";
import { StateChip } from "@/orders/state_chip";
import { quantity, price } from "@/money/amount";
import { FullTime } from "@/ui/figures";

interface Step {
  key: string;
  at: string;
  what: React.ReactNode;
  about: string;
}

export function Timeline({ trade }: { trade: TradeDetail }) {
  const steps = stepsOf(trade);
  return (
    <ol className="flex flex-col">
      {steps.map((step, place) => {
        const before = steps[place - 1];
        const took = before ? Date.parse(step.at) - Date.parse(before.at) : 0;
        return (
          <li key={step.key} className="relative border-l border-line pb-4 pl-4 last:pb-0">
            <span aria-hidden className="absolute top-1 -left-1 size-2 rounded-full bg-accent" />
            <p className="flex flex-wrap items-center gap-2 text-sm">{step.what}</p>
            {step.about !== "" && <p className="text-sm break-words text-dim">{step.about}</p>}
            <p className="text-xs text-dim"><FullTime at={step.at} />{place > 0 && ` · ${duration(took)} later`}</p>
          </li>
        );
      })}
    </ol>
  );
}

function stepsOf(trade: TradeDetail): Step[] {
  const moves = trade.transitions.map((move): Step => ({
    key: `move-${move.number}`,
    at: move.event_at,
    what: <><StateChip status={move.to_status} /> <span className="text-xs text-dim">by {move.actor}</span></>,
    about: move.reason === "" ? stateOf(move.to_status).about : move.reason,
  }));
  const fills = trade.fills.map((fill): Step => ({
    key: fill.id,
    at: fill.executed_at,
    what: <strong>{fill.kind === "fill" ? "Fill" : fill.kind === "bust" ? "Busted fill" : "Corrected fill"}: {quantity(fill.quantity)} {fill.symbol} at ${price(fill.price)}</strong>,
    about: `Fee $${price(fill.fee)}.`,
  }));
  // Steps of one moment stay in the order in which they were written.
  return [...moves, ...fills].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** "12 ms", "3.4 s", "5 min" */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.round(milliseconds / 60_000)} min`;
}
