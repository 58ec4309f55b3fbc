-- What the book of a trade says of profit and loss by scope, for the rules that look at it.

create function private.book_results(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select '{}'::jsonb
$$;
comment on function private.book_results(public.trades) is 'Of a trade''s book: profit and loss by scope, for the rules that look at it.';
