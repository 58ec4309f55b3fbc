-- Circuit breakers: what goes wrong is counted since the last time that it did, and halts where there is too much of it.

create function private.losses_in_a_row(p_limit public.risk_limits, p_after timestamptz, p_until timestamptz) returns numeric
language sql stable set search_path = ''
as $$
  select count(*) from (
    select sum(case when c.realised_pnl < 0 then 0 else 1 end) over (order by c.closed_at desc, c.cause desc) as others
    from private.closed_trades(p_limit.user_id, p_limit.broker_account_id, p_limit.strategy_id, p_after, p_until, 500) as c
    where p_limit.symbol is null or c.symbol = p_limit.symbol) as newest
  where newest.others = 0
$$;
comment on function private.losses_in_a_row(public.risk_limits, timestamptz, timestamptz) is
  'How many of the newest closed trades in a limit''s scope have lost, one after the other.';

create function private.trades_between(p_limit public.risk_limits, p_after timestamptz, p_until timestamptz) returns setof public.trades
language sql stable set search_path = ''
as $$
  select t.* from public.profiles as p
  join public.trades as t on t.user_id = p.user_id and t.event_at > p_after and t.event_at <= p_until
  where (p_limit.user_id is null or p.user_id = p_limit.user_id)
    and (p_limit.broker_account_id is null or t.broker_account_id = p_limit.broker_account_id)
    and (p_limit.strategy_id is null or t.strategy_id = p_limit.strategy_id)
$$;
comment on function private.trades_between(public.risk_limits, timestamptz, timestamptz) is
  'The orders in a limit''s scope that were decided after one moment and until another, event time.';

create function private.rejects_between(p_limit public.risk_limits, p_after timestamptz, p_until timestamptz) returns numeric
language sql stable set search_path = ''
as $$
  -- What a closed gate or a pause refuses is halted already: it says nothing new.
  select count(*) from private.trades_between(p_limit, p_after - interval '1 day', p_until) as t
  where t.status = 'rejected' and t.status_at > p_after and t.status_at <= p_until
    and coalesce(split_part(t.refusal, ':', 1), '') <> 'GATE_CLOSED'
    and not exists (select from public.risk_limit_kinds as k
      where k.family = 'protection' and upper(k.name) = split_part(t.refusal, ':', 1))
$$;
comment on function private.rejects_between(public.risk_limits, timestamptz, timestamptz) is
  'How many orders in a limit''s scope the rules or the broker rejected; those that a closed gate or a protection refused left out.';

create function private.unclear_sendings(p_limit public.risk_limits, p_after timestamptz, p_until timestamptz, out orders bigint, out unclear bigint)
language sql stable set search_path = ''
as $$
  select count(*), count(*) filter (where a.unclear)
  from private.trades_between(p_limit, p_after, p_until) as t
  join lateral (
    -- One that is under way has no outcome yet.
    select bool_or(s.outcome in ('unknown', 'not_placed', 'not_seen')) as unclear from public.order_attempts as s
    where s.trade_id = t.id and s.outcome is not null) as a on a.unclear is not null
$$;
comment on function private.unclear_sendings(public.risk_limits, timestamptz, timestamptz) is
  'The orders in a limit''s scope that were sent, and those of them to which the broker gave no clear answer: unknown, not taken, or not seen when it was asked again.';

create function private.breaker_symbols(p_limit public.risk_limits) returns setof text
language sql stable set search_path = ''
as $$
  select distinct coalesce(i.underlying, i.symbol)
  from (
    select p_limit.symbol as symbol
    union all
    select b.symbol from public.position_books as b
    where b.quantity <> 0 and p_limit.strategy_id is null and (p_limit.user_id is null or b.user_id = p_limit.user_id)
      and (p_limit.broker_account_id is null or b.broker_account_id = p_limit.broker_account_id)
    union all
    select o.symbol from public.strategy_positions as o where o.strategy_id = p_limit.strategy_id and o.quantity <> 0
    union all
    select unnest(s.symbols) from public.strategies as s
    where s.status = 'active' and (p_limit.user_id is null or s.user_id = p_limit.user_id)
      and (p_limit.broker_account_id is null or s.broker_account_id = p_limit.broker_account_id)
      and (p_limit.strategy_id is null or s.id = p_limit.strategy_id)) as n
  join public.instruments as i on i.symbol = n.symbol
  where p_limit.symbol is null or n.symbol = p_limit.symbol
$$;
comment on function private.breaker_symbols(public.risk_limits) is
  'The symbols whose prices a breaker watches: the limit''s own; else what is held in its scope and what active strategies trade there, an option by its underlying.';

create function private.price_range(
  p_symbol text, p_price numeric, p_after timestamptz, p_until timestamptz, p_since timestamptz, out lowest numeric, out highest numeric)
language sql stable set search_path = ''
as $$
  select min(r.low), max(r.high) from (
    select b.low, b.high from public.bars as b
    where b.symbol = p_symbol and b.timeframe = '1Min' and b.starts_at >= greatest(p_after - interval '1 minute', p_since)
      and b.ends_at > p_after and b.ends_at <= p_until
    union all
    select (q.bid + q.ask) / 2, (q.bid + q.ask) / 2 from public.quotes_latest as q
    where q.symbol = p_symbol and q.quoted_at > greatest(p_after, p_since) and q.quoted_at <= p_until
    union all
    select p_price, p_price where p_price > 0 and p_until > p_since) as r
$$;
comment on function private.price_range(text, numeric, timestamptz, timestamptz, timestamptz) is
  'The lowest and the highest price of a symbol between two moments, by its one-minute bars, its stored quote, and what it is quoted at p_until; nothing of before p_since. Null where there was none.';

create function private.breaker_parameter(p_limit public.risk_limits, p_name text) returns numeric
language sql stable set search_path = ''
as $$
  select coalesce((p_limit.parameters ->> p_name)::numeric, (k.parameters -> p_name ->> 'default')::numeric)
  from public.risk_limit_kinds as k where k.name = p_limit.name
$$;
comment on function private.breaker_parameter(public.risk_limits, text) is 'A further number of a limit: as it was set, else its default.';

create function private.breaker_measure(
  p_limit public.risk_limits, p_at timestamptz, p_symbol text, p_price numeric, out measured numeric, out detail jsonb, out blind text[])
language plpgsql stable set search_path = ''
as $$
declare
  window_start timestamptz := p_at - make_interval(secs => (private.minutes_back(p_limit) * 60)::double precision);
  -- What it has acted on before is not counted again: once it is lifted, it begins anew.
  acted_at timestamptz := (select max(b.at) from public.limit_breaches as b
    where b.limit_id = p_limit.id and b.happened in ('breached', 'worse'));
  begins timestamptz := greatest(window_start, acted_at);
  sent record;
  watched record;
begin
  detail := jsonb_build_object('within_minutes', trim_scale(private.breaker_parameter(p_limit, 'within_minutes'))::text);
  if p_limit.name = 'circuit_losses' then
    measured := private.losses_in_a_row(p_limit, begins, p_at);
  elsif p_limit.name = 'circuit_rejects' then
    measured := private.rejects_between(p_limit, begins, p_at);
  elsif p_limit.name = 'circuit_error_rate' then
    sent := private.unclear_sendings(p_limit, begins, p_at);
    measured := case when sent.orders >= greatest(private.breaker_parameter(p_limit, 'orders'), 1)
      then round(100.0 * sent.unclear / sent.orders, 10) else 0 end;
    detail := detail || jsonb_build_object('orders', sent.orders::text, 'unclear', sent.unclear::text);
  elsif p_limit.name = 'circuit_volatility' then
    for watched in
      select s.symbol, i.kind, (private.price_range(s.symbol, p_price, window_start, p_at, coalesce(acted_at, '-infinity'))).*
      from private.breaker_symbols(p_limit) as s (symbol) join public.instruments as i on i.symbol = s.symbol
      where p_symbol is null or s.symbol = p_symbol order by s.symbol
    loop
      if watched.lowest is null then
        -- Only where the market was open all the time, and nothing came at all, not even before it acted.
        if private.in_session(watched.kind, window_start) and private.in_session(watched.kind, p_at)
          and (private.price_range(watched.symbol, p_price, window_start, p_at, '-infinity')).lowest is null then
          blind := blind || watched.symbol;
        end if;
      elsif measured is null or round(100 * (watched.highest - watched.lowest) / watched.lowest, 10) > measured then
        measured := round(100 * (watched.highest - watched.lowest) / watched.lowest, 10);
        detail := detail || jsonb_build_object('symbol', watched.symbol, 'lowest', trim_scale(watched.lowest)::text,
          'highest', trim_scale(watched.highest)::text);
      end if;
    end loop;
  end if;
end $$;
comment on function private.breaker_measure(public.risk_limits, timestamptz, text, numeric) is
  'What a breaker measures at a moment, since it has acted last; null where it has nothing to measure by. blind: the symbols of which no price came while the market was open.';

create function public.run_breakers(p_at timestamptz, p_account_id uuid default null, p_symbol text default null, p_price text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  broken public.risk_limits;
  seen private.measured_limit;
  newest public.limit_breaches;
  found_now record;
  silent text;
  answer jsonb;
  happened jsonb := '[]';
  watched integer := 0;
  -- Before the first lock, so that whoever waits has not read yet.
  owner uuid := (select user_id from public.broker_accounts where id = p_account_id);
begin
  if p_at is null or not isfinite(p_at) then
    perform private.refuse(422, 'BAD_MEASURE', 'A measure is seen at a moment in time.', jsonb_build_object('at', p_at));
  end if;
  if p_price is not null and (pg_input_is_valid(p_price, 'private.amount') and p_price::numeric > 0) is not true then
    perform private.refuse(422, 'BAD_PRICE', 'A price is a number above zero.', jsonb_build_object('price', p_price));
  end if;
  -- Everybody's first, then user by user: what halts takes the locks of a scope, in this order everywhere.
  for broken in
    select r.* from public.risk_limits as r
    where r.value is not null and r.name in (select k.name from public.risk_limit_kinds as k where k.family = 'breaker')
      and case when p_symbol is not null then r.name = 'circuit_volatility' and p_symbol in (select private.breaker_symbols(r))
        when p_account_id is not null then r.name <> 'circuit_volatility' and (r.user_id is null or r.user_id = owner)
          and coalesce(r.broker_account_id, p_account_id) = p_account_id
        else true end
    order by r.user_id nulls first, r.id
  loop
    watched := watched + 1;
    found_now := private.breaker_measure(broken, p_at, p_symbol, p_price::numeric);
    if p_symbol is null then
      foreach silent in array coalesce(found_now.blind, '{}') loop
        perform private.alert(broken.user_id, broken.broker_account_id, 'BREAKER_BLIND', 'warning',
          'A circuit breaker has no prices to go by while the market is open: it does nothing. Look at the feed, or halt by hand.',
          jsonb_build_object('limit', broken.name, 'scope', broken.scope, 'symbol', silent,
            'within_minutes', found_now.detail ->> 'within_minutes'),
          concat_ws('|', 'breaker-blind', broken.id, silent, private.session_day(p_at)));
        happened := happened || jsonb_build_object('limit_id', broken.id, 'name', broken.name, 'status', 'blind', 'symbol', silent);
      end loop;
    end if;
    continue when found_now.measured is null;
    seen := private.measured_limit(broken.id, null, null);
    if found_now.measured > broken.value then
      perform private.hold_scope(broken);
      -- Whoever held it before may have acted on the same.
      select * into broken from public.risk_limits where id = broken.id;
      found_now := private.breaker_measure(broken, p_at, p_symbol, p_price::numeric);
      continue when (found_now.measured > broken.value) is not true;
      -- All of it came after the last time: a breach of its own.
      newest := private.newest_breach(broken.id, seen.broker_account_id, seen.strategy_id);
      if newest.happened <> 'recovered' then
        perform public.rearm_limit(broken.id, broken.broker_account_id, broken.strategy_id, '0', p_at);
      end if;
      answer := public.breach_limit(broken.id, broken.broker_account_id, broken.strategy_id, found_now.measured::text, p_at, found_now.detail);
      happened := happened || jsonb_build_object('limit_id', broken.id, 'name', broken.name, 'status', answer ->> 'status',
        'measured', found_now.measured::text, 'value', broken.value::text, 'act', answer ->> 'act');
    else
      newest := private.newest_breach(broken.id, seen.broker_account_id, seen.strategy_id);
      if newest.happened <> 'recovered'
        and public.rearm_limit(broken.id, broken.broker_account_id, broken.strategy_id, found_now.measured::text, p_at) then
        happened := happened || jsonb_build_object('limit_id', broken.id, 'name', broken.name, 'status', 'recovered',
          'measured', found_now.measured::text, 'value', broken.value::text);
      end if;
    end if;
  end loop;
  return jsonb_build_object('watched', watched, 'happened', happened);
end $$;
comment on function public.run_breakers(timestamptz, uuid, text, text) is
  'Measures the circuit breakers that an account''s orders move, or a symbol''s price (p_price: what it is quoted at, dollars), or all of them, at an event time; acts where too much went wrong since they acted last, each time once. Where there are no prices it does nothing and raises an alert. Answers {"watched": how many were measured, "happened": [{"limit_id", "name", "status", "measured", "value", "act" | "symbol"}]}. Safe to call again.';
grant execute on function public.run_breakers(timestamptz, uuid, text, text) to fn_risk;
