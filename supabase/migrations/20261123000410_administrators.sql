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

select private.audit_changes('private.administrators');

create function private.is_current_administrator(p_user_id uuid) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (select from private.administrators as a where a.user_id = p_user_id and a.revoked_at is null)
    and exists (select from public.profiles as p where p.user_id = p_user_id and not p.disabled)
$$;
comment on function private.is_current_administrator(uuid) is 'Whether the user''s grant lasts; whoever is disabled is none.';

create function private.is_administrator() returns boolean
language plpgsql stable security definer set search_path = ''
as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  -- app_metadata is written by the hook private.custom_access_token; a user writes their own user_metadata, so nothing there is believed.
  -- A program acts for a trader, never for an administrator.
  return coalesce(claims ->> 'role' = 'authenticated' and claims #> '{app_metadata,administrator}' = 'true', false)
    and not coalesce(claims ?| array['api_key_id', 'scopes'], false)
    and private.is_current_administrator((claims ->> 'sub')::uuid);
end $$;
comment on function private.is_administrator() is
  'Whether the caller''s token belongs to an administrator: the claim in app_metadata and the row in private.administrators.';
grant execute on function private.is_administrator() to authenticated;

create function private.require_administrator() returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  if claims is null and session_user <> 'authenticator' then
    return;  -- The owner of the database: the Studio, a migration, the command line on the machine itself.
  end if;
  if claims ->> 'role' = 'studio' and session_user <> 'authenticator' then
    return;  -- The local Studio: the gateway asks is_current_administrator() before every request.
  end if;
  if not private.is_administrator() then
    perform private.refuse(403, 'ADMINISTRATOR_NEEDED', 'Only an administrator does this; ask one.');
  end if;
  if coalesce(claims ->> 'aal', 'aal1') <> 'aal2' then
    perform private.refuse(403, 'SECOND_FACTOR_NEEDED', 'An administrator acts with a second factor: sign in with it and try again.');
  end if;
end $$;
comment on function private.require_administrator() is
  'Refuses everybody but the owner of the database and an administrator signed in with a second factor (aal2).';

create function private.refuse_reader() returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  person public.profiles;
begin
  select * into person from public.profiles where user_id = (select auth.uid());
  if person.user_id is null or person.disabled then
    perform private.refuse(403, 'USER_DISABLED', 'This user is shut out; an administrator can let them in again.');
  end if;
  -- An administrator may look on at a desk and still do an administrator's work.
  if person.desk_role = 'viewer' and not private.is_administrator() then
    perform private.refuse(403, 'READ_ONLY_ROLE', 'A viewer reads and changes nothing; ask an administrator for the role of a trader.',
      jsonb_build_object('role', person.desk_role));
  end if;
end $$;
comment on function private.refuse_reader() is
  'Refuses a person who is a viewer or shut out. Every table asks it before a person''s change (who_may_act); a function asks it itself where another refusal would come first.';

create function private.user_named(p_user text) returns uuid
language plpgsql stable security definer set search_path = ''
as $$
declare
  found_id uuid;
begin
  if pg_input_is_valid(p_user, 'uuid') then
    select u.id into found_id from auth.users as u where u.id = p_user::uuid;
  else
    select u.id into found_id from auth.users as u where lower(u.email) = lower(trim(p_user));
  end if;
  if found_id is null then
    perform private.refuse(404, 'NO_SUCH_USER', 'Name a signed-up user by email or id.', jsonb_build_object('user', p_user));
  end if;
  return found_id;
end $$;
comment on function private.user_named(text) is 'The id of a user named by email or id.';

create function private.lock_administrators() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Before any row is locked: two who revoke each other come one after the other, and the second is told that they are the last.
  perform pg_advisory_xact_lock(hashtextextended('private.administrators', 0));
  return null;
end $$;
comment on function private.lock_administrators() is 'One change of the administrators at a time.';
create trigger a_lock before insert or update on private.administrators
  for each statement execute function private.lock_administrators();

create function private.guard_administrator() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    if coalesce(trim(new.reason), '') = '' then
      perform private.refuse(422, 'REASON_NEEDED', 'Say why the user becomes an administrator.');
    end if;
    -- FOR SHARE waits for whoever is disabling the user at this moment.
    perform from public.profiles where user_id = new.user_id and not disabled for share;
    if not found then
      perform private.refuse(409, 'USER_DISABLED', 'Enable the user first.', jsonb_build_object('user', new.user_id));
    end if;
    new.granted_at := now();
    new.granted_by := private.actor();
    new.revoked_at := null;
    new.revoked_by := null;
    new.revoked_reason := null;
    return new;
  end if;
  if old.revoked_at is not null
    or (new.id, new.user_id, new.granted_at, new.granted_by, new.reason)
      is distinct from (old.id, old.user_id, old.granted_at, old.granted_by, old.reason) then
    perform private.refuse(409, 'GRANT_IS_FIXED', 'A grant can only be revoked, once; grant anew where it was a mistake.',
      jsonb_build_object('grant', old.id));
  end if;
  if new.revoked_at is null and new.revoked_reason is null then
    return new;
  end if;
  if coalesce(trim(new.revoked_reason), '') = '' then
    perform private.refuse(422, 'REASON_NEEDED', 'Say why the user is no administrator any more.');
  end if;
  if not exists (select from private.administrators as a where a.revoked_at is null and a.id <> old.id) then
    perform private.refuse(409, 'LAST_ADMINISTRATOR', 'Grant another administrator first: somebody must be left.');
  end if;
  new.revoked_at := now();
  new.revoked_by := private.actor();
  return new;
end $$;
comment on function private.guard_administrator() is 'A grant ends once, with a reason, and never the last one; who and when is not believed but written.';
create trigger b_guard before insert or update on private.administrators
  for each row execute function private.guard_administrator();

create function public.grant_administrator(p_user text, p_reason text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  person uuid;
begin
  perform private.require_administrator();
  person := private.user_named(p_user);
  insert into private.administrators (user_id, reason) values (person, p_reason)
  on conflict (user_id) where revoked_at is null do nothing;
  return jsonb_build_object('user_id', person, 'administrator', true);
end $$;
comment on function public.grant_administrator(text, text) is
  'Makes a user (email or id) an administrator, from their next token on. The first is granted by the owner of the database.';

create function public.revoke_administrator(p_user text, p_reason text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  person uuid;
begin
  perform private.require_administrator();
  person := private.user_named(p_user);
  update private.administrators set revoked_at = now(), revoked_reason = p_reason
  where user_id = person and revoked_at is null;
  return jsonb_build_object('user_id', person, 'administrator', false);
end $$;
comment on function public.revoke_administrator(text, text) is
  'Ends a user''s rights as administrator at once, although their token lives on. Never those of the last one.';

create function public.set_desk(p_user text, p_desk text, p_role text default 'trader') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  person uuid;
  desk uuid;
begin
  perform private.require_administrator();
  person := private.user_named(p_user);
  if p_role is null or p_role not in ('trader', 'viewer') then
    perform private.refuse(422, 'BAD_ROLE', 'A role is trader or viewer.', jsonb_build_object('role', p_role));
  end if;
  desk := private.desk_named(p_desk);
  update public.profiles set desk_id = desk, desk_role = p_role where user_id = person;
  return jsonb_build_object('user_id', person, 'desk_id', desk, 'role', p_role);
end $$;
comment on function public.set_desk(text, text, text) is
  'Puts a user (email or id) on a desk by its name, made where it is new; null: on none. A trader writes their own rows, a viewer reads the desk''s.';

create function private.desk_named(p_desk text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  desk uuid;
begin
  if p_desk is null then
    return null;
  end if;
  if length(trim(p_desk)) not between 1 and 100 then
    perform private.refuse(422, 'BAD_DESK', 'A desk''s name has 1 to 100 characters.');
  end if;
  insert into private.desks (name) values (trim(p_desk)) on conflict (name) do nothing;
  select id into desk from private.desks where name = trim(p_desk);
  return desk;
end $$;
comment on function private.desk_named(text) is 'The id of a desk, made where it is new.';

grant execute on function public.grant_administrator(text, text), public.revoke_administrator(text, text),
  public.set_desk(text, text, text) to authenticated;
