/** What a strategy is, what is asked for it, and what it answers. */
import { z } from "@hono/zod-openapi";
import { GivenTime, Id, Ticker, Time, Version } from "./values.ts";

export const StrategyStatus = z.enum(["draft", "active", "inactive", "halted"]).openapi({
  description: "A draft until it is first activated; active decides; inactive and halted do not.",
});
const Timeframe = z.enum(["1Min", "5Min", "15Min", "1Hour", "1Day"]);
const ExitsBy = z.enum(["strategy", "watched"]).openapi({
  description: "Who watches the planned exits of its entries: strategy, itself on each completed bar; watched, also the platform, on quotes.",
});
const Config = z.record(z.string(), z.unknown()).openapi({ description: "By the JSON Schema of its kind, see /strategy-kinds." });

const GivenConfig = Config.refine((config) => JSON.stringify(config).length <= 4000, "has at most 4000 characters as JSON");

const terms = {
  name: z.string().min(1).max(100).openapi({ description: "Unique among your strategies.", example: "RSI reversion" }),
  description: z.string().max(2000).default(""),
  config: GivenConfig,
  symbols: z.array(Ticker).min(1).max(100).refine((symbols) => symbols.join().length <= 4000, "has at most 4000 characters")
    .openapi({ example: ["SPY"] }),
  timeframe: Timeframe.default("1Min"),
  exits_by: ExitsBy.default("strategy"),
};

export const StrategyTerms = z.strictObject(terms).openapi("StrategyTerms");
export const NewStrategy = z.strictObject({
  broker_account_id: Id.openapi({ description: "The linked account that it trades on." }),
  kind: z.string().min(1).max(63).openapi({ description: "One of /strategy-kinds.", example: "rsi_reversion" }),
  ...terms,
}).openapi("NewStrategy");

export const Strategy = z.object({
  id: Id,
  broker_account_id: Id,
  name: z.string(),
  description: z.string(),
  kind: z.string(),
  config: Config,
  symbols: z.array(z.string()),
  timeframe: Timeframe,
  exits_by: ExitsBy,
  status: StrategyStatus,
  strategy_version: z.int().openapi({ description: "Grows with every edit of what it does; every trade names it." }),
  effective_version: z.int().nullable().openapi({ description: "The newest version that was found valid; null until one was." }),
  effective_since: Time.nullable(),
  created_at: Time,
  updated_at: Time,
  version: Version,
}).openapi("Strategy");

export const Activation = z.strictObject({
  from: GivenTime.optional().openapi({
    description: "Decide on bars that end after this moment; now where it is left out. Only of use where the market is replayed from a tape, whose clock is another.",
  }),
}).openapi("Activation");
export const Activated = z.object({
  strategy_id: Id,
  status: StrategyStatus,
  version: Version,
  strategy_version: z.int(),
  effective_version: z.int().nullable(),
  effective_since: Time.nullable(),
  decides_after: Time.openapi({ description: "It decides on bars that end after this." }),
  warm_up: z.array(z.object({ symbol: z.string(), timeframe: z.string(), needed: z.int(), stored: z.int() }).openapi("WarmUp")),
  warnings: z.array(z.object({ code: z.string(), text: z.string() }).openapi("ActivationWarning")),
}).openapi("Activated");

const Then = z.enum(["leave", "cancel_orders", "flatten"]).openapi({
  description: "leave what is open as it is; cancel_orders, its entries; flatten, close all of it.",
});
export const Deactivation = z.strictObject({ then: Then }).openapi("Deactivation");
export const Deactivated = z.object({
  strategy_id: Id,
  status: StrategyStatus,
  version: Version,
  then: Then,
  open: z.object({ positions: z.string().optional(), orders: z.string().optional() }).openapi({ example: { positions: "100 SPY" } }),
}).openapi("Deactivated");
export const DeactivationProgress = z.object({
  strategy_id: Id,
  then: Then,
  asked_at: Time,
  done_at: Time.nullable(),
  complete: z.boolean(),
  waiting_for: z.string().nullable().openapi({ description: "session, other_side, cover or orders; null where it is complete." }),
  working_entries: z.int(),
  working_exits: z.int(),
  open_positions: z.int(),
}).openapi("DeactivationProgress");

export const Decision = z.object({
  symbol: z.string(),
  bar_at: Time.openapi({ description: "The end of the bar that it decided on, or when the quote or fill was." }),
  cause: z.enum(["bar", "quote", "fill"]),
  caused_by: z.string(),
  strategy_version: z.int(),
  action: z.enum(["stay", "trade", "cancel"]),
  reason: z.string(),
  orders: z.array(z.record(z.string(), z.unknown())).openapi({ description: "The orders that it wanted." }),
  cancels: z.array(Id).openapi({ description: "The working orders that it gave up." }),
  chain_taken_at: Time.nullable(),
  refused: z.string().nullable().openapi({ description: "Why an order was not even placed; null where all were." }),
  created_at: Time,
}).openapi("StrategyDecision");

export const StrategyVersion = z.object({
  strategy_version: z.int(),
  kind: z.string(),
  config: Config,
  symbols: z.array(z.string()),
  timeframe: Timeframe,
  exits_by: ExitsBy,
  created_at: Time,
  created_by: z.string(),
}).openapi("StrategyVersion");

export const StrategyValidation = z.object({
  strategy_version: z.int(),
  effective_version: z.int().nullable(),
  state: z.enum(["pending", "valid", "not_valid"]),
  problems: z.array(z.object({ field: z.string().nullish(), code: z.string(), text: z.string() }).openapi("StrategyProblem")),
  inputs: z.record(z.string(), z.unknown()).nullable().openapi({ description: "What it needs to decide; null where it was never valid." }),
  validated_at: Time.nullable(),
}).openapi("StrategyValidation");
