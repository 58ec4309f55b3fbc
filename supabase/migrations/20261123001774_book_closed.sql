-- The trades closed lately: what the protections and the breakers look at, and what the book of a trade says of them.

create function private.closed_trades(
  p_user_id uuid, p_account_id uuid, p_strategy_id uuid, p_after timestamptz, p_until timestamptz, p_most integer)
returns table (
  cause uuid, broker_account_id uuid, strategy_id uuid, symbol text, closed_at timestamptz, realised_pnl numeric, quantity numeric,
  return_percent numeric, closed_by text)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with lots as (
    -- As it is known now: what the broker took back or corrected is in the sums.
    select c.closed_by as event_id, c.symbol, c.owner_key, max(c.closed_at) as closed_at, sum(c.quantity) as quantity, sum(c.cost) as cost,
      sum(c.realised_pnl) as realised
    from public.lot_closings as c
    where c.user_id = p_user_id and c.closed_at > p_after and c.closed_at <= p_until
      and (p_account_id is null or c.broker_account_id = p_account_id)
    group by c.closed_by, c.symbol, c.owner_key having sum(c.quantity) <> 0
  ), by_symbol as (
    select f.trade_id, l.symbol, max(l.closed_at) as closed_at, abs(sum(l.quantity)) as quantity, sum(l.cost) as cost, sum(l.realised) as realised
    from lots as l join public.fills as f on f.id = l.event_id group by f.trade_id, l.symbol
  ), by_trade as (
    select b.trade_id, max(b.closed_at) as closed_at, max(b.quantity) as quantity, sum(b.realised) as realised,
      case when count(*) = 1 then abs(sum(b.cost)) end as cost
    from by_symbol as b group by b.trade_id
  )
  select t.id, t.broker_account_id, t.strategy_id, coalesce(i.underlying, t.symbol), b.closed_at, b.realised, b.quantity,
    case when b.cost <> 0 then round(100 * b.realised / b.cost, 10) end,
    case
      when t.order_type in ('stop', 'stop_limit') then 'stop'
      when t.order_type = 'trailing_stop' then 'trail'
      when t.source = 'strategy' then 'signal'
      when t.source <> 'risk' then 'manual'
      when t.signal like 'halt|%' or t.signal like 'deactivation|%' or t.reason like 'flattened %' then 'flatten'
      else coalesce(substring(t.reason from '^exit (?:goes on, )?by (stop|target|trail|time)\M'),
        (select e.triggered_by from public.position_exits as e
         where e.exit_trade_id = t.id and e.triggered_by in ('stop', 'target', 'trail', 'time') limit 1), 'rule') end
  from by_trade as b join public.trades as t on t.id = b.trade_id join public.instruments as i on i.symbol = t.symbol
  where p_strategy_id is null or t.strategy_id = p_strategy_id
  union all
  -- Nobody ordered it: it is theirs whose lots it closed.
  select a.id, a.broker_account_id, nullif(l.owner_key, 'manual')::uuid, coalesce(i.underlying, a.symbol), l.closed_at, l.realised,
    abs(l.quantity), case when l.cost <> 0 then round(100 * l.realised / abs(l.cost), 10) end, 'expiry'
  from lots as l join public.position_adjustments as a on a.id = l.event_id join public.instruments as i on i.symbol = a.symbol
  where a.kind in ('expiry', 'exercise', 'assignment') and (p_strategy_id is null or l.owner_key = p_strategy_id::text)
  order by 5 desc, 1 desc limit p_most;
end $$;
comment on function private.closed_trades(uuid, uuid, uuid, timestamptz, timestamptz, integer) is
  'The orders and expiries of a user (an account, a strategy) that closed lots, event time after p_after and until p_until: the newest, newest first. Realised by lots, first in first out, fees not deducted; it is theirs who closed it. An option counts as its underlying; of several legs quantity is the most of one. closed_by: stop, target, trail, time, signal, flatten, manual, expiry, or another rule.';

create function private.minutes_back(p_limit public.risk_limits) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  -- Ten years at most: a longer one is no time that could be reckoned with.
  return (select least(5270400, case when k.unit = 'minutes' then p_limit.value else 0 end + (
    select coalesce(sum(coalesce((p_limit.parameters ->> p.key)::numeric, (p.value ->> 'default')::numeric)), 0)
    from jsonb_each(k.parameters) as p where p.key like '%\_minutes'))
  from public.risk_limit_kinds as k where k.name = p_limit.name);
end $$;
comment on function private.minutes_back(public.risk_limits) is 'How far back a limit looks: all its minutes together.';

create function private.book_closed(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  most constant integer := 500;
  minutes numeric;
  told jsonb;
begin
  -- Mostly there is none, and what applies to the order need not be found out.
  if not exists (select from public.risk_limits as r join public.risk_limit_kinds as k on k.name = r.name
      where k.family = 'protection' and r.value is not null and (r.user_id is null or r.user_id = p_trade.user_id)) then
    return null;
  end if;
  select max(private.minutes_back(r)) into minutes
  from private.limits_on(p_trade) as r join public.risk_limit_kinds as k on k.name = r.name where k.family = 'protection';
  if minutes is null then
    return null;
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('symbol', c.symbol, 'strategy_id', c.strategy_id, 'closed_at', c.closed_at,
    'realised_pnl', c.realised_pnl::text, 'quantity', c.quantity::text, 'return_percent', c.return_percent::text, 'by', c.closed_by)
    order by c.closed_at, c.cause), '[]'::jsonb) into told
  from private.closed_trades(p_trade.user_id, p_trade.broker_account_id, null,
    p_trade.event_at - make_interval(secs => (minutes * 60)::double precision), p_trade.event_at, most) as c;
  return jsonb_build_object('trades', told, 'complete_since', case when jsonb_array_length(told) = most then told -> 0 -> 'closed_at' end);
end $$;
comment on function private.book_closed(public.trades) is
  'Of a trade''s book: the trades of its account that were closed by its event time, as far back as a protection looks that is set; null where none is. Where there are more than 500, the newest, and since when they are complete.';
