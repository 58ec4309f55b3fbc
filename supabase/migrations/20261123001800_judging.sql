-- From a pending trade to an approved or rejected one.

create function public.pending_trades(p_account_id uuid default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', id, 'broker_account_id', broker_account_id) order by placed_number), '[]'::jsonb)
  from public.trades where status = 'pending' and (p_account_id is null or broker_account_id = p_account_id)
$$;
comment on function public.pending_trades(uuid) is 'Trades that risk has not judged, in the order they were placed.';

create function public.options_needed(p_now timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('symbol', i.symbol, 'underlying', i.underlying, 'multiplier', i.multiplier::text,
    'listed', exists (select from public.option_contracts as c where c.symbol = i.symbol)) order by i.symbol), '[]'::jsonb)
  from public.instruments as i
  where i.kind = 'option' and num_nonnulls(i.underlying, i.strike, i.expires_on) = 3
    and i.expires_on >= (p_now at time zone 'America/New_York')::date
    and i.symbol in (
      select l.symbol from public.trades as t join public.trade_legs as l on l.trade_id = t.id
      where t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
      union select b.symbol from public.position_books as b where b.quantity <> 0)
$$;
comment on function public.options_needed(timestamptz) is
  'The options whose quotes are needed: of orders that are not over and of open positions, those that have expired at p_now left out.';

create function private.exposure(p_scope text, p_trade public.trades)
returns table (broker_account_id uuid, symbol text, quantity numeric, to_buy numeric, to_sell numeric, multiplier numeric)
language sql stable set search_path = ''
as $$
  with held as (
    select b.broker_account_id, b.symbol, b.quantity from public.position_books as b
    where p_scope <> 'strategy' and b.quantity <> 0
      and (p_scope = 'global' or b.user_id = p_trade.user_id)
      and (p_scope <> 'account' or b.broker_account_id = p_trade.broker_account_id)
    union all
    select s.broker_account_id, s.symbol, s.quantity from public.strategy_positions as s
    where p_scope = 'strategy' and s.strategy_id = p_trade.strategy_id and s.quantity <> 0
  ), working as (
    select o.broker_account_id, o.symbol, o.side, o.open from private.open_legs as o
    -- A replacement stands for the order that it replaces too, at the worse of the two: see worse_quantity().
    where o.trade_id <> p_trade.id and o.trade_id is distinct from p_trade.replaces_trade_id
      and (p_scope = 'global' or o.user_id = p_trade.user_id)
      and (p_scope not in ('account', 'strategy') or o.broker_account_id = p_trade.broker_account_id)
      and (p_scope <> 'strategy' or o.strategy_id = p_trade.strategy_id)
  ), rows as (
    select held.broker_account_id, held.symbol, held.quantity, 0::numeric as to_buy, 0::numeric as to_sell from held
    union all
    select working.broker_account_id, working.symbol, 0, case when side = 'buy' then open else 0 end,
      case when side = 'sell' then open else 0 end from working
  )
  select r.broker_account_id, r.symbol, sum(r.quantity), sum(r.to_buy), sum(r.to_sell), max(i.multiplier)
  from rows as r join public.instruments as i on i.symbol = r.symbol
  group by r.broker_account_id, r.symbol
$$;
comment on function private.exposure(text, public.trades) is
  'What is open and working in one scope of a trade, by account and symbol, the trade itself and the order that it replaces left out.';

create function private.limits_on(p_trade public.trades) returns setof public.risk_limits
language sql stable set search_path = ''
as $$
  select r.* from public.risk_limits as r
  where r.value is not null
    and (r.scope = 'global' or (r.scope = 'user' and r.user_id = p_trade.user_id)
      or r.broker_account_id = p_trade.broker_account_id or r.strategy_id = p_trade.strategy_id)
    and (r.symbol is null or r.symbol in (select l.symbol from public.trade_legs as l where l.trade_id = p_trade.id))
$$;
comment on function private.limits_on(public.trades) is 'The limits that apply to a trade, of every scope and of each symbol that it trades.';

create function private.awaits_quote(p_trade public.trades) returns boolean
language sql stable set search_path = ''
as $$
  -- What the rule stale_quote asks of a quote, and what risk takes for one: a delayed one for paper only.
  select p_trade.status = 'pending' and exists (
    select from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol and i.kind = 'option'
      join public.broker_accounts as a on a.id = p_trade.broker_account_id
    where l.trade_id = p_trade.id and not exists (
      select from public.option_quotes_latest as q
      where q.symbol = l.symbol and (q.delay_seconds = 0 or a.is_paper)
        and q.quoted_at >= p_trade.event_at - make_interval(secs => coalesce((
          select min(r.value) from private.limits_on(p_trade) as r where r.name = 'stale_quote'), 120)::double precision)))
$$;
comment on function private.awaits_quote(public.trades) is
  'Whether an order in options is not judged yet because one of them has no quote that is fresh at its event time.';

create function private.judged_scopes(p_trade public.trades) returns table (scope text)
language sql stable set search_path = ''
as $$
  select 'account'
  union select 'strategy' where p_trade.strategy_id is not null
  -- The wider scopes are summed only where a limit needs them.
  union select r.scope from public.risk_limits as r
  where r.value is not null and (r.scope = 'global' or (r.scope = 'user' and r.user_id = p_trade.user_id))
$$;
comment on function private.judged_scopes(public.trades) is 'The scopes whose exposure the rules look at for a trade.';

create function private.working_options(p_scope text, p_trade public.trades)
returns table (trade_id uuid, symbol text, quantity numeric)
language sql stable set search_path = ''
as $$
  select o.trade_id, o.symbol, case o.side when 'buy' then o.open else -o.open end
  from private.open_legs as o
  where not o.reduce_only and o.open > 0 and private.occ_parts(o.symbol) is not null
    and o.trade_id <> p_trade.id and o.trade_id is distinct from p_trade.replaces_trade_id
    and (p_scope = 'global' or o.user_id = p_trade.user_id)
    and (p_scope not in ('account', 'strategy') or o.broker_account_id = p_trade.broker_account_id)
    and (p_scope <> 'strategy' or o.strategy_id = p_trade.strategy_id)
$$;
comment on function private.working_options(text, public.trades) is
  'The options of working orders that may open something, signed contracts, in one scope of a trade; the trade itself and the order that it replaces left out.';

create function private.account_facts(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  opens timestamptz;
  rules record;
  money record;
begin
  select r.is_margin, r.options_level, r.may_short, r.closing_only, r.blocked into rules
  from public.broker_account_rules as r where r.broker_account_id = p_trade.broker_account_id order by r.as_of desc limit 1;
  -- Nothing trades before the open: whoever looked at that time, and how often, the broker said the same. So the decision
  -- does not depend on how quickly a fill was told, nor on when somebody last asked. Linked since: its first word.
  select c.opens_at into opens from public.market_calendar as c where c.opens_at <= p_trade.event_at and c.closes_at > p_trade.event_at;
  select s.* into money from public.account_snapshots as s
  where s.broker_account_id = p_trade.broker_account_id and s.as_of <= coalesce(opens, p_trade.event_at) order by s.as_of desc limit 1;
  if not found then
    select s.* into money from public.account_snapshots as s where s.broker_account_id = p_trade.broker_account_id order by s.as_of limit 1;
  end if;
  if rules is null and money is null and not exists (select from public.broker_accounts
      where id = p_trade.broker_account_id and trading_entered_at is not null) then
    return null;
  end if;
  return jsonb_build_object('rules', case when rules.options_level is not null then to_jsonb(rules) end,
    'money', case when money.as_of is not null then private.money_since(p_trade, money.as_of) || jsonb_build_object('as_of', money.as_of,
      'cash', money.cash::text, 'buying_power', money.buying_power::text, 'options_buying_power', money.options_buying_power::text,
      'settled_cash', money.settled_cash::text) end);
end $$;
comment on function private.account_facts(public.trades) is
  'What the broker said of a trade''s account: its rules by the newest word, its money by the last of before the session opened; null of an account into which nothing was entered.';

create function private.money_since(p_trade public.trades, p_as_of timestamptz) returns jsonb
language sql stable set search_path = ''
as $$
  with later as (
    select t.id from public.trades as t
    where t.user_id = p_trade.user_id and t.broker_account_id = p_trade.broker_account_id and t.event_at > p_as_of
  ), booked as (
    select f.symbol, sum(f.quantity_change) as quantity,
      sum(greatest(f.quantity_change, 0) * f.price * f.multiplier + f.fee) filter (where f.side = 'buy') as spent
    from public.fills as f join later on later.id = f.trade_id group by f.symbol
  ), working as (
    select o.symbol, sum(o.open) filter (where o.side = 'buy') as to_buy, sum(o.open) filter (where o.side = 'sell') as to_sell
    from private.open_legs as o
    where o.broker_account_id = p_trade.broker_account_id and o.trade_id <> p_trade.id and o.trade_id not in (select id from later)
    group by o.symbol
  ), then_open as (
    select i.symbol, i.multiplier, coalesce(b.quantity, 0) - coalesce(f.quantity, 0) as quantity, coalesce(w.to_buy, 0) as to_buy,
      coalesce(w.to_sell, 0) as to_sell
    from public.instruments as i
      left join public.position_books as b on b.broker_account_id = p_trade.broker_account_id and b.symbol = i.symbol
      left join booked as f on f.symbol = i.symbol
      left join working as w on w.symbol = i.symbol
    where i.symbol in (select symbol from booked union select symbol from working
      union select symbol from public.position_books where broker_account_id = p_trade.broker_account_id and quantity <> 0)
  ), there as (
    select * from then_open where quantity <> 0 or to_buy <> 0 or to_sell <> 0
  )
  select jsonb_build_object(
    'moved', (select coalesce(sum(c.amount), 0)::text from public.cash_movements as c
      where c.broker_account_id = p_trade.broker_account_id and c.user_id = p_trade.user_id and c.occurred_at > p_as_of
        and c.occurred_at <= p_trade.event_at and c.kind in ('deposit', 'withdrawal')),
    'spent', (select coalesce(sum(spent), 0)::text from booked),
    'then', (select coalesce(jsonb_agg(jsonb_build_object('symbol', symbol, 'position', quantity::text, 'to_buy', to_buy::text,
        'to_sell', to_sell::text, 'multiplier', multiplier::text) order by symbol), '[]') from there),
    'packages_then', (select coalesce(jsonb_agg(w.legs order by w.trade_id), '[]')
      from (select o.trade_id, jsonb_object_agg(o.symbol, o.quantity::text) as legs
        from private.working_options('account', p_trade) as o where o.trade_id not in (select id from later) group by o.trade_id) as w),
    'marks', (select coalesce(jsonb_object_agg(m.symbol, jsonb_build_object('mark', m.mark::text, 'marked_at', m.marked_at)), '{}')
      from public.position_marks as m where m.symbol in (select symbol from there)))
$$;
comment on function private.money_since(public.trades, timestamptz) is
  'What moved on a trade''s account since a moment: deposits and withdrawals, what was paid for what was bought, and what was open then. Orders placed by then count as working then.';

create function private.restriction_refusal(p_account_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  rules record;
begin
  select r.blocked, r.closing_only into rules from public.broker_account_rules as r
  where r.broker_account_id = p_account_id order by r.as_of desc limit 1;
  return case
    when rules.blocked is not null then jsonb_build_object('code', 'ACCOUNT_BLOCKED', 'blocked', rules.blocked)
    when rules.closing_only then jsonb_build_object('code', 'CLOSING_ONLY', 'closing_only', 'yes') end;
end $$;
comment on function private.restriction_refusal(uuid) is 'Why the broker takes no entry of the account, by its newest word, or null.';

create function public.risk_book(p_trade_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'trade', to_jsonb(t) || jsonb_build_object(
      'quantity', t.quantity::text, 'notional', t.notional::text, 'price', t.price::text, 'stop_price', t.stop_price::text,
      'trail_price', t.trail_price::text, 'trail_percent', t.trail_percent::text, 'planned_stop', t.planned_stop::text,
      'worse_quantity', case when t.quantity is not null then private.worse_quantity(t)::text end),
    'is_paper', (select a.is_paper from public.broker_accounts as a where a.id = t.broker_account_id),
    'legs', (select jsonb_agg(jsonb_build_object('symbol', l.symbol, 'side', l.side, 'position_intent', l.position_intent,
        'ratio', l.ratio, 'kind', i.kind, 'multiplier', i.multiplier::text, 'underlying', i.underlying, 'option_right', i.option_right,
        'strike', i.strike::text, 'expires_on', i.expires_on, 'shortable', i.shortable,
        'quote', (select jsonb_build_object('bid', q.bid::text, 'ask', q.ask::text, 'bid_size', q.bid_size::text,
            'ask_size', q.ask_size::text, 'quoted_at', q.quoted_at, 'feed', q.feed, 'delay_seconds', q.delay_seconds)
          from (
            select s.symbol, s.bid, s.ask, s.bid_size, s.ask_size, s.quoted_at, s.feed, s.delay_seconds from public.quotes_latest as s
            union all
            select o.symbol, o.bid, o.ask, o.bid_size, o.ask_size, o.quoted_at, o.feed, o.delay_seconds from public.option_quotes_latest as o
          ) as q where q.symbol = l.symbol order by q.quoted_at desc limit 1)) order by l.leg)
      from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol where l.trade_id = t.id),
    'exposures', (select jsonb_object_agg(scopes.scope, coalesce((
        select jsonb_agg(jsonb_build_object('symbol', e.symbol, 'position', e.quantity::text, 'to_buy', e.to_buy::text,
          'to_sell', e.to_sell::text, 'multiplier', e.multiplier::text) order by e.symbol)
        from (
          select x.symbol, sum(x.quantity) as quantity, sum(x.to_buy) as to_buy, sum(x.to_sell) as to_sell, max(x.multiplier) as multiplier
          from private.exposure(scopes.scope, t) as x group by x.symbol) as e), '[]'::jsonb))
      from private.judged_scopes(t) as scopes),
    'packages', (select jsonb_object_agg(scopes.scope, coalesce((
        select jsonb_agg(w.legs order by w.trade_id)
        from (select o.trade_id, jsonb_object_agg(o.symbol, o.quantity::text) as legs
          from private.working_options(scopes.scope, t) as o group by o.trade_id) as w), '[]'::jsonb))
      from private.judged_scopes(t) as scopes),
    'marks', coalesce((select jsonb_object_agg(m.symbol, jsonb_build_object('mark', m.mark::text, 'marked_at', m.marked_at))
      from public.position_marks as m
      where m.symbol in (select l.symbol from public.trade_legs as l where l.trade_id = t.id)
        or m.symbol in (select b.symbol from public.position_books as b where b.quantity <> 0)
        or m.symbol in (select o.symbol from private.open_legs as o)), '{}'::jsonb),
    'limits', coalesce((select jsonb_agg(jsonb_build_object(
        'scope', r.scope, 'symbol', r.symbol, 'name', r.name, 'value', r.value::text, 'unit', r.unit))
      from private.limits_on(t) as r), '[]'::jsonb),
    'closed_gates', coalesce((select jsonb_agg(g.gate_key order by g.gate_key) from public.trading_gates as g
      where g.gate_key = any (private.gates_of(t.user_id, t.broker_account_id, t.strategy_id)) and g.closed), '[]'::jsonb),
    'account', private.account_facts(t),
    'sessions', coalesce((select jsonb_agg(jsonb_build_object('date', c.session_date, 'opens_at', c.opens_at, 'closes_at', c.closes_at)
        order by c.session_date)
      from public.market_calendar as c
      where c.session_date between (t.event_at at time zone 'America/New_York')::date - 7
        and (t.event_at at time zone 'America/New_York')::date + 7), '[]'::jsonb))
  from public.trades as t where t.id = p_trade_id
$$;
comment on function public.risk_book(uuid) is 'Everything the rules look at for one trade, in one snapshot; amounts as text.';

create function private.trigger_price(p_trade public.trades, p_mark numeric) returns numeric
language sql immutable set search_path = ''
as $$
  -- As ProposedOrder.trigger_price() has it. A trailing stop only ever comes nearer, so that it is worst where it begins.
  select case when stop is null or p_mark is null then p_mark when p_trade.side = 'buy' then greatest(stop, p_mark) else least(stop, p_mark) end
  from (select case when p_trade.order_type = 'trailing_stop'
      then greatest(p_mark + case p_trade.side when 'buy' then 1 else -1 end * coalesce(p_trade.trail_price, p_mark * p_trade.trail_percent / 100), 0)
      else p_trade.stop_price end as stop) as s
$$;
comment on function private.trigger_price(public.trades, numeric) is
  'Where an order of one symbol meets the market: at the mark, or at its stop where that is worse. Null without a mark.';

create function private.least_worth(p_options jsonb, p_beyond boolean)
returns table (piece text, root text, sold_until date, sold_calls numeric, worth numeric)
language sql immutable set search_path = ''
as $$
  -- The least that options of one piece and root are worth at expiry lies at nothing, at a strike, or beyond the highest
  -- one: twice that with p_beyond. What is held covers what is sold and expires on the same day or before; of several expiries
  -- the last, so that none is counted twice. As functions/risk/option_payoff.py has it.
  with parts as (
    select o ->> 'piece' as piece, p.occ[1] as root, ('20' || p.occ[2])::date as expires_on, p.occ[3] as option_right,
      p.occ[4]::numeric / 1000 as strike, sum((o ->> 'units')::numeric) as units
    from jsonb_array_elements(p_options) as o, lateral (select private.occ_parts(o ->> 'symbol') as occ) as p
    group by 1, 2, 3, 4, 5 having sum((o ->> 'units')::numeric) <> 0
  ), sets as (
    select a.*, coalesce((select max(s.expires_on) from parts as s
      where s.piece = a.piece and s.root = a.root and s.units < 0 and s.expires_on <= a.expires_on), a.expires_on) as until
    from parts as a
  ), prices as (
    select distinct s.piece, s.root, s.until, p.price
    from sets as s, lateral (values (0::numeric), (s.strike),
      (case when p_beyond then 2 * (select max(m.strike) from sets as m where (m.piece, m.root, m.until) = (s.piece, s.root, s.until)) end)) as p (price)
    where p.price is not null
  ), worths as (
    select p.piece, p.root, p.until, p.price,
      sum(s.units * greatest(case s.option_right when 'C' then p.price - s.strike else s.strike - p.price end, 0)) as worth
    from prices as p join sets as s on (s.piece, s.root, s.until) = (p.piece, p.root, p.until)
    group by p.piece, p.root, p.until, p.price
  )
  select w.piece, w.root, w.until,
    (select greatest(-sum(s.units), 0) from sets as s where (s.piece, s.root, s.until) = (w.piece, w.root, w.until) and s.option_right = 'C'),
    min(w.worth)
  from worths as w group by w.piece, w.root, w.until
$$;
comment on function private.least_worth(jsonb, boolean) is
  'What options [{"piece", "symbol", "units"}] are worth at expiry at the least, dollars, and the units of calls that nothing covers: by piece, root and the expiry of what is sold.';

create function private.options_capital(
  p_scope text, p_trade public.trades, p_quantity numeric, p_marks jsonb, p_symbol text) returns numeric
language sql stable set search_path = ''
as $$
  -- What an account holds of one root counts together, with the order and without it, and each as it is left by the orders
  -- that close something, the worst of the four; each order that may open something counts apart.
  with exposed as (
    select 'account|' || e.broker_account_id as piece, e.symbol, e.quantity, e.to_buy - e.to_sell as working
    from private.exposure(p_scope, p_trade) as e where private.occ_parts(e.symbol) is not null
  ), opening as (
    select 'account|' || t.broker_account_id as piece, w.symbol, sum(w.quantity) as quantity
    from private.working_options(p_scope, p_trade) as w join public.trades as t on t.id = w.trade_id group by 1, 2
  ), held as (
    select m.moment, e.piece, e.symbol,
      e.quantity + case when m.moment in ('left', 'after_left') then e.working - coalesce(o.quantity, 0) else 0 end as quantity
    from exposed as e left join opening as o on (o.piece, o.symbol) = (e.piece, e.symbol),
      unnest(array['before', 'left', 'after', 'after_left']) as m (moment)
  ), pieces as (
    select h.moment || '|' || h.piece as piece, h.symbol, h.quantity from held as h where h.quantity <> 0
    union all
    select m.moment || '|account|' || p_trade.broker_account_id, l.symbol, l.ratio * p_quantity * case l.side when 'buy' then 1 else -1 end
    from public.trade_legs as l, unnest(array['after', 'after_left']) as m (moment)
    where l.trade_id = p_trade.id and private.occ_parts(l.symbol) is not null
    union all
    select 'before|' || w.trade_id, w.symbol, w.quantity from private.working_options(p_scope, p_trade) as w
  ), valued as (
    select p.piece, p.symbol, p.quantity * i.multiplier as units,
      case when p_marks ? p.symbol then (p_marks ->> p.symbol)::numeric else m.mark end as mark
    from pieces as p join public.instruments as i on i.symbol = p.symbol left join public.position_marks as m on m.symbol = p.symbol
    where p_symbol is null or p.symbol = p_symbol
  ), worths as (
    select * from private.least_worth((select coalesce(jsonb_agg(to_jsonb(v)), '[]') from valued as v), true)
  ), sets as (
    -- Each option is valued in the set that it is looked at with: the last sold expiry that it covers, else its own.
    select v.piece, w.root, w.sold_until, w.worth, sum(v.units * v.mark) as value, bool_or(v.mark is null) as unknown
    from valued as v join worths as w on w.piece = v.piece and w.root = (private.occ_parts(v.symbol))[1]
      and w.sold_until = (select max(x.sold_until) from worths as x
        where x.piece = v.piece and x.root = w.root and x.sold_until <= ('20' || (private.occ_parts(v.symbol))[2])::date)
    group by v.piece, w.root, w.sold_until, w.worth
  ), by_piece as (
    select regexp_replace(s.piece, '^[a-z_]+\|', '') as piece, split_part(s.piece, '|', 1) as moment,
      case when bool_or(s.unknown) then 'infinity'::numeric else sum(greatest(s.value - s.worth, 0)) end as capital
    from sets as s group by s.piece
  ), worse as (
    select max(b.capital) as capital from by_piece as b group by b.piece
  )
  select coalesce(sum(w.capital), 0) from worse as w
$$;
comment on function private.options_capital(text, public.trades, numeric, jsonb, text) is
  'The capital that options keep at work in a scope after the trade, dollars: what they could lose from the marks on; infinity where a mark is missing.';

create function private.net_mark(p_trade public.trades, p_marks jsonb) returns numeric
language sql stable set search_path = ''
as $$
  select case when bool_and(p_marks ->> l.symbol is not null) then
    sum(case l.side when 'buy' then 1 else -1 end * l.ratio * (p_marks ->> l.symbol)::numeric) end
  from public.trade_legs as l where l.trade_id = p_trade.id
$$;
comment on function private.net_mark(public.trades, jsonb) is
  'What a unit of the order is worth at the marks, net: positive pays. Null where a mark is missing.';

create function private.loss_refusal(p_trade public.trades, p_quantity numeric, p_marks jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  l public.risk_limits;
  unit_price numeric := coalesce(p_trade.price, case when p_trade.multi_leg then private.net_mark(p_trade, p_marks)
    else private.trigger_price(p_trade, (p_marks ->> p_trade.symbol)::numeric) end);
  size numeric;
  distance numeric;
  loss numeric;
begin
  -- What the rule max_loss_per_trade says, said once more where nothing can change in between.
  select * into l from private.limits_on(p_trade) as r where r.name = 'max_loss_per_trade' order by r.value, r.scope limit 1;
  if not found then
    return null;
  end if;
  if unit_price is null then
    return jsonb_build_object('code', 'MISSING_MARK', 'symbol', p_trade.symbol);
  end if;
  select p_quantity * i.multiplier into size from public.instruments as i where i.symbol = p_trade.symbol;
  if p_trade.multi_leg or (p_trade.planned_stop is null and p_trade.side = 'sell') then
    -- At expiry, with what was paid or received. Null, without a bound, where a share or an uncovered call is sold.
    select case when bool_and(private.occ_parts(g.symbol) is not null) then (
      select case when bool_or(w.sold_calls > 0) is not true then -sum(w.worth) end from private.least_worth(jsonb_agg(to_jsonb(g)), false) as w) end
    into loss
    from (
      select 'order' as piece, o.symbol, case o.side when 'buy' then 1 else -1 end * o.ratio * p_quantity * i.multiplier as units
      from public.trade_legs as o join public.instruments as i on i.symbol = o.symbol where o.trade_id = p_trade.id) as g;
    if loss is null then
      return jsonb_build_object('code', 'MISSING_STOP', 'loss', 'unbounded', 'scope', l.scope, 'limit', trim_scale(l.value)::text);
    end if;
    loss := greatest(loss + case when p_trade.multi_leg then unit_price else -unit_price end * size, 0);
  else
    distance := case when p_trade.planned_stop is null then unit_price
      when p_trade.side = 'buy' then unit_price - p_trade.planned_stop else p_trade.planned_stop - unit_price end;
    if distance <= 0 then
      return jsonb_build_object('code', 'STOP_ON_WRONG_SIDE', 'price', trim_scale(unit_price)::text, 'stop', trim_scale(p_trade.planned_stop)::text);
    end if;
    loss := size * distance;
  end if;
  if loss > l.value then
    return jsonb_build_object('code', 'MAX_LOSS_PER_TRADE', 'scope', l.scope, 'limit', trim_scale(l.value)::text,
      'after', trim_scale(loss)::text, 'unit', l.unit);
  end if;
  return null;
end $$;
comment on function private.loss_refusal(public.trades, numeric, jsonb) is
  'Why the trade could lose more than a limit allows, or null: quantity, to the planned stop or at expiry, in dollars.';

create function private.package_refusal(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select case
    when count(*) <> count(private.occ_parts(l.symbol)) or count(distinct (private.occ_parts(l.symbol))[1]) > 1
      or count(distinct i.multiplier) > 1
    then jsonb_build_object('code', 'MULTI_LEG_NOT_JUDGED', 'symbols', string_agg(l.symbol, ',' order by l.leg))
    -- One leg opens, so the whole is an entry: what another says to close is held to what is there all the same.
    when count(*) filter (where l.position_intent like '%\_to\_close' and not coalesce((
        select ((b.quantity > 0 and l.side = 'sell') or (b.quantity < 0 and l.side = 'buy'))
          and private.added_open(p_trade.replaces_trade_id, l.leg, l.quantity, l.filled_quantity)
            <= abs(b.quantity) - private.working_quantity(p_trade.broker_account_id, l.symbol, l.side, p_trade.id)
        from public.position_books as b
        where b.broker_account_id = p_trade.broker_account_id and b.symbol = l.symbol), false)) > 0
    then jsonb_build_object('code', 'WOULD_NOT_REDUCE', 'quantity', trim_scale(p_trade.quantity)::text) end
  from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol
  where l.trade_id = p_trade.id having count(*) > 1
$$;
comment on function private.package_refusal(public.trades) is
  'Why an order of several legs cannot be judged as one, or null: its legs are options of one root and one multiplier, and those that are said to close do.';

create function private.exposure_refusal(p_trade public.trades, p_quantity numeric, p_marks jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  l public.risk_limits;
  after_trade numeric;
begin
  -- Each limit is held against the exposure of its own scope, working orders at their worse side. A long position of one
  -- account does not lessen a short one of another: each may be closed alone.
  for l in
    select * from private.limits_on(p_trade) as r where r.name in ('position_limit', 'capital_limit') order by r.value, r.scope
  loop
    with ordered as (
      select o.symbol, o.side, o.ratio * p_quantity as quantity, i.multiplier
      from public.trade_legs as o join public.instruments as i on i.symbol = o.symbol where o.trade_id = p_trade.id
    ), together as (
      select e.broker_account_id, e.symbol, e.quantity, e.to_buy, e.to_sell, e.multiplier from private.exposure(l.scope, p_trade) as e
      union all
      select p_trade.broker_account_id, o.symbol, 0, case when o.side = 'buy' then o.quantity else 0 end,
        case when o.side = 'sell' then o.quantity else 0 end, o.multiplier from ordered as o
    ), by_account as (
      select g.symbol, max(g.multiplier) as multiplier,
        greatest(abs(sum(g.quantity) + sum(g.to_buy)), abs(sum(g.quantity) - sum(g.to_sell))) as quantity
      from together as g where l.symbol is null or g.symbol = l.symbol group by g.broker_account_id, g.symbol
    ), worst as (
      select a.symbol, max(a.multiplier) as multiplier, sum(a.quantity) as quantity from by_account as a group by a.symbol
    ), valued as (
      select w.*, case when not w.symbol in (select o.symbol from ordered as o) then m.mark
        else greatest((p_marks ->> w.symbol)::numeric, private.trigger_price(p_trade, (p_marks ->> w.symbol)::numeric)) end as mark,
        private.occ_parts(w.symbol) is not null as is_option
      from worst as w left join public.position_marks as m on m.symbol = w.symbol
    )
    select case l.name
      when 'position_limit' then max(v.quantity) filter (where v.symbol in (select o.symbol from ordered as o))
      -- A position without a mark makes the sum unknown, and unknown is never small. Options count by what they could lose.
      else case when bool_or(v.mark is null and v.quantity <> 0 and not v.is_option) then 'infinity'::numeric
        else coalesce(sum(v.quantity * v.multiplier * coalesce(v.mark, 0)) filter (where not v.is_option), 0)
          + private.options_capital(l.scope, p_trade, p_quantity, p_marks, l.symbol) end
      end
    into after_trade from valued as v;
    if after_trade > l.value then
      return jsonb_build_object('code', upper(l.name), 'scope', l.scope, 'limit', trim_scale(l.value)::text,
        'after', trim_scale(after_trade)::text, 'unit', l.unit);
    end if;
  end loop;
  return private.loss_refusal(p_trade, p_quantity, p_marks);
end $$;
comment on function private.exposure_refusal(public.trades, numeric, jsonb) is 'The first hard limit that the trade would break, or null. Call under lock_scopes().';

create function private.record_verdicts(p_trade public.trades, p_decisions jsonb) returns void
language sql set search_path = ''
as $$
  insert into public.risk_decisions (trade_id, number, user_id, rule, verdict, numbers)
  select p_trade.id, (select coalesce(max(number), 0) from public.risk_decisions where trade_id = p_trade.id) + d.ordinality::integer,
    p_trade.user_id, d.value ->> 'rule', d.value ->> 'verdict', coalesce(d.value -> 'numbers', '{}'::jsonb)
  from jsonb_array_elements(p_decisions) with ordinality as d
$$;
comment on function private.record_verdicts(public.trades, jsonb) is 'Keeps the verdicts of the rules on one trade.';

create function public.approve_trade(p_trade_id uuid, p_decisions jsonb, p_marks jsonb, p_quantity text default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  gate text;
  refused jsonb;
  reducing boolean;
  -- A mark that is no price is no mark: it stands as null, so that no older one takes its place.
  marks jsonb := coalesce((select jsonb_object_agg(m.key, case when m.value::numeric > 0 and m.value::numeric <> 'NaN' then m.value end)
    from jsonb_each_text(p_marks) as m), '{}');
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id, true);
  select * into trade from public.trades where id = p_trade_id for update;
  if trade.status <> 'pending' then
    return jsonb_build_object('status', trade.status, 'changed', false);
  end if;
  if p_quantity is not null then
    if p_quantity::numeric > trade.quantity then
      perform private.refuse(422, 'ONLY_SMALLER', 'Risk may reduce an order, never enlarge it.', jsonb_build_object('asked', p_quantity, 'ordered', trade.quantity));
    end if;
    update public.trades set quantity = p_quantity::numeric where id = trade.id returning * into trade;
    update public.trade_legs set quantity = ratio * trade.quantity where trade_id = trade.id;
  end if;
  reducing := private.reduces(trade);
  gate := private.closed_gate(trade.user_id, trade.broker_account_id, trade.strategy_id);
  if not reducing then
    refused := case
      when gate is not null then jsonb_build_object('code', 'GATE_CLOSED', 'gate', gate)
      when private.link_refusal(trade.broker_account_id) is not null
        then jsonb_build_object('code', 'ACCOUNT_NOT_VERIFIED', 'account', trade.broker_account_id)
      when private.restriction_refusal(trade.broker_account_id) is not null then private.restriction_refusal(trade.broker_account_id)
      when trade.quantity is null then jsonb_build_object('code', 'NOTIONAL_NOT_JUDGED', 'notional', trade.notional::text)
      when trade.reduce_only then jsonb_build_object('code', 'WOULD_NOT_REDUCE', 'quantity', trade.quantity::text)
      else coalesce(private.package_refusal(trade), private.exposure_refusal(trade, private.worse_quantity(trade), marks)) end;
  end if;
  perform private.record_verdicts(trade, p_decisions || case when refused is null then '[]'::jsonb
    else jsonb_build_array(jsonb_build_object('rule', refused ->> 'code', 'verdict', 'deny', 'numbers', refused - 'code')) end);
  if refused is not null then
    update public.trades set status = 'rejected', refusal = (refused ->> 'code') || ': ' || (
        select string_agg(key || '=' || value, ' ') from jsonb_each_text(refused - 'code')), status_at = event_at
    where id = trade.id;
    return jsonb_build_object('status', 'rejected', 'changed', true, 'refusal', refused);
  end if;
  update public.trades set status = 'approved' where id = trade.id;
  return jsonb_build_object('status', 'approved', 'changed', true);
end $$;
comment on function public.approve_trade(uuid, jsonb, jsonb, text) is
  'Approves a pending trade after re-checking gates and hard limits under lock; rejects it where they refuse. p_marks values each symbol ordered: {"SPY": "271.5"}. Safe to call again.';

create function public.reject_trade(p_trade_id uuid, p_decisions jsonb, p_refusal text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades where id = p_trade_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  if trade.status <> 'pending' then
    return jsonb_build_object('status', trade.status, 'changed', false);
  end if;
  perform private.record_verdicts(trade, p_decisions);
  update public.trades set status = 'rejected', refusal = p_refusal where id = trade.id;
  return jsonb_build_object('status', 'rejected', 'changed', true);
end $$;
comment on function public.reject_trade(uuid, jsonb, text) is 'Rejects a pending trade with the rule''s reason. Safe to call again.';

create function public.expire_trade(p_trade_id uuid, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  -- An exit is placed anew, which takes the locks of an order, before the trade's.
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  select * into trade from public.trades where id = p_trade_id for update;
  if trade.status in ('pending', 'approved') and p_now > trade.good_until then
    perform private.expire(trade, 'TOO_LATE: good_until=' || trade.good_until || ' now=' || p_now, p_now);
    select * into trade from public.trades where id = p_trade_id;
  end if;
  return jsonb_build_object('status', trade.status);
end $$;
comment on function public.expire_trade(uuid, timestamptz) is 'Expires a trade that was not sent in time; an exit is placed anew at a price of now. Safe to call again.';

grant execute on function public.expire_trade(uuid, timestamptz), public.pending_trades(uuid), public.risk_book(uuid), public.approve_trade(uuid, jsonb, jsonb, text),
  public.reject_trade(uuid, jsonb, text) to fn_risk;
grant execute on function public.options_needed(timestamptz) to fn_ingest;
