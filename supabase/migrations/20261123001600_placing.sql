-- From a decision to a pending trade.

create function private.legs_of(p_order jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  given jsonb := p_order -> 'legs';
  leg jsonb;
  divisor integer := 0;
begin
  if coalesce(jsonb_typeof(given), 'null') = 'null' then
    return jsonb_build_array(jsonb_build_object('symbol', p_order ->> 'symbol', 'side', p_order ->> 'side',
      'position_intent', p_order ->> 'position_intent', 'ratio', 1));
  end if;
  if jsonb_typeof(given) <> 'array' or jsonb_array_length(given) not between 2 and 4 then
    perform private.refuse(422, 'BAD_LEGS', 'Send two to four legs, or symbol, side and position_intent for a plain order.',
      jsonb_build_object('because', 'count'));
  end if;
  if p_order ->> 'symbol' is not null or p_order ->> 'side' is not null or p_order ->> 'position_intent' is not null then
    perform private.refuse(422, 'BAD_LEGS', 'Of an order with legs, symbol, side and position_intent are said by each leg.',
      jsonb_build_object('because', 'both'));
  end if;
  given := '[]';
  for leg in select * from jsonb_array_elements(p_order -> 'legs') loop
    if (jsonb_typeof(leg) = 'object' and leg ->> 'side' in ('buy', 'sell')
        and leg ->> 'position_intent' in ((leg ->> 'side') || '_to_open', (leg ->> 'side') || '_to_close')
        and coalesce(leg ->> 'ratio', '1') ~ '^[1-9][0-9]{0,3}$' and leg ->> 'symbol' is not null) is not true then
      perform private.refuse(422, 'BAD_LEGS', 'A leg has symbol, side, a position_intent of that side, and a whole ratio above zero.',
        jsonb_build_object('because', 'leg', 'leg', leg::text));
    end if;
    if exists (select from jsonb_array_elements(given) as g where g ->> 'symbol' = leg ->> 'symbol') then
      perform private.refuse(422, 'BAD_LEGS', 'Each leg trades another symbol.',
        jsonb_build_object('because', 'symbol twice', 'symbol', leg ->> 'symbol'));
    end if;
    divisor := gcd(divisor, coalesce(leg ->> 'ratio', '1')::integer);
    given := given || jsonb_build_array(jsonb_build_object('symbol', leg ->> 'symbol', 'side', leg ->> 'side',
      'position_intent', leg ->> 'position_intent', 'ratio', coalesce(leg ->> 'ratio', '1')::integer));
  end loop;
  if divisor <> 1 then
    perform private.refuse(422, 'BAD_LEGS', 'Say the ratios in lowest terms, and a larger quantity.',
      jsonb_build_object('because', 'ratio', 'divisor', divisor));
  end if;
  return given;
end $$;
comment on function private.legs_of(jsonb) is 'The legs that an order asks for, checked: one for a plain order, two to four otherwise.';

insert into private.settings (name, value, comment) values
  ('new_options_per_day', '2000', 'How many options a user''s orders may name in a day that nobody has named before: each stays an instrument.');

create function private.take_in_option(p_symbol text, p_user_id uuid) returns void
language plpgsql set search_path = ''
as $$
declare
  occ text[] := private.occ_parts(p_symbol);
  rate jsonb;
begin
  if occ is null or exists (select from public.instruments where symbol = p_symbol and tradable) then
    return;
  end if;
  if not exists (select from public.instruments where symbol = occ[1] and kind = 'equity') then
    perform private.refuse(422, 'UNKNOWN_UNDERLYING', 'Name an option on a symbol that the ledger knows; its name is the root of the option symbol.',
      jsonb_build_object('symbol', p_symbol, 'underlying', occ[1]));
  end if;
  if not exists (select from public.instruments where symbol = p_symbol) then
    -- The queue of the user's orders first, as in lock_scopes(): here something of everybody's is taken next. What a
    -- position is held of is an instrument already, so this keeps nobody from closing one.
    perform pg_advisory_xact_lock(private.orders_key(p_user_id));
    rate := public.take_rate('user:' || p_user_id || ':new_options_per_day',
      (select value::integer from private.settings where name = 'new_options_per_day'), 86400);
    if not (rate ->> 'allowed')::boolean then
      perform private.refuse(409, 'TOO_MANY_NEW_OPTIONS', 'Name options that the ledger knows, or wait: your orders have named too many today that nobody had named before.',
        jsonb_build_object('symbol', p_symbol, 'limit', rate -> 'limit', 'retry_after_seconds', ceil((rate ->> 'retry_after')::numeric)));
    end if;
  end if;
  -- The OCC symbol says the terms; a standard root delivers a hundred shares. Whether the exchange lists it, the quote will tell.
  insert into public.instruments (symbol, kind, multiplier, underlying, source) values (p_symbol, 'option', 100, occ[1], 'ordered')
  -- What was only booked so far, as seen at the broker, may be ordered from now on: to close it, for one.
  on conflict (symbol) do update set tradable = true where instruments.source = 'seen at the broker' and instruments.multiplier = 100;
end $$;
comment on function private.take_in_option(text, uuid) is
  'Makes an option known by its OCC symbol, where its underlying is known: so many a day for a user. What is no option is left alone.';

create function private.was_ordered(p_trade public.trades, p_quantity numeric) returns boolean
language sql stable set search_path = ''
as $$
  -- Risk makes an order smaller, never larger, and says so: then it was one of more.
  select p_trade.quantity is not distinct from p_quantity or (p_trade.quantity < p_quantity
    and exists (select from public.risk_decisions as d where d.trade_id = p_trade.id and d.verdict = 'reduce'))
$$;
comment on function private.was_ordered(public.trades, numeric) is 'Whether a trade may have been placed for this quantity: the same, or more, where risk has reduced it.';

create function private.place(
  p_order jsonb, p_user_id uuid, p_source text, p_strategy public.strategies default null,
  p_replaces_trade_id uuid default null, p_reprices_trade_id uuid default null)
returns public.trades
language plpgsql set search_path = ''
as $$
declare
  placed public.trades;
  wanted public.trades;
  legs jsonb;
  gate text;
  closes timestamptz;
  planned_stop numeric;
  unknown_symbol text;
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
  legs := private.legs_of(p_order);
  -- In symbol order: two orders that make the same options known never wait for each other in a ring.
  perform private.take_in_option(o.symbol, p_user_id)
  from (select distinct leg ->> 'symbol' as symbol from jsonb_array_elements(legs) as leg order by 1) as o;
  select coalesce(leg ->> 'symbol', '') into unknown_symbol from jsonb_array_elements(legs) as leg
  where not exists (select from public.instruments where symbol = leg ->> 'symbol' and tradable) limit 1;
  if found then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'Name a symbol that the broker lists as tradable.',
      jsonb_build_object('symbol', unknown_symbol));
  end if;
  wanted.symbol := legs -> 0 ->> 'symbol';
  wanted.side := legs -> 0 ->> 'side';
  wanted.multi_leg := jsonb_array_length(legs) > 1;

  perform private.lock_scopes(p_user_id, wanted.broker_account_id, p_strategy.id);
  select * into placed from public.trades where broker_account_id = wanted.broker_account_id and signal = wanted.signal;
  if found then
    -- The same signal is the same order. A different order under a used signal is a mistake of the sender.
    if (placed.symbol, placed.side, placed.order_type, placed.multi_leg, placed.replaces_trade_id) is distinct from
         (wanted.symbol, wanted.side, coalesce(p_order ->> 'order_type', 'market'), wanted.multi_leg, p_replaces_trade_id)
      or (p_source = 'manual' and (placed.exit_plan is distinct from nullif(p_order -> 'exit_plan', 'null')
        or (placed.price, placed.stop_price, placed.trail_price, placed.trail_percent, placed.notional, placed.time_in_force, placed.extended_hours)
          is distinct from ((p_order ->> 'price')::numeric, (p_order ->> 'stop_price')::numeric, (p_order ->> 'trail_price')::numeric,
            (p_order ->> 'trail_percent')::numeric, (p_order ->> 'notional')::numeric, coalesce(p_order ->> 'time_in_force', 'day'),
            coalesce((p_order ->> 'extended_hours')::boolean, false))
        or legs <> (select jsonb_agg(jsonb_build_object('symbol', l.symbol, 'side', l.side, 'position_intent', l.position_intent, 'ratio', l.ratio)
            order by l.leg) from public.trade_legs as l where l.trade_id = placed.id)
        or not private.was_ordered(placed, (p_order ->> 'quantity')::numeric))) then
      perform private.refuse(409, 'SIGNAL_REUSED', 'This signal or idempotency key belongs to another order; use a new one.',
        jsonb_build_object('signal', wanted.signal, 'trade', placed.id));
    end if;
    return placed;
  end if;

  -- A person's key names one order of theirs, whichever account it is for. The user's queue is held: of two at once the
  -- second finds the first.
  if p_source = 'manual' then
    select t.* into placed from public.broker_accounts as a join public.trades as t on t.broker_account_id = a.id and t.signal = wanted.signal
    where a.user_id = p_user_id limit 1;
    if found then
      perform private.refuse(409, 'SIGNAL_REUSED', 'This signal or idempotency key belongs to another order; use a new one.',
        jsonb_build_object('signal', wanted.signal, 'trade', placed.id));
    end if;
  end if;

  wanted.exit_plan := nullif(p_order -> 'exit_plan', 'null');
  wanted.price := (p_order ->> 'price')::numeric;
  wanted.id := private.named_uuid('trade|' || wanted.broker_account_id || '|' || wanted.signal);
  wanted.quantity := (p_order ->> 'quantity')::numeric;
  wanted.strategy_id := p_strategy.id;
  wanted.replaces_trade_id := p_replaces_trade_id;
  -- "To close" is a promise that is kept, not a label.
  wanted.reduce_only := coalesce((p_order ->> 'reduce_only')::boolean, false)
    or not exists (select from jsonb_array_elements(legs) as leg where coalesce(leg ->> 'position_intent', '') not like '%\_to\_close');
  if wanted.reduce_only and exists (select from jsonb_array_elements(legs) as leg where leg ->> 'position_intent' like '%\_to\_open') then
    perform private.refuse(422, 'INTENT_CONTRADICTS', 'An order that only reduces closes: name buy_to_close or sell_to_close.',
      jsonb_build_object('position_intent', p_order ->> 'position_intent'));
  end if;
  if wanted.exit_plan is not null then
    perform private.check_exit_plan(wanted.exit_plan, wanted, legs);
  end if;
  planned_stop := case when not wanted.multi_leg then (wanted.exit_plan ->> 'stop_price')::numeric end;
  wanted.parent_trade_id := (p_order ->> 'parent_trade_id')::uuid;
  if wanted.parent_trade_id is not null and not exists (
    select from public.trades where id = wanted.parent_trade_id and user_id = p_user_id and broker_account_id = wanted.broker_account_id) then
    perform private.refuse(404, 'NO_SUCH_PARENT', 'Name a parent order of the same account.', jsonb_build_object('parent_trade', wanted.parent_trade_id));
  end if;
  wanted.oco_group := (p_order ->> 'oco_group')::uuid;
  if wanted.oco_group is not null then
    insert into private.oco_groups (id, user_id, broker_account_id) values (wanted.oco_group, p_user_id, wanted.broker_account_id)
    on conflict do nothing;
    if not exists (select from private.oco_groups
      where id = wanted.oco_group and user_id = p_user_id and broker_account_id = wanted.broker_account_id) then
      perform private.refuse(409, 'OCO_OF_ANOTHER_ACCOUNT', 'A group holds orders of one account; take a new group id.',
        jsonb_build_object('oco_group', wanted.oco_group));
    end if;
  end if;
  wanted.event_at := coalesce((p_order ->> 'event_at')::timestamptz, private.market_time());
  wanted.good_until := coalesce((p_order ->> 'good_until')::timestamptz, wanted.event_at + interval '5 minutes');
  if coalesce(p_order ->> 'order_type', 'market') = 'market' then
    -- A market order that misses its session would be filled at the next opening, at a price that nobody saw.
    select c.closes_at into closes from public.market_calendar as c
    where c.opens_at <= wanted.event_at and c.closes_at > wanted.event_at;
    wanted.good_until := least(wanted.good_until, coalesce(closes, wanted.good_until));
  end if;
  gate := private.closed_gate(p_user_id, wanted.broker_account_id, p_strategy.id);
  if gate is not null and not private.reduces(wanted, legs) then
    perform private.refuse(409, 'GATE_CLOSED', 'Trading is halted for this scope: only orders that reduce a position pass.',
      jsonb_build_object('gate', gate));
  end if;
  if not private.reduces(wanted, legs) then
    perform private.require_verified(wanted.broker_account_id);
    perform private.require_live_consent(wanted.broker_account_id);
  end if;

  insert into public.trades (
    id, user_id, broker_account_id, strategy_id, strategy_version, source, signal, symbol, side, order_type, time_in_force,
    quantity, notional, price, stop_price, trail_price, trail_percent, planned_stop, exit_plan, reduce_only, multi_leg, extended_hours,
    parent_trade_id,
    replaces_trade_id, reprices_trade_id, oco_group, reason, client_order_id, event_at, status_at, good_until, trace)
  values (
    wanted.id, p_user_id, wanted.broker_account_id, p_strategy.id, p_strategy.strategy_version, p_source, wanted.signal,
    wanted.symbol, wanted.side, coalesce(p_order ->> 'order_type', 'market'), coalesce(p_order ->> 'time_in_force', 'day'),
    wanted.quantity, (p_order ->> 'notional')::numeric, (p_order ->> 'price')::numeric, (p_order ->> 'stop_price')::numeric,
    (p_order ->> 'trail_price')::numeric, (p_order ->> 'trail_percent')::numeric,
    -- The plan's stop is the planned loss; where another one is said, the worse: a near word makes no far stop cheap.
    case wanted.side when 'buy' then least((p_order ->> 'planned_stop')::numeric, planned_stop) else greatest((p_order ->> 'planned_stop')::numeric, planned_stop) end,
    wanted.exit_plan, wanted.reduce_only, wanted.multi_leg, coalesce((p_order ->> 'extended_hours')::boolean, false),
    wanted.parent_trade_id, p_replaces_trade_id, p_reprices_trade_id, wanted.oco_group,
    coalesce(p_order ->> 'reason', ''),
    'at-' || replace(wanted.id::text, '-', ''),
    wanted.event_at, wanted.event_at, wanted.good_until,
    p_order ->> 'trace')
  returning * into placed;
  insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, ratio, quantity)
  select placed.id, ordinality - 1, p_user_id, leg ->> 'symbol', leg ->> 'side', leg ->> 'position_intent', (leg ->> 'ratio')::integer,
    (leg ->> 'ratio')::integer * placed.quantity
  from jsonb_array_elements(legs) with ordinality as given (leg, ordinality);
  return placed;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_ORDER',
      'Send side, position_intent, either quantity or notional, and the prices of the order type, all above zero.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function private.place(jsonb, uuid, text, public.strategies, uuid, uuid) is
  'Writes one pending trade with its legs; the same signal is the same trade. What it replaces or prices anew is said by the caller, never by the order.';

create function private.price_now(p_symbol text, p_side text, p_at timestamptz) returns numeric
language sql stable set search_path = ''
as $$
  -- Through the other side of the market by a tenth of a percent: it fills now, and not at any price. A delayed feed, an
  -- old quote or one of the future says nothing of the market at p_at.
  select case p_side
    when 'sell' then nullif(floor(q.bid * 0.999 / t.tick) * t.tick, 0)
    else ceil(q.ask * 1.001 / t.tick) * t.tick end
  from public.quotes_latest as q,
    lateral (select private.tick_at(p_symbol, case p_side when 'sell' then q.bid * 0.999 else q.ask * 1.001 end) as tick) as t
  where q.symbol = p_symbol and q.delay_seconds = 0 and q.quoted_at between p_at - interval '30 seconds' and p_at
$$;
comment on function private.price_now(text, text, timestamptz) is
  'A limit price at which an order fills at once, from the latest quote; null where no fresh one is on record.';

create function private.expire(p_trade public.trades, p_refusal text, p_at timestamptz) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
  successor public.trades;
  strategy public.strategies;
  price numeric;
begin
  update public.trades set status = 'expired', status_at = greatest(p_at, status_at), refusal = p_refusal
  where id = p_trade.id returning * into trade;
  -- Nothing stale is sent, and no exit is lost: what would have closed a position is placed anew, at a price of now. One
  -- whose cancel was asked for is not wanted; one that was to replace a working exit leaves that one working; a stop that
  -- was to rest at the broker is placed anew by its exit.
  if not trade.reduce_only or trade.multi_leg or trade.quantity is null or trade.source not in ('risk', 'strategy')
    or trade.cancel_requested_at is not null or trade.replaces_trade_id is not null or private.rests_for_exit(trade) then
    return null;
  end if;
  if trade.strategy_id is not null then
    select * into strategy from public.strategies where id = trade.strategy_id;
    strategy.strategy_version := trade.strategy_version;
  end if;
  -- A stop is a level, not a price of its moment: it stays.
  if trade.order_type in ('market', 'limit') then
    price := private.price_now(trade.symbol, trade.side, p_at);
    trade.order_type := case when price is null then 'market' else 'limit' end;
    trade.price := price;
  end if;
  begin
    successor := private.place(
      jsonb_build_object(
        'broker_account_id', trade.broker_account_id, 'signal', 'reprice|' || trade.id, 'symbol', trade.symbol, 'side', trade.side,
        'position_intent', trade.side || '_to_close', 'reduce_only', true, 'quantity', trade.quantity, 'order_type', trade.order_type,
        'time_in_force', case when private.fits_time_in_force(trade.order_type, trade.time_in_force) then trade.time_in_force else 'day' end,
        'price', trade.price, 'stop_price', trade.stop_price, 'trail_price', trade.trail_price, 'trail_percent', trade.trail_percent,
        'extended_hours', trade.extended_hours and trade.order_type = 'limit',
        'parent_trade_id', trade.parent_trade_id, 'oco_group', trade.oco_group, 'event_at', p_at, 'trace', trade.trace,
        'reason', trade.reason),
      trade.user_id, trade.source, strategy, p_reprices_trade_id => trade.id);
    -- The exit of a position that waits for this order waits for the new one.
    update public.position_exits set exit_trade_id = successor.id where exit_trade_id = trade.id and status = 'triggered';
  exception
    when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
      perform private.alert(trade.user_id, trade.broker_account_id, 'EXIT_NOT_PLACED', 'critical',
        'An exit was not sent in time and could not be placed anew: its position is still open. Close it by hand.',
        jsonb_build_object('trade', trade.id, 'because', sqlerrm), 'exit-not-placed|' || trade.id);
  end;
  return successor;
end $$;
comment on function private.expire(public.trades, text, timestamptz) is
  'Ends a trade that was not sent in time. An exit is placed anew once: the new trade is returned, null where there is none. Call under lock_scopes() and the trade''s lock.';

create function public.place_trade(p_order jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  placed public.trades;
begin
  if (select auth.uid()) is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to place an order.');
  end if;
  perform private.require_scope('trade');
  perform private.require_trader();
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
comment on function public.place_trade(jsonb) is 'A trader''s manual order: {"idempotency_key", "broker_account_id", "symbol", "side", "position_intent", "quantity", ...}, or "legs" [{"symbol", "side", "position_intent", "ratio"}] with a signed net price; an entry may have an "exit_plan".';
grant execute on function public.place_trade(jsonb) to authenticated;
