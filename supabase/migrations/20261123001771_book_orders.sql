-- What the book of a trade says of working orders and counts of orders, for the rules that look at them.

create function private.book_orders(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select '{}'::jsonb
$$;
comment on function private.book_orders(public.trades) is 'Of a trade''s book: working orders and counts of orders, for the rules that look at them.';
