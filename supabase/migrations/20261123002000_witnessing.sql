-- The broker is the witness: what it reports is never refused.

create table private.stray_orders (
  broker_account_id uuid not null references public.broker_accounts (id) on delete restrict,
  broker_order_id text not null,
  trade_id uuid not null references public.trades (id) on delete restrict,
  found_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (broker_account_id, broker_order_id)
);
create index stray_orders_trade on private.stray_orders (trade_id);
comment on table private.stray_orders is
  'Orders that live at the broker although their trade is over, or has another order: cancelled until the broker says that they are.';

create function private.stray(p_trade public.trades, p_broker_order_id text) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into private.stray_orders (broker_account_id, broker_order_id, trade_id)
  values (p_trade.broker_account_id, p_broker_order_id, p_trade.id) on conflict do nothing;
  if found then
    perform private.alert(p_trade.user_id, p_trade.broker_account_id, 'STRAY_ORDER', 'critical',
      'The broker has an order that no open trade stands for. It is being cancelled, and new entries on the account are halted; compare with the broker before lifting.',
      jsonb_build_object('trade', p_trade.id, 'status', p_trade.status, 'broker_order', p_broker_order_id),
      'stray-order|' || p_trade.broker_account_id || '|' || p_broker_order_id);
    perform private.move_gate('account:' || p_trade.broker_account_id, true, 'no_new_entries', 'STRAY_ORDER: broker_order=' || p_broker_order_id);
  end if;
end $$;
comment on function private.stray(public.trades, text) is 'Remembers, tells of, and halts for an order that should not live.';

create function private.witness_order(p_trade public.trades, p_broker_order_id text, p_at timestamptz) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades := p_trade;
begin
  -- The broker speaks of this order, so it was placed, whatever our own call has answered so far.
  if trade.broker_order_id is null then
    if private.is_final(trade.status) then
      perform private.stray(trade, p_broker_order_id);
    end if;
    update public.trades set broker_order_id = p_broker_order_id where id = trade.id returning * into trade;
  elsif trade.broker_order_id <> p_broker_order_id then
    perform private.stray(trade, p_broker_order_id);
  end if;
  if trade.status in ('pending', 'approved') then
    -- The ledger knows less than the broker, as after a restore from backup. It must not be sent a second time.
    perform private.alert(trade.user_id, trade.broker_account_id, 'UNSENT_ORDER', 'critical',
      'The broker has an order that the ledger had not sent. It is on record now; compare the account with the broker.',
      jsonb_build_object('trade', trade.id, 'status', trade.status, 'broker_order', p_broker_order_id), 'unsent|' || trade.id);
    update public.trades set status = 'approved' where id = trade.id and status = 'pending';
    update public.trades set status = 'submitting' where id = trade.id returning * into trade;
  end if;
  if trade.status in ('submitting', 'unknown') then
    update public.trades set status = 'submitted', status_at = greatest(p_at, trade.status_at) where id = trade.id;
    -- Read again: with a cancel wished for it has gone on to cancel_pending by itself.
    select * into trade from public.trades where id = trade.id;
  end if;
  return trade;
end $$;
comment on function private.witness_order(public.trades, text, timestamptz) is 'Takes the broker''s word that the order exists.';

create function public.record_submission(
  p_trade_id uuid, p_attempt integer, p_broker_order_id text, p_at timestamptz, p_adopted boolean default false)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  -- A stray order closes the account's gate: its lock comes before the trade's, as for every order.
  perform from public.trading_gates
  where gate_key = 'account:' || (select broker_account_id from public.trades where id = p_trade_id) for update;
  trade := private.lock_trade(p_trade_id);
  if trade.id is null then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.complete_attempt(p_trade_id, p_attempt, case when p_adopted then 'adopted' else 'accepted' end, p_broker_order_id, '');
  trade := private.witness_order(trade, p_broker_order_id, p_at);
  return jsonb_build_object('status', trade.status);
end $$;
comment on function public.record_submission(uuid, integer, text, timestamptz, boolean) is
  'The broker has the order. Safe to call again, and after a fill has come first.';

create function private.find_trade(
  p_account_id uuid, p_broker_order_id text, p_client_order_id text, p_replaces text default null)
returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade_id uuid;
begin
  -- Under the account's lock, which the caller holds: no other broker report gives an order its id meanwhile.
  select t.id into trade_id from public.trades as t
  where t.broker_account_id = p_account_id and t.broker_order_id = p_broker_order_id;
  if not found then
    select s.trade_id into trade_id from private.stray_orders as s
    where s.broker_account_id = p_account_id and s.broker_order_id = p_broker_order_id;
  end if;
  if trade_id is null and p_client_order_id is not null then
    -- By a name that we gave it, at its first sending or at a later one.
    select t.id into trade_id from public.trades as t
    where t.broker_account_id = p_account_id and t.client_order_id = p_client_order_id and t.source <> 'external';
    if not found then
      select a.trade_id into trade_id from public.order_attempts as a
      where a.broker_account_id = p_account_id and a.client_order_id = p_client_order_id and a.attempt > 1 limit 1;
    end if;
    -- A second order of the same name is a surplus one of that trade, not one that was placed outside; but what replaced
    -- an order at the broker may have taken its name over.
    if p_replaces is not null and exists (
        select from public.trades as t where t.id = trade_id and t.broker_order_id is not null)
      and exists (select from public.trades as o where o.broker_account_id = p_account_id and o.broker_order_id = p_replaces) then
      return null;
    end if;
  end if;
  return private.lock_trade(trade_id);
end $$;
comment on function private.find_trade(uuid, text, text, text) is
  'The trade of a broker''s order, by its id or by the name that we gave it; locked. p_replaces is the order that it replaced at the broker.';

create function private.told_legs(p_order jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
  select case when jsonb_typeof(p_order -> 'legs') = 'array' and jsonb_array_length(p_order -> 'legs') > 1 then p_order -> 'legs'
    else jsonb_build_array(jsonb_build_object('symbol', p_order ->> 'symbol', 'side', p_order ->> 'side',
      'position_intent', p_order ->> 'position_intent')) end
$$;
comment on function private.told_legs(jsonb) is 'The legs of an order as the broker tells it; of a plain order the one that it is.';

create function private.add_told_leg(p_trade public.trades, p_leg integer, p_told jsonb, p_quantity numeric, p_ratio integer) returns void
language plpgsql set search_path = ''
as $$
declare
  said_intent text := p_told ->> 'position_intent';
begin
  perform private.known_symbol(p_told ->> 'symbol');
  insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, ratio, quantity)
  values (p_trade.id, p_leg, p_trade.user_id, p_told ->> 'symbol', p_told ->> 'side',
    case when said_intent in (p_told ->> 'side' || '_to_open', p_told ->> 'side' || '_to_close') then said_intent
      else p_told ->> 'side' || coalesce(
        (select case when (b.quantity > 0 and p_told ->> 'side' = 'sell') or (b.quantity < 0 and p_told ->> 'side' = 'buy')
           then '_to_close' else '_to_open' end
         from public.position_books as b where b.broker_account_id = p_trade.broker_account_id and b.symbol = p_told ->> 'symbol'), '_to_open')
    end, p_ratio, p_quantity);
end $$;
comment on function private.add_told_leg(public.trades, integer, jsonb, numeric, integer) is 'One leg of an order that was placed outside.';

create function private.adopt_external(p_account public.broker_accounts, p_order jsonb) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
  replaced public.trades;
  legs jsonb := private.told_legs(p_order);
  told jsonb;
  several boolean := jsonb_array_length(private.told_legs(p_order)) > 1;
  limited numeric := (p_order ->> 'limit_price')::numeric;
  stopped numeric := case when (p_order ->> 'stop_price')::numeric > 0 then (p_order ->> 'stop_price')::numeric end;
  -- Whatever the broker calls it, and however much it says of it: a fill is never refused for its order's type.
  order_type text := case
    when p_order ->> 'order_type' = 'limit' and (several or limited > 0) and limited is not null then 'limit'
    when several then 'market'
    when p_order ->> 'order_type' = 'stop' and stopped is not null then 'stop'
    when p_order ->> 'order_type' = 'stop_limit' and limited > 0 and stopped is not null then 'stop_limit'
    else 'market' end;
  given_id text := p_order ->> 'client_order_id';
  happened timestamptz := coalesce(p_order ->> 'executed_at', p_order ->> 'at')::timestamptz;
  units numeric;
begin
  if exists (select from jsonb_array_elements(legs) as l
      where l.value ->> 'symbol' is null or coalesce(l.value ->> 'side', '') not in ('buy', 'sell')) then
    perform private.refuse(422, 'BAD_FILL', 'A fill of an order that is not on record says its symbol and side.', p_order);
  end if;
  if given_id is null or exists (
    select from public.trades as t where t.broker_account_id = p_account.id and t.client_order_id = given_id) then
    given_id := 'external-' || (p_order ->> 'broker_order_id');
  end if;
  -- Known for booking only: whether it may be traded here is for the instrument list to say.
  perform private.known_symbol(l.value ->> 'symbol') from jsonb_array_elements(legs) as l;
  -- What was ordered, where the broker says it: a first part of it is not the whole.
  units := case when several then coalesce((p_order ->> 'ordered_quantity')::numeric, 1)
    else greatest((p_order ->> 'ordered_quantity')::numeric, (p_order ->> 'quantity')::numeric, (p_order ->> 'cumulative_quantity')::numeric) end;
  -- Replaced at the broker, by a person on its page: the wish is the same one, and so is whose it is.
  select * into replaced from public.trades as o
  where o.broker_account_id = p_account.id and o.broker_order_id = p_order ->> 'replaces' and o.quantity is not null
    and not exists (select from public.trades as r where r.replaces_trade_id = o.id and not private.is_final(r.status));
  insert into public.trades (
    id, user_id, broker_account_id, strategy_id, strategy_version, source, signal, symbol, side, order_type, time_in_force, quantity,
    price, stop_price, trail_price, multi_leg, parent_trade_id, replaces_trade_id, status, reason, client_order_id, broker_order_id,
    event_at, status_at, good_until)
  values (
    private.named_uuid('external|' || p_account.id || '|' || (p_order ->> 'broker_order_id')),
    p_account.user_id, p_account.id, replaced.strategy_id, replaced.strategy_version, 'external',
    'external|' || (p_order ->> 'broker_order_id'), legs -> 0 ->> 'symbol', legs -> 0 ->> 'side', order_type,
    case when p_order ->> 'time_in_force' in ('day', 'gtc', 'ioc', 'fok', 'opg', 'cls') then p_order ->> 'time_in_force' else 'day' end,
    -- A replacement names the whole: what was filled before the order that it replaces included.
    units + case when replaced.replaces_trade_id is null or several then 0 else private.lineage_filled(replaced.replaces_trade_id, 0) end,
    case when order_type in ('limit', 'stop_limit') then limited end,
    case when order_type in ('stop', 'stop_limit') then stopped end,
    null, several,
    (select o.id from public.trades as o where o.broker_account_id = p_account.id and o.broker_order_id = p_order ->> 'parent_order_id'),
    replaced.id, 'submitted',
    case when replaced.id is null then 'placed outside AgentTrader' else 'replaced outside AgentTrader' end, given_id,
    p_order ->> 'broker_order_id', happened, happened, happened)
  returning * into trade;
  for told, units in
    select l.value, case when several then coalesce((l.value ->> 'quantity')::numeric, trade.quantity) else trade.quantity end
    from jsonb_array_elements(legs) with ordinality as l order by l.ordinality
  loop
    perform private.add_told_leg(trade, (select count(*)::integer from public.trade_legs where trade_id = trade.id), told, units,
      case when several then greatest(round(units / trade.quantity), 1)::integer else 1 end);
  end loop;
  return trade;
end $$;
comment on function private.adopt_external(public.broker_accounts, jsonb) is
  'An order that was placed outside becomes a trade of source external; one that replaced an order of ours at the broker keeps its strategy.';

create function private.awaits_fills(p_trade public.trades, p_update jsonb) returns boolean
language sql stable set search_path = ''
as $$
  -- As they were told, busts and corrections aside: those change what counts, not what was executed.
  with said as (
    select l.leg, (p_update ->> 'filled_quantity')::numeric * l.ratio as filled from public.trade_legs as l where l.trade_id = p_trade.id
    union all
    select l.leg, (t.value ->> 'filled_quantity')::numeric
    from jsonb_array_elements(case when jsonb_typeof(p_update -> 'legs') = 'array' then p_update -> 'legs' else '[]' end) as t
      join public.trade_legs as l on l.trade_id = p_trade.id and l.symbol = t.value ->> 'symbol'
  )
  -- Of this very order: what the broker says of a replacement does not count what the order before it has filled.
  select coalesce(bool_or(s.filled > (
    select coalesce(case when private.names_executions(a.broker) then sum(f.quantity) else max(f.cumulative_quantity) end, 0)
    from public.broker_accounts as a left join public.fills as f on f.broker_account_id = a.id
      and f.broker_order_id = p_update ->> 'broker_order_id' and f.leg = s.leg and f.kind = 'fill'
    where a.id = p_trade.broker_account_id group by a.broker)), false)
  from said as s
$$;
comment on function private.awaits_fills(public.trades, jsonb) is
  'Whether the broker says that more of an order, or of one of its legs, is filled than it has told executions of.';

create function public.record_broker_update(p_account_id uuid, p_update jsonb, p_cursor jsonb default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  trade public.trades;
  wanted text := p_update ->> 'status';
  seen_at timestamptz := (p_update ->> 'at')::timestamptz;
begin
  -- A stray order closes the account's gate: its lock comes first, as for every order.
  perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  trade := private.find_trade(p_account_id, p_update ->> 'broker_order_id', p_update ->> 'client_order_id', p_update ->> 'replaces');
  if trade.id is null and account.id is not null and (p_update ->> 'adopt')::boolean and (p_update ->> 'ordered_quantity')::numeric > 0
    and not coalesce((p_update ->> 'is_over')::boolean, false) then
    -- It works at the broker, and nobody here placed it: it counts from now on, not only once it fills.
    trade := private.adopt_external(account, p_update);
  end if;
  if trade.id is not null then
    trade := private.witness_order(trade, p_update ->> 'broker_order_id', seen_at);
    if wanted = 'submitted' and trade.status = 'replace_pending' and not exists (
      select from public.trades as r where r.replaces_trade_id = trade.id and not private.is_final(r.status)) then
      -- Nothing of ours would replace it any more, and the broker has it working.
      update public.trades
      set status = case when filled_quantity > 0 then 'partially_filled' else 'submitted' end, status_at = greatest(seen_at, trade.status_at)
      where id = trade.id returning * into trade;
    end if;
    if wanted in ('canceled', 'expired', 'rejected') and not private.is_final(trade.status)
      and private.awaits_fills(trade, p_update) then
      -- Ended with executions that have not come yet: until they have, its rest counts as working. Else what it has filled
      -- would count nowhere, and be bought or sold a second time.
      perform private.alert(trade.user_id, trade.broker_account_id, 'FILLS_AWAITED', 'warning',
        'The broker says that an order is over, and that it has filled more than the executions it has told of. The order counts as working until they have come; if it stays so, compare with the broker.',
        jsonb_build_object('trade', trade.id, 'said', wanted, 'filled', p_update ->> 'filled_quantity'), 'fills-awaited|' || trade.id);
    elsif wanted in ('canceled', 'expired', 'rejected', 'replaced', 'cancel_pending') and wanted <> trade.status
      and exists (select from private.trade_arrows where from_status = trade.status and to_status = wanted) then
      update public.trades
      set status = wanted, status_at = greatest(seen_at, trade.status_at),
          refusal = case when wanted = 'rejected' then coalesce(p_update ->> 'reason', 'BROKER_REJECTED') else refusal end
      where id = trade.id returning * into trade;
    end if;
  end if;
  if wanted in ('canceled', 'expired', 'rejected', 'replaced') or (p_update ->> 'is_over')::boolean then
    update private.stray_orders set ended_at = now()
    where broker_account_id = p_account_id and broker_order_id = p_update ->> 'broker_order_id' and ended_at is null;
  end if;
  if p_cursor is not null then
    perform private.move_cursor(p_cursor ->> 'worker', p_cursor ->> 'stream', (p_cursor ->> 'position')::timestamptz);
  end if;
  return jsonb_build_object('trade_id', trade.id, 'status', trade.status);
end $$;
comment on function public.record_broker_update(uuid, jsonb, jsonb) is
  'The broker''s word on an order {"broker_order_id", "client_order_id", "status", "at", "filled_quantity", "legs", "is_over", "reason"}. One that works and was placed outside becomes a trade of source external where "adopt" says so, with its "symbol", "side", "ordered_quantity" and the rest. A fill never comes this way; an update that comes late changes nothing, and an end whose fills have not all come is taken when they have.';

create function public.working_orders(p_account_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', id, 'client_order_id', client_order_id, 'broker_order_id', broker_order_id,
    'status', status, 'filled_quantity', filled_quantity::text) order by placed_number), '[]'::jsonb)
  from (
    select t.id, t.client_order_id, t.broker_order_id, t.status, t.filled_quantity, t.placed_number from public.trades as t
    where t.broker_account_id = p_account_id and t.status in ('submitted', 'partially_filled', 'cancel_pending', 'replace_pending')
    union all
    select t.id, t.client_order_id, s.broker_order_id, 'stray', t.filled_quantity, t.placed_number
    from private.stray_orders as s join public.trades as t on t.id = s.trade_id
    where s.broker_account_id = p_account_id and s.ended_at is null) as open_orders
$$;
comment on function public.working_orders(uuid) is 'Trades that should be working at the broker: what order sync compares.';

grant execute on function public.record_submission(uuid, integer, text, timestamptz, boolean), 
  public.record_broker_update(uuid, jsonb, jsonb), public.working_orders(uuid) to fn_execute;
