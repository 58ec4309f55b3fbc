-- What the book of a trade says of quotes, volumes, greeks, sectors and dates, for the rules that look at them.

-- One plan for all calls: to plan over sixty months of bars costs more than to read two of them.
create function private.average_volume(p_symbol text, p_until timestamptz) returns numeric
language plpgsql stable set search_path = '' set plan_cache_mode = 'force_generic_plan'
as $$
begin
  return (select round(avg(b.volume)) from public.bars as b
    where b.symbol = p_symbol and b.timeframe = '1Day' and b.starts_at >= p_until - interval '31 days' and b.starts_at < p_until
      and b.ends_at <= p_until);
end $$;
comment on function private.average_volume(text, timestamptz) is
  'The mean volume of the daily bars of the last 30 days that were over at a time; null where none is stored.';

-- In PL/pgSQL, which keeps its plans: they run for every order. What no limit asks for is not read.
create function private.book_turnover(p_trade public.trades, p_symbols text[], p_limits text[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  volumes jsonb;
  interest jsonb;
begin
  if 'min_volume' = any (p_limits) then
    select jsonb_object_agg(v.symbol, v.volume::text) into volumes
    from (select s as symbol, private.average_volume(s, p_trade.event_at) as volume from unnest(p_symbols) as s) as v where v.volume is not null;
  end if;
  if 'min_open_interest' = any (p_limits) then
    select jsonb_object_agg(c.symbol, jsonb_build_object('contracts', c.open_interest::text, 'on', c.open_interest_on)) into interest
    from public.trade_legs as l join public.option_contracts as c on c.symbol = l.symbol
    where l.trade_id = p_trade.id and c.open_interest is not null
      and c.open_interest_on <= (p_trade.event_at at time zone 'America/New_York')::date;
  end if;
  return jsonb_build_object('daily_volume', coalesce(volumes, '{}'), 'open_interest', coalesce(interest, '{}'));
end $$;
comment on function private.book_turnover(public.trades, text[], text[]) is
  'How much of a trade''s symbols is traded and open, where one of these limits asks for it.';

create function private.book_dates(p_trade public.trades, p_symbols text[], p_limits text[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  today constant date := (p_trade.event_at at time zone 'America/New_York')::date;
  closed jsonb;
  earnings jsonb;
  dividends jsonb;
begin
  select jsonb_agg(jsonb_build_object('kind', b.kind, 'symbol', b.symbol, 'until_date', b.until_date, 'reason', b.reason)
    order by b.symbol, b.until_date desc, b.kind) into closed
  from public.blackout_dates as b
  where b.removed_at is null and (b.user_id is null or b.user_id = p_trade.user_id) and today between b.from_date and b.until_date
    and (b.symbol is null or b.symbol = any (p_symbols) or b.symbol in (select l.symbol from public.trade_legs as l where l.trade_id = p_trade.id));
  if 'blackout_days_before' = any (p_limits) then
    select jsonb_object_agg(n.symbol, n.next) into earnings
    from (select b.symbol, min(b.from_date) filter (where b.until_date >= today) as next, bool_or(b.from_date is null) as none
      from public.blackout_dates as b
      where b.removed_at is null and (b.user_id is null or b.user_id = p_trade.user_id) and b.symbol = any (p_symbols) and b.kind = 'earnings'
      group by b.symbol) as n
    where n.next is not null or n.none;
  end if;
  if 'ex_dividend_days' = any (p_limits) then
    -- Who sells short on the ex-dividend date itself owes nothing any more.
    select jsonb_object_agg(i.symbol, least((select min(x) from unnest(i.ex_dividend_dates) as x where x > today), b.next)) into dividends
    from public.instruments as i
      left join (select e.symbol, min(e.from_date) filter (where e.from_date > today) as next from public.blackout_dates as e
        where e.removed_at is null and (e.user_id is null or e.user_id = p_trade.user_id) and e.symbol = any (p_symbols) and e.kind = 'ex_dividend'
        group by e.symbol) as b on b.symbol = i.symbol
    where i.symbol = any (p_symbols) and (i.ex_dividend_dates <> '{}' or b.symbol is not null);
  end if;
  return jsonb_build_object('today', today, 'blackouts', coalesce(closed, '[]'), 'earnings', coalesce(earnings, '{}'),
    'ex_dividends', coalesce(dividends, '{}'));
end $$;
comment on function private.book_dates(public.trades, text[], text[]) is
  'What the exchange day of a trade means for its symbols: blackouts in force, and the next earnings and ex-dividend dates where one of these limits asks for them.';

create function private.book_bars(p_symbols text[], p_limits text[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if not 'stale_bars' = any (p_limits) then
    return '{}';
  end if;
  return (select coalesce(jsonb_object_agg(m.symbol, m.marked_at), '{}') from public.position_marks as m
    where m.symbol = any (p_symbols) and m.source like 'bar %');
end $$;
comment on function private.book_bars(text[], text[]) is
  'When the newest completed bar of each of these symbols ended, where one of these limits asks for it.';

create function private.buying_back(p_trade public.trades) returns table (symbol text, open numeric)
language sql stable set search_path = ''
as $$
  -- A person's own order, one with a price, and one whose cancel was asked for may never fill.
  select o.symbol, sum(o.open)
  from private.open_legs as o join public.trades as t on t.id = o.trade_id
  where o.broker_account_id = p_trade.broker_account_id and o.side = 'buy' and o.reduce_only and o.order_type = 'market' and t.source = 'risk'
    and t.cancel_requested_at is null and o.status <> 'unknown' and o.trade_id <> p_trade.id and private.occ_parts(o.symbol) is not null
  group by o.symbol having sum(o.open) > 0
$$;
comment on function private.buying_back(public.trades) is
  'The sold options that a halt, a deactivation or an exit buys back at the market on a trade''s account, contracts by symbol.';

create function private.book_buying_back(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$ select coalesce(jsonb_object_agg(w.symbol, w.open::text), '{}') from private.buying_back(p_trade) as w $$;
comment on function private.book_buying_back(public.trades) is
  'Of a trade''s book: what is being bought back at the market on its account.';

create function private.book_equity(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  -- The word that account_facts() takes: the last of before the session opened, else the first.
  return (
    select coalesce(
      (select jsonb_build_object('equity', s.equity::text, 'margin_requirement', s.margin_requirement::text, 'as_of', s.as_of)
       from public.account_snapshots as s
       where s.broker_account_id = p_trade.broker_account_id and s.as_of <= coalesce((select c.opens_at from public.market_calendar as c
         where c.opens_at <= p_trade.event_at and c.closes_at > p_trade.event_at), p_trade.event_at) order by s.as_of desc limit 1),
      (select jsonb_build_object('equity', s.equity::text, 'margin_requirement', s.margin_requirement::text, 'as_of', s.as_of)
       from public.account_snapshots as s where s.broker_account_id = p_trade.broker_account_id order by s.as_of limit 1)));
end $$;
comment on function private.book_equity(public.trades) is
  'Of a trade''s book: what the broker said of the account''s equity and margin before the session opened; null where it said nothing.';

create function private.sectors_of(p_symbols text[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  -- An option's is that of what it is on.
  return (
    select coalesce(jsonb_object_agg(i.symbol, coalesce(i.sector, u.sector)), '{}')
    from public.instruments as i left join public.instruments as u on u.symbol = i.underlying
    where i.symbol = any (p_symbols));
end $$;
comment on function private.sectors_of(text[]) is 'The sector of each of these symbols; null where nobody has entered one.';

create function private.ordered_or_open(p_trade public.trades) returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(select l.symbol from public.trade_legs as l where l.trade_id = p_trade.id
    union select e.symbol from private.exposure('account', p_trade) as e);
end $$;
comment on function private.ordered_or_open(public.trades) is 'What a trade orders, and what is open on its account.';

create function private.greeks_of(p_symbols text[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(i.symbol, jsonb_build_object('right', i.option_right, 'strike', i.strike::text, 'expires_on', i.expires_on,
      'price', coalesce((q.bid + q.ask) / 2, m.mark)::text, 'priced_at', coalesce(q.quoted_at, m.marked_at),
      'delta', q.delta::text, 'gamma', q.gamma::text, 'vega', q.vega::text, 'spot', u.mark::text, 'spot_at', u.marked_at)), '{}')
    from public.instruments as i
      left join public.option_quotes_latest as q on q.symbol = i.symbol
      left join public.position_marks as m on m.symbol = i.symbol
      left join public.position_marks as u on u.symbol = i.underlying
    where i.kind = 'option' and num_nonnulls(i.option_right, i.strike, i.expires_on) = 3 and i.symbol = any (p_symbols));
end $$;
comment on function private.greeks_of(text[]) is
  'The options among these symbols with the feed''s greeks, and what it takes to reckon them where there are none.';

create function private.book_portfolio(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  names text[] := coalesce((select array_agg(r.name) from private.limits_on(p_trade) as r), '{}');
begin
  -- What no limit asks for is not looked up.
  return jsonb_build_object(
    'equity', case when names && array['symbol_concentration', 'sector_concentration', 'margin_utilisation'] then private.book_equity(p_trade) end)
    || case when 'sector_concentration' = any (names) then jsonb_build_object('sectors', private.sectors_of(private.ordered_or_open(p_trade))) else '{}' end
    || case when names && array['net_delta_limit', 'net_gamma_limit', 'net_vega_limit'] then jsonb_build_object('greeks', private.greeks_of(private.ordered_or_open(p_trade)))
      else '{}' end;
end $$;
comment on function private.book_portfolio(public.trades) is 'Of a trade''s book: equity, sectors and greeks, those that a limit of the trade asks for.';

create function private.book_market(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  limits constant text[] := array(select r.name from private.limits_on(p_trade) as r);
  -- What the order is about: its symbols, of options their underlyings.
  symbols constant text[] := array(select distinct coalesce(i.underlying, i.symbol)
    from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol where l.trade_id = p_trade.id);
begin
  return jsonb_build_object(
    'buying_back', private.book_buying_back(p_trade),
    'turnover', private.book_turnover(p_trade, symbols, limits),
    'dates', private.book_dates(p_trade, symbols, limits),
    'bars', private.book_bars(symbols, limits)) || private.book_portfolio(p_trade);
end $$;
comment on function private.book_market(public.trades) is 'Of a trade''s book: quotes, volumes, greeks, sectors and dates, for the rules that look at them.';
