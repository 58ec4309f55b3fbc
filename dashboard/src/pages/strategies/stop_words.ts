/** What stopping does to what is open, in numbers. */
import type { Deactivation } from "@/api/schema";
import { quantity } from "@/money/amount";
import type { Exposure } from "./open_exposure";

export type Then = Deactivation["then"];

export const THENS: readonly { then: Then; name: string }[] = [
  { then: "leave", name: "Leave everything as it is" },
  { then: "cancel_orders", name: "Cancel its entries" },
  { then: "flatten", name: "Flatten: close everything" },
];

export function whatItDoes(then: Then, { held, entries, exits }: Exposure): string {
  const positions = held.map((one) => `${quantity(one.quantity)} ${one.symbol}`).join(", ");
  const stay = positions === "" ? "nothing is held" : `${positions} stay${held.length === 1 ? "s" : ""}`;
  switch (then) {
    case "leave":
      return `${count(entries.length, "entry", "entries")} and ${count(exits.length, "exit")} go on working; ${stay}.`;
    case "cancel_orders":
      return `${count(entries.length, "entry", "entries")} canceled; ${count(exits.length, "exit")} go on protecting; ${stay}.`;
    case "flatten":
      return `${count(entries.length, "entry", "entries")} canceled; ${positions === "" ? "nothing is held" : `${positions} closed at the market, in session`}; ${count(exits.length, "exit")} canceled when what they protect can be closed.`;
  }
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
