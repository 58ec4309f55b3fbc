/**
 * What legs make, at expiry and today. Amounts that are sent stay exact; these are analytics, and floats on purpose,
 * as functions/core/options has them.
 */
export interface PayoffLeg {
  /** "share": a share that is held against the options. */
  right: "call" | "put" | "share";
  strike: number;
  /** Contracts, negative where sold; shares for "share". */
  quantity: number;
  /** Shares of one contract; 1 for a share. */
  multiplier: number;
  /** Dollars a share that it was entered at. */
  price: number;
  /** A year's, as a fraction; null where nobody says: then there is no curve of today. */
  volatility: number | null;
}

export interface Profile {
  /** Dollars; null where there is no bound. */
  maxProfit: number | null;
  maxLoss: number | null;
  breakEvens: readonly number[];
}

function worth(leg: PayoffLeg, spot: number): number {
  if (leg.right === "share") return spot;
  return Math.max(0, leg.right === "call" ? spot - leg.strike : leg.strike - spot);
}

/** Dollars, at a price of the underlying at expiry. */
export function atExpiry(legs: readonly PayoffLeg[], spot: number): number {
  return legs.reduce((sum, leg) => sum + leg.quantity * leg.multiplier * (worth(leg, spot) - leg.price), 0);
}

/** The curve is straight between strikes, so its ends and kinks say all of it: no search, no sampling. */
export function profile(legs: readonly PayoffLeg[]): Profile {
  const kinks = [...new Set([0, ...legs.filter(({ right }) => right !== "share").map(({ strike }) => strike)])].sort((a, b) => a - b);
  const last = kinks.at(-1) ?? 0;
  const values = kinks.map((spot) => atExpiry(legs, spot));
  const slope = legs.reduce((sum, { right, quantity, multiplier }) => sum + (right === "put" ? 0 : quantity * multiplier), 0);
  const found: number[] = [];
  const add = (spot: number) => {
    if (!found.some((one) => Math.abs(one - spot) < 1e-9)) found.push(spot);
  };
  for (let at = 0; at < kinks.length - 1; at += 1) {
    const [from, to, a, b] = [kinks[at] ?? 0, kinks[at + 1] ?? 0, values[at] ?? 0, values[at + 1] ?? 0];
    // Where it lies on zero over a stretch, there is no point at which it turns.
    if (Math.sign(round(a)) * Math.sign(round(b)) < 0) add(from + ((to - from) * -a) / (b - a));
    else if (round(b) === 0 && round(a) !== 0) add(to);
    else if (round(a) === 0 && round(b) !== 0) add(from);
  }
  const end = values.at(-1) ?? 0;
  if (Math.sign(round(end)) * Math.sign(slope) < 0) add(last - end / slope);
  const low = Math.min(...values);
  const high = Math.max(...values);
  return { maxProfit: slope > 0 ? null : round(high), maxLoss: slope < 0 ? null : round(Math.min(0, low)), breakEvens: found.filter((spot) => spot > 0).sort((a, b) => a - b) };
}

function round(value: number): number {
  const cents = Math.round(value * 1e6) / 1e6;
  return cents === 0 ? 0 : cents;
}

/** Black and Scholes 1973: dollars a share, of an option that is exercised at expiry. */
export function blackScholes(right: "call" | "put", spot: number, strike: number, years: number, volatility: number, rate: number): number {
  const deviation = volatility * Math.sqrt(years);
  if (!(deviation > 0) || !(spot > 0)) return Math.max(0, right === "call" ? spot - strike : strike - spot);
  const d1 = (Math.log(spot / strike) + (rate + (volatility * volatility) / 2) * years) / deviation;
  const discounted = strike * Math.exp(-rate * years);
  const call = spot * normal(d1) - discounted * normal(d1 - deviation);
  return right === "call" ? call : call - spot + discounted;
}

/** Dollars, if the underlying were there now and each volatility stayed; null where one is missing. */
export function now(legs: readonly PayoffLeg[], spot: number, years: number, rate: number): number | null {
  let sum = 0;
  for (const leg of legs) {
    if (leg.right !== "share" && leg.volatility === null) return null;
    const value = leg.right === "share" ? spot : blackScholes(leg.right, spot, leg.strike, years, leg.volatility ?? 0, rate);
    sum += leg.quantity * leg.multiplier * (value - leg.price);
  }
  return sum;
}

/** The normal distribution, by Abramowitz and Stegun 26.2.17: within 7.5e-8. */
function normal(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}

const CLOSES = 16;
const YEAR_MS = 365 * 86_400_000;

/** Years from a moment to four in New York on the day of expiry; half days close earlier, which pixels do not show. */
export function yearsUntil(expiry: string, from: string): number {
  const guess = Date.parse(`${expiry}T${CLOSES}:00:00Z`);
  const hour = Number(new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hour: "2-digit", hourCycle: "h23" }).format(guess));
  return Math.max(0, (guess + (CLOSES - hour) * 3_600_000 - Date.parse(from)) / YEAR_MS);
}
