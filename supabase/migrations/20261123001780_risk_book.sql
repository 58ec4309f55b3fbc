-- What is judged, and everything that the rules look at for it.

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
      union select b.symbol from public.position_books as b where b.quantity <> 0
      union select private.roll_candidates(p_now))
$$;
comment on function public.options_needed(timestamptz) is
  'The options whose quotes are needed: of orders that are not over, of open positions and of what those are about to be rolled into; those that have expired at p_now left out.';

create function public.contracts_in_hand(p_underlying text, p_on date) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with deciding as (
    select s.id, s.broker_account_id, s.timeframe from public.strategies as s where s.status = 'active'
  ), in_hand as (
    select d.timeframe, p.symbol from deciding as d
    join public.strategy_positions as p on p.broker_account_id = d.broker_account_id and p.owner_key = d.id::text and p.quantity <> 0
    union
    select d.timeframe, l.symbol from deciding as d
    join public.trades as t on t.strategy_id = d.id and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
    join public.trade_legs as l on l.trade_id = t.id
  )
  -- Without a listing it has no quote that could be recorded: the first one comes with quote_open_options.
  select coalesce(jsonb_agg(jsonb_build_object('symbol', c.symbol, 'expiry', c.expires_on, 'strike', trim_scale(c.strike)::text,
    'open_interest', c.open_interest, 'timeframes', h.timeframes) order by c.symbol), '[]'::jsonb)
  from public.option_contracts as c
  join (select symbol, jsonb_agg(timeframe order by timeframe) as timeframes from in_hand group by symbol) as h on h.symbol = c.symbol
  where c.underlying = p_underlying and c.expires_on >= p_on
$$;
comment on function public.contracts_in_hand(text, date) is
  'The listed contracts on an underlying that positions and orders of active strategies are in, expired ones left out: [{"symbol", "expiry", "strike", "open_interest", "timeframes": those of the strategies}].';

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

create function private.counts_underlying(p_name text) returns boolean
language sql stable set search_path = ''
as $$
  select p_name in ('blackout_days_before', 'ex_dividend_days', 'min_volume', 'stale_bars', 'symbol_concentration')
    or exists (select from public.risk_limit_kinds as k where k.name = p_name and k.family = 'protection')
$$;
comment on function private.counts_underlying(text) is
  'Whether to a limit an option counts as its underlying, so that one that is set for a share holds orders in options on it too.';

create function private.limits_on(p_trade public.trades) returns setof public.risk_limits
language sql stable set search_path = ''
as $$
  select r.* from public.risk_limits as r
  where r.value is not null
    and (r.scope = 'global' or (r.scope = 'user' and r.user_id = p_trade.user_id)
      or r.broker_account_id = p_trade.broker_account_id or r.strategy_id = p_trade.strategy_id)
    and (r.symbol is null or r.symbol in (select l.symbol from public.trade_legs as l where l.trade_id = p_trade.id)
      or (private.counts_underlying(r.name) and r.symbol in (select i.underlying
        from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol where l.trade_id = p_trade.id)))
$$;
comment on function private.limits_on(public.trades) is
  'The limits that apply to a trade, of every scope and of each symbol that it trades; of an option its underlying too, where the limit looks at that.';

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
        and q.quoted_at >= p_trade.event_at - private.seconds(coalesce((
          select min(r.value) from private.limits_on(p_trade) as r where r.name = 'stale_quote'), 120))))
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

create function private.book_seen(p_trade public.trades) returns text
language sql stable set search_path = ''
as $$
  -- A limit that counts over everybody's orders makes everybody's approvals count.
  select concat_ws('.',
    coalesce((select sum(o.approved) from private.order_rounds as o
      where o.user_id = p_trade.user_id or exists (select from public.risk_limits as g join public.risk_limit_kinds as k on k.name = g.name
        where g.scope = 'global' and g.value is not null and k.counts)), 0),
    coalesce((select sum(r.version) from public.risk_limits as r
      where r.scope = 'global' or r.user_id = p_trade.user_id), 0))
$$;
comment on function private.book_seen(public.trades) is
  'Names what a book of a trade knows: the approvals that its limits count, and the versions of the limits.';

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
        -- What two strategies hold against each other is nothing in the account's book, and something in theirs.
        or m.symbol in (select p.symbol from public.strategy_positions as p where p.strategy_id = t.strategy_id and p.quantity <> 0)
        or m.symbol in (select o.symbol from private.open_legs as o)), '{}'::jsonb),
    'limits', coalesce((select jsonb_agg(jsonb_build_object(
        'scope', r.scope, 'symbol', r.symbol, 'name', r.name, 'value', r.value::text, 'unit', r.unit,
        'parameters', r.parameters, 'act', r.act))
      from private.limits_on(t) as r), '[]'::jsonb),
    'closed_gates', coalesce((select jsonb_agg(g.gate_key order by g.gate_key) from public.trading_gates as g
      where g.gate_key = any (private.gates_of(t.user_id, t.broker_account_id, t.strategy_id)) and g.closed), '[]'::jsonb),
    'account', private.account_facts(t),
    'seen', private.book_seen(t),
    'orders', private.book_orders(t),
    'market', private.book_market(t),
    'results', private.book_results(t),
    'closed', private.book_closed(t),
    'sessions', coalesce((select jsonb_agg(jsonb_build_object('date', c.session_date, 'opens_at', c.opens_at, 'closes_at', c.closes_at)
        order by c.session_date)
      from public.market_calendar as c
      where c.session_date between (t.event_at at time zone 'America/New_York')::date - 7
        and (t.event_at at time zone 'America/New_York')::date + 7), '[]'::jsonb))
  from public.trades as t where t.id = p_trade_id
$$;
comment on function public.risk_book(uuid) is 'Everything the rules look at for one trade, in one snapshot; amounts as text.';

create function public.pending_trades(p_account_id uuid default null) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  waiting jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', t.id, 'broker_account_id', t.broker_account_id,
    'waits_for_exit', private.waits_for_exit(t)) order by t.placed_number), '[]'::jsonb)
  into waiting from public.trades as t where status = 'pending' and (p_account_id is null or broker_account_id = p_account_id);
  if jsonb_array_length(waiting) > 0 then
    begin
      -- Mostly one trade waits: its book comes with the answer, and spares a call.
      waiting := jsonb_set(waiting, '{0,book}', public.risk_book((waiting -> 0 ->> 'trade_id')::uuid));
    exception when others then
      -- Whoever asks for this book alone meets the error; the other trades are judged all the same.
      null;
    end;
  end if;
  return waiting;
end $$;
comment on function public.pending_trades(uuid) is 'Trades that risk has not judged, in the order they were placed; the first with its risk_book.';

grant execute on function public.pending_trades(uuid), public.risk_book(uuid) to fn_risk;
grant execute on function public.options_needed(timestamptz), public.contracts_in_hand(text, date) to fn_ingest;
