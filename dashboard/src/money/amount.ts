/** Amounts: exact decimals, as the ledger sends them (text), calculated with Big and shown with their unit. */
import Big from "big.js";

export type Amount = string;
/** What may be an amount, or is missing: missing stays missing, and is shown as a dash. */
export type Maybe = Amount | null | undefined;

export const MISSING = "–";

/** Ten places, half away from zero: as the ledger rounds. */
Big.DP = 10;
Big.RM = Big.roundHalfUp;

export function big(amount: Amount): Big {
  return new Big(amount);
}

/** The sum, or null where one is missing: a total of what is known would be passed off as the whole. */
export function sum(amounts: readonly Maybe[]): Amount | null {
  let total = new Big(0);
  for (const amount of amounts) {
    if (amount === null || amount === undefined) return null;
    total = total.plus(amount);
  }
  return plain(total);
}

export function plain(amount: Big): Amount {
  return amount.toFixed();
}

/** -1, 0 or 1; null where it is missing. */
export function sign(amount: Maybe): -1 | 0 | 1 | null {
  if (amount === null || amount === undefined) return null;
  const value = new Big(amount);
  return value.gt(0) ? 1 : value.lt(0) ? -1 : 0;
}

interface Places {
  least?: number;
  most?: number;
}

/** "1,234.50"; at least `least` decimals, never a digit less than was sent up to `most` (rounded there). */
export function grouped(amount: Maybe, { least = 0, most = 10 }: Places = {}): string {
  if (amount === null || amount === undefined) return MISSING;
  const rounded = new Big(amount).round(most);
  const [whole = "0", decimals = ""] = rounded.abs().toFixed().split(".");
  const shown = decimals.padEnd(least, "0");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (shown === "" ? "" : `.${shown}`);
  // A true minus: as wide as a plus, so that columns stand still.
  return rounded.lt(0) ? `−${text}` : text;
}

/** Dollars and cents: "$1,234.50". */
export function dollars(amount: Maybe): string {
  if (amount === null || amount === undefined) return MISSING;
  const text = grouped(amount, { least: 2, most: 2 });
  return text.startsWith("−") ? `−$${text.slice(1)}` : `$${text}`;
}

/** With its sign, also a plus: "+$12.00". Nothing is "$0.00". */
export function signedDollars(amount: Maybe): string {
  const text = dollars(amount);
  return sign(amount) === 1 && !/^\$0\.00$/.test(text) ? `+${text}` : text;
}

/** A price as the market tells it: at least two places, up to four. */
export function price(amount: Maybe): string {
  return grouped(amount, { least: 2, most: 4 });
}

export function quantity(amount: Maybe): string {
  return grouped(amount);
}

/** A share of one as percent: "12.5 %". */
export function percent(share: Maybe, places = 1): string {
  if (share === null || share === undefined) return MISSING;
  return `${grouped(plain(new Big(share).times(100)), { least: places, most: places })} %`;
}

/** What a person types as an amount, with or without separators; null where it is none. */
export function typed(text: string): Amount | null {
  const bare = text.trim().replaceAll(",", "").replace("−", "-");
  return /^-?(?:\d+\.?\d*|\.\d+)$/.test(bare) ? plain(new Big(bare)) : null;
}
