-- What the book of a trade says of working orders and counts of orders, for the rules that look at them.

create function private.exchange_day(p_at timestamptz) returns timestamptz
language sql stable set search_path = ''
as $$ select date_trunc('day', p_at at time zone 'America/New_York') at time zone 'America/New_York' $$;
comment on function private.exchange_day(timestamptz) is 'The moment at which the exchange''s day of a time began.';

create function private.seconds(p_count numeric) returns interval
language sql immutable set search_path = ''
as $$ select make_interval(secs => least(p_count, 1e9)::double precision) $$;
comment on function private.seconds(numeric) is 'So many seconds; beyond thirty years there is nothing to count.';

create function private.equal_order_at(p_trade public.trades, p_within interval) returns timestamptz
language sql stable set search_path = ''
as $$
  select max(t.event_at) from public.trades as t
  where p_trade.replaces_trade_id is null and t.broker_account_id = p_trade.broker_account_id
    and t.event_at between p_trade.event_at - p_within and p_trade.event_at and t.placed_number < coalesce(p_trade.placed_number, t.placed_number + 1)
    and t.status not in ('rejected', 'canceled', 'expired', 'replaced') and t.source <> 'external'
    and (t.symbol, t.side, t.order_type, t.time_in_force, t.reduce_only, t.multi_leg)
      = (p_trade.symbol, p_trade.side, p_trade.order_type, p_trade.time_in_force, p_trade.reduce_only, p_trade.multi_leg)
    and (t.strategy_id, t.quantity, t.price, t.stop_price, t.trail_price, t.trail_percent, t.planned_stop) is not distinct from
      (p_trade.strategy_id, p_trade.quantity, p_trade.price, p_trade.stop_price, p_trade.trail_price, p_trade.trail_percent, p_trade.planned_stop)
    and (not t.multi_leg or not exists (
      (select l.symbol, l.side, l.ratio from public.trade_legs as l where l.trade_id = t.id
        union select l.symbol, l.side, l.ratio from public.trade_legs as l where l.trade_id = p_trade.id)
      except
      (select l.symbol, l.side, l.ratio from public.trade_legs as l where l.trade_id = t.id
        intersect select l.symbol, l.side, l.ratio from public.trade_legs as l where l.trade_id = p_trade.id)))
$$;
comment on function private.equal_order_at(public.trades, interval) is
  'Event time of the newest order that a trade repeats: of the same account and strategy, legs, quantity, type and prices, and that stands; null where there is none.';

create function private.resting_orders(p_trade public.trades, p_most integer) returns jsonb
language sql stable set search_path = ''
as $$
  -- Of all accounts of the user: what two of them trade with one another is one hand trading with the other.
  select case when count(*) <= p_most then coalesce(jsonb_agg(jsonb_build_object('trade_id', w.id, 'symbol', w.symbol, 'side', w.side,
    'order_type', w.order_type, 'price', w.price::text, 'stop_price', w.stop_price::text) order by w.placed_number), '[]') end
  from (
    select t.id, t.symbol, t.side, t.order_type, t.price, t.stop_price, t.placed_number from public.trades as t
    where not p_trade.multi_leg and t.user_id = p_trade.user_id and t.symbol = p_trade.symbol and t.side <> p_trade.side and not t.multi_leg
      and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.is_working(t.status)
      and t.order_type in ('market', 'limit', 'stop_limit') and t.id is distinct from p_trade.id
    limit p_most + 1) as w
$$;
comment on function private.resting_orders(public.trades, integer) is
  'The working orders of a trade''s user in its symbol on the other side that are in the market, or may be; null where there are more than so many.';

create function private.scope_accounts(p_scope text, p_trade public.trades) returns uuid[]
language sql stable set search_path = ''
as $$
  select case when p_scope in ('global', 'user') then
    array(select a.id from public.broker_accounts as a where p_scope = 'global' or a.user_id = p_trade.user_id)
    else array[p_trade.broker_account_id] end
$$;
comment on function private.scope_accounts(text, public.trades) is 'The accounts on which a scope of a trade places orders.';

create function private.orders_placed(p_scope text, p_trade public.trades, p_within interval, p_most bigint) returns bigint
language sql stable set search_path = ''
as $$
  -- Counted no further than it matters: what runs away places thousands.
  select count(*) from (
    select from public.trades as t
    where t.broker_account_id = any (private.scope_accounts(p_scope, p_trade))
      and t.event_at > p_trade.event_at - p_within and t.event_at <= p_trade.event_at and t.id is distinct from p_trade.id
      and (p_scope <> 'strategy' or t.strategy_id = p_trade.strategy_id) and t.source <> 'external'
      -- One that was placed later and approved already has taken its place all the same.
      and (t.placed_number < coalesce(p_trade.placed_number, t.placed_number + 1) or t.status not in ('pending', 'rejected', 'canceled', 'expired'))
    limit p_most) as placed
$$;
comment on function private.orders_placed(text, public.trades, interval, bigint) is
  'How many orders a scope of a trade placed in the time before it, itself left out; counted up to p_most.';

create function private.entries_made(p_scope text, p_trade public.trades) returns table (symbol text, entries bigint)
language sql stable set search_path = ''
as $$
  select l.symbol, count(*)
  from public.trades as t join public.trade_legs as l on l.trade_id = t.id
  where t.broker_account_id = any (private.scope_accounts(p_scope, p_trade))
    and t.event_at >= private.exchange_day(p_trade.event_at) and t.event_at <= p_trade.event_at
    and t.id is distinct from p_trade.id and t.id is distinct from p_trade.replaces_trade_id and not t.reduce_only
    and (p_scope <> 'strategy' or t.strategy_id = p_trade.strategy_id)
    and (t.filled_quantity > 0 or (not private.is_final(t.status)
      and (t.placed_number < coalesce(p_trade.placed_number, t.placed_number + 1) or t.status <> 'pending')))
    -- An order and its replacement are one entry.
    and not exists (select from public.trades as o where o.id = t.replaces_trade_id and (o.filled_quantity > 0 or not private.is_final(o.status)))
    and l.position_intent like '%\_to\_open' and l.symbol in (select s.symbol from public.trade_legs as s where s.trade_id = p_trade.id)
  group by l.symbol
$$;
comment on function private.entries_made(text, public.trades) is
  'How often a scope of a trade entered its symbols on its exchange day, itself left out: orders that were filled, or still may be.';

create function private.day_trades(p_trade public.trades) returns bigint
language sql stable set search_path = ''
as $$
  with sessions as (
    select c.session_date from public.market_calendar as c
    where c.session_date <= (p_trade.event_at at time zone 'America/New_York')::date order by c.session_date desc limit 5
  ), executed as (
    select f.symbol, (f.executed_at at time zone 'America/New_York')::date as day, f.trade_id, f.executed_at, f.number,
      sign(f.position_quantity) = sign(f.quantity_change) as opens,
      sign(f.position_quantity - f.quantity_change) = -sign(f.quantity_change) as closes
    from public.fills as f
    where f.user_id = p_trade.user_id and f.broker_account_id = p_trade.broker_account_id and f.kind = 'fill' and f.quantity_change <> 0
      and f.executed_at >= ((select min(session_date) from sessions)::timestamp at time zone 'America/New_York') and f.executed_at <= p_trade.event_at
      and not exists (select from public.fills as b where b.corrects_fill_id = f.id and b.kind = 'bust')
  ), told as (
    select e.*, bool_or(e.opens) over (partition by e.symbol, e.day order by e.executed_at, e.number
      rows between unbounded preceding and 1 preceding) as opened
    from executed as e
  ), days as (
    select count(distinct t.trade_id) filter (where t.opens) as entries, count(distinct t.trade_id) filter (where t.closes and t.opened) as exits
    from told as t group by t.symbol, t.day
  )
  -- Without the calendar of five sessions it is not known how far back they go.
  select case when (select count(*) from sessions) = 5 then coalesce((select sum(least(d.entries, d.exits)) from days as d), 0)::bigint end
$$;
comment on function private.day_trades(public.trades) is
  'Day trades of a trade''s account in the five sessions that end with its own; null where the calendar does not reach back so far.';

create function private.session_equity(p_trade public.trades) returns numeric
language plpgsql stable set search_path = ''
as $$
declare
  -- As account_facts() has its money: the last word of before the session, else the first.
  until timestamptz := coalesce((select c.opens_at from public.market_calendar as c
    where c.opens_at <= p_trade.event_at and c.closes_at > p_trade.event_at), p_trade.event_at);
begin
  return coalesce(
    (select s.equity from public.account_snapshots as s
      where s.broker_account_id = p_trade.broker_account_id and s.as_of <= until order by s.as_of desc limit 1),
    (select s.equity from public.account_snapshots as s where s.broker_account_id = p_trade.broker_account_id order by s.as_of limit 1));
end $$;
comment on function private.session_equity(public.trades) is
  'Equity of a trade''s account before its session, dollars, as the broker told it; null where it never did.';

create function private.symbols_open(p_scope text, p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  open_now text[] := array(select distinct e.symbol from private.exposure(p_scope, p_trade) as e
    where e.quantity <> 0 or e.to_buy <> 0 or e.to_sell <> 0);
begin
  return jsonb_build_object('open', cardinality(open_now), 'added', (select count(*) from public.trade_legs as l
    where l.trade_id = p_trade.id and l.symbol <> all (open_now)));
end $$;
comment on function private.symbols_open(text, public.trades) is
  'In how many symbols something is open in a scope of a trade, held or working, and how many the trade adds.';

create function private.open_packages(p_trade public.trades, p_most integer) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    with ordered as (
      select distinct o.occ[1] as root, o.occ[2] as expiry from public.trade_legs as l, lateral (select private.occ_parts(l.symbol) as occ) as o
      where l.trade_id = p_trade.id and o.occ is not null
    ), standing as (
      select coalesce(f.trade_id, p.opened_by)::text as package, p.owner_key, p.symbol from public.position_lots as p
        left join public.fills as f on f.id = p.opened_by
      where p.broker_account_id = p_trade.broker_account_id and p.quantity <> 0
      union all
      select w.trade_id::text, coalesce(t.strategy_id::text, 'manual'), w.symbol
      from private.working_options('account', p_trade) as w join public.trades as t on t.id = w.trade_id
    ), ranges as (
      select s.package, bool_or(s.owner_key = coalesce(p_trade.strategy_id::text, 'manual')) as own, concat(o.occ[1], o.occ[2], o.occ[3]) as series,
        min(o.occ[4]::numeric) / 1000 as low, max(o.occ[4]::numeric) / 1000 as high
      from standing as s, lateral (select private.occ_parts(s.symbol) as occ) as o
      where (o.occ[1], o.occ[2]) in (select root, expiry from ordered)
      group by s.package, o.occ[1], o.occ[2], o.occ[3] limit p_most + 1
    )
    select case when count(*) <= p_most then coalesce(jsonb_agg(jsonb_build_object('package', r.package, 'own', r.own, 'series', r.series,
      'low', r.low::text, 'high', r.high::text) order by r.package, r.series), '[]') end
    from ranges as r);
end $$;
comment on function private.open_packages(public.trades, integer) is
  'The strikes of what each order opened in options of the trade''s roots and expiries on its account, held or working; null where there are more than so many.';

create function private.book_orders(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  -- More than an account has on one side of a symbol, or in one expiry: what cannot be looked at is not told, and the rule denies.
  most constant integer := 500;
  on_it public.risk_limits[] := array(select r from private.limits_on(p_trade) as r where r.name in (
    'duplicate_order', 'order_rate_limit', 'order_churn_limit', 'open_positions_limit', 'overlapping_strikes', 'day_trade_limit'));
  names text[] := array(select distinct r.name from unnest(on_it) as r);
  found jsonb;
begin
  found := jsonb_build_object(
    'equal_at', private.equal_order_at(p_trade,
      private.seconds(coalesce((select max(r.value) from unnest(on_it) as r where r.name = 'duplicate_order'), 5))),
    'resting', private.resting_orders(p_trade, most));
  if 'order_rate_limit' = any (names) then
    found := found || jsonb_build_object('placed', (
      select jsonb_agg(jsonb_build_object('scope', r.scope, 'within_seconds', w.seconds::text,
        'placed', private.orders_placed(r.scope, p_trade, private.seconds(w.seconds), (least(floor(r.value), 1e15) + 1)::bigint)))
      from unnest(on_it) as r, lateral (select coalesce((r.parameters ->> 'within_seconds')::numeric, 60) as seconds) as w
      where r.name = 'order_rate_limit'));
  end if;
  if 'order_churn_limit' = any (names) then
    found := found || jsonb_build_object('entries', (
      select jsonb_agg(jsonb_build_object('scope', s.scope, 'symbol', l.symbol, 'entries', coalesce(e.entries, 0)))
      from (select distinct r.scope from unnest(on_it) as r where r.name = 'order_churn_limit') as s
        join public.trade_legs as l on l.trade_id = p_trade.id
        left join lateral private.entries_made(s.scope, p_trade) as e on e.symbol = l.symbol));
  end if;
  if 'open_positions_limit' = any (names) then
    found := found || jsonb_build_object('symbols_open', (
      select jsonb_object_agg(s.scope, private.symbols_open(s.scope, p_trade))
      from (select distinct r.scope from unnest(on_it) as r where r.name = 'open_positions_limit') as s));
  end if;
  if 'overlapping_strikes' = any (names) then
    found := found || jsonb_build_object('packages', private.open_packages(p_trade, most));
  end if;
  if 'day_trade_limit' = any (names) then
    found := found || jsonb_build_object('day_trades', private.day_trades(p_trade), 'equity', private.session_equity(p_trade)::text);
  end if;
  return found;
end $$;
comment on function private.book_orders(public.trades) is
  'Of a trade''s book: working orders and counts of orders, for the rules that look at them; what no limit asks for is left out.';
