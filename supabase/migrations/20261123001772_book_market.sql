-- What the book of a trade says of quotes, volumes, greeks, sectors and dates, for the rules that look at them.

create function private.book_market(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select '{}'::jsonb
$$;
comment on function private.book_market(public.trades) is 'Of a trade''s book: quotes, volumes, greeks, sectors and dates, for the rules that look at them.';
