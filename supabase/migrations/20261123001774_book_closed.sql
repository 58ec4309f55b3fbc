-- What the book of a trade says of the trades closed lately, for the protections.

create function private.book_closed(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select '{}'::jsonb
$$;
comment on function private.book_closed(public.trades) is 'Of a trade''s book: the trades closed lately, for the protections.';
