-- An entry may carry the plan of its exit; the fill arms it, in its own transaction. And what a split does to exits.

create table private.exit_plans (
  trade_id uuid primary key references public.trades (id) on delete restrict,
  broker_account_id uuid not null,
  filled_at timestamptz not null,
  settled_at timestamptz
);
comment on table private.exit_plans is 'The plans of entries that began to fill: armed, or waiting for an exit that is under way.';
comment on column private.exit_plans.trade_id is 'The entry.';
comment on column private.exit_plans.broker_account_id is 'Its account.';
comment on column private.exit_plans.filled_at is 'Event time of its first fill: no price before it fires the exit.';
comment on column private.exit_plans.settled_at is 'When it was armed, or there was nothing left to arm it for; null while it waits.';
create index exit_plans_waiting on private.exit_plans (broker_account_id) where settled_at is null;

create function private.plan_is_short(p_plan jsonb, p_trade public.trades) returns boolean
language sql immutable set search_path = ''
as $$
  -- Of a package prices are net, as an order's: negative receives.
  select case when p_trade.multi_leg
    then coalesce((p_plan ->> 'stop_price')::numeric, (p_plan ->> 'target_price')::numeric, p_trade.price, p_trade.fill_price, 0) < 0
    else p_trade.side = 'sell' end
$$;
comment on function private.plan_is_short(jsonb, public.trades) is 'Whether what the entry opens is short: sold, or of a package received a credit for.';

create function private.check_exit_plan(p_plan jsonb, p_trade public.trades, p_legs jsonb) returns void
language plpgsql stable set search_path = ''
as $$
declare
  terms private.exit_terms;
  short boolean;
  wrong text;
  of_options boolean := not exists (select from jsonb_array_elements(p_legs) as l where private.occ_parts(l ->> 'symbol') is null);
  sells boolean := exists (select from jsonb_array_elements(p_legs) as l where l ->> 'side' = 'sell');
  known constant text[] := array['stop_price', 'target_price', 'trail_amount', 'trail_percent', 'exit_at', 'delta_limit', 'underlying_below',
    'underlying_above', 'short_strike', 'held'];
begin
  if jsonb_typeof(p_plan) <> 'object' then
    wrong := 'it is an object';
  elsif exists (select from jsonb_object_keys(p_plan) as k where k <> all (known)) then
    wrong := 'unknown ' || (select k from jsonb_object_keys(p_plan) as k where k <> all (known) limit 1);
  else
    begin
      terms := private.exit_terms_of(case when p_trade.multi_leg then p_plan - array['stop_price', 'target_price'] else p_plan end);
      if p_trade.multi_leg then
        terms.stop_price := (p_plan ->> 'stop_price')::numeric;
        terms.target_price := (p_plan ->> 'target_price')::numeric;
      end if;
      short := private.plan_is_short(p_plan, p_trade);
    exception
      when data_exception or check_violation then
        wrong := sqlerrm;
    end;
  end if;
  wrong := coalesce(wrong, case
    when p_trade.reduce_only or exists (select from jsonb_array_elements(p_legs) as l where l ->> 'position_intent' not like '%\_to\_open')
      then 'only an entry has one'
    when num_nonnulls(terms.stop_price, terms.target_price, terms.trail_amount, terms.trail_percent, terms.exit_at, terms.delta_limit,
      terms.underlying_below, terms.underlying_above) = 0 and not coalesce(terms.short_strike, false) then 'it says no exit'
    when num_nonnulls(terms.trail_amount, terms.trail_percent) > 1 then 'trail_amount or trail_percent'
    when not private.is_readable(terms.exit_at) then 'exit_at is a moment'
    when least(terms.trail_amount, terms.trail_percent, terms.delta_limit, terms.underlying_below, terms.underlying_above) <= 0
      or terms.trail_percent >= 100 or terms.delta_limit >= 1 then 'each number is above zero, a percentage below 100, a delta below 1'
    when not p_trade.multi_leg and least(terms.stop_price, terms.target_price) <= 0 then 'prices are above zero'
    when p_trade.multi_leg and (terms.stop_price = 0 or terms.target_price = 0 or terms.stop_price * terms.target_price < 0)
      then 'net prices of a package are both paid or both received'
    when p_trade.multi_leg and num_nonnulls(terms.stop_price, terms.target_price) = 0
      and num_nonnulls(terms.trail_amount, terms.trail_percent) > 0 and coalesce(p_trade.price, 0) = 0 then 'a package that trails is a limit order'
    when short and abs(terms.stop_price) <= abs(terms.target_price) then 'the stop of what is sold is above its target'
    when not short and abs(terms.stop_price) >= abs(terms.target_price) then 'the stop of what is bought is below its target'
    when not of_options and (coalesce(terms.short_strike, false)
      or num_nonnulls(terms.delta_limit, terms.underlying_below, terms.underlying_above) > 0) then 'an underlying and a delta are of options'
    when not sells and (coalesce(terms.short_strike, false) or terms.delta_limit is not null) then 'short_strike and delta_limit are of what is sold'
    when terms.underlying_below >= terms.underlying_above then 'underlying_below is below underlying_above'
    when terms.held not in ('here', 'broker') then 'held is here or broker'
    when terms.held = 'broker' and (p_trade.multi_leg or num_nonnulls(terms.stop_price, terms.trail_amount, terms.trail_percent) = 0
      or not exists (select from public.instruments as i where i.symbol = p_legs -> 0 ->> 'symbol' and i.kind = 'equity'))
      then 'the broker holds a stop or a trail of shares'
    when not p_trade.multi_leg and not short and private.would_uncover(p_trade.broker_account_id, p_trade.symbol, p_trade.quantity, p_trade.quantity)
      then 'it would cover an option that is sold, so an exit could not close it alone' end);
  if wrong is not null then
    perform private.refuse(422, 'BAD_EXIT_PLAN',
      'An entry''s exit_plan has at least one of stop_price, target_price, trail_amount or trail_percent, exit_at; of options also delta_limit, underlying_below, underlying_above, short_strike. Prices of several legs are net, as the order''s. held is here, or broker for a stop or trail of shares.',
      jsonb_build_object('because', wrong));
  end if;
end $$;
comment on function private.check_exit_plan(jsonb, public.trades, jsonb) is 'Refuses a plan that could not be armed: a fill is never refused, so the order is.';

create function private.is_held(p_trade public.trades) returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.trade_legs as l
    where l.trade_id = p_trade.id
      and private.held(p_trade.broker_account_id, coalesce(p_trade.strategy_id::text, 'manual'), l.symbol)
        * case l.side when 'buy' then 1 else -1 end > 0)
$$;
comment on function private.is_held(public.trades) is 'Whether its owner holds something of an entry, on the entry''s side.';

create function private.arm_exit(p_trade public.trades, p_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  holder text := coalesce(p_trade.strategy_id::text, 'manual');
  plan private.exit_plans;
  way text;
  legs text[];
  live public.position_exits;
begin
  insert into private.exit_plans (trade_id, broker_account_id, filled_at) values (p_trade.id, p_trade.broker_account_id, p_at)
  on conflict (trade_id) do nothing;
  select * into plan from private.exit_plans where trade_id = p_trade.id for update;
  if plan.settled_at is not null then
    return; -- The first fill arms; what a person does with the exit after it stays.
  end if;
  if exists (select from private.exit_plans as before where before.trade_id = p_trade.replaces_trade_id and before.settled_at is not null) then
    update private.exit_plans set settled_at = p_at where trade_id = p_trade.id;
    return; -- The order that this one took the place of has armed it.
  end if;
  select * into live from public.position_exits as e
  where e.broker_account_id = p_trade.broker_account_id and e.owner_key = holder and e.symbol = p_trade.symbol
    and e.status in ('armed', 'triggered') for update;
  if private.adopt_rest(live) then
    live.status := 'triggered'; -- The broker has begun to close what the exit protects.
  end if;
  if live.status = 'triggered' or not private.is_held(p_trade) then
    -- An exit is under way, or the entry is still working off the other side: settle_exits() comes back to it.
    update private.exit_plans set settled_at = p_at
    where trade_id = p_trade.id and live.status is distinct from 'triggered' and private.is_final(p_trade.status);
    return;
  end if;
  way := case when private.plan_is_short(p_trade.exit_plan, p_trade) then 'short' else 'long' end;
  select array_agg(l.symbol order by l.leg) into legs from public.trade_legs as l where l.trade_id = p_trade.id;
  begin
    -- An exit of the other direction protected a position that has been turned round.
    update public.position_exits set status = 'canceled', ended_at = p_at where id = live.id and direction <> way;
    insert into public.position_exits as e (
      user_id, broker_account_id, owner_key, strategy_id, symbol, direction, stop_price, target_price, trail_amount, trail_percent, exit_at,
      delta_limit, underlying_below, underlying_above, short_strike, watches, entry_trade_id, multi_leg, armed_from, held)
    select p_trade.user_id, p_trade.broker_account_id, holder, p_trade.strategy_id, p_trade.symbol, way, t.stop_price, t.target_price,
      t.trail_amount, t.trail_percent, t.exit_at, t.delta_limit, t.underlying_below, t.underlying_above, coalesce(t.short_strike, false),
      private.exit_watches(t, legs), p_trade.id, p_trade.multi_leg, plan.filled_at, t.held
    from private.exit_terms_of(p_trade.exit_plan || jsonb_strip_nulls(jsonb_build_object(
      'stop_price', abs((p_trade.exit_plan ->> 'stop_price')::numeric), 'target_price', abs((p_trade.exit_plan ->> 'target_price')::numeric)))) as t
    -- The newest entry's plan is that of the whole position. A trail keeps the best price that it has seen.
    on conflict (broker_account_id, owner_key, symbol) where status in ('armed', 'triggered') do update
    set stop_price = excluded.stop_price, target_price = excluded.target_price, trail_amount = excluded.trail_amount,
        trail_percent = excluded.trail_percent, exit_at = excluded.exit_at, delta_limit = excluded.delta_limit,
        underlying_below = excluded.underlying_below, underlying_above = excluded.underlying_above, short_strike = excluded.short_strike,
        watches = excluded.watches, entry_trade_id = excluded.entry_trade_id, multi_leg = excluded.multi_leg,
        armed_from = excluded.armed_from, held = excluded.held, rest_trade_id = private.open_rest(e), fired = false, crossed_at = null;
  exception
    when check_violation or data_exception or sqlstate 'PT409' then
      -- The fill stands whatever becomes of the plan.
      perform private.alert(p_trade.user_id, p_trade.broker_account_id, 'EXIT_NOT_ARMED', 'critical',
        'A position is open and its planned exit could not be armed. Set an exit, or close it by hand.',
        jsonb_build_object('trade', p_trade.id, 'symbol', p_trade.symbol, 'because', sqlerrm), 'exit-not-armed|' || p_trade.id);
  end;
  update private.exit_plans set settled_at = p_at where trade_id = p_trade.id;
end $$;
comment on function private.arm_exit(public.trades, timestamptz) is
  'Arms the exit that an entry has planned, at its first fill. Call under the account''s lock; never refuses.';

create function private.split_exits(p_account_id uuid, p_symbol text, p_numerator numeric, p_denominator numeric) returns void
language plpgsql set search_path = ''
as $$
declare
  factor numeric := p_denominator / p_numerator;
begin
  perform set_config('app.split_of_exits', 'yes', true);
  -- Exact in ten places: a stop need not be on a tick. Percent and time are of no share.
  update public.position_exits
  set stop_price = round(stop_price * factor, 10), target_price = round(target_price * factor, 10),
      trail_amount = round(trail_amount * factor, 10), best_price = round(best_price * factor, 10)
  where broker_account_id = p_account_id and symbol = p_symbol and status in ('armed', 'triggered')
    and num_nonnulls(stop_price, target_price, trail_amount, best_price) > 0;
  -- Levels of the underlying are in its shares, whatever becomes of the contract's own terms.
  update public.position_exits as e
  set underlying_below = round(e.underlying_below * factor, 10), underlying_above = round(e.underlying_above * factor, 10)
  from public.instruments as i
  where e.broker_account_id = p_account_id and i.symbol = e.symbol and i.underlying = p_symbol and e.status in ('armed', 'triggered')
    and num_nonnulls(e.underlying_below, e.underlying_above) > 0;
  perform set_config('app.split_of_exits', '', true);
end $$;
comment on function private.split_exits(uuid, text, numeric, numeric) is
  'Says the prices of an account''s exits in the shares that there are after a split, in the split''s own transaction.';
