/** When an option ends and what becomes of it, in words. */
import { price } from "@/money/amount";
import type { Expiring } from "./use_expiring";

/** From so many days on it is marked: most short premium is out by then. */
export const SOON_DAYS = 7;

export function isSoon({ days_to_expiry }: Pick<Expiring, "days_to_expiry">): boolean {
  return days_to_expiry >= 0 && days_to_expiry <= SOON_DAYS;
}

export function whenInWords({ expires_on, days_to_expiry }: Pick<Expiring, "expires_on" | "days_to_expiry">): string {
  // In a replay of another year the exchange's date of now says nothing of how long there is.
  if (days_to_expiry < 0) return expires_on;
  return `${expires_on}, ${days_to_expiry === 0 ? "today" : days_to_expiry === 1 ? "tomorrow" : `in ${days_to_expiry} days`}`;
}

export function moneyInWords({ in_the_money, if_left }: Pick<Expiring, "in_the_money" | "if_left">): string {
  if (in_the_money === null || if_left === null) return "not known: no mark of what it is on";
  if (if_left === "expires") return `$${price(in_the_money.replace("-", ""))} out of the money: expires worthless if left`;
  return `$${price(in_the_money)} in the money: ${if_left} if left`;
}
