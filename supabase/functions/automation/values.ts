/** The plain values of what outside senders say: amounts are text, as everywhere. */
import { z } from "zod";

const PLAIN = /^-?(?:0|[1-9]\d{0,17})(?:\.\d{1,12})?$/;
const ABOVE_ZERO = /^(?!0(?:\.0+)?$)(?:0|[1-9]\d{0,17})(?:\.\d{1,12})?$/;

export const Amount = z.string().regex(PLAIN, "is a decimal number as text, without exponent");
export const Quantity = z.string().regex(ABOVE_ZERO, "is a decimal number above zero as text, without exponent");
export const Symbol = z.string().regex(/^[A-Z0-9][A-Z0-9./-]{0,31}$/, "is a symbol of capital letters and digits");
export const EventId = z.string().regex(/^[\x21-\x7e]{1,200}$/, "is 1 to 200 printable characters without spaces");
export const Moment = z.iso.datetime({ offset: true });
export const Side = z.enum(["buy", "sell"]);
export const EventName = z.string().min(1).max(100);
