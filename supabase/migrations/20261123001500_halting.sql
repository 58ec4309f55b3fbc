-- What opens and closes the gates, and what an order asks of them.

alter table public.trading_gates
  add foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  add foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict;

create function private.orders_key(p_user_id uuid) returns bigint
language sql immutable set search_path = ''
as $$ select hashtextextended('orders of ' || coalesce(p_user_id::text, 'everybody'), 0) $$;
comment on function private.orders_key(uuid) is 'The advisory lock of a user''s orders, or with null of everybody''s.';

create function private.hold_orders(p_user_id uuid default null) returns void
language plpgsql set search_path = ''
as $$
begin
  -- Orders hold gate rows FOR SHARE, and Postgres lets a new sharer pass a waiting writer: under steady orders a halt
  -- would wait for ever. These locks are queues: what comes after waits behind. Everybody's is held shared by each order.
  perform pg_advisory_xact_lock(private.orders_key(p_user_id));
  perform set_config('app.orders_held', 'yes', true);
end $$;
comment on function private.hold_orders(uuid) is
  'Waits for the orders that are under way, of a user or with null of everybody, and keeps new ones waiting until this transaction ends. Call it before any other lock.';

create function private.hold_all_orders() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if coalesce(current_setting('app.orders_held', true), '') = '' then
    perform private.hold_orders(null);
  end if;
  return null;
end $$;
comment on function private.hold_all_orders() is
  'An edit in the Studio waits for the orders under way before it takes a row, where a call has not seen to that.';
create trigger hold_orders before update on public.trading_gates for each statement execute function private.hold_all_orders();
create trigger hold_orders before insert or update on public.risk_limits for each statement execute function private.hold_all_orders();

create function private.require_trader() returns void
language plpgsql stable set search_path = ''
as $$
begin
  if private.calling_role() = 'authenticated' then
    perform private.refuse_reader();
  end if;
end $$;
comment on function private.require_trader() is 'Refuses a person who only looks on, or is shut out.';

-- Closing and opening ---------------------------------------------------------------------------------------------------

create function private.move_gate(
  p_gate_key text, p_closed boolean, p_mode text, p_reason text, p_spare_exits boolean default true)
returns public.trading_gates
language plpgsql set search_path = ''
as $$
declare
  gate public.trading_gates;
  harder public.trading_gates;
  taken_over boolean;
begin
  -- FOR UPDATE waits for every order that holds the row FOR SHARE: after this no order passes on the old state.
  select * into gate from public.trading_gates where gate_key = p_gate_key for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_GATE', 'Name global, user:<id>, account:<id> or strategy:<id>.', jsonb_build_object('gate', p_gate_key));
  end if;
  if p_closed and private.halt_rank(p_mode) is null then
    perform private.refuse(422, 'BAD_MODE', 'A halt is no_new_entries, cancel_working or flatten.', jsonb_build_object('mode', p_mode));
  end if;
  harder := gate;
  taken_over := p_closed and gate.closed and private.acts_as_administrator() and not gate.needs_administrator;
  if p_closed then
    harder.closed := true;
    -- Engaging again never weakens what is engaged: a flattening halt stays one.
    if not gate.closed or private.halt_rank(p_mode) > private.halt_rank(gate.mode) then
      harder.mode := p_mode;
    end if;
    harder.spare_exits := coalesce(p_spare_exits, true) and (gate.spare_exits or not gate.closed);
    if gate.closed and (harder.mode, harder.spare_exits) = (gate.mode, gate.spare_exits) and not taken_over then
      return gate;
    end if;
  elsif not gate.closed then
    return gate;
  else
    harder.closed := false;
  end if;
  -- The row is held, and so are the orders where that is for the caller to do: the edit need not wait for them again.
  perform set_config('app.orders_held', 'yes', true);
  update public.trading_gates
  set closed = harder.closed, mode = harder.mode, spare_exits = harder.spare_exits,
    -- An administrator who engages what a trader has engaged takes it over, also without another word.
    reason = case when taken_over and coalesce(nullif(trim(p_reason), ''), gate.reason) = gate.reason
      then left('engaged by an administrator too: ' || gate.reason, 2000) else coalesce(p_reason, '') end
  where gate_key = p_gate_key returning * into gate;
  return gate;
end $$;
comment on function private.move_gate(text, boolean, text, text, boolean) is
  'Closes or opens a gate where that changes anything; the triggers of the row do the rest.';

create function private.cancel_in_scope(p_scope text, p_scope_id uuid, p_spare_exits boolean, p_reason text) returns void
language plpgsql set search_path = ''
as $$
declare
  working uuid[];
  trade public.trades;
begin
  -- All of them are locked before the first is cancelled: what is cancelled takes the audit's lock, and nobody who holds
  -- that may wait for a trade. No entry is on its way to here: the caller holds what each order takes.
  select array_agg(found.id) into working from (
    select t.id from public.trades as t
    where t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
      and case p_scope when 'global' then true when 'user' then t.user_id = p_scope_id
        when 'account' then t.broker_account_id = p_scope_id else t.strategy_id = p_scope_id end
      and (not p_spare_exits or private.opens(t))
    order by t.placed_number for update) as found;
  for trade in select t.* from public.trades as t where t.id = any (working) order by t.placed_number loop
    perform private.cancel_order(trade, p_reason, null);
  end loop;
end $$;
comment on function private.cancel_in_scope(text, uuid, boolean, text) is
  'Cancels every order of a scope that is not over; with p_spare_exits the entries only. Call under the locks of lock_scopes(), or while a gate on the way of the scope''s orders is held.';

create function private.act_on_gate() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  halt public.trading_halts;
begin
  if not (old.closed or new.closed) or new.changed_at = old.changed_at then
    return null;
  end if;
  select * into halt from public.trading_halts where gate_key = new.gate_key order by id desc limit 1;
  perform private.emit('trade-controls', 'halt.' || halt.action, new.gate_key, halt.at,
    jsonb_build_object('gate_key', new.gate_key, 'scope', new.scope,
      'scope_id', coalesce(new.strategy_id, new.broker_account_id, new.user_id), 'user_id', new.user_id, 'mode', halt.mode,
      'reason', halt.reason, 'by_whom', halt.by_whom, 'version', new.version),
    'halt|' || halt.id);
  if new.closed and new.mode <> 'no_new_entries' then
    perform private.cancel_in_scope(new.scope, coalesce(new.strategy_id, new.broker_account_id, new.user_id), new.spare_exits,
      'HALT: gate=' || new.gate_key);
  end if;
  return null;
end $$;
comment on function private.act_on_gate() is
  'What follows from a halt, in its own transaction: the event, and the cancels. Flattening is continue_halt()''s.';

create function private.opens(p_trade public.trades) returns boolean
language sql stable set search_path = ''
as $$
  select not p_trade.reduce_only
    and exists (select from public.trade_legs as l where l.trade_id = p_trade.id and l.position_intent like '%\_to\_open')
$$;
comment on function private.opens(public.trades) is 'Whether the order is an entry: it may open something. Everything else is an exit.';

-- Before the audit's trigger, by its name: the trades are locked before the audit's head is.
create trigger act after update on public.trading_gates for each row execute function private.act_on_gate();

create function private.require_own_gate(p_gate_key text) returns uuid
language plpgsql set search_path = ''
as $$
declare
  gate public.trading_gates;
begin
  perform private.require_trader();
  select * into gate from public.trading_gates where gate_key = p_gate_key;
  -- A person reaches only their own gates; an administrator and a function's role reach all.
  if gate.gate_key is null or not (private.reaches(gate.user_id) or private.is_administrator()) then
    perform private.refuse(404, 'NO_SUCH_GATE', 'Name user:<id>, account:<id> or strategy:<id> of your own.', jsonb_build_object('gate', p_gate_key));
  end if;
  return gate.user_id;
end $$;
comment on function private.require_own_gate(text) is 'Refuses a gate that is not the caller''s; gives its owner.';

create function public.close_gate(
  p_gate_key text, p_reason text default '', p_mode text default 'no_new_entries', p_spare_exits boolean default true)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  gate public.trading_gates;
begin
  perform private.hold_orders(private.require_own_gate(p_gate_key));
  gate := private.move_gate(p_gate_key, true, p_mode, p_reason, p_spare_exits);
  return jsonb_build_object('gate_key', gate.gate_key, 'closed', gate.closed, 'mode', gate.mode, 'spare_exits', gate.spare_exits,
    'reason', gate.reason, 'needs_administrator', gate.needs_administrator, 'version', gate.version);
end $$;
comment on function public.close_gate(text, text, text, boolean) is
  'Engages the kill switch of a scope: no new entries from this moment; working entries cancelled, positions closed where the mode says so. Exits and cancels still pass. Answers what is in force, which may be harder than what was asked.';

create function public.open_gate(p_gate_key text, p_reason text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  gate public.trading_gates;
begin
  perform private.hold_orders(private.require_own_gate(p_gate_key));
  gate := private.move_gate(p_gate_key, false, null, p_reason);
  return jsonb_build_object('gate_key', gate.gate_key, 'closed', gate.closed, 'version', gate.version);
end $$;
comment on function public.open_gate(text, text) is
  'Lifts a halt, with a reason: its owner with a second factor (aal2), unless an administrator has engaged it; or an administrator.';

grant execute on function public.close_gate(text, text, text, boolean) to authenticated, fn_risk, fn_execute;
grant execute on function public.open_gate(text, text) to authenticated;

-- What an order passes --------------------------------------------------------------------------------------------------

create function private.gates_of(p_user_id uuid, p_account_id uuid, p_strategy_id uuid) returns text[]
language sql immutable set search_path = ''
as $$
  select array_remove(array[
    'global', 'user:' || p_user_id, 'account:' || p_account_id, 'strategy:' || p_strategy_id], null)
$$;
comment on function private.gates_of(uuid, uuid, uuid) is 'The gates an order passes, in the order they are locked.';

create function private.lock_scopes(p_user_id uuid, p_account_id uuid, p_strategy_id uuid, p_judging boolean default false) returns void
language plpgsql set search_path = ''
as $$
declare
  gate text;
begin
  -- The queues first: see hold_orders(). A user's orders stand in their own before they hold anything of everybody's.
  perform pg_advisory_xact_lock(private.orders_key(p_user_id));
  perform pg_advisory_xact_lock_shared(private.orders_key(null));
  -- Always global, user, account, strategy: two orders can never wait for each other.
  foreach gate in array private.gates_of(p_user_id, p_account_id, p_strategy_id) loop
    perform from public.trading_gates where gate_key = gate for share;
  end loop;
  if p_judging then
    -- Where there is a global limit, the orders of all users are counted one at a time.
    perform from public.risk_limits
    where scope = 'global' and value is not null and name in (select k.name from public.risk_limit_kinds as k where k.counts)
    order by id for no key update;
  end if;
  -- One order at a time per user counts exposure, so that two orders never both fit the same room. A strategy's exposure
  -- lies on its one account.
  perform from public.profiles where user_id = p_user_id for no key update;
  perform from public.broker_accounts where id = p_account_id for no key update;
end $$;
comment on function private.lock_scopes(uuid, uuid, uuid, boolean) is
  'Takes the gates FOR SHARE and the exposure locks (everybody''s where a trade is judged and a global limit is set; the user''s; the account''s), in one order everywhere.';

create function private.lock_scopes_of(p_strategy_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
declare
  users uuid[];
  accounts uuid[];
begin
  select array_agg(user_id), array_agg(broker_account_id) into users, accounts
  from public.strategies where id = any (p_strategy_ids);
  perform pg_advisory_xact_lock(private.orders_key(u.user_id)) from (
    select distinct user_id from unnest(users) as user_id order by user_id) as u;
  perform pg_advisory_xact_lock_shared(private.orders_key(null));
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
  select coalesce(sum(o.open), 0) from private.open_legs as o
  where o.broker_account_id = p_account_id and o.symbol = p_symbol and o.side = p_side
    and o.trade_id is distinct from p_but_trade
    and (p_strategy_id is null or o.strategy_id = p_strategy_id)
$$;
comment on function private.working_quantity(uuid, text, text, uuid, uuid) is
  'What may still fill on one side of a symbol, shares or contracts: of the account, or of one strategy on it.';

create function private.rests_for_exit(p_trade public.trades) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_trade.source = 'risk' and p_trade.signal like 'exit-rest|%' $$;
comment on function private.rests_for_exit(public.trades) is
  'Whether the order is the stop of a position''s exit that rests at the broker: it gives way to whatever else its owner closes with.';

create function private.yielding_quantity(p_account_id uuid, p_symbol text, p_side text, p_owner_key text) returns numeric
language sql stable set search_path = ''
as $$
  select coalesce(sum(greatest(t.quantity - t.filled_quantity, 0)), 0) from public.trades as t
  where t.broker_account_id = p_account_id and t.symbol = p_symbol and t.side = p_side
    and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.rests_for_exit(t)
    and p_owner_key in ('account', coalesce(t.strategy_id::text, 'manual'))
$$;
comment on function private.yielding_quantity(uuid, text, text, text) is
  'How much of what closes a position is the resting stop of its owner''s exit, which gives way.';

create function private.reduces(p_trade public.trades, p_legs jsonb default null) returns boolean
language sql stable set search_path = ''
as $$
  -- It only reduces when it promises to, and each of its legs is on the other side of the position and fits into what closing
  -- orders leave of it; and a strategy's order reduces what that strategy holds, not what somebody else holds on the account.
  -- A replacement needs room only for what it adds to the order it replaces. Before an order is written, the stop that an exit
  -- of its owner has resting at the broker takes no room: it gives way before the order is approved.
  select p_trade.reduce_only and p_trade.quantity is not null and coalesce((
    select bool_and(coalesce((
        select ((b.quantity > 0 and l.side = 'sell') or (b.quantity < 0 and l.side = 'buy'))
          and l.added <= abs(b.quantity) - private.working_quantity(p_trade.broker_account_id, l.symbol, l.side, p_trade.id) + l.yielding
        from public.position_books as b
        where b.broker_account_id = p_trade.broker_account_id and b.symbol = l.symbol), false)
      and (p_trade.strategy_id is null or coalesce((
        select ((o.quantity > 0 and l.side = 'sell') or (o.quantity < 0 and l.side = 'buy'))
          and l.added <= abs(o.quantity)
            - private.working_quantity(p_trade.broker_account_id, l.symbol, l.side, p_trade.id, p_trade.strategy_id) + l.yielding
        from public.strategy_positions as o
        where o.broker_account_id = p_trade.broker_account_id and o.owner_key = p_trade.strategy_id::text
          and o.symbol = l.symbol), false)))
    from (
      select t.symbol, t.side,
        private.added_open(p_trade.replaces_trade_id, t.leg, t.ratio * p_trade.quantity, t.filled_quantity) as added, 0 as yielding
      from public.trade_legs as t where t.trade_id = p_trade.id and p_legs is null
      union all
      select g.leg ->> 'symbol', g.leg ->> 'side',
        private.added_open(p_trade.replaces_trade_id, g.place::integer - 1, (g.leg ->> 'ratio')::integer * p_trade.quantity, 0),
        least(private.working_quantity(p_trade.broker_account_id, g.leg ->> 'symbol', g.leg ->> 'side'),
          private.yielding_quantity(p_trade.broker_account_id, g.leg ->> 'symbol', g.leg ->> 'side', coalesce(p_trade.strategy_id::text, 'manual')))
      from jsonb_array_elements(p_legs) with ordinality as g (leg, place)) as l), false)
$$;
comment on function private.reduces(public.trades, jsonb) is
  'Whether every leg of the order only reduces the account''s position, net of working closing orders. p_legs are the legs of an order that is not written yet. Call under the account''s lock.';
