import { deepEqual } from "node:assert/strict";
import { trimmed } from "./amounts.ts";

Deno.test("trimmed when an amount ends in zeros then they go, and no digit that says something", () => {
  const said = ["110.0000000000", "-0.0500000000", "0.0000000000", "100", "1200", "0.1234567891", "99999999999999999999.9900000000"];
  const rows = said.map((price) => ({ price }));
  deepEqual(trimmed(rows, "id,price::text").map(({ price }) => price), [
    "110",
    "-0.05",
    "0",
    "100",
    "1200",
    "0.1234567891",
    "99999999999999999999.99",
  ]);
});

Deno.test("trimmed when a column is no amount then it is left as it is, also where it looks like one", () => {
  deepEqual(trimmed([{ name: "1.50", price: null }], "name,price::text"), [{ name: "1.50", price: null }]);
});

Deno.test("trimmed when amounts stand in embedded rows and under another name then they are trimmed too", () => {
  const rows = [{ legs: [{ quantity: "2.0000000000" }], account: { cash: "1.1000000000" } }];
  deepEqual(trimmed(rows, "legs:trade_legs(quantity::text),account:broker_accounts(cash:balance::text)"), [
    { legs: [{ quantity: "2" }], account: { cash: "1.1" } },
  ]);
});
