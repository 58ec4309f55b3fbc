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

create function private.book_market(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('buying_back', private.book_buying_back(p_trade))
$$;
comment on function private.book_market(public.trades) is 'Of a trade''s book: quotes, volumes, greeks, sectors and dates, for the rules that look at them.';
