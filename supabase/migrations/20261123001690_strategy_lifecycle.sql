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

create function public.activate_strategy(p_strategy_id uuid, p_from timestamptz default null) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy_under_scopes(p_strategy_id);
  -- A person starts a strategy now; only a replay, run by the platform itself, names another moment.
  start_at timestamptz := case when private.calling_role() = 'authenticated' then now() else coalesce(p_from, now()) end;
begin
  if not isfinite(start_at) then
    perform private.refuse(422, 'BAD_START', 'A strategy starts at a moment in time.', jsonb_build_object('from', start_at));
  end if;
  if strategy.status = 'active' then
    return;
  end if;
  insert into public.strategy_cursors as c (strategy_id, user_id, symbol, last_bar_at)
  select strategy.id, strategy.user_id, s, start_at from unnest(strategy.symbols) as s
  on conflict (strategy_id, symbol) do update
  set last_bar_at = greatest(c.last_bar_at, excluded.last_bar_at), updated_at = now();
  update public.strategies set status = 'active' where id = strategy.id;
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
