-- Limits, the verdicts of the risk rules, and what opens and closes the gates.

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

-- Alerts ---------------------------------------------------------------------------------------------------------------

create table public.alerts (
  id uuid primary key,
  user_id uuid references auth.users (id) on delete restrict,
  broker_account_id uuid,
  code text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  text text not null,
  numbers jsonb not null default '{}',
  raised_at timestamptz not null default now(),
  acknowledged_at timestamptz
);
comment on table public.alerts is 'What a person should see. Null user_id: for administrators.';
create index alerts_user on public.alerts (user_id, raised_at desc);

create function private.alert(
  p_user_id uuid, p_account_id uuid, p_code text, p_severity text, p_text text, p_numbers jsonb, p_name text)
returns void
language plpgsql set search_path = ''
as $$
declare
  alert_id uuid := private.named_uuid('alert|' || p_name);
begin
  insert into public.alerts (id, user_id, broker_account_id, code, severity, text, numbers)
  values (alert_id, p_user_id, p_account_id, p_code, p_severity, p_text, p_numbers)
  on conflict (id) do nothing;
  if found then
    perform private.emit('alerts', 'alert.raised', coalesce(p_user_id::text, 'administrators'), now(),
      jsonb_build_object('alert_id', alert_id, 'user_id', p_user_id, 'code', p_code, 'text', p_text), 'alert|' || p_name);
  end if;
end $$;
comment on function private.alert(uuid, uuid, text, text, text, jsonb, text) is 'Raises an alert once for what p_name says.';

create function public.raise_alert(p_code text, p_severity text, p_text text, p_numbers jsonb, p_name text) returns void
language sql security definer set search_path = ''
as $$ select private.alert(null, null, p_code, p_severity, p_text, p_numbers, p_name) $$;
comment on function public.raise_alert(text, text, text, jsonb, text) is 'Tells the administrators, once for what p_name says.';
grant execute on function public.raise_alert(text, text, text, jsonb, text) to fn_ingest, fn_strategy, fn_risk, fn_execute, fn_report, fn_relay;

-- Gates ----------------------------------------------------------------------------------------------------------------

create function private.move_gate(p_gate_key text, p_closed boolean, p_mode text, p_reason text) returns void
language plpgsql set search_path = ''
as $$
declare
  gate public.trading_gates;
begin
  -- FOR UPDATE waits for every order that holds the row FOR SHARE: after this no order passes on the old state.
  select * into gate from public.trading_gates where gate_key = p_gate_key for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_GATE', 'Name global, user:<id>, account:<id> or strategy:<id>.', jsonb_build_object('gate', p_gate_key));
  end if;
  -- Engaging again never weakens what is engaged: a flattening halt stays one.
  if gate.closed and p_closed and array_position(array['no_new_entries', 'cancel_working', 'flatten'], p_mode)
    <= array_position(array['no_new_entries', 'cancel_working', 'flatten'], gate.mode) then
    return;
  end if;
  if not gate.closed and not p_closed then
    return;
  end if;
  update public.trading_gates
  set closed = p_closed, mode = p_mode, reason = p_reason, changed_by = private.actor(), changed_at = now()
  where gate_key = p_gate_key;
  insert into public.trading_halts (gate_key, user_id, action, mode, reason, by_whom)
  values (p_gate_key, gate.user_id, case when p_closed then 'engaged' else 'lifted' end, p_mode, p_reason, private.actor());
end $$;
comment on function private.move_gate(text, boolean, text, text) is 'Closes or opens a gate and keeps its history.';

create function private.require_own_gate(p_gate_key text) returns void
language plpgsql set search_path = ''
as $$
begin
  -- A person reaches only their own gates; a function's role reaches all.
  if private.calling_role() = 'authenticated' and not exists (
    select from public.trading_gates where gate_key = p_gate_key and user_id = (select auth.uid())) then
    perform private.refuse(404, 'NO_SUCH_GATE', 'Name user:<id>, account:<id> or strategy:<id> of your own.', jsonb_build_object('gate', p_gate_key));
  end if;
end $$;
comment on function private.require_own_gate(text) is 'Refuses a gate that is not the caller''s.';

create function public.close_gate(p_gate_key text, p_reason text, p_mode text default 'no_new_entries') returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.require_own_gate(p_gate_key);
  perform private.move_gate(p_gate_key, true, p_mode, p_reason);
end $$;
comment on function public.close_gate(text, text, text) is 'Engages the kill switch of a scope: no new entries from this moment. Exits and cancels still pass.';

create function public.open_gate(p_gate_key text, p_reason text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.require_own_gate(p_gate_key);
  if private.calling_role() = 'authenticated'
    and coalesce(current_setting('request.jwt.claims', true)::jsonb ->> 'aal', 'aal1') <> 'aal2' then
    perform private.refuse(403, 'SECOND_FACTOR_NEEDED', 'Lifting a halt needs a second factor: sign in with it and try again.');
  end if;
  if coalesce(trim(p_reason), '') = '' then
    perform private.refuse(422, 'REASON_NEEDED', 'Say why the halt is lifted.');
  end if;
  perform private.move_gate(p_gate_key, false, 'no_new_entries', p_reason);
end $$;
comment on function public.open_gate(text, text) is 'Lifts a halt; a person needs a second factor (aal2) and a reason.';

grant execute on function public.close_gate(text, text, text) to authenticated, fn_risk, fn_execute, fn_api;
grant execute on function public.open_gate(text, text) to authenticated, fn_api;

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

-- Exposure -------------------------------------------------------------------------------------------------------------

create function private.gates_of(p_user_id uuid, p_account_id uuid, p_strategy_id uuid) returns text[]
language sql immutable set search_path = ''
as $$
  select array_remove(array[
    'global', 'user:' || p_user_id, 'account:' || p_account_id, 'strategy:' || p_strategy_id], null)
$$;
comment on function private.gates_of(uuid, uuid, uuid) is 'The gates an order passes, in the order they are locked.';

create function private.lock_scopes(p_user_id uuid, p_account_id uuid, p_strategy_id uuid) returns void
language plpgsql set search_path = ''
as $$
declare
  gate text;
begin
  -- Always global, user, account, strategy: two orders can never wait for each other.
  foreach gate in array private.gates_of(p_user_id, p_account_id, p_strategy_id) loop
    perform from public.trading_gates where gate_key = gate for share;
  end loop;
  -- One order at a time per user counts exposure, so that two orders never both fit the same room.
  perform from public.profiles where user_id = p_user_id for no key update;
  perform from public.broker_accounts where id = p_account_id for no key update;
end $$;
comment on function private.lock_scopes(uuid, uuid, uuid) is 'Takes the gates FOR SHARE and the exposure locks, in one order everywhere.';

create function private.lock_scopes_of(p_strategy_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
declare
  users uuid[];
  accounts uuid[];
begin
  select array_agg(user_id), array_agg(broker_account_id) into users, accounts
  from public.strategies where id = any (p_strategy_ids);
  perform from public.trading_gates
  where gate_key = 'global' or gate_key in (
    select 'user:' || u from unnest(users) as u
    union select 'account:' || a from unnest(accounts) as a
    union select 'strategy:' || s from unnest(p_strategy_ids) as s)
  order by array_position(array['global', 'user', 'account', 'strategy'], scope), gate_key for share;
  perform from public.profiles where user_id = any (users) order by user_id for no key update;
  perform from public.broker_accounts where id = any (accounts) order by id for no key update;
end $$;
comment on function private.lock_scopes_of(uuid[]) is
  'lock_scopes() for several strategies at once, in the same order, so that two callers with the same users never wait for each other.';

create function private.closed_gate(p_user_id uuid, p_account_id uuid, p_strategy_id uuid) returns text
language sql stable set search_path = ''
as $$
  select gate_key from public.trading_gates
  where gate_key = any (private.gates_of(p_user_id, p_account_id, p_strategy_id)) and closed
  order by array_position(private.gates_of(p_user_id, p_account_id, p_strategy_id), gate_key) limit 1
$$;
comment on function private.closed_gate(uuid, uuid, uuid) is 'The widest closed gate on the way of an order, or null.';

create function private.working_quantity(
  p_account_id uuid, p_symbol text, p_side text, p_but_trade uuid default null, p_strategy_id uuid default null) returns numeric
language sql stable set search_path = ''
as $$
  select coalesce(sum(greatest(coalesce(l.quantity, 0) - l.filled_quantity, 0)), 0)
  from public.trades as t
  join public.trade_legs as l on l.trade_id = t.id
  where t.broker_account_id = p_account_id and l.symbol = p_symbol and l.side = p_side
    and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.is_working(t.status)
    and t.id is distinct from p_but_trade
    and (p_strategy_id is null or t.strategy_id = p_strategy_id)
$$;
comment on function private.working_quantity(uuid, text, text, uuid, uuid) is
  'What may still fill on one side of a symbol, shares or contracts: of the account, or of one strategy on it.';

create function private.reduces(p_trade public.trades) returns boolean
language sql stable set search_path = ''
as $$
  -- It only reduces when it promises to, is on the other side of the position and fits into what closing orders leave
  -- of it; and a strategy's order reduces what that strategy holds, not what somebody else holds on the account.
  select p_trade.reduce_only and p_trade.quantity is not null
    and coalesce((
      select ((b.quantity > 0 and p_trade.side = 'sell') or (b.quantity < 0 and p_trade.side = 'buy'))
        and p_trade.quantity <= abs(b.quantity)
          - private.working_quantity(p_trade.broker_account_id, p_trade.symbol, p_trade.side, p_trade.id)
      from public.position_books as b
      where b.broker_account_id = p_trade.broker_account_id and b.symbol = p_trade.symbol), false)
    and (p_trade.strategy_id is null or coalesce((
      select ((o.quantity > 0 and p_trade.side = 'sell') or (o.quantity < 0 and p_trade.side = 'buy'))
        and p_trade.quantity <= abs(o.quantity)
          - private.working_quantity(p_trade.broker_account_id, p_trade.symbol, p_trade.side, p_trade.id, p_trade.strategy_id)
      from public.strategy_positions as o
      where o.broker_account_id = p_trade.broker_account_id and o.owner_key = p_trade.strategy_id::text
        and o.symbol = p_trade.symbol), false))
$$;
comment on function private.reduces(public.trades) is 'Whether the order only reduces the account''s position, net of working closing orders. Call under the account''s lock.';

-- Who may see ----------------------------------------------------------------------------------------------------------

alter table public.risk_limits enable row level security;
create policy "a user reads global limits and their own" on public.risk_limits for select to authenticated
  using (user_id is null or user_id = (select auth.uid()));
alter table public.risk_decisions enable row level security;
create policy "a user reads decisions on their own trades" on public.risk_decisions for select to authenticated
  using (user_id = (select auth.uid()));
alter table public.alerts enable row level security;
create policy "a user reads their own alerts" on public.alerts for select to authenticated using (user_id = (select auth.uid()));
grant select on public.risk_limits, public.risk_decisions, public.alerts to authenticated;
