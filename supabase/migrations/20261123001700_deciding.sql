-- Strategies decide.

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

-- How a decision is made of what is stored: who is due, what each of them has, and the decision's record.

insert into private.settings (name, value, comment) values
  ('decide_without_after', '90 seconds', 'How long after a bar''s end a strategy waits for the option chain, or for the other symbols'' bars, that it decides with; then it decides without.');

create function private.decides_together(p_inputs jsonb) returns boolean
language sql immutable set search_path = ''
as $$ select coalesce((p_inputs ->> 'together')::boolean, false) $$;
comment on function private.decides_together(jsonb) is 'Whether the inputs of a strategy say that it decides on all its symbols at once.';

create function private.standings(p_strategy_ids uuid[], p_symbols text[])
returns table (strategy_id uuid, symbol text, standing jsonb)
language sql stable set search_path = ''
as $$
  with asked as (
    select s.id, a.symbol, s.broker_account_id, private.decides_together(w.inputs) as everything
    from unnest(p_strategy_ids, p_symbols) as a (id, symbol)
    join public.strategies as s on s.id = a.id
    left join public.strategy_validations as w on w.strategy_id = s.id and w.strategy_version = s.effective_version
  ), held as (
    select a.id, a.symbol, jsonb_object_agg(p.symbol, jsonb_build_object('quantity', trim_scale(p.quantity)::text,
      'average_entry', trim_scale(round(p.cost_basis / (p.quantity * p.multiplier), 10))::text)) as positions
    from asked as a
    join public.strategy_positions as p on p.broker_account_id = a.broker_account_id and p.owner_key = a.id::text and p.quantity <> 0
    left join public.instruments as i on i.symbol = p.symbol
    where a.everything or p.symbol = a.symbol or i.underlying = a.symbol
    group by a.id, a.symbol
  ), working as (
    select a.id, a.symbol, jsonb_agg(jsonb_build_object('trade_id', t.id, 'placed_at', t.event_at, 'order_type', t.order_type,
      'reduce_only', t.reduce_only, 'asked_to_cancel', t.cancel_requested_at is not null, 'remaining', l.remaining) order by t.placed_number) as orders
    from asked as a
    join public.trades as t on t.strategy_id = a.id and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
    cross join lateral (
      select jsonb_object_agg(l.symbol, trim_scale(case l.side when 'buy' then 1 else -1 end
          * private.added_open(t.replaces_trade_id, l.leg, l.quantity, l.filled_quantity))::text) as remaining,
        bool_or(l.symbol = a.symbol or i.underlying = a.symbol) as concerns
      from public.trade_legs as l left join public.instruments as i on i.symbol = l.symbol where l.trade_id = t.id) as l
    -- The stop that an exit has resting at the broker is nothing to wait for: it gives way to what is decided.
    where (a.everything or l.concerns) and not private.rests_for_exit(t)
    group by a.id, a.symbol
  ), to_book as (
    -- What was opened before the ex-date is in old shares until the broker has booked the split on the account. It books
    -- in the order of ex-dates, at times a little early: a later booking says that of an earlier one.
    select h.id, h.symbol, jsonb_agg(distinct jsonb_build_object('symbol', c.symbol, 'ex_date', c.ex_date)) as splits
    from held as h
    join public.strategies as s on s.id = h.id
    cross join lateral jsonb_object_keys(h.positions) as p (symbol)
    left join public.instruments as i on i.symbol = p.symbol
    join public.corporate_actions as c on c.symbol = coalesce(i.underlying, p.symbol) and c.kind = 'split' and c.withdrawn_at is null
    where exists (select from public.position_lots as l where l.broker_account_id = s.broker_account_id and l.symbol = p.symbol
        and l.quantity <> 0 and (l.opened_at at time zone 'America/New_York')::date < c.ex_date)
      and not exists (select from public.position_adjustments as b where b.broker_account_id = s.broker_account_id and b.symbol = p.symbol
        and b.kind = 'split' and (b.effective_at at time zone 'America/New_York')::date >= c.ex_date - 3)
    group by h.id, h.symbol
  )
  select a.id, a.symbol, jsonb_build_object('held', coalesce(h.positions, '{}'), 'working', coalesce(w.orders, '[]'),
    'splits_to_book', coalesce(b.splits, '[]'))
  from asked as a
  left join held as h on h.id = a.id and h.symbol = a.symbol
  left join working as w on w.id = a.id and w.symbol = a.symbol
  left join to_book as b on b.id = a.id and b.symbol = a.symbol
$$;
comment on function private.standings(uuid[], text[]) is
  'What strategies hold and have working, each in a symbol and in options on it, or in everything where it decides on all its symbols at once: {"held": {symbol: {"quantity", "average_entry"}}, "working": [{"trade_id", ...}], "splits_to_book": [{"symbol", "ex_date"}]}: splits on record, ahead ones too, that the broker has not booked on what is held.';

create function public.sessions_between(p_from timestamptz, p_until timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  -- A year at most, the newest.
  select coalesce(jsonb_agg(jsonb_build_object('date', session_date, 'opens_at', opens_at, 'closes_at', closes_at) order by session_date), '[]'::jsonb)
  from (
    select * from public.market_calendar
    where opens_at < p_until and closes_at >= p_from order by session_date desc limit 366) as newest
$$;
comment on function public.sessions_between(timestamptz, timestamptz) is 'The regular sessions from one moment to another, [{"date", "opens_at", "closes_at"}], oldest first; a year at most.';

create function private.is_complete(p_inputs jsonb, p_symbol text, p_timeframe text, p_until timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  select case
    when coalesce(jsonb_array_length(p_inputs -> 'chains'), 0) > 0 then
      exists (select from public.option_chain_snapshots as o where o.underlying = p_symbol and o.bar_at = p_until)
    when private.decides_together(p_inputs) then
      not exists (select from jsonb_array_elements_text(p_inputs -> 'symbols') as other
        where not exists (select from public.bars as b where b.symbol = other and b.timeframe = p_timeframe and b.ends_at = p_until
          and b.starts_at between p_until - interval '1 day' and p_until))
    else true end
$$;
comment on function private.is_complete(jsonb, text, text, timestamptz) is
  'Whether everything is stored that a strategy of these inputs decides with at the end of a bar: the option chain, or the bars of its other symbols.';

create function private.is_awaited_no_more(p_symbol text, p_timeframe text, p_until timestamptz, p_now timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  -- A late feed's bar is as old when it comes.
  select p_until <= p_now - (select value::interval from private.settings where name = 'decide_without_after')
    - make_interval(secs => coalesce((
      select b.delay_seconds from public.bars as b
      where b.symbol = p_symbol and b.timeframe = p_timeframe and b.ends_at = p_until and b.starts_at between p_until - interval '1 day' and p_until
      order by b.starts_at desc limit 1), 0))
$$;
comment on function private.is_awaited_no_more(text, text, timestamptz, timestamptz) is
  'Whether a bar has been over so long by p_now that a strategy decides on it without what is missing: the setting decide_without_after, and as much longer as its feed is late. Null without p_now.';

create function public.strategies_due(p_symbol text, p_timeframe text, p_until timestamptz, p_now timestamptz default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with due as (
    select s.id, v.kind, v.config, v.symbols, v.strategy_version, v.exits_by, s.user_id, s.broker_account_id, c.symbol, c.last_bar_at
    from public.strategies as s
    join public.strategy_versions as v on v.strategy_id = s.id and v.strategy_version = s.effective_version
    join public.strategy_validations as w on w.strategy_id = s.id and w.strategy_version = s.effective_version
    -- What decides on all symbols at once does so in the name of its first.
    join public.strategy_cursors as c on c.strategy_id = s.id
      and c.symbol = case when (w.inputs ->> 'together')::boolean then v.symbols[1] else p_symbol end
    where s.status = 'active' and s.timeframe = p_timeframe and p_symbol = any (s.symbols) and c.last_bar_at < p_until
      and (((w.inputs ->> 'together')::boolean is not true and coalesce(jsonb_array_length(w.inputs -> 'chains'), 0) = 0)
        or private.is_complete(w.inputs, p_symbol, p_timeframe, p_until)
        or private.is_awaited_no_more(p_symbol, p_timeframe, p_until, p_now))
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'strategy_id', d.id, 'user_id', d.user_id, 'broker_account_id', d.broker_account_id, 'kind', d.kind, 'config', d.config,
    'symbols', d.symbols, 'strategy_version', d.strategy_version, 'exits_by', d.exits_by, 'symbol', d.symbol, 'last_bar_at', d.last_bar_at) || t.standing
    order by d.id), '[]'::jsonb)
  from due as d
  join private.standings(array(select id from due order by id), array(select symbol from due order by id)) as t
    on t.strategy_id = d.id and t.symbol = d.symbol
$$;
comment on function public.strategies_due(text, text, timestamptz, timestamptz) is
  'Active strategies that have not yet decided on the bar ending at p_until, in strategy-id order, with what a decision needs. One that decides with an option chain or with several symbols waits for them, by p_now no longer than the setting decide_without_after.';

create function public.bars_undecided(p_now timestamptz default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(distinct jsonb_build_object('symbol', c.symbol, 'timeframe', s.timeframe, 'until', newest.ends_at)), '[]'::jsonb)
  from public.strategies as s
  join public.strategy_validations as w on w.strategy_id = s.id and w.strategy_version = s.effective_version
  join public.strategy_cursors as c on c.strategy_id = s.id and c.symbol = any (s.symbols)
    and (not private.decides_together(w.inputs) or c.symbol = s.symbols[1])
  join lateral (
    select b.ends_at from public.bars as b where b.symbol = c.symbol and b.timeframe = s.timeframe
    order by b.starts_at desc limit 1) as newest on true
  where s.status = 'active' and c.last_bar_at < newest.ends_at
    and (private.is_complete(w.inputs, c.symbol, s.timeframe, newest.ends_at)
      or private.is_awaited_no_more(c.symbol, s.timeframe, newest.ends_at, p_now))
$$;
comment on function public.bars_undecided(timestamptz) is
  'Symbols and timeframes whose newest bar some active strategy could have decided on by p_now and has not.';

create function public.strategies_hearing(p_what text, p_symbol text default null, p_strategy_id uuid default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with hearing as (
    select s.id, v.kind, v.config, v.symbols, v.strategy_version, v.exits_by, s.user_id, s.broker_account_id, s.timeframe, c.symbol, c.last_bar_at
    from public.strategies as s
    join public.strategy_versions as v on v.strategy_id = s.id and v.strategy_version = s.effective_version
    join public.strategy_validations as w on w.strategy_id = s.id and w.strategy_version = s.effective_version
    join public.strategy_cursors as c on c.strategy_id = s.id and c.symbol = any (v.symbols)
    where s.status = 'active' and (w.inputs ->> p_what)::boolean
      and (p_symbol is null or c.symbol = p_symbol) and (p_strategy_id is null or s.id = p_strategy_id)
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'strategy_id', h.id, 'user_id', h.user_id, 'broker_account_id', h.broker_account_id, 'kind', h.kind, 'config', h.config,
    'symbols', h.symbols, 'strategy_version', h.strategy_version, 'exits_by', h.exits_by, 'symbol', h.symbol, 'last_bar_at', h.last_bar_at, 'timeframe', h.timeframe)
    || t.standing order by h.id, h.symbol), '[]'::jsonb)
  from hearing as h
  join private.standings(array(select id from hearing order by id, symbol), array(select symbol from hearing order by id, symbol)) as t
    on t.strategy_id = h.id and t.symbol = h.symbol
$$;
comment on function public.strategies_hearing(text, text, uuid) is
  'Active strategies that also decide on "quotes" or "fills", in strategy-id order, as strategies_due() gives them.';

create function public.fills_to_hear(p_trade_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('fill_id', f.id, 'strategy_id', t.strategy_id, 'symbol', f.symbol,
    'underlying', coalesce(i.underlying, f.symbol), 'quantity', (case f.side when 'buy' then f.quantity else -f.quantity end)::text,
    'price', f.price::text, 'executed_at', f.executed_at) order by f.executed_at, f.id), '[]'::jsonb)
  from public.trades as t
  join public.fills as f on f.trade_id = t.id and f.kind = 'fill'
  left join public.instruments as i on i.symbol = f.symbol
  where t.id = p_trade_id and t.strategy_id is not null
    and not exists (select from public.strategy_decisions as d
      where d.strategy_id = t.strategy_id and d.cause = 'fill' and d.caused_by = f.id::text)
$$;
comment on function public.fills_to_hear(uuid) is
  'The executions of a strategy''s trade on which it has not decided: [{"fill_id", "strategy_id", "symbol", "underlying", "quantity", "price", "executed_at"}]; quantity is signed.';

create function private.is_as_seen(p_strategy_id uuid, p_symbol text, p_seen jsonb) returns boolean
language sql stable set search_path = ''
as $$
  select p_seen is null or exists (
    select from private.standings(array[p_strategy_id], array[p_symbol]) as t
    where coalesce((select jsonb_object_agg(e.key, e.value -> 'quantity') from jsonb_each(t.standing -> 'held') as e), '{}') = p_seen -> 'held'
      and jsonb_path_query_array(t.standing, '$.working[*].trade_id') = p_seen -> 'working')
$$;
comment on function private.is_as_seen(uuid, text, jsonb) is
  'Whether a strategy still has what its decision saw: {"held": {symbol: quantity}, "working": [trade ids]}.';

create function private.record_decision(p_symbol text, p_item jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  woken_by text := coalesce(p_item ->> 'cause', 'bar');
  decided_at timestamptz := (p_item ->> 'bar_at')::timestamptz;
  strategy public.strategies;
  seen_until timestamptz;
  wanted jsonb;
  unwanted uuid;
  placed public.trades;
  placed_ids jsonb := '[]';
  refusal text;
begin
  select last_bar_at into seen_until from public.strategy_cursors
  where strategy_id = (p_item ->> 'strategy_id')::uuid and symbol = p_symbol;
  if woken_by = 'bar' and (seen_until is null or seen_until >= decided_at) then
    return null; -- Decided before, by this message or another.
  elsif woken_by = 'quote' and seen_until > decided_at then
    return null; -- A quote that was late, or from before the strategy was started: it says nothing of now.
  end if;
  select * into strategy from public.strategies where id = (p_item ->> 'strategy_id')::uuid;
  if strategy.status is distinct from 'active' then
    return null;
  end if;
  if woken_by <> 'bar' and exists (select from public.strategy_decisions as d where d.strategy_id = strategy.id and d.symbol = p_symbol
      and d.bar_at = decided_at and d.cause = woken_by and d.caused_by = coalesce(p_item ->> 'caused_by', '')) then
    return null;
  end if;
  -- The version that decided: another may have taken effect since.
  strategy.strategy_version := coalesce((p_item ->> 'strategy_version')::integer, strategy.effective_version, strategy.strategy_version);
  if (jsonb_array_length(coalesce(p_item -> 'orders', '[]')) > 0 or jsonb_array_length(coalesce(p_item -> 'cancels', '[]')) > 0) and not private.is_as_seen(strategy.id, p_symbol, p_item -> 'saw') then
    return jsonb_build_object('superseded', strategy.id); -- Something was filled or placed since: it decides again.
  end if;
  for unwanted in select e::uuid from jsonb_array_elements_text(coalesce(p_item -> 'cancels', '[]')) as e loop
    select * into placed from public.trades where id = unwanted and strategy_id = strategy.id;
    if found then
      perform private.cancel_order(placed, p_item ->> 'reason', decided_at);
    end if;
  end loop;
  for wanted in select o from jsonb_array_elements(coalesce(p_item -> 'orders', '[]')) as o loop
    begin
      placed := private.place(
        wanted || jsonb_build_object(
          'broker_account_id', strategy.broker_account_id, 'event_at', p_item -> 'bar_at', 'trace', p_item -> 'trace',
          'signal', concat_ws('|', strategy.id, p_symbol, extract(epoch from decided_at)::bigint, wanted ->> 'number',
            case when woken_by <> 'bar' then concat_ws('|', woken_by, coalesce(nullif(p_item ->> 'caused_by', ''), extract(epoch from decided_at)::text)) end)),
        strategy.user_id, 'strategy', strategy);
      placed_ids := placed_ids || to_jsonb(placed.id);
    exception
      when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
        -- A refused order must not lose the other strategies' decisions; the refusal stands on the decision.
        refusal := concat_ws('; ', refusal, sqlerrm);
    end;
  end loop;
  insert into public.strategy_decisions (strategy_id, symbol, bar_at, cause, caused_by, user_id, strategy_version, action, reason, orders, cancels,
    chain_taken_at, refused)
  values (strategy.id, p_symbol, decided_at, woken_by, coalesce(p_item ->> 'caused_by', ''), strategy.user_id, strategy.strategy_version,
    case when jsonb_array_length(coalesce(p_item -> 'orders', '[]')) > 0 then 'trade' when jsonb_array_length(coalesce(p_item -> 'cancels', '[]')) > 0 then 'cancel'
      else 'stay' end,
    p_item ->> 'reason', coalesce(p_item -> 'orders', '[]'), array(select e::uuid from jsonb_array_elements_text(coalesce(p_item -> 'cancels', '[]')) as e),
    (p_item ->> 'chain_taken_at')::timestamptz, refusal);
  if woken_by = 'bar' then
    update public.strategy_cursors set last_bar_at = decided_at, updated_at = now()
    where strategy_id = strategy.id and symbol = p_symbol;
  end if;
  return jsonb_build_object('placed', placed_ids);
end $$;
comment on function private.record_decision(text, jsonb) is
  'Stores one decision, does what it asks for, and moves the cursor. Null where it was made before, {"superseded": id} where the strategy has something else by now than it saw. Call under the locks of its orders.';

create function private.record_stays(p_symbol text, p_items jsonb) returns void
language sql set search_path = ''
as $$
  -- All at once: most decisions are to do nothing.
  with active as (
    select s.id, s.user_id, coalesce(s.effective_version, s.strategy_version) as in_effect, c.last_bar_at
    from public.strategies as s join public.strategy_cursors as c on c.strategy_id = s.id and c.symbol = p_symbol
    where s.status = 'active' and s.id in (select (d ->> 'strategy_id')::uuid from jsonb_array_elements(p_items) as d)
  ), made as (
    insert into public.strategy_decisions (strategy_id, symbol, bar_at, user_id, strategy_version, action, reason, chain_taken_at)
    select a.id, p_symbol, i.bar_at, a.user_id, coalesce(i.strategy_version, a.in_effect), 'stay', i.reason, i.chain_taken_at
    from jsonb_to_recordset(p_items) as i (strategy_id uuid, strategy_version integer, bar_at timestamptz, reason text, chain_taken_at timestamptz)
    join active as a on a.id = i.strategy_id and i.bar_at > a.last_bar_at
    returning strategy_id, bar_at
  )
  update public.strategy_cursors as c set last_bar_at = m.newest, updated_at = now()
  from (select strategy_id, max(bar_at) as newest from made group by strategy_id) as m
  where c.strategy_id = m.strategy_id and c.symbol = p_symbol
$$;
comment on function private.record_stays(text, jsonb) is 'Stores decisions on bars that ask for nothing, and moves the cursors. Call under their locks.';

create function public.record_decisions(p_symbol text, p_decisions jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  acting uuid[] := array(
    select distinct (d ->> 'strategy_id')::uuid from jsonb_array_elements(p_decisions) as d
    where jsonb_array_length(coalesce(d -> 'orders', '[]')) > 0 or jsonb_array_length(coalesce(d -> 'cancels', '[]')) > 0 or coalesce(d ->> 'cause', 'bar') <> 'bar');
  item jsonb;
  done jsonb;
  placed_ids jsonb := '[]';
  superseded jsonb := '[]';
begin
  -- All locks of the orders first, whosever they are; then in strategy-id order: two callers never wait for each other,
  -- and placing has one order.
  perform private.lock_scopes_of(acting);
  -- Strategies before their cursors, as activating does. Shared, so that deactivating waits for this: after it, nothing more is placed.
  perform from public.strategies where id in (select (d ->> 'strategy_id')::uuid from jsonb_array_elements(p_decisions) as d) order by id for share;
  perform from public.strategy_cursors where symbol = p_symbol
    and strategy_id in (select (d ->> 'strategy_id')::uuid from jsonb_array_elements(p_decisions) as d) order by strategy_id for update;
  perform private.record_stays(p_symbol, (
    select jsonb_agg(d) from jsonb_array_elements(p_decisions) as d where (d ->> 'strategy_id')::uuid <> all (acting)));
  for item in
    select d from jsonb_array_elements(p_decisions) as d where (d ->> 'strategy_id')::uuid = any (acting)
    order by (d ->> 'strategy_id')::uuid, (d ->> 'bar_at')::timestamptz
  loop
    -- What comes after a decision that no longer holds was decided on the same ground.
    continue when superseded ? (item ->> 'strategy_id');
    done := private.record_decision(p_symbol, item);
    placed_ids := placed_ids || coalesce(done -> 'placed', '[]');
    if done ? 'superseded' then
      superseded := superseded || jsonb_build_array(done -> 'superseded');
    end if;
  end loop;
  return jsonb_build_object('placed', placed_ids, 'superseded', superseded);
end $$;
comment on function public.record_decisions(text, jsonb) is
  'Stores decisions [{"strategy_id", "strategy_version", "bar_at", "cause", "caused_by", "reason", "orders": [...], "cancels": [...], "saw", "chain_taken_at"}], does what they ask for, and moves the cursors, in one transaction. Returns {"placed": [trade ids], "superseded": [strategy ids that have something else by now than they saw, and decide again]}.';
grant execute on function public.strategies_due(text, text, timestamptz, timestamptz), public.bars_undecided(timestamptz), public.record_decisions(text, jsonb),
  public.strategies_hearing(text, text, uuid), public.fills_to_hear(uuid) to fn_strategy;
grant execute on function public.sessions_between(timestamptz, timestamptz) to fn_strategy, fn_ingest, fn_report;
