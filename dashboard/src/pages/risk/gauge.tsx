/** How much of a limit is used; where that is not known there is no gauge, and nothing is guessed. */
import clsx from "clsx";
import Big from "big.js";
import { grouped, percent, plain } from "@/money/amount";

const NEAR = 0.8;

interface Props {
  used: string | null;
  limit: string | null;
  unit: string;
  label: string;
}

export function Gauge({ used, limit, unit, label }: Props) {
  if (used === null || limit === null || new Big(limit).lte(0)) return <p className="h-6 text-xs text-dim">What is used of it is not measured here.</p>;
  const share = new Big(used).div(limit);
  const shown = Math.min(1, Math.max(0, share.toNumber()));
  return (
    <div className="h-6">
      <div role="meter" aria-label={`${label}, used`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(shown * 100)} className="h-1.5 overflow-hidden rounded-full bg-raised">
        <div className={clsx("h-full rounded-full", share.gte(1) ? "bg-danger" : share.gte(NEAR) ? "bg-warn" : "bg-accent")} style={{ width: `${shown * 100}%` }} />
      </div>
      <p className="mt-1 text-xs text-dim tabular-nums">{grouped(used, { most: 2 })} {unit} used · {percent(plain(share), 0)}</p>
    </div>
  );
}
