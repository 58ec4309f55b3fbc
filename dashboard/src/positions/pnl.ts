/** What positions are worth and have made since they were entered; what needs a mark is missing without one. */
import Big from "big.js";
import type { PositionRow } from "@/live/rows";
import { plain, sum, type Amount, type Maybe } from "@/money/amount";

type Held = Pick<PositionRow, "quantity" | "cost_basis" | "multiplier">;

export function units({ quantity, multiplier }: Held): Big {
  return new Big(quantity).times(multiplier);
}

/** Dollars a share. */
export function average(held: Held): Amount | null {
  return units(held).eq(0) ? null : plain(new Big(held.cost_basis).div(units(held)));
}

export function value(held: Held, mark: Maybe): Amount | null {
  return mark === null || mark === undefined ? null : plain(units(held).times(mark));
}

/** (mark - average) x quantity x multiplier, without the division. */
export function openPnl(held: Held, mark: Maybe): Amount | null {
  const worth = value(held, mark);
  return worth === null ? null : plain(new Big(worth).minus(held.cost_basis));
}

/** Null where one has no mark: a total of the rest would be passed off as the whole. */
export function totalPnl(all: readonly Held[], markOf: (held: Held) => Maybe): Amount | null {
  return sum(all.map((held) => openPnl(held, markOf(held))));
}

/** A greek of several options together: a share's, times the shares that they are on. */
export function netGreek(all: readonly { held: Held; greek: Maybe }[]): Amount | null {
  return sum(all.map(({ held, greek }) => (greek === null || greek === undefined ? null : plain(units(held).times(greek)))));
}
