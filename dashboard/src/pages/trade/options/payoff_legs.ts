/** The legs as their payoff is drawn: numbers, because a curve is a picture and no amount. */
import Big from "big.js";
import { typed } from "@/money/amount";
import { netPrice, onTheCent, type Leg } from "./legs";
import type { PayoffLeg } from "./payoff";

/** Entered at the net price that is asked for; null where there is nothing whole to draw. */
export function payoffLegs(legs: readonly Leg[], units: string, net: string | null, shares: { quantity: string; cost_basis: string } | undefined): readonly PayoffLeg[] | null {
  const quantity = typed(units);
  const middle = netPrice(legs, "mid");
  const asked = net === null ? (middle === null ? null : onTheCent(middle)) : typed(net);
  if (quantity === null || middle === null || asked === null || !(Number(quantity) > 0)) return null;
  if (new Set(legs.map(({ contract }) => contract.expiry)).size > 1) return null;
  const units_ = Number(quantity);
  // What the net price differs from the middles lies on the first leg: only the sum is real.
  const [first] = legs;
  if (!first) return null;
  const off = (Number(asked) - Number(middle)) / ((first.side === "buy" ? 1 : -1) * first.ratio);
  const drawn: PayoffLeg[] = legs.map(({ contract, side, ratio }, at) => ({
    right: contract.right,
    strike: Number(contract.strike),
    quantity: (side === "buy" ? 1 : -1) * ratio * units_,
    multiplier: Number(contract.multiplier),
    price: (Number(contract.bid) + Number(contract.ask)) / 2 + (at === 0 ? off : 0),
    volatility: contract.volatility === null ? null : Number(contract.volatility),
  }));
  const needed = units_ * Number(first.contract.multiplier);
  if (shares && new Big(shares.quantity).gte(needed)) {
    drawn.push({ right: "share", strike: 0, quantity: needed, multiplier: 1, price: Number(new Big(shares.cost_basis).div(shares.quantity)), volatility: null });
  }
  return drawn;
}
