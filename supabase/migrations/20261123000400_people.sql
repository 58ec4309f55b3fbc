-- Who trades, who looks on, and whose rows are whose.

create table private.desks (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (length(trim(name)) between 1 and 100),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1
);
comment on table private.desks is 'A group of people: its viewers read what its traders do.';
comment on column private.desks.id is 'Id of the desk.';
comment on column private.desks.name is 'Its name, as administrators call it.';
comment on column private.desks.created_at is 'When the row was made.';
comment on column private.desks.updated_at is 'When the row last changed.';
comment on column private.desks.version is 'Grows with every change.';
create trigger touch before insert or update on private.desks for each row execute function private.touch();
select private.protect_from_delete('private.desks');

create table public.profiles (
  user_id uuid primary key references auth.users (id) on delete restrict,
  display_name text not null default '' check (length(display_name) <= 200),
  time_zone text not null default 'America/New_York' check (length(time_zone) between 1 and 64),
  desk_id uuid references private.desks (id) on delete restrict,
  desk_role text not null default 'trader' check (desk_role in ('trader', 'viewer')),
  disabled boolean not null default false,
  disabled_reason text,
  disabled_at timestamptz,
  disabled_by text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1
);
comment on table public.profiles is 'One row for each signed-up user: name, desk, role, and whether they are shut out.';
comment on column public.profiles.user_id is 'The user.';
comment on column public.profiles.display_name is 'Name shown to others.';
comment on column public.profiles.time_zone is 'IANA name; only for showing times, which are kept in UTC.';
comment on column public.profiles.desk_id is 'The desk the user belongs to; null: none.';
comment on column public.profiles.desk_role is
  'trader: reads and writes their own rows. viewer: reads the rows of the desk''s traders and writes nothing. Administrators are in private.administrators.';
comment on column public.profiles.disabled is
  'Set it to shut a user out: sign-in, reading and writing end, entries are blocked and cancelled, strategies stop. Exits go on, nothing is deleted.';
comment on column public.profiles.disabled_reason is 'Why; must be said when disabled is set.';
comment on column public.profiles.disabled_at is 'Since when; kept by trigger.';
comment on column public.profiles.disabled_by is 'By whom; kept by trigger.';
comment on column public.profiles.created_at is 'When the row was made.';
comment on column public.profiles.updated_at is 'When the row last changed.';
comment on column public.profiles.version is 'Grows with every change.';
create index profiles_desk on public.profiles (desk_id, desk_role);
create trigger touch before insert or update on public.profiles for each row execute function private.touch();
select private.protect_from_delete('public.profiles');

create function private.guard_time_zone() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if not exists (select from pg_catalog.pg_timezone_names where name = new.time_zone) then
    perform private.refuse(422, 'BAD_TIME_ZONE', 'A time zone is an IANA name such as America/New_York.',
      jsonb_build_object('time_zone', new.time_zone));
  end if;
  return new;
end $$;
comment on function private.guard_time_zone() is 'A user''s time zone is one that there is.';
create trigger guard_time_zone before update of time_zone on public.profiles
  for each row when (new.time_zone is distinct from old.time_zone) execute function private.guard_time_zone();

create function private.new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Desk and role come from the invitation that admitted the user, never from what the user says of themselves.
  insert into public.profiles (user_id, display_name, desk_id, desk_role)
  select new.id, coalesce(left(new.raw_user_meta_data ->> 'display_name', 200), ''), i.desk_id, coalesce(i.desk_role, 'trader')
  from (select new.id) as one left join private.invitations as i on i.used_by = new.id;
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

select private.audit_changes('private.desks');
select private.audit_changes('public.profiles', p_ignore => '{display_name,time_zone,updated_at,version}');
