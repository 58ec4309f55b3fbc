-- What opens and closes the gates, and what an order asks of them.

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
