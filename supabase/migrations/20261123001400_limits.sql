-- Limits, and the verdicts of the risk rules.

create table public.risk_limits (
  id uuid primary key default gen_random_uuid(),
  scope text not null check (scope in ('global', 'user', 'account', 'strategy')),
  user_id uuid references auth.users (id) on delete restrict,
  broker_account_id uuid,
  strategy_id uuid,
  symbol text references public.instruments (symbol) on delete restrict,
  name text not null check (name ~ '^[a-z][a-z_]{1,62}$'),
  value private.amount not null check (value >= 0),
  unit text not null,
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
comment on table public.risk_limits is 'Limits by name and scope. The tightest that applies wins; a wider scope is never loosened by a narrower one.';
comment on column public.risk_limits.symbol is 'Null: every symbol.';
create index risk_limits_user on public.risk_limits (user_id);
create index risk_limits_account on public.risk_limits (broker_account_id, user_id);
create index risk_limits_strategy on public.risk_limits (strategy_id, user_id);
create index risk_limits_symbol on public.risk_limits (symbol);
create trigger touch before insert or update on public.risk_limits for each row execute function private.touch();
create trigger audit after insert or update on public.risk_limits for each row execute function private.audit();
select private.protect_from_delete('public.risk_limits');

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
create index risk_decisions_user on public.risk_decisions (user_id);
select private.protect_append_only('public.risk_decisions');

create function private.limit_unit(p_name text) returns text
language sql immutable set search_path = ''
as $$
  select case p_name
    when 'position_limit' then 'shares or contracts'
    when 'capital_limit' then 'dollars'
    when 'max_loss_per_trade' then 'dollars'
    when 'stale_quote' then 'seconds'
    when 'price_sanity' then 'percent of the mark' end
$$;
comment on function private.limit_unit(text) is 'The unit of a limit that a risk rule enforces; null for a name that none does.';

create function public.set_limit(
  p_scope text, p_scope_id uuid, p_name text, p_value text, p_unit text, p_symbol text default null)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid;
  limit_id uuid;
  caller uuid := (select auth.uid());
  broken_constraint text;
  broken_column text;
begin
  if p_unit is distinct from private.limit_unit(p_name) then
    perform private.refuse(422, 'UNKNOWN_LIMIT', 'Name a limit that a risk rule enforces, in its own unit: see docs/risk.md.',
      jsonb_build_object('name', p_name, 'unit', p_unit, 'expected_unit', private.limit_unit(p_name)));
  end if;
  owner := case p_scope
    when 'user' then p_scope_id
    when 'account' then (select user_id from public.broker_accounts where id = p_scope_id)
    when 'strategy' then (select user_id from public.strategies where id = p_scope_id) end;
  if (owner is null and p_scope is distinct from 'global')
    or (private.calling_role() = 'authenticated' and owner is distinct from caller) then
    perform private.refuse(404, 'NO_SUCH_SCOPE', 'Name a user, account or strategy of your own.',
      jsonb_build_object('scope', p_scope, 'id', p_scope_id));
  end if;
  insert into public.risk_limits as l (scope, user_id, broker_account_id, strategy_id, symbol, name, value, unit, changed_by)
  values (p_scope, owner, case when p_scope = 'account' then p_scope_id end, case when p_scope = 'strategy' then p_scope_id end,
    p_symbol, p_name, p_value::numeric, p_unit, private.actor())
  on conflict (scope, user_id, broker_account_id, strategy_id, symbol, name)
  do update set value = excluded.value, unit = excluded.unit, changed_by = excluded.changed_by
  returning l.id into limit_id;
  return limit_id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_LIMIT', 'A limit has a name in small letters, a unit, and a value of zero or more.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.set_limit(text, uuid, text, text, text, text) is 'Sets a limit of a scope; the history is in the audit trail.';
grant execute on function public.set_limit(text, uuid, text, text, text, text) to authenticated, fn_api;

alter table public.risk_limits enable row level security;
create policy "a user reads global limits and their own" on public.risk_limits for select to authenticated
  using (user_id is null or user_id = any ((select private.readable_users())::uuid[]));
alter table public.risk_decisions enable row level security;
create policy "a user reads decisions on their own trades" on public.risk_decisions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));

grant select on public.risk_limits, public.risk_decisions to authenticated;
