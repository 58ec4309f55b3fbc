-- Trades: one road for every order, one state machine, every step on record.

create table private.trade_arrows (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
comment on table private.trade_arrows is 'The state machine: a status change that is not a row here is refused.';
insert into private.trade_arrows (from_status, to_status) values
  ('pending', 'approved'), ('pending', 'rejected'), ('pending', 'canceled'), ('pending', 'expired'),
  ('approved', 'submitting'), ('approved', 'canceled'), ('approved', 'expired'),
  ('submitting', 'submitted'), ('submitting', 'rejected'), ('submitting', 'unknown'),
  ('unknown', 'submitted'), ('unknown', 'filled'), ('unknown', 'rejected'), ('unknown', 'canceled'), ('unknown', 'expired'),
  ('submitted', 'partially_filled'), ('submitted', 'filled'), ('submitted', 'cancel_pending'), ('submitted', 'replace_pending'),
  ('submitted', 'canceled'), ('submitted', 'expired'), ('submitted', 'rejected'), ('submitted', 'replaced'),
  ('partially_filled', 'filled'), ('partially_filled', 'cancel_pending'), ('partially_filled', 'replace_pending'),
  ('partially_filled', 'canceled'), ('partially_filled', 'expired'), ('partially_filled', 'rejected'), ('partially_filled', 'replaced'),
  ('cancel_pending', 'canceled'), ('cancel_pending', 'filled'), ('cancel_pending', 'expired'), ('cancel_pending', 'rejected'),
  ('cancel_pending', 'replaced'),
  ('replace_pending', 'replaced'), ('replace_pending', 'submitted'), ('replace_pending', 'partially_filled'),
  ('replace_pending', 'filled'), ('replace_pending', 'canceled'), ('replace_pending', 'expired');

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
  price private.amount check (price > 0),
  stop_price private.amount check (stop_price > 0),
  trail_price private.amount check (trail_price > 0),
  trail_percent private.amount check (trail_percent > 0 and trail_percent < 100),
  planned_stop private.amount check (planned_stop > 0),
  reduce_only boolean not null default false,
  parent_trade_id uuid references public.trades (id) on delete restrict,
  replaces_trade_id uuid references public.trades (id) on delete restrict,
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
  unique (broker_account_id, client_order_id),
  unique (broker_account_id, signal),
  unique (broker_account_id, broker_order_id),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  foreign key (strategy_id, strategy_version) references public.strategy_versions (strategy_id, strategy_version) on delete restrict,
  constraint quantity_xor_notional check ((quantity is null) <> (notional is null)),
  constraint limit_has_price check ((order_type in ('limit', 'stop_limit')) = (price is not null)),
  constraint stop_has_stop_price check ((order_type in ('stop', 'stop_limit')) = (stop_price is not null)),
  constraint trailing_stop_trails check ((order_type = 'trailing_stop') = ((trail_price is null) <> (trail_percent is null))),
  constraint strategy_trade_names_version check ((strategy_id is null) = (strategy_version is null)),
  constraint strategy_trade_has_strategy check (source <> 'strategy' or strategy_id is not null),
  constraint cancel_wish_is_whole check (
    (cancel_requested_at is null) = (cancel_requested_by is null) and (cancel_requested_at is null) = (cancel_reason is null))
);
comment on table public.trades is 'Every order of every source, from signal to its end. strategy_id is null for manual and external orders.';
comment on column public.trades.signal is 'What asked for this order; unique per account, so that the same signal is one order.';
comment on column public.trades.price is 'Limit price, dollars per share or contract unit.';
comment on column public.trades.planned_stop is 'The price at which the decision plans to get out: what the max-loss rule measures by.';
comment on column public.trades.fill_price is 'Average price of the fills, rounded half away from zero at 10 places.';
comment on column public.trades.event_at is 'Event time of the decision.';
comment on column public.trades.status_at is 'Event time of the last change of status.';
comment on column public.trades.good_until is 'Event time after which an unsent order expires instead of being sent.';
comment on column public.trades.placed_number is 'The order in which trades were placed.';
comment on column public.trades.cancel_requested_at is
  'When a cancel was first asked for (event time; the ledger''s own for a person); null where nobody did. Written once.';
comment on column public.trades.cancel_requested_by is 'Who asked for the cancel.';
comment on column public.trades.cancel_reason is 'Why the cancel was asked for.';
comment on column public.trades.refusal is 'Why it was rejected, as CODE: key=value.';
create index trades_user on public.trades (user_id, event_at desc);
create index trades_account_open on public.trades (broker_account_id, placed_number)
  where status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced');
create index trades_strategy on public.trades (strategy_id, symbol, event_at desc);
create index trades_strategy_version on public.trades (strategy_id, strategy_version);
create index trades_symbol on public.trades (symbol);
create index trades_parent on public.trades (parent_trade_id);
create index trades_replaces on public.trades (replaces_trade_id);
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
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  check (position_intent like side || '\_%')
);
comment on table public.trade_legs is 'What a trade buys and sells; a plain order has the one leg 0. Fill counters live here.';
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
create trigger z_audit after insert or update on public.trades for each row execute function private.audit();

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
