import { expect, test } from "vitest";
import { Problem } from "@/api/problem";
import risk from "../../../docs/risk.md?raw";
import { hasWords, inSentences, readRefusal, sentences } from "./refusals";

const NEW_YORK = "America/New_York";

/** The second column of the table of rules, which is made from the rules themselves. */
function codesOfRules(): readonly string[] {
  const rows = risk.split("\n").filter((line) => /^\| [a-z_]+ \| `[A-Z]/.test(line));
  return [...new Set(rows.flatMap((row) => [...(row.split("|")[2] ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, code = ""]) => code)))];
}

/** What the ledger itself refuses when it approves, beside what the rules do. */
const OF_THE_LEDGER = ["ACCOUNT_NOT_VERIFIED", "LIVE_NOT_CONFIRMED", "NOTIONAL_NOT_JUDGED", "WOULD_NOT_REDUCE", "REPLACEMENT_TOO_LARGE", "TOO_LATE"];

test("sentences when it is a code of any rule or of the ledger then there are words for it", () => {
  const codes = codesOfRules();
  expect(codes.length).toBeGreaterThan(60);
  expect([...codes, ...OF_THE_LEDGER].filter((code) => !hasWords(code))).toEqual([]);
});

test("sentences when there are numbers then they say what was found, what the limit is, and what to do", () => {
  const refused = readRefusal("CAPITAL_LIMIT: notional_after=120000.5 limit=100000 scope=account");
  expect(refused && sentences(refused, NEW_YORK)).toBe(
    "$120,000.50 would be at work after it. The limit of this account is $100,000.00. Order less, close something first, or change the limit on the Risk page.");
});

test("sentences when a number was not told then what needs it is left out", () => {
  expect(sentences({ code: "CAPITAL_LIMIT", numbers: { limit: "5", scope: "global" } }, NEW_YORK)).toMatch(/^The limit of everybody is \$5\.00\. Order less/);
  expect(sentences({ code: "MISSING_MARK", numbers: { symbol: "SPY", mark: "missing" } }, NEW_YORK)).toContain("What SPY is worth");
});

test("sentences when the ledger's re-check has refused then its own names are read, and what is unknown is left out", () => {
  expect(sentences({ code: "POSITION_LIMIT", numbers: { after: "1200", limit: "1000", scope: "user", unit: "shares" } }, NEW_YORK)).toMatch(/^1,200 would be open after it\. The limit of all of your trading is 1,000\./);
  expect(sentences({ code: "CAPITAL_LIMIT", numbers: { after: "Infinity", limit: "1000", scope: "user" } }, NEW_YORK)).toMatch(/^The limit/);
});

test("sentences when it is a time then in the trader's zone", () => {
  expect(sentences({ code: "MARKET_CLOSED", numbers: { next_open: "2018-02-05T14:30:00+00:00" } }, NEW_YORK)).toContain("opens at 2018-02-05 09:30:00 EST.");
});

test("readRefusal when a value has spaces, there is no number, or it is words then each is read as it is", () => {
  expect(readRefusal("GATE_CLOSED: scope=account reason=too much lost today gate=account:1")).toEqual({ code: "GATE_CLOSED", numbers: { scope: "account", reason: "too much lost today", gate: "account:1" } });
  expect(readRefusal("TOO_LATE")).toEqual({ code: "TOO_LATE", numbers: {} });
  expect(readRefusal("BROKER_REJECTED: insufficient day trading buying power")).toBe(null);
  expect(readRefusal("The broker said no.")).toBe(null);
});

test("sentences when the code has none here then null, so that code and numbers are shown", () => {
  expect(sentences({ code: "SOMETHING_NEW", numbers: { at: "1" } }, NEW_YORK)).toBe(null);
});

test("inSentences when the API refuses by a rule then in the rule's sentences, and all else as it is", () => {
  const halted = new Problem(409, { code: "GATE_CLOSED", detail: "GATE_CLOSED: gate=account:1", numbers: { gate: "account:1" } });
  expect(inSentences(halted, NEW_YORK)).toEqual(new Error("Trading is halted. Exits pass; lift the halt on the Risk page when its cause is gone."));
  const other = new Problem(422, { code: "UNKNOWN_SYMBOL", detail: "No such symbol." });
  expect(inSentences(other, NEW_YORK)).toBe(other);
});
