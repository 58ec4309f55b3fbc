-- Who trades.

create table public.profiles (
  user_id uuid primary key references auth.users (id) on delete restrict,
  display_name text not null default '' check (length(display_name) <= 200),
  time_zone text not null default 'America/New_York',
  desk_role text not null default 'trader' check (desk_role in ('trader', 'viewer', 'administrator')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1
);
comment on table public.profiles is 'One row for each signed-up user.';
comment on column public.profiles.time_zone is 'IANA name; only for showing times, which are kept in UTC.';
create trigger touch before insert or update on public.profiles for each row execute function private.touch();
select private.protect_from_delete('public.profiles');

create function private.new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.profiles (user_id, display_name)
  values (new.id, coalesce(left(new.raw_user_meta_data ->> 'display_name', 200), ''));
  insert into public.trading_gates (gate_key, scope, user_id) values ('user:' || new.id, 'user', new.id);
  return null;
end $$;
comment on function private.new_user() is 'A new user gets a profile and a gate.';
create trigger new_user after insert on auth.users for each row execute function private.new_user();

alter table public.profiles enable row level security;
create policy "a user reads their own profile" on public.profiles for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
create policy "a user edits their own profile" on public.profiles for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, update (display_name, time_zone) on public.profiles to authenticated;
