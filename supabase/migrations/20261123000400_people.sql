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

-- Who administrates: a row here and a claim in the token, both. The claim lets the token's holder be recognised, the row
-- ends it: a revoked administrator is out at once, although the token still lives for an hour.

create table private.administrators (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete restrict,
  granted_at timestamptz not null default now(),
  granted_by text not null default private.actor(),
  reason text not null check (trim(reason) <> ''),
  revoked_at timestamptz,
  revoked_by text,
  revoked_reason text,
  check ((revoked_at is null) = (revoked_by is null)),
  check ((revoked_at is null) = (revoked_reason is null)),
  check (trim(revoked_reason) <> '')
);
comment on table private.administrators is
  'Every grant of the administrator''s rights, and its end. Revoke by admin.revoke_administrator(), not by deleting the row.';
comment on column private.administrators.id is 'Number of the grant.';
comment on column private.administrators.user_id is 'Who is an administrator.';
comment on column private.administrators.granted_at is 'Since when.';
comment on column private.administrators.granted_by is 'Who granted it: an administrator, or the owner of the database.';
comment on column private.administrators.reason is 'Why it was granted.';
comment on column private.administrators.revoked_at is 'Until when; null while it lasts.';
comment on column private.administrators.revoked_by is 'Who revoked it.';
comment on column private.administrators.revoked_reason is 'Why it was revoked.';
create unique index administrators_current on private.administrators (user_id) where revoked_at is null;
create index administrators_user on private.administrators (user_id);
select private.protect_from_delete('private.administrators');

create function private.is_administrator() returns boolean
language sql stable security definer set search_path = ''
as $$
  -- app_metadata is written by the ledger alone; a user writes their own user_metadata, so nothing there is believed.
  select coalesce(
    (select claims ->> 'role' = 'authenticated' and claims #> '{app_metadata,administrator}' = 'true'
       and exists (select from private.administrators as a
         where a.user_id = (claims ->> 'sub')::uuid and a.revoked_at is null)
     from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as claims) as jwt),
    false)
$$;
comment on function private.is_administrator() is
  'Whether the caller''s token belongs to an administrator: the claim in app_metadata and the row in private.administrators.';
grant execute on function private.is_administrator() to authenticated;
