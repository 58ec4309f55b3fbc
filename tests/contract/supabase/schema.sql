-- A small project that uses what the ledger uses: row-level security, functions by role, exact numbers, own SQLSTATEs.
do $$
begin
  if not exists (select from pg_roles where rolname = 'fn_risk') then create role fn_risk nologin; end if;
  if not exists (select from pg_roles where rolname = 'fn_ungranted') then create role fn_ungranted nologin; end if;
end
$$;
grant fn_risk to authenticator;
grant usage on schema public, auth to fn_risk;

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  title text not null check (length(title) > 0),
  price numeric(28, 10),
  big bigint,
  meta jsonb not null default '{}',
  tags text[] not null default '{}',
  raw bytea,
  local_time timestamp,
  created_at timestamptz not null default now(),
  unique (user_id, title)
);
create table public.comments (
  id bigint generated always as identity primary key,
  note_id uuid not null references public.notes (id),
  body text not null
);
create table public.closed (id int primary key);
create table public.profiles (id uuid primary key references auth.users (id) on delete cascade, display_name text);

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.profiles (id, display_name) values (new.id, new.raw_user_meta_data ->> 'display_name');
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();

alter table public.notes enable row level security;
alter table public.comments enable row level security;
alter table public.profiles enable row level security;
grant select, insert, update, delete on public.notes, public.comments to authenticated;
grant select on public.profiles to authenticated;
grant all on public.notes, public.comments, public.profiles to service_role;
create policy own_notes on public.notes to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy own_comments on public.comments to authenticated
  using (exists (select from public.notes n where n.id = note_id)) with check (exists (select from public.notes n where n.id = note_id));
create policy own_profile on public.profiles for select to authenticated using (id = (select auth.uid()));

-- Who the caller is, in Postgres's eyes.
create function public.whoami() returns jsonb
language sql stable
as $$
  select jsonb_build_object('role', current_user, 'session', session_user, 'uid', auth.uid(), 'claims', auth.jwt(),
    'timeout', current_setting('statement_timeout'))
$$;

create function public.only_for_risk(amount numeric) returns numeric language sql as $$ select amount $$;
revoke all on function public.only_for_risk(numeric) from public;
grant execute on function public.only_for_risk(numeric) to fn_risk;

create function public.refuse(state text, told text, about text default null, advice text default null) returns void
language plpgsql
as $$
begin
  raise exception using errcode = state, message = told, detail = coalesce(about, ''), hint = coalesce(advice, '');
end
$$;

create function public.echo_values(n numeric, b bigint, t timestamptz, j jsonb, x bytea)
returns table (n numeric, b bigint, t timestamptz, j jsonb, x bytea)
language sql as $$ select n, b, t, j, x $$;

create function public.many_numbers() returns setof numeric language sql as $$ values (1.10), (12345678901234567890.0123456789), (0) $$;
create function public.returns_numeric() returns numeric language sql as $$ select 1.10 $$;
create function public.returns_text() returns text language sql as $$ select '1.10'::text $$;
create function public.returns_void() returns void language sql as $$ select $$;
create function public.returns_json() returns jsonb language sql as $$ select '{"n": 12345678901234567890.0123456789, "t": "1.10"}'::jsonb $$;
create function public.returns_null() returns jsonb language sql as $$ select null::jsonb $$;
create function public.returns_note(wanted uuid) returns public.notes language sql stable as $$ select n from public.notes n where id = wanted $$;
create function public.takes_json(payload jsonb) returns text language sql as $$ select jsonb_typeof(payload) $$;
create function public.takes_rows(payload jsonb) returns setof text
language sql as $$ select value ->> 'id' from jsonb_array_elements(payload) $$;
create function public.takes_array(ids uuid[]) returns int language sql as $$ select cardinality(ids) $$;
create function public.slow(seconds double precision) returns void language sql as $$ select pg_sleep(seconds) $$;
