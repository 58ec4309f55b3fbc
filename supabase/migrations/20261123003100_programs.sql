-- Programs that act for a trader: API keys, idempotency keys, rate limits.

create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  name text not null check (length(name) between 1 and 100),
  prefix text not null unique,
  scopes text[] not null check (
    cardinality(scopes) > 0 and scopes <@ array['read', 'trade', 'strategies', 'risk', 'reports'] and array_position(scopes, null) is null),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  check (expires_at > created_at and expires_at <= created_at + interval '2 years')
);
comment on table public.api_keys is 'Keys by which a program acts for a trader. The key itself is shown once and kept only as a hash.';
comment on column public.api_keys.id is 'Key.';
comment on column public.api_keys.user_id is 'For whom the program acts.';
comment on column public.api_keys.name is 'The owner''s own words.';
comment on column public.api_keys.prefix is 'The beginning of the key, by which a person recognises it.';
comment on column public.api_keys.scopes is 'What the key may do: read, trade, strategies, risk, reports. They only ever shrink.';
comment on column public.api_keys.expires_at is 'When it ends by itself, UTC; at most two years after it was made.';
comment on column public.api_keys.last_used_at is 'When it was last used, UTC, to the minute.';
comment on column public.api_keys.revoked_at is 'When it was revoked, UTC; null while it lives.';
comment on column public.api_keys.created_at is 'When the row was written, UTC.';
comment on column public.api_keys.updated_at is 'When the row last changed, UTC.';
comment on column public.api_keys.version is 'Grows by one with every change of the row.';
create index api_keys_user on public.api_keys (user_id);
create trigger touch before insert or update on public.api_keys for each row execute function private.touch();
create trigger keep_owner before update on public.api_keys for each row execute function private.keep_owner();
-- Being used is not a change of the key.
select private.audit_changes('public.api_keys', p_ignore => '{last_used_at,updated_at,version}');
select private.protect_from_delete('public.api_keys');

create table private.api_key_hashes (
  api_key_id uuid primary key references public.api_keys (id) on delete restrict,
  hash bytea not null unique
);
comment on table private.api_key_hashes is 'SHA-256 of each API key: what a presented key is found by.';
comment on column private.api_key_hashes.api_key_id is 'The key.';
comment on column private.api_key_hashes.hash is 'SHA-256 of the whole key; the key is 244 random bits, so a plain hash is enough.';

create function private.guard_api_key() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if old.revoked_at is not null then
    perform private.refuse(409, 'KEY_IS_REVOKED', 'A revoked key stays revoked; create a new one.', jsonb_build_object('api_key', old.id));
  end if;
  if new.prefix <> old.prefix or not new.scopes <@ old.scopes or new.expires_at > old.expires_at then
    perform private.refuse(409, 'KEY_IS_FIXED', 'A key never gains rights or time; create a new one.', jsonb_build_object('api_key', old.id));
  end if;
  if new.revoked_at is not null then
    new.revoked_at := now();
  end if;
  return new;
end $$;
comment on function private.guard_api_key() is 'A key may lose rights and be revoked, never the other way.';
create trigger guard before update on public.api_keys for each row execute function private.guard_api_key();

create function public.create_api_key(p_name text, p_scopes text[], p_expires_at timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  -- Two random uuids are 244 bits of the operating system's randomness.
  secret text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
  key text := 'at_' || left(secret, 8) || '_' || substring(secret from 9);
  made uuid;
  broken_constraint text;
  broken_column text;
begin
  if private.calling_role() <> 'authenticated' or (select auth.uid()) is null
    or (select auth.jwt()) ? 'scopes' then
    perform private.refuse(403, 'SIGN_IN', 'A person creates keys, signed in; a key never creates another.');
  end if;
  insert into public.api_keys (user_id, name, prefix, scopes, expires_at)
  values ((select auth.uid()), p_name, 'at_' || left(secret, 8), p_scopes, p_expires_at) returning id into made;
  insert into private.api_key_hashes (api_key_id, hash) values (made, sha256(convert_to(key, 'UTF8')));
  return jsonb_build_object('api_key_id', made, 'key', key);
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_KEY',
      'A key has a name, scopes out of read, trade, strategies, risk and reports, and ends within two years.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.create_api_key(text, text[], timestamptz) is 'Makes a key for a program and returns it, once: {"api_key_id", "key"}.';

create function public.revoke_api_key(p_api_key_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  key public.api_keys;
begin
  select * into key from public.api_keys where id = p_api_key_id
    and private.reaches(user_id) for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_KEY', 'Name an API key of your own.', jsonb_build_object('api_key', p_api_key_id));
  end if;
  if key.revoked_at is not null then
    return false;
  end if;
  update public.api_keys set revoked_at = now() where id = p_api_key_id;
  return true;
end $$;
comment on function public.revoke_api_key(uuid) is 'Ends a key at once, also for tokens made from it; false where it was revoked.';

create function public.use_api_key(p_key text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  key public.api_keys;
begin
  select k.* into key from private.api_key_hashes as h join public.api_keys as k on k.id = h.api_key_id
  where h.hash = sha256(convert_to(p_key, 'UTF8'));
  if not found or key.revoked_at is not null or key.expires_at <= now() then
    perform private.refuse(401, 'BAD_KEY', 'Send a key that is neither revoked nor expired.');
  end if;
  update public.api_keys set last_used_at = now()
  where id = key.id and (last_used_at is null or last_used_at < now() - interval '1 minute');
  return jsonb_build_object('api_key_id', key.id, 'user_id', key.user_id, 'scopes', to_jsonb(key.scopes), 'expires_at', key.expires_at,
    'claims', jsonb_build_object('sub', key.user_id, 'role', 'authenticated', 'aal', 'aal1', 'api_key_id', key.id,
      'session_id', key.id, 'scopes', to_jsonb(key.scopes)));
end $$;
comment on function public.use_api_key(text) is 'Whose key this is and what it may do: {"api_key_id", "user_id", "scopes", "expires_at", "claims" of the token to make for it}; 401 otherwise.';
grant execute on function public.create_api_key(text, text[], timestamptz) to authenticated;
grant execute on function public.revoke_api_key(uuid) to authenticated;
grant execute on function public.use_api_key(text) to fn_api;

create function private.require_scope(variadic p_scopes text[]) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  -- A person's own token has no scopes; a token made for a program has them, and PostgREST is reachable with it too.
  if claims ? 'scopes' or claims ? 'api_key_id' then
    if not coalesce(claims -> 'scopes' ?| p_scopes, false) then
      perform private.refuse(403, 'SCOPE_NEEDED', 'This key may not do that; a person does it, or a key that has the scope.',
        jsonb_build_object('scope', array_to_string(p_scopes, ' or ')));
    end if;
    -- Auth believes every token that is signed: with a program's, who has it would set the person's password. It refuses
    -- one of a session that it does not know, so a program's token names its key as its session, or is worth nothing here.
    if claims ->> 'session_id' is distinct from claims ->> 'api_key_id' then
      perform private.refuse(401, 'BAD_KEY', 'The token of a key carries the key''s id as api_key_id and as session_id.');
    end if;
    if not exists (
      select from public.api_keys where id::text = claims ->> 'api_key_id' and user_id::text = claims ->> 'sub'
        and revoked_at is null and expires_at > now() and p_scopes && scopes) then
      perform private.refuse(401, 'BAD_KEY', 'The key of this token is revoked, expired or has lost the scope.');
    end if;
  -- What only a person does outlives their token: a stolen one makes no key once its person has signed out everywhere.
  elsif 'person' = any (p_scopes) and claims ? 'session_id' and not exists (
    select from auth.sessions where user_id = (select auth.uid()) and id::text = claims ->> 'session_id') then
    perform private.refuse(401, 'SESSION_OVER', 'This session has ended: sign in again.');
  end if;
end $$;
comment on function private.require_scope(text[]) is
  'Refuses a program''s token that has none of the scopes, one whose key is revoked or expired, and one that Auth could take for a person''s; a person''s token passes, for what only a person does while its session lives.';

-- Idempotency keys -----------------------------------------------------------------------------------------------------

create table public.idempotency_keys (
  user_id uuid not null references auth.users (id) on delete restrict,
  operation text not null check (length(operation) between 1 and 100),
  key text not null check (length(key) between 1 and 200),
  request_hash text not null check (length(request_hash) <= 200),
  response jsonb,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (user_id, operation, key),
  check ((response is null) = (finished_at is null))
);
comment on table public.idempotency_keys is 'Requests that act, by the key their sender gave: the same key is the same request and gets the same answer.';
comment on column public.idempotency_keys.user_id is 'Whose request.';
comment on column public.idempotency_keys.operation is 'What was asked for, as orders.create: the same key may be used for another operation.';
comment on column public.idempotency_keys.key is 'The sender''s key.';
comment on column public.idempotency_keys.request_hash is 'Hash of the request: another request under the same key is refused.';
comment on column public.idempotency_keys.response is 'The answer, once there is one; a doubled request gets the same.';
comment on column public.idempotency_keys.finished_at is 'When the answer was kept, UTC.';
comment on column public.idempotency_keys.created_at is 'When the request came, UTC.';

create function public.begin_request(p_operation text, p_key text, p_request_hash text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  kept public.idempotency_keys;
  caller uuid := (select auth.uid());
begin
  if caller is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in; an idempotency key belongs to a user.');
  end if;
  insert into public.idempotency_keys (user_id, operation, key, request_hash) values (caller, p_operation, p_key, p_request_hash)
  on conflict do nothing;
  if found then
    return jsonb_build_object('state', 'new');
  end if;
  select * into kept from public.idempotency_keys where user_id = caller and operation = p_operation and key = p_key;
  if kept.request_hash <> p_request_hash then
    perform private.refuse(422, 'IDEMPOTENCY_KEY_REUSED', 'This key belongs to another request; use a new one.', jsonb_build_object('key', p_key));
  end if;
  return jsonb_build_object('state', case when kept.finished_at is null then 'running' else 'done' end, 'response', kept.response);
exception
  when data_exception or check_violation or not_null_violation then
    perform private.refuse(422, 'BAD_IDEMPOTENCY_KEY', 'A key has 1 to 200 characters, and the request its hash.');
end $$;
comment on function public.begin_request(text, text, text) is
  'Takes an idempotency key: {"state": "new" | "running" | "done", "response"}. A key with another request is refused.';

create function public.finish_request(p_operation text, p_key text, p_response jsonb) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  update public.idempotency_keys set response = p_response, finished_at = now()
  where user_id = (select auth.uid()) and operation = p_operation and key = p_key and finished_at is null;
  return found;
end $$;
comment on function public.finish_request(text, text, jsonb) is 'Keeps the answer of a request, once; false where it has one already.';

create function public.abandon_request(p_operation text, p_key text, p_request_hash text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  delete from public.idempotency_keys
  where user_id = (select auth.uid()) and operation = p_operation and key = p_key and request_hash = p_request_hash and finished_at is null;
  return found;
end $$;
comment on function public.abandon_request(text, text, text) is
  'Gives the key of a request back that was refused before it did anything; false where it was answered, or is another request''s.';
grant execute on function public.begin_request(text, text, text), public.finish_request(text, text, jsonb),
  public.abandon_request(text, text, text) to authenticated;

-- Rate limits ----------------------------------------------------------------------------------------------------------

create table private.rate_limits (
  bucket text primary key check (length(bucket) between 1 and 200),
  tokens double precision not null,
  filled_at timestamptz not null
);
comment on table private.rate_limits is 'Token buckets of the API and of automation sources: how many requests are left, and since when they refill.';
comment on column private.rate_limits.bucket is 'Who is limited in what, as user:<id>:orders.';
comment on column private.rate_limits.tokens is 'Requests left at filled_at.';
comment on column private.rate_limits.filled_at is 'Machine time, UTC.';

create function public.take_rate(p_bucket text, p_limit integer, p_seconds double precision, p_count integer default 1) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  kept private.rate_limits;
  left_over double precision;
  taken integer;
  at timestamptz;
begin
  if (p_limit > 0 and p_seconds > 0 and p_count > 0) is not true then
    perform private.refuse(422, 'BAD_RATE', 'A rate allows at least one request in a time above zero, and at least one is taken.',
      jsonb_build_object('limit', p_limit, 'seconds', p_seconds, 'count', p_count));
  end if;
  insert into private.rate_limits (bucket, tokens, filled_at) values (p_bucket, p_limit, clock_timestamp()) on conflict do nothing;
  -- The row's lock counts concurrent requests one at a time.
  select * into kept from private.rate_limits where bucket = p_bucket for update;
  -- The machine's clock, read under the lock: a rate is about the machine's time, and decides nothing about a trade.
  at := greatest(kept.filled_at, clock_timestamp());
  left_over := least(p_limit, kept.tokens + extract(epoch from at - kept.filled_at) * p_limit / p_seconds);
  taken := least(p_count, floor(left_over));
  update private.rate_limits set tokens = left_over - taken, filled_at = at where bucket = p_bucket;
  return jsonb_build_object(
    'allowed', taken > 0, 'taken', taken, 'limit', p_limit, 'remaining', floor(left_over - taken),
    'retry_after', case when left_over >= 1 then 0 else (1 - left_over) * p_seconds / p_limit end);
end $$;
comment on function public.take_rate(text, integer, double precision, integer) is
  'Takes p_count requests, or what is left, from a token bucket of p_limit in p_seconds: {"allowed", "taken", "limit", "remaining", "retry_after" in seconds}. Who takes several spends them without asking again.';
grant execute on function public.take_rate(text, integer, double precision, integer) to fn_api;

-- Who may see ----------------------------------------------------------------------------------------------------------

alter table public.api_keys enable row level security;
create policy "a user reads their own keys" on public.api_keys for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.idempotency_keys enable row level security;
create policy "a user reads their own requests" on public.idempotency_keys for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.api_keys, public.idempotency_keys to authenticated;
