/** The plain values of every resource: amounts are text, times UTC. */
import { z } from "@hono/zod-openapi";

const PLAIN = /^-?(?:0|[1-9]\d{0,17})(?:\.\d{1,12})?$/;
const ABOVE_ZERO = /^(?!0(?:\.0+)?$)(?:0|[1-9]\d{0,17})(?:\.\d{1,12})?$/;

/** A number of dollars, shares or contracts that the ledger gives: text, exact. */
export const Amount = z.string().openapi({ description: "An exact decimal number as text.", format: "decimal", example: "100.25" });
/** One that the caller gives. */
export const GivenAmount = z.string().regex(PLAIN, "is a decimal number as text, without exponent").openapi({ format: "decimal", example: "100.25", pattern: PLAIN.source });
/** One above zero. */
export const GivenQuantity = z.string().regex(ABOVE_ZERO, "is a decimal number above zero as text, without exponent").openapi({
  format: "decimal",
  example: "10",
  pattern: ABOVE_ZERO.source,
});
export const Id = z.uuid();
/** With microseconds, as the ledger keeps it. */
export const Time = z.string().openapi({ description: "UTC, ISO 8601.", format: "date-time", example: "2026-11-30T14:30:00+00:00" });
export const GivenTime = z.iso.datetime({ offset: true });
export const Day = z.iso.date().openapi({ description: "A date of the exchange (New York)." });
export const Ticker = z.string().regex(/^[A-Z0-9][A-Z0-9./-]{0,31}$/, "is a symbol of capital letters and digits").openapi({ example: "SPY" });
export const Version = z.int().openapi({ description: "Grows with every change of the row; its ETag." });
