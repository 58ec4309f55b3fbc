-- Protective exits: one state machine per position, as rows, so that losing the hot store never forgets a stop. How they are armed
-- by an entry is in ..._exit_plans.sql, how they fire in ..._firing_exits.sql.

create table public.position_exits (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  broker_account_id uuid not null,
  owner_key text not null,
  strategy_id uuid,
  symbol text not null references public.instruments (symbol) on delete restrict,
  direction text not null check (direction in ('long', 'short')),
  stop_price private.amount check (stop_price > 0),
  target_price private.amount check (target_price > 0),
  trail_amount private.amount check (trail_amount > 0),
  trail_percent private.amount check (trail_percent > 0 and trail_percent < 100),
  best_price private.amount check (best_price > 0),
  best_at timestamptz,
  exit_at timestamptz check (private.is_readable(exit_at)),
  delta_limit private.amount check (delta_limit > 0 and delta_limit < 1),
  underlying_below private.amount check (underlying_below > 0),
  underlying_above private.amount check (underlying_above > 0),
  short_strike boolean not null default false,
  entry_trade_id uuid,
  multi_leg boolean not null default false,
  watches text[] not null,
  armed_from timestamptz check (isfinite(armed_from)),
  held text not null default 'here' check (held in ('here', 'broker')),
  rest_trade_id uuid,
  rest_round integer not null default 0 check (rest_round >= 0),
  crossed_at timestamptz check (isfinite(crossed_at)),
  blind_since timestamptz,
  fired boolean not null default false,
  status text not null default 'armed' check (status in ('armed', 'triggered', 'done', 'canceled')),
  round integer not null default 0 check (round >= 0),
  triggered_by text check (triggered_by in ('stop', 'target', 'trail', 'time', 'delta', 'underlying', 'strike')),
  trigger_price private.amount,
  triggered_at timestamptz,
  exit_trade_id uuid,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  foreign key (exit_trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  foreign key (rest_trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  foreign key (entry_trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  constraint owner_is_the_strategy check (owner_key = coalesce(strategy_id::text, 'manual')),
  constraint exits_somehow check (short_strike
    or num_nonnulls(stop_price, target_price, trail_amount, trail_percent, exit_at, delta_limit, underlying_below, underlying_above) > 0),
  -- What is bought loses its delta as it loses: a limit of it is for what is sold.
  constraint short_options_only check (multi_leg or direction = 'short' or (delta_limit is null and not short_strike)),
  constraint options_have_an_underlying check (
    private.occ_parts(symbol) is not null or (num_nonnulls(delta_limit, underlying_below, underlying_above) = 0 and not short_strike)),
  constraint below_is_below_above check (underlying_below < underlying_above),
  constraint package_is_of_an_entry check (not multi_leg or entry_trade_id is not null),
  constraint fired_by_something check (not fired or triggered_by is not null),
  constraint broker_holds_stops_of_shares check (held = 'here'
    or (not multi_leg and private.occ_parts(symbol) is null and num_nonnulls(stop_price, trail_amount, trail_percent) > 0)),
  constraint trails_one_way check (num_nonnulls(trail_amount, trail_percent) <= 1),
  constraint stop_before_target check (
    stop_price is null or target_price is null
    or case direction when 'long' then stop_price < target_price else stop_price > target_price end),
  constraint triggered_says_by_what check ((triggered_by is null) = (triggered_at is null)),
  constraint ended_when_over check ((status in ('done', 'canceled')) = (ended_at is not null)),
  constraint triggered_has_a_trade check (status <> 'triggered' or exit_trade_id is not null)
);
comment on table public.position_exits is 'Stop, target, trailing stop, time exit and the exits of options, one row for each position: armed, triggered, then done; or canceled. A package of several legs is one position.';
comment on column public.position_exits.id is 'Key.';
comment on column public.position_exits.user_id is 'Owner.';
comment on column public.position_exits.broker_account_id is 'The account that holds the position.';
comment on column public.position_exits.owner_key is 'Whose share of the position: the strategy''s id, or "manual".';
comment on column public.position_exits.strategy_id is 'The strategy; null for manual and external trades.';
comment on column public.position_exits.symbol is 'What is held; of a package its leg 0.';
comment on column public.position_exits.direction is 'Of the position it protects; a package is short where it was sold for a credit.';
comment on column public.position_exits.stop_price is 'Gets out at this price or worse, dollars.';
comment on column public.position_exits.target_price is 'Gets out at this price or better, dollars.';
comment on column public.position_exits.trail_amount is 'Gets out this far behind the best price, dollars.';
comment on column public.position_exits.trail_percent is 'Gets out this far behind the best price, percent of it.';
comment on column public.position_exits.best_price is 'The best price seen while armed, dollars; it only gets better.';
comment on column public.position_exits.best_at is 'When that was, event time, UTC.';
comment on column public.position_exits.exit_at is 'Gets out at this time, UTC.';
comment on column public.position_exits.delta_limit is 'Gets out where the delta of an option that was sold reaches this, whatever its sign.';
comment on column public.position_exits.underlying_below is 'Gets out where the underlying is bid at this price or lower, dollars.';
comment on column public.position_exits.underlying_above is 'Gets out where the underlying is offered at this price or higher, dollars.';
comment on column public.position_exits.short_strike is 'Gets out where the underlying reaches the strike of an option that was sold.';
comment on column public.position_exits.entry_trade_id is 'The entry whose plan armed it last; null where it was set by hand. Of a package: its legs.';
comment on column public.position_exits.multi_leg is 'Whether it is of a package: its prices are what closing one unit brings (long) or costs (short), dollars.';
comment on column public.position_exits.watches is 'The symbols whose quotes it asks for: what is held, and the underlying where that matters.';
comment on column public.position_exits.armed_from is 'Prices before this do not fire it: the fill that armed it, event time; null where it was set by hand.';
comment on column public.position_exits.held is 'here: it is watched here alone; broker: its stop or trail rests as an order at the broker too, where the broker takes it.';
comment on column public.position_exits.rest_trade_id is 'The order that rests for it at the broker, the last one; where it is also exit_trade_id, the broker closed the position.';
comment on column public.position_exits.rest_round is 'How many orders were placed to rest for it: each change is another one.';
comment on column public.position_exits.crossed_at is 'Since when its stop is crossed while the broker has it resting and is left the first moments, event time; null otherwise.';
comment on column public.position_exits.blind_since is 'Since when no fresh price of it came, event time; null while it sees.';
comment on column public.position_exits.fired is 'It has fired and goes on until nothing is held, whatever the price does; setting it anew ends that.';
comment on column public.position_exits.status is 'armed watches; triggered has an order on its way; done: the position is gone; canceled: taken away.';
comment on column public.position_exits.round is 'How often it has fired: an order that ended with something left arms it again.';
comment on column public.position_exits.triggered_by is 'What fired it last: stop, target, trail, time, delta, underlying or strike.';
comment on column public.position_exits.trigger_price is 'What fired it: dollars, or a delta.';
comment on column public.position_exits.triggered_at is 'When it fired last, event time, UTC.';
comment on column public.position_exits.exit_trade_id is 'The order it placed last.';
comment on column public.position_exits.ended_at is 'When it was over, UTC.';
comment on column public.position_exits.created_at is 'When the row was written, UTC.';
comment on column public.position_exits.updated_at is 'When the row last changed, UTC.';
comment on column public.position_exits.version is 'Grows by one with every change of the row.';
-- One live exit per position: two stops would sell twice.
create unique index position_exits_live on public.position_exits (broker_account_id, owner_key, symbol)
  where status in ('armed', 'triggered');
create index position_exits_user on public.position_exits (user_id);
create index position_exits_account on public.position_exits (broker_account_id, user_id);
create index position_exits_strategy on public.position_exits (strategy_id, user_id);
create index position_exits_trade on public.position_exits (exit_trade_id, user_id);
create index position_exits_rest on public.position_exits (rest_trade_id, user_id) where rest_trade_id is not null;
create index position_exits_entry on public.position_exits (entry_trade_id, user_id);
create index position_exits_watches on public.position_exits using gin (watches) where status in ('armed', 'triggered');
create index position_exits_instrument on public.position_exits (symbol);
create trigger a_touch before insert or update on public.position_exits for each row execute function private.touch();
create trigger keep_owner before update on public.position_exits for each row execute function private.keep_owner();
select private.audit_changes('public.position_exits');
select private.protect_from_delete('public.position_exits');

create function private.guard_exit() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if old.status in ('done', 'canceled')
    or (new.broker_account_id, new.owner_key, new.symbol, new.direction) is distinct from (old.broker_account_id, old.owner_key, old.symbol, old.direction) then
    perform private.refuse(409, 'EXIT_IS_FIXED', 'An exit that is over stays as it was, and an exit keeps its position; set a new one.',
      jsonb_build_object('exit', old.id, 'status', old.status));
  end if;
  if coalesce(current_setting('app.split_of_exits', true), '') <> '' then
    return new; -- Its prices are said in new shares: see private.split_exits().
  end if;
  if old.status = 'triggered' and new.status = 'triggered'
    and (new.stop_price, new.target_price, new.trail_amount, new.trail_percent, new.exit_at, new.delta_limit, new.underlying_below,
        new.underlying_above, new.short_strike, new.entry_trade_id, new.held)
      is distinct from (old.stop_price, old.target_price, old.trail_amount, old.trail_percent, old.exit_at, old.delta_limit,
        old.underlying_below, old.underlying_above, old.short_strike, old.entry_trade_id, old.held) then
    perform private.refuse(409, 'EXIT_UNDER_WAY', 'Its order is on its way; wait for the outcome.', jsonb_build_object('exit', old.id, 'trade', old.exit_trade_id));
  end if;
  -- A trail gives nothing back.
  if old.best_price is not null and (new.best_price is null
    or case new.direction when 'long' then new.best_price < old.best_price else new.best_price > old.best_price end) then
    perform private.refuse(409, 'TRAIL_WENT_BACK', 'A trailing stop only follows a price that gets better.', jsonb_build_object('exit', old.id));
  end if;
  return new;
end $$;
comment on function private.guard_exit() is 'Keeps the state machine of an exit, and that a trail never goes back.';
create trigger guard before update on public.position_exits for each row execute function private.guard_exit();

create type private.exit_terms as (
  stop_price private.amount, target_price private.amount, trail_amount private.amount, trail_percent private.amount, exit_at timestamptz,
  delta_limit private.amount, underlying_below private.amount, underlying_above private.amount, short_strike boolean, held text);
comment on type private.exit_terms is 'When a position is got out of, as a person, an order or a strategy says it.';

create function private.exit_terms_of(p_said jsonb) returns private.exit_terms
language sql stable set search_path = ''
as $$
  select row((p_said ->> 'stop_price')::numeric, (p_said ->> 'target_price')::numeric, (p_said ->> 'trail_amount')::numeric,
    (p_said ->> 'trail_percent')::numeric, (p_said ->> 'exit_at')::timestamptz, (p_said ->> 'delta_limit')::numeric,
    (p_said ->> 'underlying_below')::numeric, (p_said ->> 'underlying_above')::numeric, (p_said ->> 'short_strike')::boolean,
    coalesce(p_said ->> 'held', 'here'))::private.exit_terms
$$;
comment on function private.exit_terms_of(jsonb) is 'Reads the terms of an exit.';

create function private.exit_watches(p_terms private.exit_terms, p_symbols text[]) returns text[]
language sql stable set search_path = ''
as $$
  select array(
    select s from unnest(p_symbols) as s
    union
    select i.underlying from public.instruments as i
    where i.symbol = any (p_symbols) and i.underlying is not null
      and (coalesce(p_terms.short_strike, false) or num_nonnulls(p_terms.delta_limit, p_terms.underlying_below, p_terms.underlying_above) > 0)
    order by 1)
$$;
comment on function private.exit_watches(private.exit_terms, text[]) is 'The symbols whose quotes an exit of these terms asks for.';

create function private.held(p_account_id uuid, p_owner_key text, p_symbol text) returns numeric
language sql stable set search_path = ''
as $$
  select coalesce((select quantity from public.strategy_positions
    where broker_account_id = p_account_id and owner_key = p_owner_key and symbol = p_symbol), 0)
$$;
comment on function private.held(uuid, text, text) is 'What a strategy, or nobody''s strategy ("manual"), holds of a symbol: signed shares or contracts.';

create function public.set_position_exit(p_account_id uuid, p_symbol text, p_exit jsonb, p_strategy_id uuid default null) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  holder text := coalesce(p_strategy_id::text, 'manual');
  quantity numeric;
  exit_id uuid;
  broken_constraint text;
  broken_column text;
begin
  select * into account from public.broker_accounts where id = p_account_id
    and private.reaches(user_id);
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  -- Before its gate is locked: calls for a strategy of somebody else would keep that one's halt waiting.
  if p_strategy_id is not null and not exists (
    select from public.strategies where id = p_strategy_id and user_id = account.user_id and broker_account_id = account.id) then
    perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of this account.', jsonb_build_object('strategy', p_strategy_id));
  end if;
  perform private.lock_scopes(account.user_id, account.id, p_strategy_id);
  quantity := private.held(p_account_id, holder, p_symbol);
  if quantity = 0 then
    perform private.refuse(422, 'NO_POSITION', 'There is nothing to protect: name a symbol that is held.',
      jsonb_build_object('symbol', p_symbol, 'owner', holder));
  end if;
  if p_exit ->> 'held' = 'broker' and not exists (select from public.instruments as i where i.symbol = p_symbol and i.kind = 'equity') then
    perform private.refuse(422, 'BAD_EXIT', 'The broker holds stops and trails of shares: leave held away, and the exit is watched here.',
      jsonb_build_object('symbol', p_symbol, 'held', 'broker'));
  end if;
  -- What the broker has begun to fill is under way.
  perform private.adopt_rest(e) from public.position_exits as e
  where e.broker_account_id = p_account_id and e.owner_key = holder and e.symbol = p_symbol and e.status = 'armed';
  -- A package's exit closes what is sold first.
  if quantity > 0 and private.would_uncover(p_account_id, p_symbol, quantity) and not exists (
    select from public.position_exits as e where e.broker_account_id = p_account_id and e.owner_key = holder and e.symbol = p_symbol
      and e.status in ('armed', 'triggered') and e.multi_leg) then
    perform private.refuse(409, 'EXIT_WOULD_UNCOVER',
      'It covers an option that is sold, so an exit could not close it alone. Buy back what is sold first, or give the whole package an exit with its entry (exit_plan).',
      jsonb_build_object('symbol', p_symbol, 'owner', holder, 'quantity', trim_scale(quantity)::text));
  end if;
  -- An exit of the other direction protected a position that has been turned round.
  update public.position_exits as e set status = 'canceled', ended_at = now()
  where e.broker_account_id = p_account_id and e.owner_key = holder and e.symbol = p_symbol and e.status = 'armed'
    and e.direction <> case when quantity > 0 then 'long' else 'short' end;
  insert into public.position_exits as e (
    user_id, broker_account_id, owner_key, strategy_id, symbol, direction, stop_price, target_price, trail_amount, trail_percent, exit_at,
    delta_limit, underlying_below, underlying_above, short_strike, watches, held)
  select account.user_id, p_account_id, holder, p_strategy_id, p_symbol, case when quantity > 0 then 'long' else 'short' end,
    t.stop_price, t.target_price, t.trail_amount, t.trail_percent, t.exit_at, t.delta_limit, t.underlying_below, t.underlying_above,
    coalesce(t.short_strike, false), private.exit_watches(t, array[p_symbol]), t.held
  from private.exit_terms_of(p_exit) as t
  -- Of a package it is named by its leg 0, and stays that of the whole.
  on conflict (broker_account_id, owner_key, symbol) where status in ('armed', 'triggered') do update
  set stop_price = excluded.stop_price, target_price = excluded.target_price, trail_amount = excluded.trail_amount,
      trail_percent = excluded.trail_percent, exit_at = excluded.exit_at, delta_limit = excluded.delta_limit,
      underlying_below = excluded.underlying_below, underlying_above = excluded.underlying_above, short_strike = excluded.short_strike,
      watches = case when e.multi_leg then array(select distinct w from unnest(e.watches || excluded.watches) as w order by w) else excluded.watches end,
      held = excluded.held, rest_trade_id = private.open_rest(e), fired = false, crossed_at = null
  returning e.id into exit_id;
  return exit_id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_EXIT',
      'An exit has at least one of stop_price, target_price, trail_amount or trail_percent (not both), exit_at; of options also delta_limit and short_strike (of what is sold), underlying_below, underlying_above. A long position''s stop is below its target. held is here, or broker for a stop or trail of shares.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.set_position_exit(uuid, text, jsonb, uuid) is
  'Arms or changes the exit of a position: {"stop_price", "target_price", "trail_amount" | "trail_percent", "exit_at", and of options "delta_limit", "underlying_below", "underlying_above", "short_strike"}, prices in dollars as text; "held" is here or broker.';

create function public.cancel_position_exit(p_exit_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  found_exit public.position_exits;
begin
  select * into found_exit from public.position_exits where id = p_exit_id
    and private.reaches(user_id);
  if not found then
    perform private.refuse(404, 'NO_SUCH_EXIT', 'Name an exit of your own.', jsonb_build_object('exit', p_exit_id));
  end if;
  -- The order that rests for it goes with it, which takes the locks of an order, before the exit's.
  perform private.lock_scopes(found_exit.user_id, found_exit.broker_account_id, found_exit.strategy_id);
  select * into found_exit from public.position_exits where id = p_exit_id for update;
  if private.adopt_rest(found_exit) then
    select * into found_exit from public.position_exits where id = p_exit_id;
  end if;
  if found_exit.status = 'triggered' then
    perform private.refuse(409, 'EXIT_UNDER_WAY', 'Its order is on its way; cancel that order if you must.',
      jsonb_build_object('exit', p_exit_id, 'trade', found_exit.exit_trade_id));
  end if;
  if found_exit.status <> 'armed' then
    return false;
  end if;
  update public.position_exits set status = 'canceled', ended_at = now() where id = p_exit_id;
  perform private.cancel_order(t, 'EXIT: it was taken away', null) from public.trades as t where t.id = found_exit.rest_trade_id;
  return true;
end $$;
comment on function public.cancel_position_exit(uuid) is
  'Takes an armed exit away, and with it the order that rests for it at the broker; false where it was over.';

grant execute on function public.set_position_exit(uuid, text, jsonb, uuid), public.cancel_position_exit(uuid) to authenticated, fn_risk;

alter table public.position_exits enable row level security;
create policy "a user reads exits of their own positions" on public.position_exits for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.position_exits to authenticated;
