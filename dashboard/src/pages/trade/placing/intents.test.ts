import { expect, test } from "vitest";
import { Problem, Unreachable } from "@/api/problem";
import type { NewOrder } from "@/api/schema";
import { Intents } from "./intents";

const ORDER: NewOrder = { broker_account_id: "a", symbol: "SPY", side: "buy", position_intent: "buy_to_open", order_type: "market", time_in_force: "day", quantity: "10" };

test("intents when the answer is lost then the same order keeps its key, and another has another", () => {
  const intents = new Intents();
  const key = intents.keyOf(ORDER);
  intents.failed(ORDER, new Unreachable("lost"));
  intents.failed(ORDER, new Problem(503, {}));
  expect(intents.keyOf({ ...ORDER })).toBe(key);
  expect(intents.keyOf({ ...ORDER, quantity: "11" })).not.toBe(key);
});

test("intents when it was placed or refused then the same order again is another intent", () => {
  const intents = new Intents();
  const first = intents.keyOf(ORDER);
  intents.placed(ORDER);
  const second = intents.keyOf(ORDER);
  intents.failed(ORDER, new Problem(409, { code: "GATE_CLOSED" }));
  expect(new Set([first, second, intents.keyOf(ORDER)]).size).toBe(3);
});
