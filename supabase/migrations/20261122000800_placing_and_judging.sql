-- From a decision to an approved or rejected trade. Each function is one transaction and safe to call again.

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

-- Strategies -----------------------------------------------------------------------------------------------------------

create function public.sync_strategy_kinds(p_kinds jsonb) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  written integer;
begin
  insert into public.strategy_kinds as k (kind, title, description, config_schema)
  select d ->> 'kind', d ->> 'title', d ->> 'description', d -> 'config_schema' from jsonb_array_elements(p_kinds) as d
  on conflict (kind) do update
  set title = excluded.title, description = excluded.description, config_schema = excluded.config_schema, updated_at = now()
  where (k.title, k.description, k.config_schema) is distinct from (excluded.title, excluded.description, excluded.config_schema);
  get diagnostics written = row_count;
  return written;
end $$;
comment on function public.sync_strategy_kinds(jsonb) is 'Writes the catalogue [{"kind", "title", "description", "config_schema"}]; returns how many changed.';
grant execute on function public.sync_strategy_kinds(jsonb) to fn_strategy;

create function private.own_strategy(p_strategy_id uuid) returns public.strategies
language plpgsql set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  select * into strategy from public.strategies where id = p_strategy_id
    and (private.calling_role() <> 'authenticated' or user_id = (select auth.uid())) for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of your own.', jsonb_build_object('strategy', p_strategy_id));
  end if;
  return strategy;
end $$;
comment on function private.own_strategy(uuid) is 'The caller''s strategy, locked; a stranger''s is not found.';

create function private.move_strategy(p_strategy public.strategies, p_status text, p_event text, p_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  changed public.strategies;
begin
  update public.strategies set status = p_status where id = p_strategy.id returning * into changed;
  perform private.emit('strategy-events', p_event, changed.id::text, p_at,
    jsonb_build_object('strategy_id', changed.id, 'user_id', changed.user_id, 'status', changed.status, 'version', changed.version),
    p_event || '|' || changed.id || '|' || changed.version);
end $$;
comment on function private.move_strategy(public.strategies, text, text, timestamptz) is 'Changes a strategy''s status and says so.';

create function public.activate_strategy(p_strategy_id uuid, p_from timestamptz default null) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy(p_strategy_id);
  unknown_symbol text;
  -- A person starts a strategy now; only a replay, run by the platform itself, names another moment.
  start_at timestamptz := case when private.calling_role() = 'authenticated' then now() else coalesce(p_from, now()) end;
begin
  if not isfinite(start_at) then
    perform private.refuse(422, 'BAD_START', 'A strategy starts at a moment in time.', jsonb_build_object('from', start_at));
  end if;
  if strategy.status = 'active' then
    return;
  end if;
  select s into unknown_symbol from unnest(strategy.symbols) as s
  where not exists (select from public.instruments as i where i.symbol = s and i.tradable) limit 1;
  if unknown_symbol is not null then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'The strategy names a symbol that is not tradable; edit its symbols.',
      jsonb_build_object('symbol', unknown_symbol));
  end if;
  insert into public.strategy_cursors as c (strategy_id, user_id, symbol, last_bar_at)
  select strategy.id, strategy.user_id, s, start_at from unnest(strategy.symbols) as s
  on conflict (strategy_id, symbol) do update
  set last_bar_at = greatest(c.last_bar_at, excluded.last_bar_at), updated_at = now();
  perform private.move_strategy(strategy, 'active', 'strategy.activated', start_at);
end $$;
comment on function public.activate_strategy(uuid, timestamptz) is 'Starts a strategy: it decides on bars that end after p_from (event time; now where absent).';

create function public.deactivate_strategy(p_strategy_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy(p_strategy_id);
begin
  if strategy.status <> 'active' then
    return;
  end if;
  perform private.move_strategy(strategy, 'inactive', 'strategy.deactivated', now());
end $$;
comment on function public.deactivate_strategy(uuid) is 'Stops a strategy from deciding. Its positions and working orders stay as they are.';
grant execute on function public.activate_strategy(uuid, timestamptz), public.deactivate_strategy(uuid) to authenticated, fn_api;

create function public.strategies_due(p_symbol text, p_timeframe text, p_until timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'strategy_id', s.id, 'user_id', s.user_id, 'broker_account_id', s.broker_account_id, 'kind', s.kind, 'config', s.config,
    'symbols', s.symbols, 'strategy_version', s.strategy_version, 'last_bar_at', c.last_bar_at,
    'position', coalesce(p.quantity, 0)::text,
    'average_entry_price', case when p.quantity <> 0 then round(p.cost_basis / (p.quantity * p.multiplier), 10)::text end,
    'working', coalesce((
      select sum(case l.side when 'buy' then 1 else -1 end * greatest(coalesce(l.quantity, 0) - l.filled_quantity, 0))
      from public.trades as t join public.trade_legs as l on l.trade_id = t.id
      where t.strategy_id = s.id and l.symbol = p_symbol
        and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')), 0)::text,
    'working_orders', (
      select count(*) from public.trades as t join public.trade_legs as l on l.trade_id = t.id
      where t.strategy_id = s.id and l.symbol = p_symbol
        and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')))
    order by s.id), '[]'::jsonb)
  from public.strategies as s
  join public.strategy_cursors as c on c.strategy_id = s.id and c.symbol = p_symbol
  left join public.strategy_positions as p
    on p.broker_account_id = s.broker_account_id and p.owner_key = s.id::text and p.symbol = p_symbol
  where s.status = 'active' and s.timeframe = p_timeframe and p_symbol = any (s.symbols) and c.last_bar_at < p_until
$$;
comment on function public.strategies_due(text, text, timestamptz) is
  'Active strategies that have not yet decided on the bar ending at p_until, in strategy-id order, with what a decision needs.';

create function public.bars_undecided() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(distinct jsonb_build_object('symbol', c.symbol, 'timeframe', s.timeframe, 'until', newest.ends_at)), '[]'::jsonb)
  from public.strategies as s
  join public.strategy_cursors as c on c.strategy_id = s.id and c.symbol = any (s.symbols)
  join lateral (
    select max(ends_at) as ends_at from public.bars as b where b.symbol = c.symbol and b.timeframe = s.timeframe) as newest on true
  where s.status = 'active' and c.last_bar_at < newest.ends_at
$$;
comment on function public.bars_undecided() is 'Symbols and timeframes whose newest bar some active strategy has not decided on.';

create function public.record_decisions(p_symbol text, p_decisions jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  item jsonb;
  wanted jsonb;
  strategy public.strategies;
  seen_until timestamptz;
  decided_at timestamptz;
  placed public.trades;
  placed_ids jsonb := '[]';
  refusal text;
begin
  -- All locks of the orders first, whosever they are; then in strategy-id order: two callers never wait for each other,
  -- and placing has one order.
  perform private.lock_scopes_of(array(
    select (d ->> 'strategy_id')::uuid from jsonb_array_elements(p_decisions) as d where jsonb_array_length(d -> 'orders') > 0));
  for item in select d from jsonb_array_elements(p_decisions) as d order by (d ->> 'strategy_id')::uuid, (d ->> 'bar_at')::timestamptz loop
    decided_at := (item ->> 'bar_at')::timestamptz;
    select last_bar_at into seen_until from public.strategy_cursors
    where strategy_id = (item ->> 'strategy_id')::uuid and symbol = p_symbol for update;
    if seen_until is null or seen_until >= decided_at then
      continue; -- Decided before, by this message or another.
    end if;
    select * into strategy from public.strategies where id = (item ->> 'strategy_id')::uuid;
    if strategy.status <> 'active' then
      continue;
    end if;
    refusal := null;
    for wanted in select o from jsonb_array_elements(item -> 'orders') as o loop
      begin
        placed := private.place(
          wanted || jsonb_build_object(
            'broker_account_id', strategy.broker_account_id, 'event_at', item -> 'bar_at', 'trace', item -> 'trace',
            'signal', concat_ws('|', strategy.id, p_symbol, extract(epoch from decided_at)::bigint, wanted ->> 'number')),
          strategy.user_id, 'strategy', strategy);
        placed_ids := placed_ids || to_jsonb(placed.id);
      exception
        when sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
          -- A refused order must not lose the other strategies' decisions; the refusal stands on the decision.
          refusal := sqlerrm;
      end;
    end loop;
    insert into public.strategy_decisions (strategy_id, symbol, bar_at, user_id, strategy_version, action, reason, orders, refused)
    values (strategy.id, p_symbol, decided_at, strategy.user_id, strategy.strategy_version,
      case when jsonb_array_length(item -> 'orders') > 0 then 'trade' else 'stay' end, item ->> 'reason', item -> 'orders', refusal);
    update public.strategy_cursors set last_bar_at = decided_at, updated_at = now()
    where strategy_id = strategy.id and symbol = p_symbol;
  end loop;
  return placed_ids;
end $$;
comment on function public.record_decisions(text, jsonb) is
  'Stores decisions [{"strategy_id", "bar_at", "reason", "orders": [...]}], places their orders and moves the cursors, in one transaction. Returns the ids of placed trades.';
grant execute on function public.strategies_due(text, text, timestamptz), public.bars_undecided(), public.record_decisions(text, jsonb) to fn_strategy;

-- Judging --------------------------------------------------------------------------------------------------------------

create function public.pending_trades(p_account_id uuid default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', id, 'broker_account_id', broker_account_id) order by placed_number), '[]'::jsonb)
  from public.trades where status = 'pending' and (p_account_id is null or broker_account_id = p_account_id)
$$;
comment on function public.pending_trades(uuid) is 'Trades that risk has not judged, in the order they were placed.';

create function private.exposure(p_scope text, p_trade public.trades)
returns table (symbol text, quantity numeric, to_buy numeric, to_sell numeric, multiplier numeric)
language sql stable set search_path = ''
as $$
  with held as (
    select b.symbol, b.quantity from public.position_books as b
    where p_scope <> 'strategy' and b.quantity <> 0
      and (p_scope = 'global' or b.user_id = p_trade.user_id)
      and (p_scope <> 'account' or b.broker_account_id = p_trade.broker_account_id)
    union all
    select s.symbol, s.quantity from public.strategy_positions as s
    where p_scope = 'strategy' and s.strategy_id = p_trade.strategy_id and s.quantity <> 0
  ), working as (
    select l.symbol, l.side, greatest(coalesce(l.quantity, 0) - l.filled_quantity, 0) as open
    from public.trades as t join public.trade_legs as l on l.trade_id = t.id
    where t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.is_working(t.status)
      and t.id <> p_trade.id
      and (p_scope = 'global' or t.user_id = p_trade.user_id)
      and (p_scope not in ('account', 'strategy') or t.broker_account_id = p_trade.broker_account_id)
      and (p_scope <> 'strategy' or t.strategy_id = p_trade.strategy_id)
  ), rows as (
    select held.symbol, held.quantity, 0::numeric as to_buy, 0::numeric as to_sell from held
    union all
    select working.symbol, 0, case when side = 'buy' then open else 0 end, case when side = 'sell' then open else 0 end from working
  )
  select r.symbol, sum(r.quantity), sum(r.to_buy), sum(r.to_sell), max(i.multiplier)
  from rows as r join public.instruments as i on i.symbol = r.symbol
  group by r.symbol
$$;
comment on function private.exposure(text, public.trades) is
  'What is open and working in one scope of a trade, by symbol, the trade itself left out.';

create function public.risk_book(p_trade_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'trade', to_jsonb(t) || jsonb_build_object(
      'quantity', t.quantity::text, 'notional', t.notional::text, 'price', t.price::text, 'stop_price', t.stop_price::text,
      'planned_stop', t.planned_stop::text),
    'position_intent', (select position_intent from public.trade_legs where trade_id = t.id and leg = 0),
    'instrument', (select jsonb_build_object('kind', i.kind, 'multiplier', i.multiplier::text, 'tick', i.tick::text, 'lot', i.lot::text)
      from public.instruments as i where i.symbol = t.symbol),
    'exposures', (select jsonb_object_agg(scopes.scope, coalesce((
        select jsonb_agg(jsonb_build_object('symbol', e.symbol, 'position', e.quantity::text, 'to_buy', e.to_buy::text,
          'to_sell', e.to_sell::text, 'multiplier', e.multiplier::text) order by e.symbol)
        from private.exposure(scopes.scope, t) as e), '[]'::jsonb))
      from (
        select 'account' as scope
        union select 'strategy' where t.strategy_id is not null
        -- The wider scopes are summed only where a limit needs them.
        union select r.scope from public.risk_limits as r where r.scope = 'global' or (r.scope = 'user' and r.user_id = t.user_id)
      ) as scopes),
    'marks', coalesce((select jsonb_object_agg(m.symbol, jsonb_build_object('mark', m.mark::text, 'marked_at', m.marked_at))
      from public.position_marks as m
      where m.symbol = t.symbol or m.symbol in (select b.symbol from public.position_books as b where b.quantity <> 0)
        or m.symbol in (select w.symbol from public.trades as w where private.is_working(w.status))), '{}'::jsonb),
    'quote', (select jsonb_build_object('bid', q.bid::text, 'ask', q.ask::text, 'bid_size', q.bid_size::text,
        'ask_size', q.ask_size::text, 'quoted_at', q.quoted_at, 'feed', q.feed, 'delay_seconds', q.delay_seconds)
      from public.quotes_latest as q where q.symbol = t.symbol),
    'limits', coalesce((select jsonb_agg(jsonb_build_object(
        'scope', r.scope, 'symbol', r.symbol, 'name', r.name, 'value', r.value::text, 'unit', r.unit))
      from public.risk_limits as r
      where (r.scope = 'global' or (r.scope = 'user' and r.user_id = t.user_id) or r.broker_account_id = t.broker_account_id
        or r.strategy_id = t.strategy_id) and (r.symbol is null or r.symbol = t.symbol)), '[]'::jsonb),
    'closed_gates', coalesce((select jsonb_agg(g.gate_key order by g.gate_key) from public.trading_gates as g
      where g.gate_key = any (private.gates_of(t.user_id, t.broker_account_id, t.strategy_id)) and g.closed), '[]'::jsonb),
    'sessions', coalesce((select jsonb_agg(jsonb_build_object('date', c.session_date, 'opens_at', c.opens_at, 'closes_at', c.closes_at)
        order by c.session_date)
      from public.market_calendar as c
      where c.session_date between (t.event_at at time zone 'America/New_York')::date - 7
        and (t.event_at at time zone 'America/New_York')::date + 7), '[]'::jsonb))
  from public.trades as t where t.id = p_trade_id
$$;
comment on function public.risk_book(uuid) is 'Everything the rules look at for one trade, in one snapshot; amounts as text.';

create function private.exposure_refusal(p_trade public.trades, p_quantity numeric, p_mark numeric) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  l public.risk_limits;
  after_trade numeric;
begin
  -- Each limit is held against the exposure of its own scope, working orders at their worse side.
  for l in
    select * from public.risk_limits
    where name in ('position_limit', 'capital_limit')
      and (scope = 'global' or (scope = 'user' and user_id = p_trade.user_id) or broker_account_id = p_trade.broker_account_id
        or strategy_id = p_trade.strategy_id)
      and (symbol is null or symbol = p_trade.symbol)
    order by value, scope
  loop
    with together as (
      select e.symbol, e.quantity, e.to_buy, e.to_sell, e.multiplier from private.exposure(l.scope, p_trade) as e
      union all
      select p_trade.symbol, 0, case when p_trade.side = 'buy' then p_quantity else 0 end,
        case when p_trade.side = 'sell' then p_quantity else 0 end, i.multiplier
      from public.instruments as i where i.symbol = p_trade.symbol
    ), worst as (
      select g.symbol, max(g.multiplier) as multiplier,
        greatest(abs(sum(g.quantity) + sum(g.to_buy)), abs(sum(g.quantity) - sum(g.to_sell))) as quantity
      from together as g where l.symbol is null or g.symbol = l.symbol group by g.symbol
    ), valued as (
      select w.*, case when w.symbol = p_trade.symbol then p_mark else m.mark end as mark
      from worst as w left join public.position_marks as m on m.symbol = w.symbol
    )
    select case l.name
      when 'position_limit' then max(v.quantity) filter (where v.symbol = p_trade.symbol)
      -- A position without a mark makes the sum unknown, and unknown is never small.
      else case when bool_or(v.mark is null and v.quantity <> 0) then 'infinity'::numeric
        else sum(v.quantity * v.multiplier * coalesce(v.mark, 0)) end
      end
    into after_trade from valued as v;
    if after_trade > l.value then
      return jsonb_build_object('code', upper(l.name), 'scope', l.scope, 'limit', trim_scale(l.value)::text,
        'after', trim_scale(after_trade)::text, 'unit', l.unit);
    end if;
  end loop;
  return null;
end $$;
comment on function private.exposure_refusal(public.trades, numeric, numeric) is 'The first hard limit that the trade would break, or null. Call under lock_scopes().';

create function private.record_verdicts(p_trade public.trades, p_decisions jsonb) returns void
language sql set search_path = ''
as $$
  insert into public.risk_decisions (trade_id, number, user_id, rule, verdict, numbers)
  select p_trade.id, (select coalesce(max(number), 0) from public.risk_decisions where trade_id = p_trade.id) + d.ordinality::integer,
    p_trade.user_id, d.value ->> 'rule', d.value ->> 'verdict', coalesce(d.value -> 'numbers', '{}'::jsonb)
  from jsonb_array_elements(p_decisions) with ordinality as d
$$;
comment on function private.record_verdicts(public.trades, jsonb) is 'Keeps the verdicts of the rules on one trade.';

create function public.approve_trade(p_trade_id uuid, p_decisions jsonb, p_mark text, p_quantity text default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  gate text;
  refused jsonb;
  reducing boolean;
  -- A mark that is no price is no mark.
  mark numeric := case when p_mark::numeric > 0 and p_mark::numeric <> 'NaN' then p_mark::numeric end;
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  -- Where there is a global limit, the orders of all users are counted one at a time.
  perform from public.risk_limits where scope = 'global' and name in ('position_limit', 'capital_limit') order by id for no key update;
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  select * into trade from public.trades where id = p_trade_id for update;
  if trade.status <> 'pending' then
    return jsonb_build_object('status', trade.status, 'changed', false);
  end if;
  if p_quantity is not null then
    if p_quantity::numeric > trade.quantity then
      perform private.refuse(422, 'ONLY_SMALLER', 'Risk may reduce an order, never enlarge it.', jsonb_build_object('asked', p_quantity, 'ordered', trade.quantity));
    end if;
    update public.trades set quantity = p_quantity::numeric where id = trade.id returning * into trade;
    update public.trade_legs set quantity = p_quantity::numeric where trade_id = trade.id and leg = 0;
  end if;
  reducing := private.reduces(trade);
  gate := private.closed_gate(trade.user_id, trade.broker_account_id, trade.strategy_id);
  if not reducing then
    refused := case
      when gate is not null then jsonb_build_object('code', 'GATE_CLOSED', 'gate', gate)
      when trade.quantity is null then jsonb_build_object('code', 'NOTIONAL_NOT_JUDGED', 'notional', trade.notional::text)
      when trade.reduce_only then jsonb_build_object('code', 'WOULD_NOT_REDUCE', 'quantity', trade.quantity::text)
      else private.exposure_refusal(trade, trade.quantity, mark) end;
  end if;
  perform private.record_verdicts(trade, p_decisions || case when refused is null then '[]'::jsonb
    else jsonb_build_array(jsonb_build_object('rule', refused ->> 'code', 'verdict', 'deny', 'numbers', refused - 'code')) end);
  if refused is not null then
    update public.trades set status = 'rejected', refusal = (refused ->> 'code') || ': ' || (
        select string_agg(key || '=' || value, ' ') from jsonb_each_text(refused - 'code')), status_at = event_at
    where id = trade.id;
    return jsonb_build_object('status', 'rejected', 'changed', true, 'refusal', refused);
  end if;
  update public.trades set status = 'approved' where id = trade.id;
  return jsonb_build_object('status', 'approved', 'changed', true);
end $$;
comment on function public.approve_trade(uuid, jsonb, text, text) is
  'Approves a pending trade after re-checking gates and hard limits under lock; rejects it where they refuse. Safe to call again.';

create function public.reject_trade(p_trade_id uuid, p_decisions jsonb, p_refusal text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades where id = p_trade_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  if trade.status <> 'pending' then
    return jsonb_build_object('status', trade.status, 'changed', false);
  end if;
  perform private.record_verdicts(trade, p_decisions);
  update public.trades set status = 'rejected', refusal = p_refusal where id = trade.id;
  return jsonb_build_object('status', 'rejected', 'changed', true);
end $$;
comment on function public.reject_trade(uuid, jsonb, text) is 'Rejects a pending trade with the rule''s reason. Safe to call again.';

create function public.expire_trade(p_trade_id uuid, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades where id = p_trade_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  if trade.status in ('pending', 'approved') and p_now > trade.good_until then
    update public.trades set status = 'expired', status_at = p_now,
      refusal = 'TOO_LATE: good_until=' || trade.good_until || ' now=' || p_now
    where id = p_trade_id returning * into trade;
  end if;
  return jsonb_build_object('status', trade.status);
end $$;
comment on function public.expire_trade(uuid, timestamptz) is 'Expires a trade that was not sent in time. Safe to call again.';

grant execute on function public.expire_trade(uuid, timestamptz), public.pending_trades(uuid), public.risk_book(uuid), public.approve_trade(uuid, jsonb, text, text),
  public.reject_trade(uuid, jsonb, text) to fn_risk;
