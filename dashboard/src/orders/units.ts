/** What an order counts. */
import { isOption } from "@/live/quotes";

export type Unit = "shares" | "contracts" | "units";

/** Of one symbol; several legs together are counted in units. */
export function unitOf(symbol: string): Unit {
  return isOption(symbol) ? "contracts" : "shares";
}

/** "1 share", "3 contracts" */
export function counted(quantity: string, unit: Unit): string {
  return `${quantity} ${quantity === "1" ? unit.slice(0, -1) : unit}`;
}
