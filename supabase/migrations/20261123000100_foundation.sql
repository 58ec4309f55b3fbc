-- Foundation: roles of the functions, the private schema, and the small functions every table leans on.

create schema if not exists private;
comment on schema private is 'Tables and helpers that no client reaches: not exposed by the REST API.';
revoke all on schema private from public;

-- One role for each function folder. A function reaches its role by a short-lived JWT with that role claim; what it may
-- do is what it may EXECUTE, nothing else. `authenticator` is the role PostgREST logs in with.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['fn_ingest', 'fn_strategy', 'fn_risk', 'fn_execute', 'fn_report', 'fn_relay', 'fn_api', 'fn_automation'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin noinherit', role_name);
    end if;
    execute format('grant %I to authenticator', role_name);
    execute format('grant %I to postgres', role_name);
    execute format('grant usage on schema public to %I', role_name);
  end loop;
end $$;

-- A new function may be executed by everybody unless this is said.
-- (A default privilege of one schema can only add to the general one, so the general one is what must go.)
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke execute on functions from anon, authenticated, service_role;

-- A numeric column takes NaN, which is greater than every limit and passes every check that asks for more than zero.
create domain private.amount as numeric(28, 10) constraint is_a_number check (value <> 'NaN');
comment on domain private.amount is 'Money, price or quantity; the unit is said by the column.';

create function private.is_readable(p_at timestamptz) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_at >= '1970-01-01T00:00Z'::timestamptz and p_at < '9999-12-31T00:00:01Z'::timestamptz $$;
comment on function private.is_readable(timestamptz) is
  'Whether a moment that a person names is of years that every reader knows: one that Python cannot read would blind a watch over all.';

create function private.named_uuid(p_name text) returns uuid
language sql immutable strict parallel safe set search_path = ''
as $$
  -- UUIDv8 (RFC 9562) from SHA-256: version nibble 8, variant bits 10. functions/core/identity.py makes the same id.
  select encode(
    set_byte(set_byte(d, 6, (get_byte(d, 6) & 15) | 128), 8, (get_byte(d, 8) & 63) | 128), 'hex')::uuid
  from (select substring(sha256(convert_to(p_name, 'UTF8')) from 1 for 16) as d) as digest
$$;
comment on function private.named_uuid(text) is 'The id of what the name says: the same name always makes the same id.';

create function private.refuse(p_status integer, p_code text, p_hint text, p_numbers jsonb default '{}')
returns void
language plpgsql set search_path = ''
as $$
begin
  -- PostgREST turns an SQLSTATE of the form PTxyz into HTTP status xyz.
  raise exception using
    errcode = 'PT' || p_status,
    message = p_code || coalesce(': ' || (
      select string_agg(key || '=' || value, ' ' order by ordinality)
      from jsonb_each_text(p_numbers) with ordinality), ''),
    detail = p_numbers::text,
    hint = p_hint;
end $$;
comment on function private.refuse(integer, text, text, jsonb) is
  'Refuses a call: HTTP status, stable code, a sentence that says what to do, the numbers seen. Nothing of the call stays.';

create function private.refuse_malformed(p_code text, p_hint text, p_constraint text, p_column text, p_message text)
returns void
language sql set search_path = ''
as $$
  select private.refuse(422, p_code, p_hint, jsonb_build_object(
    'because', coalesce(nullif(p_column, ''), nullif(p_constraint, ''), p_message)))
$$;
comment on function private.refuse_malformed(text, text, text, text, text) is
  'Refuses input that broke a type or a constraint: names the column or constraint, else says what Postgres said.';

create table private.actor_declarations (
  id bigint generated always as identity primary key,
  database_role text not null default session_user,
  name text not null check (name ~ '^[^(),]{1,100}$'),
  declared_at timestamptz not null default clock_timestamp(),
  valid_until timestamptz not null
);
comment on table private.actor_declarations is
  'Who said that they work under a database role, and until when: the Studio''s pooled connections keep no setting.';
comment on column private.actor_declarations.id is 'Number of the declaration.';
comment on column private.actor_declarations.database_role is 'The database role whose edits carry the name.';
comment on column private.actor_declarations.name is 'The name, such as alice@desk. It is said, not proven: the role is what was proven.';
comment on column private.actor_declarations.declared_at is 'Since when.';
comment on column private.actor_declarations.valid_until is 'Until when the name goes with the role''s edits.';
create index actor_declarations_role on private.actor_declarations (database_role, valid_until);

create function private.actor() returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  name text;
  of_token text;
begin
  if claims ->> 'role' is not null then
    of_token := case
      when claims ->> 'role' = 'authenticated' and claims ->> 'sub' is not null then 'user:' || (claims ->> 'sub')
      -- The local Studio: the gateway writes these claims, and no token reaches this role.
      when claims ->> 'role' = 'studio' then 'studio:' || coalesce(claims ->> 'email', claims ->> 'sub')
      else claims ->> 'role' end;
    -- A caller with a token is who the token says, whatever else is set: nothing that they send declares another name.
    if session_user = 'authenticator' or claims ->> 'role' = 'studio' then
      return of_token;
    end if;
  end if;
  if session_user = 'authenticator' then
    return 'anonymous';
  end if;
  name := nullif(current_setting('app.actor', true), '');
  if name is null and exists (
      select from private.actor_declarations as d where d.database_role = session_user and d.valid_until > clock_timestamp()) then
    -- Two people at once cannot be told apart, so both names stand there.
    select string_agg(distinct d.name, ', ' order by d.name) into name from private.actor_declarations as d
    where d.database_role = session_user and d.valid_until > clock_timestamp();
  end if;
  -- The Studio can play a user to try a policy; what it changes so is its own doing.
  return 'database:' || session_user || ' (' || coalesce(name, 'undeclared') || ')' || coalesce(' as ' || of_token, '');
end $$;
comment on function private.actor() is
  'Who acts: the user or role of the token, else the database role with the declared name: setting app.actor, or admin.i_am().';

create function private.calling_role() returns text
language sql stable set search_path = ''
as $$
  select coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role', session_user::text)
$$;
comment on function private.calling_role() is 'The role of the caller: the JWT''s role claim, else the database role.';

create function private.reaches(p_user_id uuid) returns boolean
language sql stable set search_path = ''
as $$
  select private.calling_role() <> 'authenticated' or coalesce(p_user_id = (select auth.uid()), false)
$$;
comment on function private.reaches(uuid) is
  'Whether a call may touch a row of this user: a person''s, or their program''s, its own only; a function''s and the database owner''s any.';

create function private.readable_users() returns uuid[]
language plpgsql stable security definer set search_path = ''
as $$
declare
  person record;  -- public.profiles is not there yet.
begin
  select p.user_id, p.disabled, p.desk_id, p.desk_role into person from public.profiles as p where user_id = (select auth.uid());
  if person.user_id is null or person.disabled then
    -- A token outlives the right to use it by up to an hour.
    return '{}';
  end if;
  if person.desk_role = 'viewer' and person.desk_id is not null then
    return person.user_id || array(
      select p.user_id from public.profiles as p where p.desk_id = person.desk_id and p.desk_role = 'trader');
  end if;
  return array[person.user_id];
end $$;
comment on function private.readable_users() is
  'Whose rows the caller reads: their own, and for a viewer those of the desk''s traders; nobody''s once disabled. Every policy that lets a person read asks this.';
grant execute on function private.readable_users() to authenticated;

create function private.touch() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := now();
    new.version := 1;
  else
    new.created_at := old.created_at;
    new.version := old.version + 1;
  end if;
  new.updated_at := now();
  return new;
end $$;
comment on function private.touch() is 'Keeps created_at, updated_at and version; what the caller wrote there is not believed.';

create function private.forbid_change() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.refuse(409, 'APPEND_ONLY',
    'Rows of this table are never changed or deleted; write a new row that corrects the old one.',
    jsonb_build_object('table', tg_table_schema || '.' || tg_table_name, 'operation', tg_op));
  return null;
end $$;
comment on function private.forbid_change() is 'Refuses UPDATE, DELETE and TRUNCATE.';

create function private.protect_append_only(p_table regclass) returns void
language plpgsql set search_path = ''
as $$
begin
  execute format('create trigger append_only before update or delete on %s for each row execute function private.forbid_change()', p_table);
  execute format('create trigger append_only_truncate before truncate on %s for each statement execute function private.forbid_change()', p_table);
end $$;
comment on function private.protect_append_only(regclass) is 'Makes a table append-only by trigger.';

create function private.protect_from_delete(p_table regclass) returns void
language plpgsql set search_path = ''
as $$
begin
  execute format('create trigger never_deleted before delete on %s for each row execute function private.forbid_change()', p_table);
  execute format('create trigger never_truncated before truncate on %s for each statement execute function private.forbid_change()', p_table);
end $$;
comment on function private.protect_from_delete(regclass) is 'Rows may change but never go.';

create table private.settings (
  name text primary key,
  value text not null,
  comment text not null default ''
);
comment on table private.settings is 'What differs between installations: the address of the relay, for one.';
