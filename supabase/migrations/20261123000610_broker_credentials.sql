-- Sealed credentials: Postgres keeps ciphertexts and public keys. It can open none of them.

insert into private.settings (name, value, comment)
values ('credential_entries_per_hour', '20', 'How many credentials a user may enter in an hour: each makes the broker be asked, and brokers lock out an address that logs in wrongly too often.');

create table public.sealing_keys (
  id text primary key check (id ~ '^[0-9a-f]{64}$'),
  purpose text not null check (purpose in ('trading', 'data')),
  public_key text not null check (public_key ~ '^[A-Za-z0-9+/]{43}=$'),
  status text not null default 'active' check (status in ('active', 'retired')),
  registered_at timestamptz not null default clock_timestamp(),
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, purpose),
  -- The id is the key's own hash, so no other key can ever be shown under it.
  check (id = encode(sha256(decode(public_key, 'base64')), 'hex') and octet_length(decode(public_key, 'base64')) = 32),
  check ((status = 'retired') = (retired_at is not null))
);
comment on table public.sealing_keys is 'The public keys that credentials are sealed with. The browser seals with the newest active key of the purpose.';
comment on column public.sealing_keys.id is 'SHA-256 of the public key, hexadecimal.';
comment on column public.sealing_keys.purpose is 'trading: only execute has the private key. data: only ingest has it.';
comment on column public.sealing_keys.public_key is 'X25519 public key, 32 bytes in base64.';
comment on column public.sealing_keys.status is 'active: may be sealed with. retired: final; no ciphertext is under it any more.';
comment on column public.sealing_keys.registered_at is 'When it was registered; the newest active key is the one to seal with.';
comment on column public.sealing_keys.retired_at is 'When it was retired; null while active.';
comment on column public.sealing_keys.created_at is 'When the row was written.';
comment on column public.sealing_keys.updated_at is 'When the row was last changed.';
comment on column public.sealing_keys.version is 'Grows with every change.';
create trigger touch before insert or update on public.sealing_keys for each row execute function private.touch();
select private.audit_changes('public.sealing_keys');
select private.protect_from_delete('public.sealing_keys');

create function private.guard_sealing_key() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if (new.id, new.purpose, new.public_key, new.registered_at) is distinct from (old.id, old.purpose, old.public_key, old.registered_at)
    or (old.status = 'retired' and new.status <> 'retired') then
    perform private.refuse(409, 'SEALING_KEY_IS_FIXED', 'A sealing key is never changed, and a retired one never used again; register a new one.',
      jsonb_build_object('key', old.id));
  end if;
  if old.status = 'active' and new.status = 'retired' then
    -- Whoever stores a ciphertext holds this row FOR SHARE: after this lock none comes under the key any more.
    if exists (select from private.broker_credentials where key_id = old.id) then
      perform private.refuse(409, 'KEY_IN_USE', 'Credentials are still sealed with this key: re-seal them with `agenttrader keys rotate`, or let the traders enter them again.',
        jsonb_build_object('key', old.id, 'credentials', (select count(*) from private.broker_credentials where key_id = old.id)));
    end if;
    if not exists (select from public.sealing_keys where purpose = old.purpose and status = 'active' and id <> old.id) then
      perform private.refuse(409, 'LAST_KEY', 'Register the next key first: without an active key nobody could enter a credential.',
        jsonb_build_object('purpose', old.purpose));
    end if;
    new.retired_at := now();
  end if;
  return new;
end $$;
comment on function private.guard_sealing_key() is 'A sealing key is fixed; it is retired once, when nothing is under it and another is active.';
create trigger guard before update on public.sealing_keys for each row execute function private.guard_sealing_key();

alter table public.sealing_keys enable row level security;
create policy "everybody signed in reads what to seal with" on public.sealing_keys for select to authenticated using (true);
grant select on public.sealing_keys to authenticated;

create table private.broker_credentials (
  broker_account_id uuid not null,
  user_id uuid not null,
  purpose text not null check (purpose in ('trading', 'data')),
  key_id text not null,
  -- Always one length, so that the length tells nothing.
  sealed bytea not null check (octet_length(sealed) = 4144),
  entered_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (broker_account_id, purpose),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (key_id, purpose) references public.sealing_keys (id, purpose) on delete restrict
);
comment on table private.broker_credentials is 'The newest sealed credential of each account and purpose: ciphertext only. What it replaces is gone, and unlinking wipes it.';
comment on column private.broker_credentials.broker_account_id is 'The linked account.';
comment on column private.broker_credentials.user_id is 'Its owner.';
comment on column private.broker_credentials.purpose is 'trading is opened by execute, data by ingest; each has a key pair of its own.';
comment on column private.broker_credentials.key_id is 'The public key that it is sealed with.';
comment on column private.broker_credentials.sealed is 'A libsodium sealed box. User, account, broker, environment and purpose are inside and are checked on opening.';
comment on column private.broker_credentials.entered_at is 'When the trader entered it; re-sealing under a new key leaves it.';
comment on column private.broker_credentials.created_at is 'When the first one of this account and purpose was entered.';
comment on column private.broker_credentials.updated_at is 'When it was last entered or re-sealed.';
comment on column private.broker_credentials.version is 'Grows with every change; re-sealing replaces only the version that it read.';
-- A box is made with a random key of its own: the same bytes a second time are a copy, moved from another row.
create unique index broker_credentials_sealed on private.broker_credentials (sha256(sealed));
create index broker_credentials_key on private.broker_credentials (key_id, purpose);
create index broker_credentials_user on private.broker_credentials (user_id);
create trigger touch before insert or update on private.broker_credentials for each row execute function private.touch();
-- The trail says that a credential came, changed, was re-sealed or went: never what it is, not even its ciphertext.
select private.audit_changes('private.broker_credentials', p_omit => '{sealed}');

create function private.guard_credential() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  key public.sealing_keys;
begin
  if tg_op = 'UPDATE' and (new.broker_account_id, new.user_id, new.purpose) is distinct from (old.broker_account_id, old.user_id, old.purpose) then
    perform private.refuse(409, 'CREDENTIAL_IS_FIXED', 'A credential stays with its account; enter it anew for another.',
      jsonb_build_object('account', old.broker_account_id, 'purpose', old.purpose));
  end if;
  -- FOR SHARE keeps the key from being retired until this ciphertext is committed.
  select * into key from public.sealing_keys where id = new.key_id for share;
  if not found then
    perform private.refuse(404, 'NO_SUCH_SEALING_KEY', 'Seal with the newest active key of public.sealing_keys.', jsonb_build_object('key', new.key_id));
  elsif key.purpose <> new.purpose then
    perform private.refuse(422, 'WRONG_PURPOSE', 'Seal with a key of the same purpose.',
      jsonb_build_object('key', key.id, 'purpose', new.purpose, 'key_purpose', key.purpose));
  elsif key.status <> 'active' then
    perform private.refuse(409, 'SEALING_KEY_RETIRED', 'Read the newest active key of public.sealing_keys and seal again with it.',
      jsonb_build_object('key', key.id));
  end if;
  return new;
end $$;
comment on function private.guard_credential() is 'A credential stays with its account and is sealed with an active key of its purpose.';
create trigger guard before insert or update on private.broker_credentials for each row execute function private.guard_credential();

create function private.tell_account_of_credential() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  account uuid := case when tg_op = 'DELETE' then old.broker_account_id else new.broker_account_id end;
  trading timestamptz;
  data timestamptz;
begin
  select max(entered_at) filter (where purpose = 'trading'), max(entered_at) filter (where purpose = 'data')
  into trading, data from private.broker_credentials where broker_account_id = account;
  update public.broker_accounts set trading_entered_at = trading, data_entered_at = data
  where id = account and (trading_entered_at, data_entered_at) is distinct from (trading, data);
  return null;
end $$;
comment on function private.tell_account_of_credential() is 'Keeps on the account when its credentials were entered.';
create trigger tell_account after insert or update or delete on private.broker_credentials
  for each row execute function private.tell_account_of_credential();

create function private.unsealed_bytes(p_sealed text) returns bytea
language plpgsql set search_path = ''
as $$
declare
  box bytea;
begin
  begin
    box := decode(p_sealed, 'base64');
  exception when data_exception then
    box := null;
  end;
  if box is null or octet_length(box) <> 4144 then
    perform private.refuse(422, 'BAD_SEALED_TEXT', 'Send a sealed box of a padded credential, in base64: dashboard/src/sealing.ts makes one.',
      jsonb_build_object('bytes', octet_length(box), 'expected', 4144));
  end if;
  return box;
end $$;
comment on function private.unsealed_bytes(text) is 'The bytes of a sealed box that came as base64; refuses what cannot be one.';

create function public.store_credentials(p_account_id uuid, p_purpose text, p_key_id text, p_sealed text, p_version bigint default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  stored private.broker_credentials;
  rate jsonb;
begin
  if coalesce(p_purpose, '') not in ('trading', 'data') then
    perform private.refuse(422, 'BAD_PURPOSE', 'A purpose is trading or data.', jsonb_build_object('purpose', p_purpose));
  end if;
  -- The account's row lock puts entering and unlinking in one order: nothing is stored on an account that is wiped.
  select * into account from public.broker_accounts
  where id = p_account_id and user_id = (select auth.uid()) and status = 'active' for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  if p_version <> account.version then
    perform private.refuse(412, 'CHANGED_MEANWHILE', 'Read the account again and decide anew.',
      jsonb_build_object('account', account.id, 'version', account.version));
  end if;
  -- All traders reach a broker from one address: one who enters wrong ones without end would have it locked out for all.
  rate := public.take_rate('user:' || account.user_id || ':credentials',
    (select value::integer from private.settings where name = 'credential_entries_per_hour'), 3600);
  if not (rate ->> 'allowed')::boolean then
    perform private.refuse(409, 'TOO_MANY_CREDENTIALS', 'Wait before you enter another credential: brokers lock out who logs in wrongly too often.',
      jsonb_build_object('limit', rate -> 'limit', 'retry_after_seconds', ceil((rate ->> 'retry_after')::numeric)));
  end if;
  insert into private.broker_credentials as c (broker_account_id, user_id, purpose, key_id, sealed, entered_at)
  values (account.id, account.user_id, p_purpose, coalesce(p_key_id, ''), private.unsealed_bytes(p_sealed), clock_timestamp())
  on conflict (broker_account_id, purpose) do update
    set key_id = excluded.key_id, sealed = excluded.sealed, entered_at = excluded.entered_at
  returning * into stored;
  return jsonb_build_object('entered_at', stored.entered_at, 'key_id', stored.key_id, 'version', stored.version);
exception
  when unique_violation then
    perform private.refuse(409, 'CIPHERTEXT_REUSED', 'This ciphertext is on record already: seal the credential anew for this account and purpose.',
      jsonb_build_object('account', p_account_id, 'purpose', p_purpose));
end $$;
comment on function public.store_credentials(uuid, text, text, text, bigint) is
  'A trader enters a sealed credential of their own account, for the first time or again; the one before is gone. Refused where p_version is given and the account is at another.';
grant execute on function public.store_credentials(uuid, text, text, text, bigint) to authenticated;

create function private.require_purpose(p_purpose text) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_purpose is distinct from (case private.calling_role() when 'fn_execute' then 'trading' when 'fn_ingest' then 'data' end) then
    perform private.refuse(403, 'WRONG_PURPOSE', 'execute has the trading credentials, ingest the data credentials; nobody has both.',
      jsonb_build_object('role', private.calling_role(), 'purpose', p_purpose));
  end if;
end $$;
comment on function private.require_purpose(text) is 'Refuses a function that asks for credentials of the other purpose.';

create function private.sealed_row(p_row private.broker_credentials) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'broker_account_id', p_row.broker_account_id, 'purpose', p_row.purpose, 'key_id', p_row.key_id,
    'sealed', translate(encode(p_row.sealed, 'base64'), E'\n', ''), 'version', p_row.version, 'entered_at', p_row.entered_at)
$$;
comment on function private.sealed_row(private.broker_credentials) is 'A ciphertext as a function gets it.';

create function public.broker_credentials(p_account_id uuid, p_purpose text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  found_row private.broker_credentials;
begin
  perform private.require_purpose(p_purpose);
  select * into found_row from private.broker_credentials where broker_account_id = p_account_id and purpose = p_purpose;
  if not found then
    perform private.refuse(404, 'NO_CREDENTIALS', 'Enter the credentials of this account.',
      jsonb_build_object('account', p_account_id, 'purpose', p_purpose));
  end if;
  return private.sealed_row(found_row);
end $$;
comment on function public.broker_credentials(uuid, text) is 'The sealed credential of an account: for trading to execute, for data to ingest.';

create function public.data_accounts() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'broker_account_id', id, 'user_id', user_id, 'broker', broker, 'is_paper', is_paper,
    'data_entered_at', data_entered_at) order by created_at, id), '[]'::jsonb)
  from public.broker_accounts where status = 'active' and data_entered_at is not null
$$;
comment on function public.data_accounts() is 'The active accounts with a data credential, the first linked in front.';

create function public.active_sealing_keys(p_purpose text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_purpose(p_purpose);
  return (select coalesce(jsonb_agg(id order by registered_at, id), '[]'::jsonb)
    from public.sealing_keys where purpose = p_purpose and status = 'active');
end $$;
comment on function public.active_sealing_keys(text) is 'Ids of the keys that may be sealed with, oldest first.';

create function public.register_sealing_key(p_purpose text, p_public_key text) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  key public.sealing_keys;
  broken_constraint text;
begin
  perform private.require_purpose(p_purpose);
  insert into public.sealing_keys (id, purpose, public_key)
  values (encode(sha256(decode(p_public_key, 'base64')), 'hex'), p_purpose, p_public_key)
  on conflict (id) do nothing;
  select * into key from public.sealing_keys where id = encode(sha256(decode(p_public_key, 'base64')), 'hex');
  if key.status = 'retired' or key.purpose <> p_purpose then
    perform private.refuse(409, 'SEALING_KEY_RETIRED', 'This key had its time or is for another purpose; make a new one.', jsonb_build_object('key', key.id));
  end if;
  return key.id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name;
    perform private.refuse_malformed('BAD_SEALING_KEY', 'Send an X25519 public key, 32 bytes in base64.', broken_constraint, '', sqlerrm);
end $$;
comment on function public.register_sealing_key(text, text) is 'From now on traders seal with this public key; whoever registers it has the private key already.';

create function public.retire_sealing_key(p_key_id text) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  key public.sealing_keys;
begin
  -- All keys of the purpose, in one order: two that retire at once cannot both leave the other as the last.
  perform from public.sealing_keys where purpose = (select purpose from public.sealing_keys where id = p_key_id) order by id for update;
  select * into key from public.sealing_keys where id = p_key_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_SEALING_KEY', 'Name a key of public.sealing_keys.', jsonb_build_object('key', p_key_id));
  end if;
  perform private.require_purpose(key.purpose);
  update public.sealing_keys set status = 'retired' where id = p_key_id and status = 'active';
end $$;
comment on function public.retire_sealing_key(text) is 'Nothing may be sealed with the key any more; refused while a credential is under it, or no other is active.';

create function public.credentials_to_reseal(p_purpose text, p_key_id text, p_after uuid default null) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_purpose(p_purpose);
  return (select coalesce(jsonb_agg(private.sealed_row(c) order by c.broker_account_id), '[]'::jsonb)
    from (select * from private.broker_credentials
      where purpose = p_purpose and key_id <> p_key_id and (p_after is null or broker_account_id > p_after)
      order by broker_account_id limit 100) as c);
end $$;
comment on function public.credentials_to_reseal(text, text, uuid) is 'Up to 100 ciphertexts that are not under this key, by account, after the given one.';

create function public.reseal_credentials(p_account_id uuid, p_purpose text, p_version bigint, p_key_id text, p_sealed text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.require_purpose(p_purpose);
  -- Compare and set: where the trader has entered another one meanwhile, theirs stays.
  update private.broker_credentials set key_id = p_key_id, sealed = private.unsealed_bytes(p_sealed)
  where broker_account_id = p_account_id and purpose = p_purpose and version = p_version;
  return found;
end $$;
comment on function public.reseal_credentials(uuid, text, bigint, text, text) is 'The same credential under another key; false where the row is not as it was read.';

grant execute on function public.broker_credentials(uuid, text), public.active_sealing_keys(text), public.register_sealing_key(text, text),
  public.retire_sealing_key(text), public.credentials_to_reseal(text, text, uuid),
  public.reseal_credentials(uuid, text, bigint, text, text) to fn_execute, fn_ingest;
grant execute on function public.data_accounts() to fn_ingest;
