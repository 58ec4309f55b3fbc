/** What an order takes of the buying power, as the rule of that name has reckoned it. */
import Big from "big.js";
import { z } from "zod";
import type { OrderPreview } from "@/api/schema";
import { plain, type Amount } from "@/money/amount";

/** Rules are named by their codes. */
const RULE = "BUYING_POWER";

const Power = z.object({ takes: z.string(), left: z.string() });

export interface BuyingPower {
  takes: Amount;
  left: Amount;
  after: Amount;
}

/** Null where the rule was not asked, or did not know. */
export function buyingPower(preview: Pick<OrderPreview, "rules">): BuyingPower | null {
  const read = Power.safeParse(preview.rules.find(({ rule }) => rule === RULE)?.numbers);
  if (!read.success) return null;
  const { takes, left } = read.data;
  return { takes, left, after: plain(new Big(left).minus(takes)) };
}
