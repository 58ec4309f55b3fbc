/** How long an order works, in words. */
import type { NewOrder } from "@/api/schema";

export const LASTS: Record<NewOrder["time_in_force"], string> = {
  day: "for the day",
  gtc: "good until canceled",
  ioc: "at once or not at all; what is not filled at once is canceled",
  fok: "all of it at once, or nothing",
  opg: "in the opening auction",
  cls: "in the closing auction",
};
