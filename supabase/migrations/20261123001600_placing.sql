-- From a decision to a pending trade.

create function private.place(p_order jsonb, p_user_id uuid, p_source text, p_strategy public.strategies default null)
returns public.trades
language plpgsql set search_path = ''
as $$
declare
  placed public.trades;
  wanted public.trades;
  gate text;
  closes timestamptz;
  broken_constraint text;
  broken_column text;
begin
  wanted.broker_account_id := coalesce(
    case when pg_input_is_valid(p_order ->> 'broker_account_id', 'uuid') then (p_order ->> 'broker_account_id')::uuid end,
    p_strategy.broker_account_id);
  wanted.signal := p_order ->> 'signal';
  if coalesce(wanted.signal, '') = '' then
    perform private.refuse(422, 'SIGNAL_NEEDED', 'Send a signal or an idempotency key that names this order.');
  end if;
  if not exists (select from public.broker_accounts where id = wanted.broker_account_id and user_id = p_user_id and status = 'active') then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.',
      jsonb_build_object('account', p_order ->> 'broker_account_id'));
  end if;
  if not exists (select from public.instruments where symbol = p_order ->> 'symbol' and tradable) then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'Name a symbol that the broker lists as tradable.',
      jsonb_build_object('symbol', p_order ->> 'symbol'));
  end if;

  perform private.lock_scopes(p_user_id, wanted.broker_account_id, p_strategy.id);
  select * into placed from public.trades where broker_account_id = wanted.broker_account_id and signal = wanted.signal;
  if found then
    -- The same signal is the same order. A different order under a used signal is a mistake of the sender.
    if (placed.symbol, placed.side, placed.order_type) is distinct from
         (p_order ->> 'symbol', p_order ->> 'side', coalesce(p_order ->> 'order_type', 'market'))
      or (p_source = 'manual' and (placed.price is distinct from (p_order ->> 'price')::numeric
        or not exists (select from public.trade_legs as l where l.trade_id = placed.id
          and l.position_intent = p_order ->> 'position_intent')
        or (placed.status = 'pending' and placed.quantity is distinct from (p_order ->> 'quantity')::numeric))) then
      perform private.refuse(409, 'SIGNAL_REUSED', 'This signal or idempotency key belongs to another order; use a new one.',
        jsonb_build_object('signal', wanted.signal, 'trade', placed.id));
    end if;
    return placed;
  end if;

  wanted.id := private.named_uuid('trade|' || wanted.broker_account_id || '|' || wanted.signal);
  wanted.symbol := p_order ->> 'symbol';
  wanted.side := p_order ->> 'side';
  wanted.quantity := (p_order ->> 'quantity')::numeric;
  wanted.strategy_id := p_strategy.id;
  -- "To close" is a promise that is kept, not a label.
  wanted.reduce_only := coalesce((p_order ->> 'reduce_only')::boolean, false) or coalesce(p_order ->> 'position_intent', '') like '%\_to\_close';
  if wanted.reduce_only and p_order ->> 'position_intent' like '%\_to\_open' then
    perform private.refuse(422, 'INTENT_CONTRADICTS', 'An order that only reduces closes: name buy_to_close or sell_to_close.',
      jsonb_build_object('position_intent', p_order ->> 'position_intent'));
  end if;
  wanted.event_at := coalesce((p_order ->> 'event_at')::timestamptz, now());
  wanted.good_until := coalesce((p_order ->> 'good_until')::timestamptz, wanted.event_at + interval '5 minutes');
  if coalesce(p_order ->> 'order_type', 'market') = 'market' then
    -- A market order that misses its session would be filled at the next opening, at a price that nobody saw.
    select c.closes_at into closes from public.market_calendar as c
    where c.opens_at <= wanted.event_at and c.closes_at > wanted.event_at;
    wanted.good_until := least(wanted.good_until, coalesce(closes, wanted.good_until));
  end if;
  gate := private.closed_gate(p_user_id, wanted.broker_account_id, p_strategy.id);
  if gate is not null and not private.reduces(wanted) then
    perform private.refuse(409, 'GATE_CLOSED', 'Trading is halted for this scope: only orders that reduce a position pass.',
      jsonb_build_object('gate', gate));
  end if;

  insert into public.trades (
    id, user_id, broker_account_id, strategy_id, strategy_version, source, signal, symbol, side, order_type, time_in_force,
    quantity, notional, price, stop_price, trail_price, trail_percent, planned_stop, reduce_only, reason, client_order_id,
    event_at, status_at, good_until, trace)
  values (
    wanted.id, p_user_id, wanted.broker_account_id, p_strategy.id, p_strategy.strategy_version, p_source, wanted.signal,
    wanted.symbol, wanted.side, coalesce(p_order ->> 'order_type', 'market'), coalesce(p_order ->> 'time_in_force', 'day'),
    wanted.quantity, (p_order ->> 'notional')::numeric, (p_order ->> 'price')::numeric, (p_order ->> 'stop_price')::numeric,
    (p_order ->> 'trail_price')::numeric, (p_order ->> 'trail_percent')::numeric, (p_order ->> 'planned_stop')::numeric,
    wanted.reduce_only, coalesce(p_order ->> 'reason', ''),
    'at-' || replace(wanted.id::text, '-', ''),
    wanted.event_at, wanted.event_at, wanted.good_until,
    p_order ->> 'trace')
  returning * into placed;
  insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, quantity)
  values (placed.id, 0, p_user_id, placed.symbol, placed.side, p_order ->> 'position_intent', placed.quantity);
  return placed;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_ORDER',
      'Send side, position_intent, either quantity or notional, and the prices of the order type, all above zero.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function private.place(jsonb, uuid, text, public.strategies) is 'Writes one pending trade with its leg; the same signal is the same trade.';

create function public.place_trade(p_order jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  placed public.trades;
begin
  if (select auth.uid()) is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to place an order.');
  end if;
  perform private.refuse_reader();
  if coalesce(p_order ->> 'idempotency_key', '') = '' then
    perform private.refuse(422, 'IDEMPOTENCY_KEY_NEEDED', 'Send an idempotency_key: with it the same order is never placed twice.');
  end if;
  placed := private.place(
    -- A person's order is timed by the ledger, not by the person.
    (p_order - 'event_at' - 'good_until' - 'trace')
      || jsonb_build_object('signal', 'manual|' || (p_order ->> 'idempotency_key')),
    (select auth.uid()), 'manual');
  return jsonb_build_object('trade_id', placed.id, 'status', placed.status, 'client_order_id', placed.client_order_id, 'version', placed.version);
end $$;
comment on function public.place_trade(jsonb) is 'A trader''s manual order: {"idempotency_key", "broker_account_id", "symbol", "side", "position_intent", "quantity", ...}.';
grant execute on function public.place_trade(jsonb) to authenticated;
