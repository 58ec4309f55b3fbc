/** Where the tour goes, in the order of a trader's day. */
import type { EXAMPLES } from "./examples";

export interface Stop {
  path: string;
  title: string;
  text: string;
  example: keyof typeof EXAMPLES;
}

export const STOPS: readonly Stop[] = [
  { path: "/", title: "Overview", text: "Your day at a glance: equity with its worst fall, profit by day, today's trades, and what needs you.", example: "overview" },
  { path: "/accounts", title: "Accounts", text: "Link a broker here. Paper has a dashed badge, live money a filled one: wherever an order can be sent, one of them is in sight.", example: "accounts" },
  { path: "/trade", title: "Trade", text: "Chart, order ticket and option chain. The ticket shows risk, fees and buying power before anything is sent.", example: "trade" },
  { path: "/orders", title: "Orders", text: "Each order live, from its signal over every rule with its numbers to its last fill. Replace or cancel it here.", example: "orders" },
  { path: "/positions", title: "Positions", text: "What you hold, its profit as prices move, its stops, and a way out.", example: "positions" },
  { path: "/strategies", title: "Strategies", text: "Programs that trade for you: create one by a form, let it be checked, start it, and read why it did not trade.", example: "strategies" },
  { path: "/risk", title: "Risk", text: "How much of each limit is used. The kill switch at the top stops new entries with one click; it is lifted here.", example: "risk" },
  { path: "/history", title: "History", text: "What was traded, found by strategy, symbol and date, with your notes; statements and files are under Reports.", example: "history" },
];
