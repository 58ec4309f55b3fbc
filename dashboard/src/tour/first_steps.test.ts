import { describe, expect, it } from "vitest";
import { allDone, doneOf } from "./first_steps";

const verified = { status: "active", link_state: "verified" } as const;

describe("first steps", () => {
  it("are all to do when nothing is there", () => {
    expect(doneOf({ accounts: [], strategies: 0, trades: [] })).toEqual({ linked: false, begun: false, filled: false });
  });

  it("are not done when the broker has refused the keys, or the account is unlinked", () => {
    expect(doneOf({ accounts: [{ ...verified, link_state: "refused" }], strategies: 0, trades: [] }).linked).toBe(false);
    expect(doneOf({ accounts: [{ ...verified, status: "unlinked" }], strategies: 0, trades: [] }).linked).toBe(false);
  });

  it("are begun when there is a strategy or an order, and filled when anything of one is", () => {
    expect(doneOf({ accounts: [verified], strategies: 1, trades: [] })).toEqual({ linked: true, begun: true, filled: false });
    expect(doneOf({ accounts: [verified], strategies: 0, trades: [{ filled_quantity: "0.0000" }] }).filled).toBe(false);
    expect(allDone(doneOf({ accounts: [verified], strategies: 0, trades: [{ filled_quantity: "0.5" }] }))).toBe(true);
  });
});
