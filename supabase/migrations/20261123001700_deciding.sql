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

create function public.strategies_due(p_symbol text, p_timeframe text, p_until timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'strategy_id', s.id, 'user_id', s.user_id, 'broker_account_id', s.broker_account_id, 'kind', s.kind, 'config', s.config,
    'symbols', s.symbols, 'strategy_version', s.strategy_version, 'last_bar_at', c.last_bar_at,
    'position', coalesce(p.quantity, 0)::text,
    'average_entry_price', case when p.quantity <> 0 then round(p.cost_basis / (p.quantity * p.multiplier), 10)::text end,
    'working', coalesce((
      select sum(case l.side when 'buy' then 1 else -1 end * private.added_open(t.replaces_trade_id, l.leg, l.quantity, l.filled_quantity))
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
    select b.ends_at from public.bars as b where b.symbol = c.symbol and b.timeframe = s.timeframe
    order by b.starts_at desc limit 1) as newest on true
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
    -- Shared, so that deactivating waits for this: after it, nothing more is placed.
    select * into strategy from public.strategies where id = (item ->> 'strategy_id')::uuid for share;
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
        when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
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
