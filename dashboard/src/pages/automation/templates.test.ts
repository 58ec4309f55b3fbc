import { expect, test } from "vitest";
import { recipes } from "./recipes";
import { EXAMPLE, templatesOf } from "./templates";

test("templates when empty then there are none, and the example is one", () => {
  expect(templatesOf(" ")).toEqual({ templates: [] });
  expect(templatesOf(EXAMPLE)).toMatchObject({ templates: [{ event: "model_score", at_least: "0.8" }] });
});

test("templates when not as they must be then it is said where", () => {
  expect(templatesOf("{")).toEqual({ problem: "This is no JSON." });
  expect(templatesOf('[{"event": "x", "order": {}, "at_least": 0.8}]')).toMatchObject({ problem: expect.stringContaining("0.at_least") as string });
  expect(templatesOf('[{"event": "x", "order": {}, "other": 1}]')).toHaveProperty("problem");
});

test("a recipe when the source signs then the signature is over time, dot and body", () => {
  const [curl] = recipes({ kind: "generic", authentication: "hmac", symbols: ["IWM"] }, "http://x/1");
  expect(curl?.text).toContain('"symbol":"IWM"');
  expect(curl?.text).toContain(`printf '%s.%s' "$at" "$body" | openssl dgst -sha256 -hmac "$SECRET"`);
});

test("a recipe when the sender cannot sign then there is no signature in it", () => {
  expect(recipes({ kind: "tradingview", authentication: "url_token", symbols: ["SPY"] }).map(({ text }) => text).join()).not.toContain("hmac");
});
