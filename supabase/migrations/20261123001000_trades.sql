-- Trades: one road for every order, one state machine, every step on record.

create table private.trade_arrows (
  from_status text not null,
  to_status text not null,
  why text not null,
  primary key (from_status, to_status)
);
comment on table private.trade_arrows is 'The state machine: a status change that is not a row here is refused.';
comment on column private.trade_arrows.from_status is 'The status a trade has.';
comment on column private.trade_arrows.to_status is 'A status it may take next.';
comment on column private.trade_arrows.why is 'What makes a trade go this way.';
insert into private.trade_arrows (from_status, to_status, why) values
  ('pending', 'approved', 'risk allows it'),
  ('pending', 'rejected', 'risk denies it'),
  ('pending', 'canceled', 'a cancel was asked for, or the order it would replace is over'),
  ('pending', 'expired', 'it was not judged by its good_until'),
  ('approved', 'submitting', 'a sender claims it'),
  ('approved', 'canceled', 'a cancel was asked for, or what was true at the approval no longer is'),
  ('approved', 'expired', 'it was not sent by its good_until'),
  ('submitting', 'submitted', 'the broker has it'),
  ('submitting', 'rejected', 'the broker refuses it'),
  ('submitting', 'unknown', 'the answer was lost, or its sender died'),
  ('unknown', 'submitted', 'the broker has it after all'),
  ('unknown', 'filled', 'the broker filled it'),
  ('unknown', 'rejected', 'the broker refuses it'),
  ('unknown', 'canceled', 'the broker does not have it, and a cancel was asked for'),
  ('unknown', 'expired', 'the broker does not have it, and it is too late to send'),
  ('submitted', 'partially_filled', 'a fill that leaves a rest'),
  ('submitted', 'filled', 'a fill of the whole'),
  ('submitted', 'cancel_pending', 'a cancel was asked for, here or at the broker'),
  ('submitted', 'replace_pending', 'its replacement is being sent'),
  ('submitted', 'canceled', 'the broker says so: cancelled there, or by the exchange'),
  ('submitted', 'expired', 'the broker says so: its time in force is over'),
  ('submitted', 'rejected', 'an exchange may refuse what the broker had taken'),
  ('submitted', 'replaced', 'replaced outside AgentTrader: on the broker''s own page'),
  ('partially_filled', 'filled', 'a fill of the rest'),
  ('partially_filled', 'cancel_pending', 'a cancel was asked for, here or at the broker'),
  ('partially_filled', 'replace_pending', 'its replacement is being sent'),
  ('partially_filled', 'canceled', 'the broker says so: cancelled there, or by the exchange'),
  ('partially_filled', 'expired', 'the broker says so: its time in force is over'),
  ('partially_filled', 'rejected', 'a broker may give up the rest of an order with this word'),
  ('partially_filled', 'replaced', 'replaced outside AgentTrader: on the broker''s own page'),
  ('cancel_pending', 'canceled', 'the broker says so'),
  ('cancel_pending', 'filled', 'the fill came before the cancel'),
  ('cancel_pending', 'expired', 'the session ended before the cancel came through'),
  ('cancel_pending', 'rejected', 'the exchange refuses an order that was being cancelled'),
  ('cancel_pending', 'replaced', 'a replacement that was under way came before the cancel'),
  ('replace_pending', 'replaced', 'the broker says so'),
  ('replace_pending', 'submitted', 'the replacement was refused or never arrived: the order works on'),
  ('replace_pending', 'partially_filled', 'the same, for an order that is filled in part'),
  ('replace_pending', 'filled', 'the fill came before the replacement'),
  ('replace_pending', 'canceled', 'the broker says so: cancelled there meanwhile'),
  ('replace_pending', 'expired', 'the session ended before the replacement came through'),
  ('replace_pending', 'rejected', 'the exchange refuses an order that was being replaced');

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
  reduce_only boolean not null default false,
  multi_leg boolean not null default false,
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
  constraint strategy_trade_names_version check ((strategy_id is null) = (strategy_version is null)),
  constraint strategy_trade_has_strategy check (source <> 'strategy' or strategy_id is not null),
  constraint cancel_wish_is_whole check (
    (cancel_requested_at is null) = (cancel_requested_by is null) and (cancel_requested_at is null) = (cancel_reason is null))
);
comment on table public.trades is 'Every order of every source, from signal to its end. strategy_id is null for manual and external orders.';
comment on column public.trades.id is 'Made of account and signal: the same signal is the same trade.';
comment on column public.trades.user_id is 'Whose order it is.';
comment on column public.trades.broker_account_id is 'The account it trades on.';
comment on column public.trades.strategy_id is 'The strategy that made it; null for manual and external orders.';
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
comment on column public.trades.reduce_only is 'It may only make a position smaller; checked again when it is sent.';
comment on column public.trades.multi_leg is 'It has two to four legs that fill together at one net price.';
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
  claimed_by text not null,
  claimed_at timestamptz not null default clock_timestamp(),
  lease_until timestamptz not null,
  outcome text check (outcome in ('accepted', 'rejected', 'unknown', 'not_placed', 'adopted')),
  detail text not null default '',
  broker_order_id text,
  answered_at timestamptz,
  primary key (trade_id, attempt),
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check ((outcome is null) = (answered_at is null))
);
comment on table public.order_attempts is 'Each sending to a broker: written before the call, completed once by its outcome.';
comment on column public.order_attempts.trade_id is 'The trade that is sent.';
comment on column public.order_attempts.attempt is 'Counts the sendings of a trade from 1; only the newest speaks for it.';
comment on column public.order_attempts.user_id is 'Whose trade it is.';
comment on column public.order_attempts.broker_account_id is 'The account it is sent to.';
comment on column public.order_attempts.client_order_id is 'Our name of the order: the same in every attempt, so that the broker takes it once.';
comment on column public.order_attempts.claimed_by is 'Which sender made the attempt.';
comment on column public.order_attempts.claimed_at is 'Machine time at which it began.';
comment on column public.order_attempts.outcome is 'accepted, rejected, unknown, not_placed (the broker does not have it), adopted (found there); null while it runs.';
comment on column public.order_attempts.detail is 'What the broker or the sender said.';
comment on column public.order_attempts.broker_order_id is 'The broker''s name of the order, where it was accepted or adopted.';
comment on column public.order_attempts.answered_at is 'Machine time of the outcome.';
comment on column public.order_attempts.lease_until is 'Machine time until which the sender may still be at work; then the resolver asks the broker.';
create index order_attempts_user on public.order_attempts (user_id);
create index order_attempts_account on public.order_attempts (broker_account_id, user_id);
create index order_attempts_open on public.order_attempts (lease_until) where outcome is null;

create function private.complete_attempt_once() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'DELETE' or old.outcome is not null
    or (new.trade_id, new.attempt, new.user_id, new.broker_account_id, new.client_order_id, new.claimed_by, new.claimed_at)
       is distinct from
       (old.trade_id, old.attempt, old.user_id, old.broker_account_id, old.client_order_id, old.claimed_by, old.claimed_at) then
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

-- The state machine ----------------------------------------------------------------------------------------------------

create function private.is_final(p_status text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_status in ('filled', 'canceled', 'rejected', 'expired', 'replaced') $$;
comment on function private.is_final(text) is 'Whether a trade of this status is over.';

create function private.is_working(p_status text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$
  select p_status in ('approved', 'submitting', 'submitted', 'partially_filled', 'cancel_pending', 'replace_pending', 'unknown')
$$;
comment on function private.is_working(text) is 'Whether a trade of this status can still fill: what exposure counts.';

create function private.guard_trade() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  happening constant text[] := array['status', 'status_at', 'refusal', 'broker_order_id', 'filled_quantity', 'fill_price',
    'executed_at', 'quantity', 'cancel_requested_at', 'cancel_requested_by', 'cancel_reason', 'created_at', 'updated_at', 'version'];
begin
  if tg_op = 'INSERT' then
    if new.status <> 'pending' and new.source <> 'external' then
      perform private.refuse(409, 'BAD_TRANSITION', 'A trade begins as pending.', jsonb_build_object('to', new.status));
    end if;
    if new.replaces_trade_id is not null and not exists (
      select from public.trades as o
      where o.id = new.replaces_trade_id and o.status in ('submitted', 'partially_filled') and o.cancel_requested_at is null
        and o.quantity is not null
        and (o.symbol, o.side, o.order_type, o.reduce_only, o.multi_leg) = (new.symbol, new.side, new.order_type, new.reduce_only, new.multi_leg)
        and o.strategy_id is not distinct from new.strategy_id) then
      perform private.refuse(409, 'NOT_REPLACEABLE', 'A replacement takes the place of a working order of the same symbol, side, type and strategy.',
        jsonb_build_object('trade', new.replaces_trade_id));
    end if;
    if new.reprices_trade_id is not null and not exists (
      select from public.trades as o
      where o.id = new.reprices_trade_id and o.status = 'expired' and o.reduce_only and new.reduce_only and o.filled_quantity = 0
        and (o.symbol, o.side) = (new.symbol, new.side) and o.quantity = new.quantity
        and o.strategy_id is not distinct from new.strategy_id) then
      perform private.refuse(409, 'NOT_AN_EXPIRED_EXIT', 'Only an exit that expired unsent is placed anew, for the same quantity.',
        jsonb_build_object('trade', new.reprices_trade_id));
    end if;
    return new;
  end if;
  -- What may happen to an order is named; everything else, new columns included, is what was ordered.
  if to_jsonb(new) - happening is distinct from to_jsonb(old) - happening
     or (new.quantity is distinct from old.quantity and (old.status <> 'pending' or new.quantity < old.quantity is not true)) then
    perform private.refuse(409, 'TRADE_IS_FIXED', 'What was ordered never changes; replace the order by a new trade.',
      jsonb_build_object('trade', old.id, 'status', old.status));
  end if;
  if new.broker_order_id is distinct from old.broker_order_id and old.broker_order_id is not null then
    perform private.refuse(409, 'BROKER_ORDER_IS_FIXED', 'A trade keeps the broker order it was given.',
      jsonb_build_object('trade', old.id, 'had', old.broker_order_id, 'given', new.broker_order_id));
  end if;
  if (new.cancel_requested_at, new.cancel_requested_by, new.cancel_reason)
       is distinct from (old.cancel_requested_at, old.cancel_requested_by, old.cancel_reason)
     and (old.cancel_requested_at is not null or private.is_final(old.status)) then
    perform private.refuse(409, 'CANCEL_IS_FIXED', 'That a cancel was asked for is written once, while the trade is open, and stays.',
      jsonb_build_object('trade', old.id, 'status', old.status));
  end if;
  if new.status is distinct from old.status
    and not exists (select from private.trade_arrows where from_status = old.status and to_status = new.status) then
    perform private.refuse(409, 'BAD_TRANSITION', 'The state machine has no such arrow.',
      jsonb_build_object('trade', old.id, 'from', old.status, 'to', new.status));
  end if;
  return new;
end $$;
comment on function private.guard_trade() is 'Keeps the state machine and what was ordered.';

create function private.guard_leg() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  happening constant text[] := array['filled_quantity', 'filled_value', 'quantity', 'updated_at'];
begin
  if to_jsonb(new) - happening is distinct from to_jsonb(old) - happening
     or (new.quantity is distinct from old.quantity and (new.quantity < old.quantity is not true
       or not exists (select from public.trades where id = old.trade_id and status = 'pending'))) then
    perform private.refuse(409, 'TRADE_IS_FIXED', 'What was ordered never changes; replace the order by a new trade.',
      jsonb_build_object('trade', old.trade_id, 'leg', old.leg));
  end if;
  return new;
end $$;
comment on function private.guard_leg() is 'Keeps what a leg buys or sells; risk may make it smaller before it is sent.';
create trigger guard before update on public.trade_legs for each row execute function private.guard_leg();

create function private.journal_trade() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  step integer;
  event_type text;
begin
  if tg_op = 'UPDATE' and new.status is not distinct from old.status then
    return null;
  end if;
  select coalesce(max(number), 0) + 1 into step from public.trade_transitions where trade_id = new.id;
  insert into public.trade_transitions (trade_id, number, user_id, from_status, to_status, actor, reason, event_at)
  values (new.id, step, new.user_id, case when tg_op = 'UPDATE' then old.status end, new.status, private.actor(),
    coalesce(new.refusal, case when tg_op = 'INSERT' then new.reason when new.status = 'cancel_pending' then new.cancel_reason end, ''),
    new.status_at);
  event_type := case new.status
    when 'pending' then 'trade.placed'
    when 'cancel_pending' then 'trade.cancel_requested'
    when 'replace_pending' then 'trade.replace_requested'
    else 'trade.' || new.status end;
  perform private.emit(
    case when new.status = 'pending' then 'trade-signals'
         when new.status in ('cancel_pending', 'replace_pending') then 'trade-controls'
         else 'trade-events' end,
    event_type,
    case when new.status in ('cancel_pending', 'replace_pending') then new.id::text else new.broker_account_id::text end,
    new.status_at,
    jsonb_build_object('trade_id', new.id, 'user_id', new.user_id, 'broker_account_id', new.broker_account_id,
      'strategy_id', new.strategy_id, 'symbol', new.symbol, 'status', new.status, 'version', new.version),
    'trade|' || new.id || '|' || step,
    new.trace);
  return null;
end $$;
comment on function private.journal_trade() is 'Every change of status leaves a transition and an event, in the same transaction.';

create trigger a_touch before insert or update on public.trades for each row execute function private.touch();
create trigger b_guard before insert or update on public.trades for each row execute function private.guard_trade();
create trigger journal after insert or update on public.trades for each row execute function private.journal_trade();
select private.audit_changes('public.trades');

-- Shape ----------------------------------------------------------------------------------------------------------------

create function private.fits_time_in_force(p_order_type text, p_time_in_force text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$
  select case p_time_in_force
    -- An auction, or now or never: there is nothing to wait for a trigger.
    when 'opg' then p_order_type in ('market', 'limit')
    when 'cls' then p_order_type in ('market', 'limit')
    when 'ioc' then p_order_type in ('market', 'limit')
    when 'fok' then p_order_type in ('market', 'limit')
    -- A market order that waits for days would be filled at a price that nobody saw.
    when 'gtc' then p_order_type <> 'market'
    else true end
$$;
comment on function private.fits_time_in_force(text, text) is 'Whether an order type may work for a time in force.';

create function private.check_shape() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  lot numeric;
  named text;
  value numeric;
  step numeric;
begin
  if tg_op = 'UPDATE' then
    select i.lot into lot from public.instruments as i where i.symbol = new.symbol;
    -- What only reduces may be cut to what is left of the position, whatever that is.
    if not new.reduce_only and mod(new.quantity, lot) <> 0 then
      perform private.refuse(422, 'OFF_LOT', 'A quantity is a whole number of lots.',
        jsonb_build_object('quantity', trim_scale(new.quantity)::text, 'lot', trim_scale(lot)::text));
    end if;
    return new;
  end if;
  if not private.fits_time_in_force(new.order_type, new.time_in_force) then
    perform private.refuse(422, 'BAD_TIME_IN_FORCE', 'This order type cannot work for that time in force; day fits every type.',
      jsonb_build_object('order_type', new.order_type, 'time_in_force', new.time_in_force));
  end if;
  for named, value in
    select * from (values ('price', new.price::numeric), ('stop_price', new.stop_price), ('trail_price', new.trail_price)) as prices
  loop
    -- The net price of several legs steps as leg 0's prices do.
    step := private.tick_at(new.symbol, value);
    if value is not null and mod(value, step) <> 0 then
      perform private.refuse(422, 'OFF_TICK', 'A price is a whole number of the symbol''s ticks.',
        jsonb_build_object('field', named, 'value', trim_scale(value)::text, 'tick', trim_scale(step)::text));
    end if;
  end loop;
  if new.multi_leg then
    lot := 1; -- Units; each leg's lot is kept by its ratio.
  else
    select i.lot into lot from public.instruments as i where i.symbol = new.symbol;
  end if;
  if new.quantity is not null and mod(new.quantity, lot) <> 0 then
    -- A position that is no whole number of lots may be closed all the same, all of it.
    if not (new.reduce_only and (
      exists (select from public.position_books as b
        where b.broker_account_id = new.broker_account_id and b.symbol = new.symbol and abs(b.quantity) = new.quantity)
      or exists (select from public.strategy_positions as o
        where o.broker_account_id = new.broker_account_id and o.strategy_id = new.strategy_id and o.symbol = new.symbol
          and abs(o.quantity) = new.quantity)
      or new.replaces_trade_id is not null or new.reprices_trade_id is not null)) then
      perform private.refuse(422, 'OFF_LOT', 'A quantity is a whole number of lots; a position of another size is closed by an order for all of it.',
        jsonb_build_object('quantity', trim_scale(new.quantity)::text, 'lot', trim_scale(lot)::text));
    end if;
  end if;
  return new;
end $$;
comment on function private.check_shape() is 'Keeps prices on the tick, quantities on the lot, and times in force to what makes sense. What was placed outside is taken as it is.';
create trigger c_shape before insert on public.trades for each row
  when (new.source <> 'external') execute function private.check_shape();
create trigger c_shape_smaller before update of quantity on public.trades for each row
  when (new.source <> 'external' and new.quantity is distinct from old.quantity and not new.multi_leg)
  execute function private.check_shape();

create function private.check_legs() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  leg_row public.trade_legs;
  legs integer := 0;
  divisor integer := 0;
  fitting boolean := true;
begin
  select * into trade from public.trades where id = case tg_table_name when 'trades' then (to_jsonb(new) ->> 'id')::uuid
    else (to_jsonb(new) ->> 'trade_id')::uuid end;
  for leg_row in select * from public.trade_legs where trade_id = trade.id order by leg loop
    fitting := fitting and leg_row.leg = legs and leg_row.quantity is not distinct from leg_row.ratio * trade.quantity
      and (legs > 0 or (leg_row.symbol = trade.symbol and leg_row.side = trade.side))
      -- A replacement trades what the replaced order traded.
      and (trade.replaces_trade_id is null or exists (select from public.trade_legs as o
        where o.trade_id = trade.replaces_trade_id and o.leg = leg_row.leg
          and (o.symbol, o.side, o.position_intent, o.ratio) = (leg_row.symbol, leg_row.side, leg_row.position_intent, leg_row.ratio)));
    legs := legs + 1;
    divisor := gcd(divisor, leg_row.ratio);
  end loop;
  if not fitting or divisor <> 1 or (trade.multi_leg and legs not between 2 and 4) or (not trade.multi_leg and legs <> 1) then
    perform private.refuse(422, 'BAD_LEGS',
      'A plain order has one leg; an order of several has two to four, each symbol once, ratios in lowest terms, quantity = ratio x units.',
      jsonb_build_object('trade', trade.id, 'legs', legs));
  end if;
  return null;
end $$;
comment on function private.check_legs() is 'Keeps the legs of an order to its shape, at the end of the transaction that places it.';
create constraint trigger legs after insert on public.trades deferrable initially deferred
  for each row when (new.source <> 'external') execute function private.check_legs();
create constraint trigger legs after insert on public.trade_legs deferrable initially deferred
  for each row when (new.leg > 0) execute function private.check_legs();

-- Replacements: one chain of orders that together are one wish ------------------------------------------------------------

create function private.lineage_filled(p_trade_id uuid, p_leg integer) returns numeric
language sql stable set search_path = ''
as $$
  with recursive lineage as (
    select t.id, t.replaces_trade_id from public.trades as t where t.id = p_trade_id
    union all
    select t.id, t.replaces_trade_id from public.trades as t join lineage as l on t.id = l.replaces_trade_id
  )
  select coalesce(sum(l.filled_quantity), 0) from public.trade_legs as l
  where l.leg = p_leg and l.trade_id in (select id from lineage)
$$;
comment on function private.lineage_filled(uuid, integer) is 'What an order and all that it replaced, one after the other, have filled of a leg.';

create function private.replaced_open(p_trade_id uuid, p_leg integer) returns numeric
language sql stable set search_path = ''
as $$
  select coalesce((
    select greatest(coalesce(l.quantity, 0) - private.lineage_filled(t.id, l.leg), 0)
    from public.trades as t join public.trade_legs as l on l.trade_id = t.id and l.leg = p_leg
    where t.id = p_trade_id and private.is_working(t.status)), 0)
$$;
comment on function private.replaced_open(uuid, integer) is 'What the order that is to be replaced may itself still fill; nothing once it is over.';

create function private.added_open(p_replaces_trade_id uuid, p_leg integer, p_quantity numeric, p_filled numeric) returns numeric
language sql stable set search_path = ''
as $$
  -- The broker works one order of the chain or the other: together they may fill the larger rest of the two, so the
  -- replacement adds only what its own rest exceeds the replaced order's by.
  select case when p_replaces_trade_id is null then greatest(coalesce(p_quantity, 0) - p_filled, 0)
    else greatest(
      greatest(coalesce(p_quantity, 0) - p_filled - private.lineage_filled(p_replaces_trade_id, p_leg), 0)
        - private.replaced_open(p_replaces_trade_id, p_leg), 0) end
$$;
comment on function private.added_open(uuid, integer, numeric, numeric) is
  'What an order of this quantity and fills may still fill, beyond what is counted already for the order that it replaces.';

create function private.added_quantity(p_trade public.trades) returns numeric
language sql stable set search_path = ''
as $$ select private.added_open(p_trade.replaces_trade_id, 0, p_trade.quantity, coalesce(p_trade.filled_quantity, 0)) $$;
comment on function private.added_quantity(public.trades) is
  'What a plain order adds to what may still fill on its account: its rest; for a replacement only the excess over the order it replaces.';

create function private.worse_quantity(p_trade public.trades) returns numeric
language sql stable set search_path = ''
as $$
  select private.added_quantity(p_trade)
    + case when p_trade.replaces_trade_id is null then 0 else private.replaced_open(p_trade.replaces_trade_id, 0) end
$$;
comment on function private.worse_quantity(public.trades) is
  'What may still fill of a plain order and the order that it replaces, at the worse of the two: what limits count where both are left out.';

create function private.ordered_quantity(p_trade_id uuid, p_leg integer) returns numeric
language sql stable set search_path = ''
as $$
  select l.quantity - case when t.replaces_trade_id is null then 0 else private.lineage_filled(t.replaces_trade_id, l.leg) end
  from public.trades as t join public.trade_legs as l on l.trade_id = t.id
  where t.id = p_trade_id and l.leg = p_leg
$$;
comment on function private.ordered_quantity(uuid, integer) is
  'What an order itself has to fill of a leg: for a replacement the whole less what the replaced orders filled. Null for an order by notional.';

create function private.is_filled(p_trade_id uuid, p_said_quantity numeric default null) returns boolean
language sql stable set search_path = ''
as $$
  select coalesce(bool_and(l.filled_quantity > 0
    and l.filled_quantity >= coalesce(private.ordered_quantity(l.trade_id, l.leg), p_said_quantity)), false)
  from public.trade_legs as l where l.trade_id = p_trade_id
$$;
comment on function private.is_filled(uuid, numeric) is
  'Whether every leg of an order is filled. p_said_quantity is what the broker says was ordered, for an order by notional.';

create function private.filled_so_far(p_trade_id uuid, out units numeric, out price numeric)
language sql stable set search_path = ''
as $$
  select min(l.filled_quantity / l.ratio),
    case when count(*) = 1 then round(max(l.filled_value / nullif(l.filled_quantity, 0)), 10)
      -- The net price of a unit; not known before every leg has a fill.
      when bool_and(l.filled_quantity > 0) then
        round(sum(case l.side when 'buy' then 1 else -1 end * l.ratio * l.filled_value / nullif(l.filled_quantity, 0)), 10) end
  from public.trade_legs as l where l.trade_id = p_trade_id
$$;
comment on function private.filled_so_far(uuid) is 'The units that every leg of an order has filled, and the average price of a unit.';

create view private.open_legs as
select t.id as trade_id, t.user_id, t.broker_account_id, t.strategy_id, t.replaces_trade_id, t.status, t.reduce_only, t.order_type, l.leg,
  l.symbol, l.side,
  case when t.replaces_trade_id is null then greatest(coalesce(l.quantity, 0) - l.filled_quantity, 0)
    else private.added_open(t.replaces_trade_id, l.leg, l.quantity, l.filled_quantity) end as open
from public.trades as t join public.trade_legs as l on l.trade_id = t.id
where t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.is_working(t.status);
comment on column private.open_legs.replaces_trade_id is 'The order that this one replaces.';
comment on view private.open_legs is
  'What may still fill, leg by leg, shares or contracts: orders that are approved and not over. It adds up: an order and its replacement together count once, at the larger rest.';

create function private.lock_trade(p_trade_id uuid) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
begin
  -- A change of one order of a chain may change its neighbours, so all are locked before anything is written: a write takes
  -- the lock of the audit chain, which comes last. The older order first, everywhere; what an order replaces never changes,
  -- so it may be read before it is locked, and nobody adds a replacement to an order that is locked.
  -- One that is over is left alone: nothing moves it any more, and a halt, which takes only what is open, may wait for it.
  perform from public.trades
  where id = (select replaces_trade_id from public.trades where id = p_trade_id) and not private.is_final(status) for update;
  select * into trade from public.trades where id = p_trade_id for update;
  perform from public.trades
  where id in (
      with recursive following as (
        select t.id from public.trades as t where t.replaces_trade_id = p_trade_id
        union all
        select t.id from public.trades as t join following as f on t.replaces_trade_id = f.id
      )
      select id from following)
    and not private.is_final(status)
  order by placed_number for update;
  return trade;
end $$;
comment on function private.lock_trade(uuid) is
  'Locks a trade, before it the one that it replaces and after it those that are to replace it; null where there is none. Whoever changes several trades locks all of them before the first change.';

create function private.settle_replacement() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- What can no longer be replaced: a replacement that was not sent is over.
  if new.status = 'cancel_pending' or private.is_final(new.status) then
    update public.trades
    set status = 'canceled', refusal = 'ORDER_IS_OVER: order=' || new.id || ' status=' || new.status, status_at = greatest(new.status_at, status_at)
    where replaces_trade_id = new.id and status in ('pending', 'approved');
  end if;
  if new.replaces_trade_id is not null then
    if new.status = 'rejected' or (new.status in ('expired', 'canceled') and old.status in ('submitting', 'unknown')) then
      -- The broker refused the replacement, or never had it: the order works on as it was.
      update public.trades
      set status = case when filled_quantity > 0 then 'partially_filled' else 'submitted' end, status_at = greatest(new.status_at, status_at)
      where id = new.replaces_trade_id and status = 'replace_pending';
    elsif new.status in ('partially_filled', 'filled') then
      -- The broker fills the replacement, so it has taken the order's place.
      update public.trades set status = 'replaced', status_at = greatest(new.status_at, status_at)
      where id = new.replaces_trade_id and status = 'replace_pending';
    end if;
  end if;
  return null;
end $$;
comment on function private.settle_replacement() is
  'An order that is over takes its unsent replacement with it; a replacement that failed lets its order work on. Both are locked before: see lock_trade().';
create trigger zz_settle_replacement after update on public.trades for each row
  when (new.status is distinct from old.status
    and new.status in ('cancel_pending', 'partially_filled', 'filled', 'canceled', 'rejected', 'expired', 'replaced'))
  execute function private.settle_replacement();

create function private.pass_on_late_fill() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.trades set status = 'filled', status_at = greatest(new.status_at, status_at)
  where id in (
      with recursive following as (
        select t.id from public.trades as t where t.replaces_trade_id = new.id
        union all
        select t.id from public.trades as t join following as f on t.replaces_trade_id = f.id
      )
      select id from following)
    and status in ('submitted', 'partially_filled', 'cancel_pending') and private.is_filled(id);
  return null;
end $$;
comment on function private.pass_on_late_fill() is
  'A fill that comes after its order was replaced is part of the whole that the replacement asked for: it may be what was missing.';
create trigger zz_late_fill after update on public.trades for each row
  when (new.filled_quantity is distinct from old.filled_quantity and new.status in ('replace_pending', 'replaced'))
  execute function private.pass_on_late_fill();

create function private.keep_cancel_wish() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Whatever way led here: the order is known to work now, and somebody wanted it cancelled while that was not known.
  update public.trades set status = 'cancel_pending' where id = new.id and status = new.status;
  return null;
end $$;
comment on function private.keep_cancel_wish() is
  'An order that is to be cancelled goes on to cancel_pending in the transaction in which it is known to work.';
-- After the journal and the audit of the change that woke it, so that both keep their order.
create trigger zz_cancel_wish after update on public.trades for each row
  when (new.cancel_requested_at is not null and new.status in ('submitted', 'partially_filled'))
  execute function private.keep_cancel_wish();

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

select private.audit_changes('private.trade_arrows');
