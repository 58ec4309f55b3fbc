/** The legs as they are chosen: side, intent and ratio of each can be changed. */
import { X } from "lucide-react";
import { Button, IconButton } from "@/ui/button";
import { Select } from "@/ui/form";
import { contractName, MOST_RATIO, type Leg } from "./legs";

export function LegsChosen({ legs, onLegs }: { legs: readonly Leg[]; onLegs: (legs: readonly Leg[]) => void }) {
  const change = (at: number, part: Partial<Leg>) => onLegs(legs.map((leg, place) => (place === at ? { ...leg, ...part } : leg)));
  return (
    <ol aria-label="Legs" className="flex min-h-20 flex-col gap-2">
      {legs.length === 0 && <li className="text-sm text-dim">Click an ask to buy, a bid to sell, or take a preset.</li>}
      {legs.map((leg, at) => (
        <li key={leg.contract.symbol} className="grid grid-cols-[auto_1fr_auto_auto_auto] items-center gap-1.5 text-sm tabular-nums">
          <Button small className={leg.side === "buy" ? "text-gain" : "text-loss"} aria-label={`${leg.side === "buy" ? "Buy" : "Sell"} ${contractName(leg.contract)}: change side`} onClick={() => change(at, { side: leg.side === "buy" ? "sell" : "buy" })}>{leg.side === "buy" ? "Buy +" : "Sell −"}</Button>
          <span className="min-w-0 truncate">{contractName(leg.contract)}</span>
          <Select aria-label={`Intent of ${contractName(leg.contract)}`} className="h-7 w-20 px-1 text-xs" value={leg.opens ? "open" : "close"} onChange={(event) => change(at, { opens: event.target.value === "open" })}>
            <option value="open">to open</option>
            <option value="close">to close</option>
          </Select>
          <Select aria-label={`Ratio of ${contractName(leg.contract)}`} className="h-7 w-14 px-1 text-xs" value={leg.ratio} onChange={(event) => change(at, { ratio: Number(event.target.value) })}>
            {Array.from({ length: MOST_RATIO }, (_, place) => <option key={place} value={place + 1}>× {place + 1}</option>)}
          </Select>
          <IconButton label={`Remove ${contractName(leg.contract)}`} className="size-7" onClick={() => onLegs(legs.filter((_, place) => place !== at))}><X aria-hidden className="size-4" /></IconButton>
        </li>
      ))}
    </ol>
  );
}
