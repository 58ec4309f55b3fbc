-- The symbols that a trader keeps in sight, in the order that they chose.

insert into private.settings (name, value, comment) values
  ('watchlist_symbols', '100', 'How many symbols the watchlist of one user may have.');

create table public.watchlists (
  user_id uuid primary key references auth.users (id) on delete restrict,
  symbols text[] not null constraint symbols_are_named check (array_position(symbols, null) is null),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1
);
comment on table public.watchlists is 'The symbols that a user keeps in sight. Market data comes for those that an open dashboard shows: watch_symbols().';
comment on column public.watchlists.user_id is 'Whose list.';
comment on column public.watchlists.symbols is 'Instruments, none twice, in the order that the user chose.';
comment on column public.watchlists.created_at is 'When the row was written, UTC.';
comment on column public.watchlists.updated_at is 'When the row last changed, UTC.';
comment on column public.watchlists.version is 'Grows by one with every change of the row.';
create trigger touch before insert or update on public.watchlists for each row execute function private.touch();
select private.protect_from_delete('public.watchlists');

create function public.set_watchlist(p_symbols text[], p_version bigint default null) returns bigint
language plpgsql security definer set search_path = ''
as $$
declare
  owner constant uuid := (select auth.uid());
  most constant integer := (select value::integer from private.settings where name = 'watchlist_symbols');
  kept public.watchlists;
  now_is bigint;
begin
  if owner is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to keep a watchlist.');
  end if;
  perform private.refuse_reader();
  if p_symbols is null or array_position(p_symbols, null) is not null
    or cardinality(p_symbols) <> (select count(distinct s) from unnest(p_symbols) as s) then
    perform private.refuse(422, 'BAD_WATCHLIST', 'Name symbols, each once.');
  end if;
  if cardinality(p_symbols) > most then
    perform private.refuse(422, 'WATCHLIST_FULL', 'Take a symbol off the list before you add another.',
      jsonb_build_object('symbols', cardinality(p_symbols), 'most', most));
  end if;
  perform private.refuse_unknown_symbols(coalesce((select jsonb_agg(jsonb_build_object('symbol', s)) from unnest(p_symbols) as s), '[]'));
  -- There may be no row to lock yet: of two first lists the second waits here, and is compared.
  perform pg_advisory_xact_lock(hashtextextended('watchlist of ' || owner, 0));
  select * into kept from public.watchlists where user_id = owner;
  -- What says the same as is there was sent again: its answer was lost.
  if p_version <> coalesce(kept.version, 0) and kept.symbols is distinct from p_symbols then
    perform private.refuse(412, 'CHANGED_MEANWHILE', 'Read the watchlist again and decide anew.',
      jsonb_build_object('seen', p_version, 'now', coalesce(kept.version, 0)));
  end if;
  insert into public.watchlists as w (user_id, symbols) values (owner, p_symbols)
  on conflict (user_id) do update set symbols = excluded.symbols where w.symbols <> excluded.symbols
  returning w.version into now_is;
  return coalesce(now_is, kept.version);
end $$;
comment on function public.set_watchlist(text[], bigint) is
  'Sets the caller''s watchlist, whole and in order; returns its version. With p_version: only what is still at that version, 0 where there is none yet. Safe to call again.';
grant execute on function public.set_watchlist(text[], bigint) to authenticated;

alter table public.watchlists enable row level security;
create policy "a user reads their own watchlist" on public.watchlists for select to authenticated using (user_id = (select auth.uid()));
grant select on public.watchlists to authenticated;
