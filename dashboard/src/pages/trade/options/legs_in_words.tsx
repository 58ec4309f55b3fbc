/** The whole order in words, as it is confirmed. */
import type { NewOrder } from "@/api/schema";
import type { Amount } from "@/money/amount";
import { LASTS } from "../placing/lasts";
import { legInWords, netInWords, type Leg } from "./legs";

interface Props {
  legs: readonly Leg[];
  net: Amount;
  units: Amount;
  lasts: NewOrder["time_in_force"];
}

export function LegsInWords({ legs, net, units, lasts }: Props) {
  return (
    <>
      <ul className="flex flex-col gap-1 text-base font-medium">{legs.map((leg) => <li key={leg.contract.symbol}>{legInWords(leg, units)}</li>)}</ul>
      <p>{legs.length > 1 ? "All legs together, " : ""}{netInWords(net)}, {LASTS[lasts]}.</p>
    </>
  );
}
