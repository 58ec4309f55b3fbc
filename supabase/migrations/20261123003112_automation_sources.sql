-- Outside senders that trade for a user: what each may ask for, and the secrets by which it is known.

create function private.are_narrow(p_networks cidr[]) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select coalesce(bool_and(masklen(n) >= case family(n) when 4 then 16 else 32 end), true) from unnest(p_networks) as n $$;
comment on function private.are_narrow(cidr[]) is 'Whether each network is small enough to fence anything: one of everybody is none.';

create table public.automation_sources (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  broker_account_id uuid not null,
  strategy_id uuid,
  name text not null check (length(name) between 1 and 100),
  kind text not null check (kind in ('generic', 'tradingview')),
  authentication text not null default 'hmac' check (authentication in ('hmac', 'url_token')),
  symbols text[] not null check (cardinality(symbols) between 1 and 100 and array_position(symbols, null) is null),
  max_quantity private.amount not null check (max_quantity > 0),
  max_per_minute integer not null default 10 check (max_per_minute between 1 and 600),
  networks cidr[] not null default '{}' check (cardinality(networks) <= 50 and array_position(networks, null) is null),
  templates jsonb not null default '[]',
  enabled boolean not null default true,
  secret_changed_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  unique (user_id, name),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  constraint weak_source_is_fenced check (
    authentication = 'hmac' or (cardinality(networks) > 0 and private.are_narrow(networks) and max_per_minute <= 10))
);
comment on table public.automation_sources is 'Outside senders whose signed events become trades of their owner, and what they may ask for.';
comment on column public.automation_sources.id is 'Key; the last part of the address that events are sent to.';
comment on column public.automation_sources.user_id is 'Owner.';
comment on column public.automation_sources.broker_account_id is 'The account its trades go to.';
comment on column public.automation_sources.strategy_id is 'The strategy its trades are counted to; null for none.';
comment on column public.automation_sources.name is 'Unique among the owner''s sources.';
comment on column public.automation_sources.kind is 'generic, or tradingview for its fixed templates.';
comment on column public.automation_sources.authentication is 'hmac: every event is signed; url_token: an unguessable address only, which is weaker and fenced.';
comment on column public.automation_sources.symbols is 'What it may trade.';
comment on column public.automation_sources.max_quantity is 'The most it may ask for in one order, shares or contracts.';
comment on column public.automation_sources.max_per_minute is 'The most events that are taken in a minute.';
comment on column public.automation_sources.networks is 'Where its events may come from; empty: anywhere (only for hmac).';
comment on column public.automation_sources.templates is
  'What an event without an order becomes, the first that fits: [{"event", "symbol", "at_least", "at_most", "order": {...}}]; none: it is only recorded.';
comment on column public.automation_sources.enabled is 'Whether its events are taken.';
comment on column public.automation_sources.secret_changed_at is 'When it was last given a new secret, UTC.';
comment on column public.automation_sources.created_at is 'When the row was written, UTC.';
comment on column public.automation_sources.updated_at is 'When the row last changed, UTC.';
comment on column public.automation_sources.version is 'Grows by one with every change of the row.';
create index automation_sources_account on public.automation_sources (broker_account_id, user_id);
create index automation_sources_strategy on public.automation_sources (strategy_id, user_id);

create table private.automation_secrets (
  id uuid primary key default gen_random_uuid(),
  source_id uuid not null,
  user_id uuid not null,
  secret text,
  token_hash bytea,
  valid_until timestamptz,
  created_at timestamptz not null default now(),
  foreign key (source_id, user_id) references public.automation_sources (id, user_id) on delete restrict,
  check ((secret is null) <> (token_hash is null))
);
comment on table private.automation_secrets is 'By what each source is known: the newest, and those that it takes the place of for a little longer. No role reads it.';
comment on column private.automation_secrets.id is 'Key.';
comment on column private.automation_secrets.source_id is 'The source.';
comment on column private.automation_secrets.user_id is 'Owner of the source.';
comment on column private.automation_secrets.secret is 'With what events are signed: checking a signature needs the secret itself.';
comment on column private.automation_secrets.token_hash is 'SHA-256 of an address'' token: 244 random bits, so a plain hash is enough.';
comment on column private.automation_secrets.valid_until is 'Until when it still opens, UTC; null for the newest.';
comment on column private.automation_secrets.created_at is 'When it was made, UTC.';
create unique index automation_secrets_newest on private.automation_secrets (source_id) where valid_until is null;
create index automation_secrets_source on private.automation_secrets (source_id, user_id);

create function private.automation_order_fields() returns text[]
language sql immutable parallel safe set search_path = ''
as $$
  select array['symbol', 'side', 'position_intent', 'quantity', 'order_type', 'time_in_force', 'price', 'stop_price', 'trail_price',
    'trail_percent', 'planned_stop', 'exit_plan', 'legs', 'reduce_only', 'extended_hours', 'reason']
$$;
comment on function private.automation_order_fields() is 'What an outside event may say of an order; account, time and what it belongs to are the ledger''s to say.';

create function private.template_fault(p_templates jsonb) returns text
language plpgsql immutable set search_path = ''
as $$
declare
  template jsonb;
begin
  if jsonb_typeof(p_templates) <> 'array' or jsonb_array_length(p_templates) > 20 then
    return 'it is a list of at most 20';
  end if;
  for template in select t from jsonb_array_elements(p_templates) as t loop
    if jsonb_typeof(template) <> 'object' or jsonb_typeof(template -> 'order') is distinct from 'object'
      or coalesce(length(template ->> 'event'), 0) not between 1 and 100 then
      return 'each has an event and an order';
    elsif exists (select from jsonb_object_keys(template) as k where k <> all (array['event', 'symbol', 'at_least', 'at_most', 'order'])) then
      return 'each says event, symbol, at_least, at_most and order';
    elsif exists (select from jsonb_object_keys(template -> 'order') as k where k <> all (private.automation_order_fields())) then
      return 'an order has other fields';
    elsif not pg_input_is_valid(coalesce(template ->> 'at_least', '0'), 'numeric')
      or not pg_input_is_valid(coalesce(template ->> 'at_most', '0'), 'numeric') then
      return 'at_least and at_most are numbers';
    end if;
  end loop;
  return null;
end $$;
comment on function private.template_fault(jsonb) is 'What is wrong with a source''s templates, or null.';

create function private.guard_automation_source() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and (new.broker_account_id, new.kind, new.authentication) is distinct from
      (old.broker_account_id, old.kind, old.authentication) then
    perform private.refuse(409, 'SOURCE_IS_FIXED', 'Account, kind and authentication of a source stay; create another one.',
      jsonb_build_object('source', old.id));
  end if;
  -- What a strategy does lies on its one account.
  if exists (select from public.strategies as s
      where s.id = new.strategy_id and s.user_id = new.user_id and s.broker_account_id <> new.broker_account_id) then
    perform private.refuse(409, 'STRATEGY_OF_ANOTHER_ACCOUNT', 'Name a strategy that trades on the source''s account.',
      jsonb_build_object('strategy', new.strategy_id));
  end if;
  if private.template_fault(new.templates) is not null then
    perform private.refuse(422, 'BAD_TEMPLATE', 'A template is {"event", "symbol", "at_least", "at_most", "order": {...}}.',
      jsonb_build_object('because', private.template_fault(new.templates)));
  end if;
  return new;
end $$;
comment on function private.guard_automation_source() is 'Keeps what a source is, its strategy to its account, and its templates readable.';
create trigger guard before insert or update on public.automation_sources for each row execute function private.guard_automation_source();
create trigger touch before insert or update on public.automation_sources for each row execute function private.touch();
create trigger keep_owner before update on public.automation_sources for each row execute function private.keep_owner();
select private.audit_changes('public.automation_sources');
select private.protect_from_delete('public.automation_sources');

-- What their owner does with them ----------------------------------------------------------------------------------------

create function private.own_source(p_source_id uuid) returns public.automation_sources
language plpgsql set search_path = ''
as $$
declare
  source public.automation_sources;
begin
  -- Whoever takes an event holds the row: after a change nothing more is taken by what was said before.
  select * into source from public.automation_sources where id = p_source_id and private.reaches(user_id) for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_SOURCE', 'Name an automation source of your own.', jsonb_build_object('source', p_source_id));
  end if;
  return source;
end $$;
comment on function private.own_source(uuid) is 'The caller''s source, locked; a stranger''s is not found.';

create function private.new_automation_secret(p_source public.automation_sources) returns text
language plpgsql set search_path = ''
as $$
declare
  -- Two random uuids are 244 bits of the operating system's randomness.
  made text := case p_source.authentication when 'hmac' then 'ats_' else 'att_' end
    || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  insert into private.automation_secrets (source_id, user_id, secret, token_hash) values (
    p_source.id, p_source.user_id,
    case p_source.authentication when 'hmac' then made end,
    case p_source.authentication when 'url_token' then sha256(convert_to(made, 'UTF8')) end);
  return made;
end $$;
comment on function private.new_automation_secret(public.automation_sources) is 'Makes the newest secret of a source, and gives it: the only time that it is seen.';

create function private.retire_automation_secrets(p_source_id uuid, p_seconds integer) returns void
language sql set search_path = ''
as $$
  update private.automation_secrets set valid_until = least(coalesce(valid_until, 'infinity'), now() + make_interval(secs => p_seconds))
  where source_id = p_source_id;
  delete from private.automation_secrets where source_id = p_source_id and valid_until <= now()
$$;
comment on function private.retire_automation_secrets(uuid, integer) is 'Every secret of a source ends within so many seconds; those that have ended are gone.';

create function public.save_automation_source(p_source jsonb, p_version bigint default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  old public.automation_sources;
  wanted public.automation_sources;
  saved public.automation_sources;
  secret text;
  broken_constraint text;
  broken_column text;
  caller uuid := (select auth.uid());
begin
  perform private.require_scope('person');
  perform private.require_trader();
  if private.calling_role() <> 'authenticated' or caller is null then
    perform private.refuse(403, 'SIGN_IN', 'A person creates and changes their sources, signed in.');
  end if;
  wanted.id := (p_source ->> 'id')::uuid;
  if p_version is not null or exists (select from public.automation_sources where id = wanted.id) then
    old := private.own_source(wanted.id);
  end if;
  if p_version is not null and p_version <> old.version and p_version <> 0 then
    perform private.refuse(412, 'CHANGED_MEANWHILE', 'Read the source again and decide anew.',
      jsonb_build_object('source', old.id, 'version', old.version));
  end if;
  -- What nothing is said of keeps its value, or has its default.
  wanted := jsonb_populate_record(old, '{"authentication": "hmac", "max_per_minute": 10, "networks": [], "templates": [], "enabled": true}'::jsonb
    || case when old.id is null then '{}' else to_jsonb(old) end || p_source);
  if not exists (select from public.broker_accounts where id = wanted.broker_account_id and user_id = caller and status = 'active')
    and old.id is null then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.');
  elsif wanted.strategy_id is distinct from old.strategy_id and wanted.strategy_id is not null
    and not exists (select from public.strategies where id = wanted.strategy_id and user_id = caller and status <> 'deleted') then
    perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of your own.');
  elsif exists (select from public.automation_sources where user_id = caller and name = wanted.name and id is distinct from old.id) then
    perform private.refuse(409, 'NAME_TAKEN', 'Another of your sources has this name.', jsonb_build_object('name', wanted.name));
  end if;
  if old.id is null then
    insert into public.automation_sources (
      id, user_id, broker_account_id, strategy_id, name, kind, authentication, symbols, max_quantity, max_per_minute, networks, templates, enabled)
    values (coalesce(wanted.id, gen_random_uuid()), caller, wanted.broker_account_id, wanted.strategy_id, wanted.name, wanted.kind,
      wanted.authentication, wanted.symbols, wanted.max_quantity, wanted.max_per_minute, wanted.networks, wanted.templates, wanted.enabled)
    returning * into saved;
  else
    update public.automation_sources set broker_account_id = wanted.broker_account_id, strategy_id = wanted.strategy_id, name = wanted.name,
      kind = wanted.kind, authentication = wanted.authentication, symbols = wanted.symbols, max_quantity = wanted.max_quantity,
      max_per_minute = wanted.max_per_minute, networks = wanted.networks, templates = wanted.templates, enabled = wanted.enabled
    where id = old.id returning * into saved;
  end if;
  if p_version is null then
    -- Created again under the same id, because nobody has received the secret: that one opens nothing.
    perform private.retire_automation_secrets(saved.id, 0);
    secret := private.new_automation_secret(saved);
  end if;
  return jsonb_strip_nulls(jsonb_build_object('source_id', saved.id, 'version', saved.version, 'secret', secret));
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_SOURCE',
      'A source has a name, kind, account, 1 to 100 symbols, a max_quantity, 1 to 600 events a minute; with url_token also narrow networks and at most 10 a minute.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.save_automation_source(jsonb, bigint) is
  'Makes a source and shows its secret, once: {"source_id", "version", "secret"}. With p_version (0: whichever) changes one that is there: what p_source does not say stays.';

create function public.rotate_automation_secret(p_source_id uuid, p_overlap_seconds integer default 600) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  source public.automation_sources;
begin
  perform private.require_scope('person');
  perform private.require_trader();
  if (p_overlap_seconds between 0 and 86400) is not true then
    perform private.refuse(422, 'BAD_OVERLAP', 'The old secret ends at once (0), or within a day.', jsonb_build_object('overlap_seconds', p_overlap_seconds));
  end if;
  source := private.own_source(p_source_id);
  perform private.retire_automation_secrets(source.id, p_overlap_seconds);
  if (select count(*) from private.automation_secrets where source_id = source.id) >= 5 then
    perform private.refuse(409, 'TOO_MANY_SECRETS', 'Five secrets of this source still open: wait, or rotate with an overlap of 0.',
      jsonb_build_object('source', source.id));
  end if;
  update public.automation_sources set secret_changed_at = now() where id = source.id returning * into source;
  return jsonb_build_object('source_id', source.id, 'version', source.version, 'secret', private.new_automation_secret(source));
end $$;
comment on function public.rotate_automation_secret(uuid, integer) is
  'Gives a source a new secret and shows it, once: {"source_id", "version", "secret"}. The one before is good for p_overlap_seconds more.';
grant execute on function public.save_automation_source(jsonb, bigint), public.rotate_automation_secret(uuid, integer) to authenticated;

-- Who may see ----------------------------------------------------------------------------------------------------------

alter table public.automation_sources enable row level security;
create policy "a user reads their own sources" on public.automation_sources for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.automation_sources to authenticated;
