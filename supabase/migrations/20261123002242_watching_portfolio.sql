-- The watch over concentration and net greeks: what an account, or a strategy, holds at the latest marks, held against its limits.

create function private.portfolio_limits(p_at timestamptz, p_account_id uuid)
returns table (account_id uuid, limits jsonb)
language sql stable set search_path = ''
as $$
  -- Each account within the limit's scope is measured alone.
  select a.id, jsonb_agg(jsonb_build_object(
    'limit_id', l.id, 'name', l.name, 'scope', l.scope, 'strategy_id', l.strategy_id, 'symbol', l.symbol, 'value', l.value::text,
    'parameters', l.parameters, 'state', n.happened, 'today', coalesce(n.session_date >= private.session_day(p_at), false)) order by l.name, l.id)
  from public.risk_limits as l
  left join public.strategies as s on s.id = l.strategy_id
  join public.broker_accounts as a on a.id = coalesce(l.broker_account_id, s.broker_account_id, a.id) and a.user_id = coalesce(l.user_id, a.user_id)
    and a.status = 'active'
  left join lateral (
    select b.happened, b.session_date from public.limit_breaches as b
    where b.limit_id = l.id and b.broker_account_id = a.id order by b.id desc limit 1) as n on true
  where l.name in ('symbol_concentration', 'sector_concentration', 'net_delta_limit', 'net_gamma_limit', 'net_vega_limit')
    and l.value is not null and (p_account_id is null or a.id = p_account_id)
  group by a.id
$$;
comment on function private.portfolio_limits(timestamptz, uuid) is
  'The limits on concentration and greeks by account, of one account or of all, each with what happened to it there last.';

create function public.watch_portfolio(p_at timestamptz, p_account_id uuid default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'broker_account_id', w.account_id, 'limits', w.limits, 'held', h.held, 'equity', q.equity,
    'since', greatest((select c.opens_at from public.market_calendar as c where c.opens_at <= p_at and c.closes_at > p_at), h.since),
    'in_session', private.in_session('equity', p_at),
    'marks', (select coalesce(jsonb_object_agg(m.symbol, jsonb_build_object('mark', m.mark::text, 'marked_at', m.marked_at)), '{}')
      from public.position_marks as m where m.symbol = any (h.symbols)),
    'sectors', private.sectors_of(h.symbols), 'greeks', private.greeks_of(h.symbols)) order by w.account_id), '[]'::jsonb)
  from private.portfolio_limits(p_at, p_account_id) as w
  cross join lateral (
    select array_agg(distinct o.symbol) as symbols, max(o.last_event_at) as since,
      coalesce(jsonb_agg(jsonb_build_object('strategy_id', o.strategy_id, 'symbol', o.symbol, 'quantity', o.quantity::text,
        'multiplier', o.multiplier::text) order by o.strategy_id, o.symbol), '[]') as held
    from (
      select null::uuid as strategy_id, b.symbol, b.quantity, b.multiplier, b.last_event_at from public.position_books as b
      where b.broker_account_id = w.account_id and b.quantity <> 0
      union all
      select s.strategy_id, s.symbol, s.quantity, i.multiplier, null
      from public.strategy_positions as s join public.instruments as i on i.symbol = s.symbol
      where s.broker_account_id = w.account_id and s.quantity <> 0 and s.strategy_id is not null) as o) as h
  left join lateral (
    select jsonb_build_object('equity', s.equity::text, 'margin_requirement', s.margin_requirement::text, 'as_of', s.as_of) as equity
    from public.account_snapshots as s
    where s.broker_account_id = w.account_id and s.as_of <= p_at order by s.as_of desc limit 1) as q on true
$$;
comment on function public.watch_portfolio(timestamptz, uuid) is
  'The accounts, one or all, that limits on concentration or greeks are set for: the limits, what the account and its strategies (strategy_id) hold with marks, sectors and greeks, the broker''s newest word on the equity at a moment of event time, and since when the session is open and the holdings stand. Amounts as text.';
grant execute on function public.watch_portfolio(timestamptz, uuid) to fn_risk;
