-- What open dashboards look at.

insert into private.settings (name, value, comment) values
  ('dashboard_watches', '10', 'How many symbols the open dashboards of one user may have market data for.'),
  ('dashboard_watch_life', '5 minutes', 'How long a dashboard''s wish for market data lasts without being said again.');

create table private.dashboard_watches (
  user_id uuid not null references auth.users (id) on delete restrict,
  symbol text not null references public.instruments (symbol) on delete restrict,
  until timestamptz not null,
  primary key (user_id, symbol)
);
comment on table private.dashboard_watches is 'Symbols that an open dashboard wants market data for. It says so again while it is open.';
comment on column private.dashboard_watches.user_id is 'Whose dashboard.';
comment on column private.dashboard_watches.symbol is 'The instrument.';
comment on column private.dashboard_watches.until is 'When the wish ends, UTC, if it is not said again.';
create index dashboard_watches_symbol on private.dashboard_watches (symbol);

create function public.watch_symbols(p_symbols text[]) returns timestamptz
language plpgsql security definer set search_path = ''
as $$
declare
  most integer := (select value::integer from private.settings where name = 'dashboard_watches');
  wanted text[] := array(select distinct s from unnest(p_symbols) as s where s is not null);
  watched_until timestamptz := now() + (select value::interval from private.settings where name = 'dashboard_watch_life');
begin
  if cardinality(wanted) > most then
    perform private.refuse(422, 'TOO_MANY_WATCHED', 'Watch fewer symbols at once: the feed takes only so many for everybody.',
      jsonb_build_object('symbols', cardinality(wanted), 'most', most));
  end if;
  perform private.refuse_unknown_symbols(coalesce((select jsonb_agg(jsonb_build_object('symbol', s)) from unnest(wanted) as s), '[]'));
  -- The last word of the user's dashboards counts; theirs alone is locked, in symbol order.
  delete from private.dashboard_watches where user_id = (select auth.uid()) and symbol <> all (wanted);
  insert into private.dashboard_watches (user_id, symbol, until)
  select (select auth.uid()), s, watched_until from unnest(wanted) as s order by s
  on conflict (user_id, symbol) do update set until = excluded.until;
  return watched_until;
end $$;
comment on function public.watch_symbols(text[]) is
  'An open dashboard says which symbols it shows, instead of those before, and again before the returned time; {} when it closes. They get market data after all that strategies and positions need, as far as the feed takes them.';
grant execute on function public.watch_symbols(text[]) to authenticated;
