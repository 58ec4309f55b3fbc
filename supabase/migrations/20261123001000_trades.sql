-- Trades and their legs, steps and sendings: one road for every order, every step on record.

create table private.oco_groups (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  created_at timestamptz not null default now(),
  unique (id, user_id, broker_account_id),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table private.oco_groups is 'Groups of orders of which one cancels the others: whose they are, so that no group spans two accounts.';
comment on column private.oco_groups.id is 'The group''s id, given by whoever places its first order.';
comment on column private.oco_groups.user_id is 'Whose orders are in it.';
comment on column private.oco_groups.broker_account_id is 'The account of all its orders.';
comment on column private.oco_groups.created_at is 'When its first order was placed.';
create index oco_groups_account on private.oco_groups (broker_account_id, user_id);

create table public.trades (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete restrict,
  broker_account_id uuid not null,
  strategy_id uuid,
  strategy_version integer,
  source text not null check (source in ('strategy', 'manual', 'automation', 'risk', 'external')),
  signal text not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  side text not null check (side in ('buy', 'sell')),
  order_type text not null check (order_type in ('market', 'limit', 'stop', 'stop_limit', 'trailing_stop')),
  time_in_force text not null default 'day' check (time_in_force in ('day', 'gtc', 'ioc', 'fok', 'opg', 'cls')),
  quantity private.amount check (quantity > 0),
  notional private.amount check (notional > 0),
  price private.amount,
  stop_price private.amount check (stop_price > 0),
  trail_price private.amount check (trail_price > 0),
  trail_percent private.amount check (trail_percent > 0 and trail_percent < 100),
  planned_stop private.amount check (planned_stop > 0),
  exit_plan jsonb,
  reduce_only boolean not null default false,
  multi_leg boolean not null default false,
  extended_hours boolean not null default false,
  parent_trade_id uuid check (parent_trade_id <> id),
  replaces_trade_id uuid check (replaces_trade_id <> id),
  reprices_trade_id uuid unique check (reprices_trade_id <> id),
  oco_group uuid,
  status text not null default 'pending',
  reason text not null default '',
  refusal text,
  client_order_id text not null,
  broker_order_id text,
  filled_quantity private.amount not null default 0,
  fill_price private.amount,
  executed_at timestamptz,
  event_at timestamptz not null,
  status_at timestamptz not null,
  good_until timestamptz not null,
  placed_number bigint generated always as identity,
  trace text,
  cancel_requested_at timestamptz,
  cancel_requested_by text,
  cancel_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  unique (id, user_id, broker_account_id),
  unique (broker_account_id, client_order_id),
  unique (broker_account_id, signal),
  unique (broker_account_id, broker_order_id),
  -- What belongs together is of one owner and one account.
  foreign key (parent_trade_id, user_id, broker_account_id) references public.trades (id, user_id, broker_account_id) on delete restrict,
  foreign key (replaces_trade_id, user_id, broker_account_id) references public.trades (id, user_id, broker_account_id) on delete restrict,
  foreign key (reprices_trade_id, user_id, broker_account_id) references public.trades (id, user_id, broker_account_id) on delete restrict,
  foreign key (oco_group, user_id, broker_account_id) references private.oco_groups (id, user_id, broker_account_id) on delete restrict,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  foreign key (strategy_id, strategy_version) references public.strategy_versions (strategy_id, strategy_version) on delete restrict,
  constraint quantity_xor_notional check ((quantity is null) <> (notional is null)),
  constraint price_is_positive check (price > 0 or multi_leg),
  constraint limit_has_price check ((order_type in ('limit', 'stop_limit')) = (price is not null)),
  constraint stop_has_stop_price check ((order_type in ('stop', 'stop_limit')) = (stop_price is not null)),
  constraint trailing_stop_trails check ((order_type = 'trailing_stop') = ((trail_price is null) <> (trail_percent is null))),
  constraint legs_are_at_market_or_limit check (not multi_leg or (order_type in ('market', 'limit') and quantity is not null)),
  constraint notional_is_for_the_day check (notional is null or time_in_force = 'day'),
  constraint extended_hours_are_for_day_limits
    check (not extended_hours or (order_type = 'limit' and time_in_force = 'day' and not multi_leg and quantity is not null)),
  constraint strategy_trade_names_version check ((strategy_id is null) = (strategy_version is null)),
  constraint strategy_trade_has_strategy check (source <> 'strategy' or strategy_id is not null),
  constraint cancel_wish_is_whole check (
    (cancel_requested_at is null) = (cancel_requested_by is null) and (cancel_requested_at is null) = (cancel_reason is null))
);
comment on table public.trades is 'Every order of every source, from signal to its end.';
comment on column public.trades.id is 'Made of account and signal: the same signal is the same trade.';
comment on column public.trades.user_id is 'Whose order it is.';
comment on column public.trades.broker_account_id is 'The account it trades on.';
comment on column public.trades.strategy_id is 'The strategy that made it, or whose position it closes; null for external orders and other manual ones.';
comment on column public.trades.strategy_version is 'The version of the strategy that made it.';
comment on column public.trades.source is 'Who asked: strategy, manual, automation, risk (an exit), external (placed outside AgentTrader).';
comment on column public.trades.signal is 'What asked for this order; unique per account, so that the same signal is one order.';
comment on column public.trades.symbol is 'What is traded; of an order with several legs the symbol of leg 0: trade_legs says the rest.';
comment on column public.trades.side is 'buy or sell; of an order with several legs the side of leg 0.';
comment on column public.trades.order_type is 'market, limit, stop, stop_limit or trailing_stop.';
comment on column public.trades.time_in_force is 'How long it works: day, gtc, ioc, fok, opg (opening auction), cls (closing auction).';
comment on column public.trades.quantity is
  'Shares or contracts ordered; of several legs the number of units. A replacement names the whole, what the replaced orders filled included.';
comment on column public.trades.notional is 'Dollars to trade for, instead of a quantity.';
comment on column public.trades.price is
  'Limit price, dollars per share or contract unit. Of several legs the net price of a unit: positive pays, negative receives.';
comment on column public.trades.stop_price is 'Price at which a stop order is triggered, dollars.';
comment on column public.trades.trail_price is 'Distance of a trailing stop from the best price seen, dollars.';
comment on column public.trades.trail_percent is 'Distance of a trailing stop from the best price seen, in percent of it.';
comment on column public.trades.planned_stop is 'The price at which the decision plans to get out: what the max-loss rule measures by.';
comment on column public.trades.exit_plan is
  'How the position is to be got out of, armed by the first fill: {"stop_price", "target_price", "trail_amount" | "trail_percent", "exit_at", ...}; of several legs prices are net.';
comment on column public.trades.reduce_only is 'It may only make a position smaller; checked again when it is sent.';
comment on column public.trades.multi_leg is 'It has two to four legs that fill together at one net price.';
comment on column public.trades.extended_hours is
  'It may also be filled in the hours around the regular session: a limit order of shares for the day, at a broker that takes it.';
comment on column public.trades.parent_trade_id is 'The order that this one belongs to, as a protective exit belongs to its entry.';
comment on column public.trades.replaces_trade_id is 'The working order whose place this one takes at the broker; that one ends `replaced` when the broker says so.';
comment on column public.trades.reprices_trade_id is 'The exit that expired unsent and that this one was placed for anew, at a price of its own time.';
comment on column public.trades.oco_group is 'Orders of one group: when one is filled the others are to be cancelled.';
comment on column public.trades.status is 'Where it is in its life; moves only along private.trade_arrows.';
comment on column public.trades.reason is 'Why it was decided, in words.';
comment on column public.trades.refusal is 'Why it was rejected, expired or cancelled, as CODE: key=value.';
comment on column public.trades.client_order_id is 'Our name of it at the broker; unique per account.';
comment on column public.trades.broker_order_id is 'The broker''s name of it, once it is known; never changed.';
comment on column public.trades.filled_quantity is 'Filled so far, shares or contracts; of several legs the units that every leg has filled. Counts also after the status is final.';
comment on column public.trades.fill_price is
  'Average price of the fills, rounded half away from zero at 10 places; of several legs the net price of a unit, once every leg has a fill.';
comment on column public.trades.executed_at is 'Event time of the latest fill.';
comment on column public.trades.event_at is 'Event time of the decision.';
comment on column public.trades.status_at is 'Event time of the last change of status.';
comment on column public.trades.good_until is 'Event time after which an unsent order expires instead of being sent; an exit is placed anew, at a new price.';
comment on column public.trades.placed_number is 'The order in which trades were placed.';
comment on column public.trades.trace is 'W3C traceparent of what asked for it.';
comment on column public.trades.cancel_requested_at is
  'When a cancel was first asked for (event time; the ledger''s own for a person); null where nobody did. Written once.';
comment on column public.trades.cancel_requested_by is 'Who asked for the cancel.';
comment on column public.trades.cancel_reason is 'Why the cancel was asked for.';
comment on column public.trades.created_at is 'Machine time at which the row was written.';
comment on column public.trades.updated_at is 'Machine time of its last change.';
comment on column public.trades.version is 'Grows with every change: a late message never overwrites a newer row.';
create index trades_user on public.trades (user_id, event_at desc);
create index trades_account_open on public.trades (broker_account_id, placed_number)
  where status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced');
create index trades_user_open on public.trades (user_id, symbol)
  where status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced');
create index trades_account on public.trades (broker_account_id, event_at desc);
create index trades_strategy on public.trades (strategy_id, symbol, event_at desc);
create index trades_strategy_version on public.trades (strategy_id, strategy_version);
create index trades_symbol on public.trades (symbol);
create index trades_parent on public.trades (parent_trade_id);
create index trades_replaces on public.trades (replaces_trade_id);
create unique index trades_one_live_replacement on public.trades (replaces_trade_id)
  where replaces_trade_id is not null and status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced');
create index trades_oco_group on public.trades (oco_group) where oco_group is not null;
select private.protect_from_delete('public.trades');

create table public.trade_legs (
  trade_id uuid not null,
  leg integer not null check (leg between 0 and 3),
  user_id uuid not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  side text not null check (side in ('buy', 'sell')),
  position_intent text not null check (position_intent in ('buy_to_open', 'buy_to_close', 'sell_to_open', 'sell_to_close')),
  ratio integer not null default 1 check (ratio > 0),
  quantity private.amount check (quantity > 0),
  filled_quantity private.amount not null default 0,
  filled_value numeric not null default 0,
  updated_at timestamptz not null default now(),
  primary key (trade_id, leg),
  unique (trade_id, symbol),
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  check (position_intent like side || '\_%')
);
comment on table public.trade_legs is 'What a trade buys and sells; a plain order has the one leg 0. Fill counters live here.';
comment on column public.trade_legs.trade_id is 'The order that the leg is of.';
comment on column public.trade_legs.leg is 'Its place in the order, from 0.';
comment on column public.trade_legs.user_id is 'Whose order it is.';
comment on column public.trade_legs.symbol is 'What this leg trades; no symbol twice in one order.';
comment on column public.trade_legs.side is 'buy or sell.';
comment on column public.trade_legs.position_intent is 'Whether it opens or closes: buy_to_open, buy_to_close, sell_to_open, sell_to_close.';
comment on column public.trade_legs.ratio is 'Shares or contracts of this leg in one unit of the order; in lowest terms.';
comment on column public.trade_legs.quantity is 'Shares or contracts ordered: ratio x units. Null for an order by notional.';
comment on column public.trade_legs.filled_quantity is 'Shares or contracts filled so far, whatever the status.';
comment on column public.trade_legs.updated_at is 'Machine time of the last change.';
comment on column public.trade_legs.filled_value is 'Sum of fill price x fill quantity, exact, before the multiplier.';
create index trade_legs_user on public.trade_legs (user_id);
create index trade_legs_symbol on public.trade_legs (symbol);
select private.protect_from_delete('public.trade_legs');

create table public.trade_transitions (
  trade_id uuid not null,
  number integer not null,
  user_id uuid not null,
  from_status text,
  to_status text not null,
  actor text not null,
  reason text not null default '',
  event_at timestamptz not null,
  at timestamptz not null default clock_timestamp(),
  primary key (trade_id, number),
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict
);
comment on table public.trade_transitions is 'Who moved which trade from which state to which, when, and why.';
comment on column public.trade_transitions.trade_id is 'The trade that moved.';
comment on column public.trade_transitions.number is 'Counts the steps of a trade from 1.';
comment on column public.trade_transitions.user_id is 'Whose trade it is.';
comment on column public.trade_transitions.from_status is 'The status before; null for the first step.';
comment on column public.trade_transitions.to_status is 'The status after.';
comment on column public.trade_transitions.actor is 'Who moved it: a user, a function''s role, or a database role with the name it declared.';
comment on column public.trade_transitions.reason is 'Why: the decision''s reason, the refusal, or the reason of the cancel.';
comment on column public.trade_transitions.event_at is 'Event time of the step.';
comment on column public.trade_transitions.at is 'Machine time: what latency is measured with.';
create index trade_transitions_user on public.trade_transitions (user_id);
select private.protect_append_only('public.trade_transitions');

create table public.order_attempts (
  trade_id uuid not null,
  attempt integer not null check (attempt > 0),
  user_id uuid not null,
  broker_account_id uuid not null,
  client_order_id text not null,
  kind text not null default 'send' check (kind in ('send', 'look')),
  claimed_by text not null,
  claimed_at timestamptz not null default clock_timestamp(),
  lease_until timestamptz not null,
  outcome text check (outcome in ('accepted', 'rejected', 'unknown', 'not_seen', 'not_placed', 'adopted')),
  detail text not null default '',
  broker_order_id text,
  answered_at timestamptz,
  primary key (trade_id, attempt),
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check ((outcome is null) = (answered_at is null))
);
comment on table public.order_attempts is 'Each sending to a broker, and each look for an order whose sending had no answer: written before the call, completed once by its outcome.';
comment on column public.order_attempts.trade_id is 'The trade that is sent.';
comment on column public.order_attempts.attempt is 'Counts the sendings of a trade and the looks for it from 1; only the newest speaks for it.';
comment on column public.order_attempts.kind is 'send: the order is sent; look: the broker is asked whether it has it.';
comment on column public.order_attempts.user_id is 'Whose trade it is.';
comment on column public.order_attempts.broker_account_id is 'The account it is sent to.';
comment on column public.order_attempts.client_order_id is 'Our name of the order in this sending: always the same where the broker takes a name once; else each sending has its own, so that two are told apart.';
comment on column public.order_attempts.claimed_by is 'Which sender made the attempt.';
comment on column public.order_attempts.claimed_at is 'Machine time at which it began.';
comment on column public.order_attempts.outcome is 'accepted, rejected, unknown, not_seen (the broker does not show it), not_placed (it does not have it), adopted (found there); null while it runs.';
comment on column public.order_attempts.detail is 'What the broker or the sender said.';
comment on column public.order_attempts.broker_order_id is 'The broker''s name of the order, where it was accepted or adopted.';
comment on column public.order_attempts.answered_at is 'Machine time of the outcome.';
comment on column public.order_attempts.lease_until is 'Machine time until which the sender may still be at work; then the resolver asks the broker.';
create index order_attempts_user on public.order_attempts (user_id);
create index order_attempts_account on public.order_attempts (broker_account_id, user_id);
create index order_attempts_open on public.order_attempts (lease_until) where outcome is null;
create index order_attempts_resent on public.order_attempts (broker_account_id, client_order_id) where attempt > 1;

create function private.complete_attempt_once() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'DELETE' or old.outcome is not null
    or (new.trade_id, new.attempt, new.user_id, new.broker_account_id, new.client_order_id, new.kind, new.claimed_by, new.claimed_at)
       is distinct from
       (old.trade_id, old.attempt, old.user_id, old.broker_account_id, old.client_order_id, old.kind, old.claimed_by, old.claimed_at) then
    perform private.refuse(409, 'APPEND_ONLY', 'An attempt is completed once by its outcome and never changed after.',
      jsonb_build_object('table', 'public.order_attempts', 'operation', tg_op, 'trade', old.trade_id, 'attempt', old.attempt));
  end if;
  return new;
end $$;
comment on function private.complete_attempt_once() is 'An attempt is completed once by its outcome.';
create trigger complete_once before update or delete on public.order_attempts
  for each row execute function private.complete_attempt_once();
create trigger append_only_truncate before truncate on public.order_attempts
  for each statement execute function private.forbid_change();

-- Who may see ----------------------------------------------------------------------------------------------------------

alter table public.trades enable row level security;
create policy "a user reads their own trades" on public.trades for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.trade_legs enable row level security;
create policy "a user reads legs of their own trades" on public.trade_legs for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.trade_transitions enable row level security;
create policy "a user reads transitions of their own trades" on public.trade_transitions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.order_attempts enable row level security;
create policy "a user reads attempts of their own trades" on public.order_attempts for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.trades, public.trade_legs, public.trade_transitions, public.order_attempts to authenticated;
