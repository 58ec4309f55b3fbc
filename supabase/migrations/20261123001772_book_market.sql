-- What the book of a trade says of quotes, volumes, greeks, sectors and dates, for the rules that look at them.

create function private.book_buying_back(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  -- A person's own order, one with a price, and one whose cancel was asked for may never fill.
  select coalesce(jsonb_object_agg(w.symbol, w.open::text), '{}')
  from (
    select o.symbol, sum(o.open) as open
    from private.open_legs as o join public.trades as t on t.id = o.trade_id
    where o.broker_account_id = p_trade.broker_account_id and o.side = 'buy' and o.reduce_only and o.order_type = 'market' and t.source = 'risk'
      and t.cancel_requested_at is null and o.status <> 'unknown' and o.trade_id <> p_trade.id and private.occ_parts(o.symbol) is not null
    group by o.symbol having sum(o.open) > 0) as w
$$;
comment on function private.book_buying_back(public.trades) is
  'Of a trade''s book: the sold options that a halt, a deactivation or an exit buys back at the market on its account, contracts by symbol.';

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

create function private.book_sectors(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  -- An option's is that of what it is on.
  return (
    select coalesce(jsonb_object_agg(i.symbol, coalesce(i.sector, u.sector)), '{}')
    from public.instruments as i left join public.instruments as u on u.symbol = i.underlying
    where i.symbol in (select l.symbol from public.trade_legs as l where l.trade_id = p_trade.id
      union select e.symbol from private.exposure('account', p_trade) as e));
end $$;
comment on function private.book_sectors(public.trades) is 'Of a trade''s book: the sector of what is ordered and open on its account, by symbol.';

create function private.book_greeks(p_trade public.trades) returns jsonb
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
    where i.kind = 'option' and num_nonnulls(i.option_right, i.strike, i.expires_on) = 3
      and i.symbol in (select l.symbol from public.trade_legs as l where l.trade_id = p_trade.id
        union select e.symbol from private.exposure('account', p_trade) as e));
end $$;
comment on function private.book_greeks(public.trades) is
  'Of a trade''s book: the options that are ordered and open on its account with the feed''s greeks, and what it takes to reckon them where there are none.';

create function private.book_portfolio(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  names text[] := coalesce((select array_agg(r.name) from private.limits_on(p_trade) as r), '{}');
begin
  -- What no limit asks for is not looked up.
  return jsonb_build_object(
    'equity', case when names && array['symbol_concentration', 'sector_concentration', 'margin_utilisation'] then private.book_equity(p_trade) end)
    || case when 'sector_concentration' = any (names) then jsonb_build_object('sectors', private.book_sectors(p_trade)) else '{}' end
    || case when names && array['net_delta_limit', 'net_gamma_limit', 'net_vega_limit'] then jsonb_build_object('greeks', private.book_greeks(p_trade))
      else '{}' end;
end $$;
comment on function private.book_portfolio(public.trades) is 'Of a trade''s book: equity, sectors and greeks, those that a limit of the trade asks for.';

create function private.book_market(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select private.book_portfolio(p_trade) || jsonb_build_object('buying_back', private.book_buying_back(p_trade))
$$;
comment on function private.book_market(public.trades) is 'Of a trade''s book: quotes, volumes, greeks, sectors and dates, for the rules that look at them.';
