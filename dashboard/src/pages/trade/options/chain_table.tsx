/** Calls, strike, puts: what is in the money is shaded, the strike at the money stands in the middle. */
import clsx from "clsx";
import { useEffect, useRef } from "react";
import { grouped, MISSING, percent, price, type Amount } from "@/money/amount";
import { useProfile } from "@/session/profile";
import { full } from "@/time/times";
import { contractName, type Leg, type Side } from "./legs";
import { inTheMoney, mid, nearest, type Contract, type Right, type StrikeRow } from "./chain";

interface Props {
  label: string;
  rows: readonly StrikeRow[];
  spot: Amount;
  legs: readonly Leg[];
  /** Undefined where nobody may act. */
  onPick?: (contract: Contract, side: Side) => void;
}

/** From the strike outwards; on the left they stand the other way round. The last are left out where there is no room. */
const FIGURES: readonly { name: string; of: (contract: Contract) => string; room: string }[] = [
  { name: "Mid, $", of: (one) => price(mid(one)), room: "max-sm:hidden" },
  { name: "IV, % a year", of: ({ volatility }) => (volatility === null ? MISSING : percent(volatility).replace(" %", "")), room: "max-md:hidden" },
  { name: "Delta, $ per $", of: ({ delta }) => grouped(delta, { least: 3, most: 3 }), room: "max-md:hidden" },
  { name: "Gamma, per $", of: ({ gamma }) => grouped(gamma, { least: 4, most: 4 }), room: "max-xl:hidden" },
  { name: "Theta, $ a day", of: ({ theta }) => grouped(theta, { least: 3, most: 3 }), room: "max-xl:hidden" },
  { name: "Vega, $ a point", of: ({ vega }) => grouped(vega, { least: 3, most: 3 }), room: "max-xl:hidden" },
];
const MIRRORED = FIGURES.toReversed();
const HEAD = "px-1.5 py-1.5 text-right text-xs font-medium whitespace-nowrap text-dim";

export function ChainTable({ label, rows, spot, legs, onPick }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const middle = nearest(rows, spot);
  const first = rows[0]?.call?.expiry ?? rows[0]?.put?.expiry;
  // Once for each expiry: later prices move no table under a hand.
  useEffect(() => {
    const box = frame.current;
    const row = box?.querySelector<HTMLElement>("[data-middle]");
    if (box && row) box.scrollTop = row.offsetTop - box.clientHeight / 2;
  }, [first]);
  return (
    <div ref={frame} tabIndex={0} role="region" aria-label={label} className="relative h-[26rem] overflow-auto">
      <table className="w-full border-collapse text-sm tabular-nums">
        <thead className="sticky top-0 z-10 bg-panel">
          <tr>
            {MIRRORED.map(({ name, room }) => <th key={name} scope="col" className={clsx(HEAD, room)}><span className="sr-only">Call </span>{name}</th>)}
            <th scope="col" className={HEAD}>Call bid, $</th>
            <th scope="col" className={HEAD}>Call ask, $</th>
            <th scope="col" className="border-x border-line px-2 py-1.5 text-center text-xs font-semibold">Strike, $</th>
            <th scope="col" className={HEAD}>Put bid, $</th>
            <th scope="col" className={HEAD}>Put ask, $</th>
            {FIGURES.map(({ name, room }) => <th key={name} scope="col" className={clsx(HEAD, room)}><span className="sr-only">Put </span>{name}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={row.strike} {...(at === middle ? { "data-middle": "" } : {})} className={clsx("h-8 border-t border-line/60", at === middle && "border-y-2 border-y-accent")}>
              <Figures of={MIRRORED} contract={row.call} right="call" strike={row.strike} spot={spot} />
              <Market contract={row.call} right="call" strike={row.strike} spot={spot} legs={legs} onPick={onPick} />
              <th scope="row" className="border-x border-line bg-raised px-2 text-center font-semibold">{grouped(row.strike, { least: 1 })}{at === middle && <span className="sr-only"> at the money</span>}</th>
              <Market contract={row.put} right="put" strike={row.strike} spot={spot} legs={legs} onPick={onPick} />
              <Figures of={FIGURES} contract={row.put} right="put" strike={row.strike} spot={spot} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Half {
  contract: Contract | undefined;
  right: Right;
  strike: Amount;
  spot: Amount;
}

function shade({ right, strike, spot }: Omit<Half, "contract">): string {
  return inTheMoney(right, strike, spot) ? "bg-raised" : "";
}

function Figures({ of, contract, ...half }: Half & { of: typeof FIGURES }) {
  return of.map(({ name, of: told, room }) => <td key={name} className={clsx("px-1.5 text-right", shade(half), room)}>{contract ? told(contract) : MISSING}</td>);
}

function Market({ contract, legs, onPick, ...half }: Half & { legs: readonly Leg[]; onPick: Props["onPick"] }) {
  const zone = useProfile().time_zone;
  const leg = contract && legs.find((one) => one.contract.symbol === contract.symbol);
  return (["sell", "buy"] as const).map((side) => {
    const told = contract ? price(side === "buy" ? contract.ask : contract.bid) : MISSING;
    return (
      <td key={side} className={clsx("px-0.5 text-right", shade(half))}>
        {contract && onPick ? (
          <button
            type="button"
            aria-label={`${side === "buy" ? "Buy" : "Sell"} ${contractName(contract)} at ${told}`}
            aria-pressed={leg?.side === side}
            title={`quoted ${full(contract.quotedAt, zone)}`}
            onClick={() => onPick(contract, side)}
            className={clsx("h-7 w-full min-w-13 rounded px-1.5 text-right", leg?.side === side ? "bg-accent font-semibold text-on-accent" : "text-accent hover:bg-ground hover:underline")}
          >
            {told}
          </button>
        ) : told}
      </td>
    );
  });
}
