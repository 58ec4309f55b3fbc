-- Limits, and the verdicts of the risk rules.

create table public.risk_limits (
  id uuid primary key default gen_random_uuid(),
  scope text not null check (scope in ('global', 'user', 'account', 'strategy')),
  user_id uuid references auth.users (id) on delete restrict,
  broker_account_id uuid,
  strategy_id uuid,
  symbol text references public.instruments (symbol) on delete restrict,
  name text not null references public.risk_limit_kinds (name) on delete restrict,
  value private.amount check (value >= 0),
  unit text not null,
  parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'),
  act text check (act in ('warn', 'block_entries', 'cancel', 'reduce', 'flatten', 'deactivate', 'roll')),
  set_by_administrator boolean not null default false,
  changed_by text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  check ((scope = 'global') = (user_id is null)),
  check ((scope = 'account') = (broker_account_id is not null)),
  check ((scope = 'strategy') = (strategy_id is not null)),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  unique nulls not distinct (scope, user_id, broker_account_id, strategy_id, symbol, name)
);
comment on table public.risk_limits is
  'Limits by name and scope. The tightest that applies wins; a wider scope is never loosened by a narrower one. An administrator may edit value here, or add a limit: it takes effect as set_limit() does. No row is deleted: empty its value to remove the limit.';
comment on column public.risk_limits.id is 'Key.';
comment on column public.risk_limits.scope is 'Whose exposure the limit is held against.';
comment on column public.risk_limits.user_id is 'Owner of the scope; null for a global limit.';
comment on column public.risk_limits.broker_account_id is 'The account, where the scope is an account.';
comment on column public.risk_limits.strategy_id is 'The strategy, where the scope is a strategy.';
comment on column public.risk_limits.symbol is 'Null: every symbol.';
comment on column public.risk_limits.name is 'Which limit: one that a risk rule enforces, see docs/risk.md.';
comment on column public.risk_limits.value is 'The limit, in its unit. Null: removed, no limit.';
comment on column public.risk_limits.unit is 'Unit of the value; it belongs to the name.';
comment on column public.risk_limits.parameters is 'Further numbers of this kind of limit, as text: {"within_minutes": "60"}. What is left out has its default, see risk_limit_kinds.';
comment on column public.risk_limits.act is 'What a watch or breaker does when it is broken; null: the first act of its kind.';
comment on column public.risk_limits.set_by_administrator is 'An administrator has set it, so only an administrator changes it; written by trigger.';
comment on column public.risk_limits.changed_by is 'Who changed it last; written by trigger.';
comment on column public.risk_limits.created_at is 'When the row was made, UTC.';
comment on column public.risk_limits.updated_at is 'When the row last changed, UTC.';
comment on column public.risk_limits.version is 'Grows by one with every change of the row.';
create index risk_limits_user on public.risk_limits (user_id);
create index risk_limits_account on public.risk_limits (broker_account_id, user_id);
create index risk_limits_strategy on public.risk_limits (strategy_id, user_id);
create index risk_limits_symbol on public.risk_limits (symbol);
create index risk_limits_name on public.risk_limits (name);

create function private.limit_unit(p_name text) returns text
language sql stable set search_path = ''
as $$ select k.unit from public.risk_limit_kinds as k where k.name = p_name $$;
comment on function private.limit_unit(text) is 'The unit of a limit that is enforced; null for a name that nothing enforces.';

create function private.strictness(p_name text, p_value numeric) returns numeric
language sql stable set search_path = ''
as $$ select case k.tighter when 'higher' then -p_value else p_value end from public.risk_limit_kinds as k where k.name = p_name $$;
comment on function private.strictness(text, numeric) is 'A value of a limit, so turned that the smaller one is the stricter.';

create function private.has_source(p_source text) returns boolean
language sql stable set search_path = ''
as $$
  select case p_source
    when 'sectors' then exists (select from public.instruments where sector is not null)
    when 'ex_dividend_dates' then exists (select from public.instruments where ex_dividend_dates <> '{}')
      or exists (select from public.blackout_dates where kind = 'ex_dividend' and removed_at is null)
    when 'earnings_dates' then exists (select from public.blackout_dates where kind = 'earnings' and removed_at is null)
    else p_source is null end
$$;
comment on function private.has_source(text) is 'Whether there is any data of a kind that a limit needs; what needs none has it.';

create function private.require_fitting_limit(p_limit public.risk_limits) returns void
language plpgsql stable set search_path = ''
as $$
declare
  kind public.risk_limit_kinds;
  unfit text;
begin
  select * into kind from public.risk_limit_kinds where name = p_limit.name;
  if not p_limit.scope = any (kind.scopes) or (p_limit.symbol is not null and not 'symbol' = any (kind.scopes)) then
    perform private.refuse(422, 'BAD_LIMIT_SCOPE', 'This limit is not set there: see its scopes in risk_limit_kinds.',
      jsonb_build_object('name', p_limit.name, 'scope', p_limit.scope, 'symbol', p_limit.symbol, 'scopes', kind.scopes));
  end if;
  select p.key into unfit from jsonb_each(p_limit.parameters) as p
  where not kind.parameters ? p.key or not pg_input_is_valid(coalesce(p_limit.parameters ->> p.key, ''), 'private.amount')
    or (p_limit.parameters ->> p.key)::numeric < 0 limit 1;
  if found then
    perform private.refuse(422, 'BAD_LIMIT_PARAMETER', 'A parameter is one that this limit has, a number of zero or more.',
      jsonb_build_object('name', p_limit.name, 'parameter', unfit, 'value', p_limit.parameters ->> unfit, 'expected', kind.parameters));
  end if;
  if p_limit.act is not null and not p_limit.act = any (kind.acts) then
    perform private.refuse(422, 'BAD_LIMIT_ACT', 'Name something that this limit can do, or leave it to its first.',
      jsonb_build_object('name', p_limit.name, 'act', p_limit.act, 'acts', kind.acts));
  end if;
  if p_limit.value is not null and not private.has_source(kind.source) then
    perform private.refuse(422, 'SOURCE_NOT_CONFIGURED',
      'This limit needs data that nobody has entered: it would refuse every order. Enter it first: dates with set_blackout(), the rest for the instruments.',
      jsonb_build_object('name', p_limit.name, 'source', kind.source));
  end if;
end $$;
comment on function private.require_fitting_limit(public.risk_limits) is
  'Refuses a limit where its kind does not go: scope, symbol, parameters, act; or whose data nobody has.';

create function private.guard_limit() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  happening constant text[] := array['value', 'parameters', 'act', 'set_by_administrator', 'changed_by', 'created_at', 'updated_at', 'version'];
  administrator boolean := private.acts_as_administrator();
begin
  if tg_op = 'INSERT' then
    -- Named by its account or strategy alone, the row's owner is theirs; in the Studio the unit may be left to the ledger.
    new.user_id := coalesce(new.user_id, case new.scope
      when 'account' then (select user_id from public.broker_accounts where id = new.broker_account_id)
      when 'strategy' then (select user_id from public.strategies where id = new.strategy_id) end);
    new.unit := coalesce(nullif(trim(new.unit), ''), private.limit_unit(new.name));
    if (new.unit = private.limit_unit(new.name)) is not true then
      perform private.refuse(422, 'UNKNOWN_LIMIT', 'Name a limit that a risk rule enforces, in its own unit: see docs/risk.md.',
        jsonb_build_object('name', new.name, 'unit', new.unit, 'expected_unit', private.limit_unit(new.name)));
    end if;
    if new.symbol is not null and not exists (select from public.instruments where symbol = new.symbol) then
      perform private.refuse(422, 'UNKNOWN_SYMBOL', 'Name a symbol that the ledger knows.', jsonb_build_object('symbol', new.symbol));
    end if;
  else
    if to_jsonb(new) - happening is distinct from to_jsonb(old) - happening then
      perform private.refuse(409, 'LIMIT_IS_FIXED', 'Change its value, or set another limit; what it limits stays.', jsonb_build_object('limit', old.id));
    end if;
    -- One that an administrator has removed binds nobody.
    if old.set_by_administrator and old.value is not null and not administrator then
      perform private.refuse(403, 'ADMINISTRATOR_NEEDED', 'An administrator has set this limit: set a tighter one on a narrower scope, or ask.',
        jsonb_build_object('name', old.name, 'scope', old.scope, 'value', trim_scale(old.value)));
    end if;
  end if;
  -- An administrator tightens at once; what loosens what others rely on is done with a second factor. Where none is set
  -- they rely on the default.
  if ((tg_op = 'UPDATE' and old.set_by_administrator) or new.user_id is distinct from (select auth.uid())) and private.is_administrator()
    and (case when tg_op = 'UPDATE' and old.value is not null
      then (private.strictness(new.name, new.value) <= private.strictness(old.name, old.value)) is not true
        or (new.parameters, new.act) is distinct from (old.parameters, old.act)
      else exists (select from public.risk_limit_kinds as k where k.name = new.name and k.default_value is not null
        and (private.strictness(k.name, new.value) > private.strictness(k.name, k.default_value) or new.parameters <> '{}')) end)
    and coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'aal', 'aal1') <> 'aal2' then
    perform private.refuse(403, 'SECOND_FACTOR_NEEDED', 'Loosening this limit needs a second factor: sign in with it and try again.');
  end if;
  if new.value < 0 then
    perform private.refuse(422, 'BAD_LIMIT', 'A limit has a value of zero or more; without a value there is none.', jsonb_build_object('value', new.value));
  end if;
  perform private.require_fitting_limit(new);
  -- However it was written, as everybody reads it: one number that somebody cannot read would blind a watch over all.
  new.parameters := coalesce((select jsonb_object_agg(p.key, trim_scale(p.value::private.amount)::text)
    from jsonb_each_text(new.parameters) as p), '{}');
  new.set_by_administrator := administrator;
  new.changed_by := private.actor();
  return new;
end $$;
comment on function private.guard_limit() is 'What a limit may be and who may change it: for a call, and for an edit in the Studio.';
create trigger guard before insert or update on public.risk_limits for each row execute function private.guard_limit();
create trigger touch before insert or update on public.risk_limits for each row execute function private.touch();
select private.audit_changes('public.risk_limits');
select private.protect_from_delete('public.risk_limits');

create view public.risk_limit_versions with (security_invoker = true) as
select (a.after ->> 'id')::uuid as limit_id, (a.after ->> 'version')::bigint as version, a.user_id, a.at, a.actor,
  a.after ->> 'scope' as scope, (a.after ->> 'broker_account_id')::uuid as broker_account_id,
  (a.after ->> 'strategy_id')::uuid as strategy_id, a.after ->> 'symbol' as symbol, a.after ->> 'name' as name,
  (a.before ->> 'value')::numeric as value_before, (a.after ->> 'value')::numeric as value, a.after ->> 'unit' as unit,
  a.after -> 'parameters' as parameters, a.after ->> 'act' as act
from public.audit_log as a where a.table_name = 'risk_limits';
comment on view public.risk_limit_versions is 'Every change of every limit, by whom, before and after: the audit trail, read as a history. A null value is no limit.';
grant select on public.risk_limit_versions to authenticated;

create table private.order_rounds (
  user_id uuid primary key references auth.users (id) on delete restrict,
  approved bigint not null default 0
);
comment on column private.order_rounds.user_id is 'Whose orders.';
comment on column private.order_rounds.approved is 'How many were approved.';
comment on table private.order_rounds is
  'How many orders of a user were approved. Counted under the user''s lock: a book that knows fewer is not the book to approve another by.';
alter table private.order_rounds enable row level security;

create table public.risk_decisions (
  trade_id uuid not null,
  number integer not null,
  user_id uuid not null,
  rule text not null,
  verdict text not null check (verdict in ('allow', 'deny', 'reduce')),
  numbers jsonb not null default '{}',
  at timestamptz not null default now(),
  primary key (trade_id, number),
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict
);
comment on table public.risk_decisions is 'Each rule''s verdict on each trade, with the numbers it saw.';
create index risk_decisions_user on public.risk_decisions (user_id, at desc);
select private.protect_append_only('public.risk_decisions');

create function private.scope_owner(p_scope text, p_scope_id uuid) returns uuid
language plpgsql set search_path = ''
as $$
declare
  owner uuid;
begin
  owner := case p_scope
    when 'user' then (select user_id from public.profiles where user_id = p_scope_id)
    when 'account' then (select user_id from public.broker_accounts where id = p_scope_id)
    when 'strategy' then (select user_id from public.strategies where id = p_scope_id) end;
  if (owner is null and p_scope is distinct from 'global') or not (private.reaches(owner) or private.is_administrator()) then
    perform private.refuse(404, 'NO_SUCH_SCOPE', 'Name a user, account or strategy of your own.',
      jsonb_build_object('scope', p_scope, 'id', p_scope_id));
  end if;
  return owner;
end $$;
comment on function private.scope_owner(text, uuid) is
  'Whose scope it is, null for the global one; refused where it is not the caller''s own, nor is the caller an administrator.';

create function public.set_limit(
  p_scope text, p_scope_id uuid, p_name text, p_value text, p_unit text, p_symbol text default null,
  p_parameters jsonb default '{}', p_act text default null)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid;
  limit_id uuid;
  broken_constraint text;
  broken_column text;
begin
  perform private.require_trader();
  if p_unit is distinct from private.limit_unit(p_name) then
    perform private.refuse(422, 'UNKNOWN_LIMIT', 'Name a limit that a risk rule enforces, in its own unit: see docs/risk.md.',
      jsonb_build_object('name', p_name, 'unit', p_unit, 'expected_unit', private.limit_unit(p_name)));
  end if;
  owner := private.scope_owner(p_scope, p_scope_id);
  if p_value is null then
    perform private.refuse(422, 'BAD_LIMIT', 'Say the value; to be without this limit, call remove_limit().', jsonb_build_object('name', p_name));
  end if;
  -- The orders under way are judged first: what is approved after this call was judged by the new limit.
  perform private.hold_orders(owner);
  insert into public.risk_limits as l (scope, user_id, broker_account_id, strategy_id, symbol, name, value, unit,
    parameters, act)
  values (p_scope, owner, case when p_scope = 'account' then p_scope_id end, case when p_scope = 'strategy' then p_scope_id end,
    p_symbol, p_name, p_value::numeric, p_unit, coalesce(p_parameters, '{}'), p_act)
  on conflict (scope, user_id, broker_account_id, strategy_id, symbol, name) do update
  set value = excluded.value, parameters = excluded.parameters, act = excluded.act
  returning l.id into limit_id;
  return limit_id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_LIMIT', 'A limit has a name in small letters, a unit, and a value of zero or more.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.set_limit(text, uuid, text, text, text, text, jsonb, text) is
  'Sets a limit of a scope, from this moment on; risk_limit_versions is the history. What an administrator has set only an administrator changes.';

create function public.remove_limit(p_scope text, p_scope_id uuid, p_name text, p_symbol text default null) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid;
begin
  perform private.require_trader();
  owner := private.scope_owner(p_scope, p_scope_id);
  perform private.hold_orders(owner);
  update public.risk_limits set value = null
  where scope = p_scope and user_id is not distinct from owner and value is not null
    and broker_account_id is not distinct from case when p_scope = 'account' then p_scope_id end
    and strategy_id is not distinct from case when p_scope = 'strategy' then p_scope_id end
    and symbol is not distinct from p_symbol and name = p_name;
  return found;
end $$;
comment on function public.remove_limit(text, uuid, text, text) is
  'Removes a limit: its row stays, without a value. True where there was one. What an administrator has set only an administrator removes.';
grant execute on function public.set_limit(text, uuid, text, text, text, text, jsonb, text), public.remove_limit(text, uuid, text, text) to authenticated;

alter table public.risk_limits enable row level security;
create policy "a user reads global limits and their own" on public.risk_limits for select to authenticated
  using (user_id is null or user_id = any ((select private.readable_users())::uuid[]));
alter table public.risk_decisions enable row level security;
create policy "a user reads decisions on their own trades" on public.risk_decisions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));

grant select on public.risk_limits, public.risk_decisions to authenticated;
