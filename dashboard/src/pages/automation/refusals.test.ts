import { expect, test } from "vitest";
import { refusal } from "./refusals";

test("a refusal when it carries numbers then they stand beside its sentence", () => {
  expect(refusal("SYMBOL_NOT_ALLOWED: symbol=IWM")).toEqual({ code: "SYMBOL_NOT_ALLOWED", sentence: "The source may not trade this symbol.", numbers: "symbol=IWM" });
  expect(refusal("BAD_SIGNATURE")).toMatchObject({ code: "BAD_SIGNATURE", numbers: "" });
});

test("a refusal when it is not known here then its code stands alone", () => {
  expect(refusal("SOMETHING_NEW: at=2026-12-01T10:00")).toEqual({ code: "SOMETHING_NEW", sentence: "", numbers: "at=2026-12-01T10:00" });
});
