/** An option chain as the platform took it: its contracts by expiry and strike, and which of them are in the money. */
import Big from "big.js";
import { z } from "zod";
import type { OptionChain, OptionContract } from "@/api/schema";
import type { Amount } from "@/money/amount";

export type Right = "call" | "put";

export interface Contract {
  symbol: string;
  right: Right;
  strike: Amount;
  expiry: string;
  /** Shares of one contract. */
  multiplier: Amount;
  bid: Amount;
  ask: Amount;
  quotedAt: string;
  /** A year's, as a fraction; null where the feed does not say, as the greeks are. */
  volatility: Amount | null;
  delta: Amount | null;
  gamma: Amount | null;
  theta: Amount | null;
  vega: Amount | null;
}

export interface StrikeRow {
  strike: Amount;
  call: Contract | undefined;
  put: Contract | undefined;
}

const amount = z.union([z.string(), z.number()]).transform(String);
const maybe = amount.nullish().transform((value) => value ?? null);
const Taken = z.object({
  symbol: z.string(), expiry: z.string(), right: z.enum(["call", "put"]), strike: amount, multiplier: amount, bid: amount, ask: amount,
  quoted_at: z.string(), implied_volatility: maybe, delta: maybe, gamma: maybe, theta: maybe, vega: maybe,
});

/** The contracts of a chain. Throws where a quote is not what the API promises: half a chain is not shown as a whole one. */
export function contractsOf(chain: Pick<OptionChain, "quotes">): readonly Contract[] {
  return chain.quotes.map((quote) => {
    const { quoted_at, implied_volatility, ...rest } = Taken.parse(quote);
    return { ...rest, quotedAt: quoted_at, volatility: implied_volatility };
  });
}

/** The same contracts with later quotes, where there are any; an older quote never takes a newer one's place. */
export function renewed(contracts: readonly Contract[], listed: readonly OptionContract[]): readonly Contract[] {
  const later = new Map(listed.map((one) => [one.symbol, one.quote]));
  return contracts.map((contract) => {
    const quote = later.get(contract.symbol);
    if (!quote || Date.parse(quote.quoted_at) <= Date.parse(contract.quotedAt)) return contract;
    const { implied_volatility: volatility, delta, gamma, theta, vega } = quote.greeks;
    return { ...contract, bid: quote.bid, ask: quote.ask, quotedAt: quote.quoted_at, volatility, delta, gamma, theta, vega };
  });
}

export function expiriesOf(contracts: readonly Contract[]): readonly string[] {
  return [...new Set(contracts.map(({ expiry }) => expiry))].sort();
}

export function strikesOf(contracts: readonly Contract[], expiry: string): readonly StrikeRow[] {
  const rows = new Map<string, StrikeRow>();
  for (const contract of contracts) {
    if (contract.expiry !== expiry) continue;
    const key = new Big(contract.strike).toFixed();
    const row = rows.get(key) ?? { strike: key, call: undefined, put: undefined };
    rows.set(key, { ...row, [contract.right]: contract });
  }
  return [...rows.values()].sort((a, b) => new Big(a.strike).cmp(b.strike));
}

/** Where the strike nearest to the price is; -1 where there is none. Of two as near, the lower. */
export function nearest(rows: readonly Pick<StrikeRow, "strike">[], spot: Amount): number {
  let best = -1;
  let distance: Big | null = null;
  rows.forEach(({ strike }, at) => {
    const away = new Big(strike).minus(spot).abs();
    if (distance === null || away.lt(distance)) [best, distance] = [at, away];
  });
  return best;
}

export function inTheMoney(right: Right, strike: Amount, spot: Amount): boolean {
  return right === "call" ? new Big(strike).lt(spot) : new Big(strike).gt(spot);
}

export function mid({ bid, ask }: Pick<Contract, "bid" | "ask">): Amount {
  return new Big(bid).plus(ask).div(2).toFixed();
}
