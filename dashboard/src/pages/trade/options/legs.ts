/** The legs of an order in options: picked or by preset, priced, and made into the order that is sent. */
import Big from "big.js";
import type { NewLeg, NewOrder } from "@/api/schema";
import { plain, price, type Amount } from "@/money/amount";
import { mid, nearest, type Contract, type Right, type StrikeRow } from "./chain";

export type Side = "buy" | "sell";

export interface Leg {
  contract: Contract;
  side: Side;
  /** Opens a position, or closes one. */
  opens: boolean;
  ratio: number;
}

export const MOST_LEGS = 4;
export const MOST_RATIO = 10;

/** Adds a leg; the same contract on the same side is taken back, on the other side it changes sides. */
export function picked(legs: readonly Leg[], contract: Contract, side: Side): readonly Leg[] {
  const found = legs.find((leg) => leg.contract.symbol === contract.symbol);
  if (found?.side === side) return legs.filter((leg) => leg !== found);
  if (found) return legs.map((leg) => (leg === found ? { ...leg, side } : leg));
  if (legs.length === MOST_LEGS) return legs;
  return [...legs, { contract, side, opens: true, ratio: 1 }];
}

export const PRESETS = {
  put_credit: "Vertical: put credit spread",
  call_credit: "Vertical: call credit spread",
  call_debit: "Vertical: call debit spread",
  put_debit: "Vertical: put debit spread",
  iron_condor: "Iron condor",
  straddle: "Straddle",
  strangle: "Strangle",
  covered_call: "Covered call (on shares that are held)",
} as const;
export type Preset = keyof typeof PRESETS;

/** Sides, rights, and strikes counted from the one at the money. */
const SHAPES: Record<Preset, readonly (readonly [Side, Right, number])[]> = {
  put_credit: [["sell", "put", -1], ["buy", "put", -3]],
  call_credit: [["sell", "call", 1], ["buy", "call", 3]],
  call_debit: [["buy", "call", 0], ["sell", "call", 2]],
  put_debit: [["buy", "put", 0], ["sell", "put", -2]],
  iron_condor: [["buy", "put", -4], ["sell", "put", -2], ["sell", "call", 2], ["buy", "call", 4]],
  straddle: [["buy", "call", 0], ["buy", "put", 0]],
  strangle: [["buy", "put", -2], ["buy", "call", 2]],
  covered_call: [["sell", "call", 2]],
};

/** Null where the chain has no market in one of the strikes that it takes. */
export function presetLegs(preset: Preset, rows: readonly StrikeRow[], spot: Amount): readonly Leg[] | null {
  const middle = nearest(rows, spot);
  const legs: Leg[] = [];
  for (const [side, right, away] of SHAPES[preset]) {
    const contract = rows[middle + away]?.[right];
    if (middle < 0 || !contract) return null;
    legs.push({ contract, side, opens: true, ratio: 1 });
  }
  return legs;
}

export function flipped(legs: readonly Leg[]): readonly Leg[] {
  return legs.map((leg) => ({ ...leg, side: leg.side === "buy" ? "sell" : "buy" }));
}

/** Dollars a share of one unit: positive pays, negative receives, as the order's own price of several legs. */
export function netPrice(legs: readonly Leg[], at: "natural" | "mid"): Amount | null {
  if (legs.length === 0) return null;
  return plain(legs.reduce((net, { contract, side, ratio }) => {
    const of = at === "mid" ? mid(contract) : side === "buy" ? contract.ask : contract.bid;
    return net.plus(new Big(of).times(side === "buy" ? ratio : -ratio));
  }, new Big(0)));
}

/** To whole cents, towards the trader's own side: a middle between ticks is no price. */
export function onTheCent(net: Amount): Amount {
  return plain(new Big(net).round(2, Big.roundHalfUp));
}

function intent({ side, opens }: Leg): NewLeg["position_intent"] {
  return `${side}_to_${opens ? "open" : "close"}`;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** What is wrong with the legs, in a sentence; null where nothing is. */
export function wrongWith(legs: readonly Leg[]): string | null {
  if (legs.length > 1 && legs.map(({ ratio }) => ratio).reduce(divisor) > 1) return "Ratios are in lowest terms: use a larger quantity instead.";
  if (legs.length === 1 && legs[0]?.ratio !== 1) return "A single leg has the ratio 1: use a larger quantity instead.";
  return null;
}

interface Terms {
  account: string;
  quantity: Amount;
  /** Positive pays, negative receives; null is at the market. */
  net: Amount;
  lasts: "day" | "gtc";
}

/** A single leg is an order of its symbol, whose price has no sign; several have one signed net price. */
export function orderOf(legs: readonly Leg[], { account, quantity, net, lasts }: Terms): NewOrder | null {
  const [only] = legs;
  if (!only || wrongWith(legs) !== null || !whole(quantity)) return null;
  const common = { broker_account_id: account, order_type: "limit", time_in_force: lasts, quantity } as const;
  if (legs.length > 1) {
    return { ...common, price: net, legs: legs.map((leg) => ({ symbol: leg.contract.symbol, side: leg.side, position_intent: intent(leg), ratio: leg.ratio })) };
  }
  const paid = only.side === "buy" ? new Big(net) : new Big(net).times(-1);
  // What is sold is sold for something, and what is bought costs something.
  if (paid.lte(0)) return null;
  return { ...common, symbol: only.contract.symbol, side: only.side, position_intent: intent(only), price: plain(paid) };
}

export function whole(quantity: Amount): boolean {
  return new Big(quantity).gt(0) && new Big(quantity).mod(1).eq(0);
}

/** "2018-02-09 270 put" */
export function contractName({ expiry, strike, right }: Pick<Contract, "expiry" | "strike" | "right">): string {
  return `${expiry} ${new Big(strike).toFixed()} ${right}`;
}

/** "Sell to open 1 × 2018-02-09 270 put" */
export function legInWords(leg: Leg, units: Amount): string {
  const much = new Big(units).times(leg.ratio).toFixed();
  return `${leg.side === "buy" ? "Buy" : "Sell"} to ${leg.opens ? "open" : "close"} ${much} × ${contractName(leg.contract)}`;
}

/** "for a net credit of $0.45 a share, $45.00 in all" */
export function netInWords(net: Amount): string {
  const value = new Big(net);
  return value.eq(0) ? "for nothing" : `for a net ${value.gt(0) ? "debit" : "credit"} of $${price(plain(value.abs()))} a share or better`;
}
