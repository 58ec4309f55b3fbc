-- Strategies are activated, deactivated and deleted.

create function private.own_strategy(p_strategy_id uuid) returns public.strategies
language plpgsql set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  select * into strategy from public.strategies where id = p_strategy_id and status <> 'deleted'
    and private.reaches(user_id) for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of your own.', jsonb_build_object('strategy', p_strategy_id));
  end if;
  return strategy;
end $$;
comment on function private.own_strategy(uuid) is 'The caller''s strategy, locked; a stranger''s is not found.';

create function private.own_strategy_under_scopes(p_strategy_id uuid) returns public.strategies
language plpgsql set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  -- Whose it is, before its gates are locked: a stranger's calls would keep its owner's halt waiting. Its gates and account
  -- before the strategy, as everywhere: no order slips in, and the account is not unlinked, while this runs.
  select * into strategy from public.strategies where id = p_strategy_id and private.reaches(user_id);
  if found then
    perform private.lock_scopes(strategy.user_id, strategy.broker_account_id, strategy.id);
  end if;
  return private.own_strategy(p_strategy_id);
end $$;
comment on function private.own_strategy_under_scopes(uuid) is 'The caller''s strategy, locked with what an order of it locks; a stranger''s is not found.';

create function private.warm_up_stored(p_inputs jsonb, p_until timestamptz) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('symbol', n.symbol, 'timeframe', n.timeframe, 'needed', n.needed, 'stored',
    jsonb_array_length(public.bars_until(n.symbol, n.timeframe, p_until, n.needed))) order by n.symbol, n.timeframe), '[]'::jsonb)
  from (
    select s.symbol, t.timeframe, max(t.needed) as needed
    from jsonb_array_elements_text(p_inputs -> 'symbols') as s (symbol)
    cross join (
      select p_inputs ->> 'timeframe' as timeframe, (p_inputs ->> 'warm_up')::integer as needed
      union all
      select key, value::integer from jsonb_each_text(coalesce(p_inputs -> 'context', '{}'))) as t
    group by s.symbol, t.timeframe) as n
$$;
comment on function private.warm_up_stored(jsonb, timestamptz) is
  'How many bars a strategy needs of each symbol and timeframe before it decides, and how many of them are stored: [{"symbol", "timeframe", "needed", "stored"}].';

create function private.activation_warnings(p_strategy public.strategies, p_warm_up jsonb) returns jsonb
language sql stable set search_path = ''
as $$
  -- None of these keeps it from starting; each says what will not happen, so that nobody has to wonder why.
  select coalesce(jsonb_agg(jsonb_build_object('code', w.code, 'text', w.text) order by w.place), '[]'::jsonb) from (
    select 1 as place, 'WARM_UP_MISSING' as code, 'It does not decide before its warm-up is there: ' || string_agg(
      format('%s %s has %s of %s bars', b ->> 'symbol', b ->> 'timeframe', b ->> 'stored', b ->> 'needed'), ', ') || '.' as text
    from jsonb_array_elements(p_warm_up) as b where (b ->> 'stored')::integer < (b ->> 'needed')::integer having count(*) > 0
    union all
    select 2, 'GATE_CLOSED', 'Trading is halted (' || gate || '): its entries are refused until the halt is lifted.'
    from private.closed_gate(p_strategy.user_id, p_strategy.broker_account_id, p_strategy.id) as gate where gate is not null
    union all
    select 3, 'LIVE_NOT_CONFIRMED', 'Live trading on this account is not confirmed: its entries are refused until you confirm it.'
    where private.live_refusal(p_strategy.broker_account_id) is not null
    union all
    select 4, 'NO_CREDENTIAL', 'No trading credential is entered: none of its orders is sent.'
    from public.broker_accounts where id = p_strategy.broker_account_id and trading_entered_at is null
    union all
    select 5, 'NO_LIMIT', 'No ' || string_agg(n.name, ', ' order by n.place) || ' is set for it, its account, its owner or everybody.'
    from (values (1, 'position_limit'), (2, 'capital_limit'), (3, 'max_loss_per_trade')) as n (place, name)
    where not exists (
      select from public.risk_limits as l where l.name = n.name and l.value is not null
        and (l.scope = 'global' or (l.scope = 'user' and l.user_id = p_strategy.user_id)
          or (l.scope = 'account' and l.broker_account_id = p_strategy.broker_account_id)
          or (l.scope = 'strategy' and l.strategy_id = p_strategy.id)))
    having count(*) > 0) as w
$$;
comment on function private.activation_warnings(public.strategies, jsonb) is 'What a person should know who starts a strategy: [{"code", "text"}].';

create function public.activate_strategy(p_strategy_id uuid, p_from timestamptz default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy_under_scopes(p_strategy_id);
  -- A person starts a strategy now; only a replay, run by the platform itself, names another moment.
  start_at timestamptz := case when private.calling_role() = 'authenticated' then now() else coalesce(p_from, now()) end;
  warm_up jsonb;
begin
  if not isfinite(start_at) then
    perform private.refuse(422, 'BAD_START', 'A strategy starts at a moment in time.', jsonb_build_object('from', start_at));
  end if;
  if strategy.status <> 'active' then
    insert into public.strategy_cursors as c (strategy_id, user_id, symbol, last_bar_at)
    select strategy.id, strategy.user_id, s, start_at from unnest(strategy.symbols) as s
    on conflict (strategy_id, symbol) do update
    set last_bar_at = greatest(c.last_bar_at, excluded.last_bar_at), updated_at = now();
    -- What must be there is asked by guard_strategy(), so that no way of starting leads around it.
    update public.strategies set status = 'active' where id = strategy.id returning * into strategy;
  end if;
  select private.warm_up_stored(v.inputs, start_at) into warm_up from public.strategy_validations as v
  where v.strategy_id = strategy.id and v.strategy_version = strategy.effective_version;
  return jsonb_build_object('strategy_id', strategy.id, 'status', strategy.status, 'version', strategy.version,
    'strategy_version', strategy.strategy_version, 'effective_version', strategy.effective_version,
    'effective_since', strategy.effective_since, 'decides_after', (
      select max(last_bar_at) from public.strategy_cursors where strategy_id = strategy.id and symbol = any (strategy.symbols)),
    'warm_up', warm_up, 'warnings', private.activation_warnings(strategy, warm_up));
end $$;
comment on function public.activate_strategy(uuid, timestamptz) is
  'Starts a strategy: it decides on bars that end after p_from (event time; now where absent). Refused while its newest version is not found valid, its account is not verified or no market data can come. Answers from when on it decides, the warm-up that is stored, and warnings. Safe to call again.';

create function public.deactivate_strategy(p_strategy_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy(p_strategy_id);
begin
  if strategy.status <> 'active' then
    return;
  end if;
  update public.strategies set status = 'inactive' where id = strategy.id;
end $$;
comment on function public.deactivate_strategy(uuid) is 'Stops a strategy from deciding. Its positions and working orders stay as they are.';

create function private.open_exposure(p_account_id uuid, p_strategy_id uuid default null) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'positions', case when p_strategy_id is null then (
        select string_agg(trim_scale(b.quantity) || ' ' || b.symbol, ', ' order by b.symbol) from public.position_books as b
        where b.broker_account_id = p_account_id and b.quantity <> 0)
      else (
        select string_agg(trim_scale(p.quantity) || ' ' || p.symbol, ', ' order by p.symbol) from public.strategy_positions as p
        where p.broker_account_id = p_account_id and p.strategy_id = p_strategy_id and p.quantity <> 0) end,
    'orders', (
      select string_agg(concat_ws(' ', t.side, trim_scale(t.quantity), t.symbol, t.status), ', ' order by t.placed_number)
      from public.trades as t
      where t.broker_account_id = p_account_id and (p_strategy_id is null or t.strategy_id = p_strategy_id)
        and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced'))));
end $$;
comment on function private.open_exposure(uuid, uuid) is
  'What is open on an account, or of one strategy on it: {"positions": "100 SPY", "orders": "buy 10 IWM submitted"}, {} where nothing is. Call under the account''s lock.';

create function public.delete_strategy(p_strategy_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy_under_scopes(p_strategy_id);
begin
  update public.strategies set status = 'deleted' where id = strategy.id;
end $$;
comment on function public.delete_strategy(uuid) is
  'Deletes a strategy for its owner: it stops deciding and gives its name free; its history stays. Refused while it has positions or working orders.';
grant execute on function public.activate_strategy(uuid, timestamptz), public.deactivate_strategy(uuid), public.delete_strategy(uuid)
  to authenticated;
