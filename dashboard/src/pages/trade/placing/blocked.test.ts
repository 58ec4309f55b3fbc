import { expect, test } from "vitest";
import { blocked } from "./blocked";
import { buyingPower } from "./buying_power";
import { feesBefore } from "./fees";

const ACCOUNT = { id: "a", status: "active", link_state: "verified", link_reason: null } as const;
const FREE = { viewer: false, user: "u", account: ACCOUNT, freshness: "live", agreed: undefined, gates: [], opening: true } as const;
const HALT = { closed: true, reason: "a test" };

test("blocked when nothing is wrong then null", () => {
  expect(blocked(FREE)).toBe(null);
});

test("blocked when a viewer, no account, an unverified one or a lost connection then each says what to do", () => {
  expect(blocked({ ...FREE, viewer: true })).toContain("administrator");
  expect(blocked({ ...FREE, account: null })).toContain("Choose");
  expect(blocked({ ...FREE, account: { ...ACCOUNT, link_state: "refused", link_reason: "Enter new keys." } })).toBe("Enter new keys.");
  expect(blocked({ ...FREE, account: { ...ACCOUNT, link_state: "unverified" } })).toContain("not verified");
  expect(blocked({ ...FREE, freshness: "stale" })).toContain("connection");
});

test.each(["global", "user:u", "account:a"])("blocked when %s is halted then entries are, and what closes is not", (gate_key) => {
  const gates = [{ gate_key, ...HALT }];
  expect(blocked({ ...FREE, gates })).toContain("a test");
  expect(blocked({ ...FREE, gates, opening: false })).toBe(null);
});

test("blocked when real money was not agreed to then entries are, and what closes is not", () => {
  expect(blocked({ ...FREE, agreed: false })).toContain("Accounts page");
  expect(blocked({ ...FREE, agreed: false, opening: false })).toBe(null);
  expect(blocked({ ...FREE, agreed: true })).toBe(null);
});

test("blocked when another account, a strategy or a lifted gate then not", () => {
  const gates = [{ gate_key: "account:b", ...HALT }, { gate_key: "strategy:s", ...HALT }, { gate_key: "global", closed: false, reason: "" }];
  expect(blocked({ ...FREE, gates })).toBe(null);
});

test("buyingPower when the rule has spoken then what is left after it, exactly, else null", () => {
  expect(buyingPower({ rules: [{ rule: "BUYING_POWER", verdict: "allow", numbers: { takes: "2700.10", left: "100000.20", told: "1" } }] })).toEqual({ takes: "2700.10", left: "100000.20", after: "97300.1" });
  expect(buyingPower({ rules: [{ rule: "BUYING_POWER", verdict: "deny", numbers: { buying_power: "missing" } }] })).toBe(null);
  expect(buyingPower({ rules: [] })).toBe(null);
});

test("feesBefore when the account has fills then their mean a unit, without busts, other accounts and options", () => {
  const fill = { broker_account_id: "a", symbol: "SPY", kind: "fill", fee: "0.03", quantity: "10" } as const;
  expect(feesBefore([fill, { ...fill, fee: "0.05" }, { ...fill, kind: "bust", fee: "9" }, { ...fill, broker_account_id: "b", fee: "9" }, { ...fill, symbol: "SPY261218C00600000", fee: "9" }], "a", "shares")).toBe("0.004");
  expect(feesBefore([fill, { ...fill, symbol: "SPY261218C00600000", fee: "6.5" }], "a", "contracts")).toBe("0.65");
  expect(feesBefore([], "a", "shares")).toBe(null);
});
