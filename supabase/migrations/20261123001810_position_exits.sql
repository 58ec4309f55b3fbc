-- Protective exits: one state machine per position, as rows, so that losing the hot store never forgets a stop.

create table public.position_exits (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  broker_account_id uuid not null,
  owner_key text not null,
  strategy_id uuid,
  symbol text not null references public.instruments (symbol) on delete restrict,
  direction text not null check (direction in ('long', 'short')),
  stop_price private.amount check (stop_price > 0),
  target_price private.amount check (target_price > 0),
  trail_amount private.amount check (trail_amount > 0),
  trail_percent private.amount check (trail_percent > 0 and trail_percent < 100),
  best_price private.amount check (best_price > 0),
  best_at timestamptz,
  exit_at timestamptz check (isfinite(exit_at)),
  status text not null default 'armed' check (status in ('armed', 'triggered', 'done', 'canceled')),
  round integer not null default 0 check (round >= 0),
  triggered_by text check (triggered_by in ('stop', 'target', 'trail', 'time')),
  trigger_price private.amount,
  triggered_at timestamptz,
  exit_trade_id uuid,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  foreign key (exit_trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  constraint owner_is_the_strategy check (owner_key = coalesce(strategy_id::text, 'manual')),
  constraint exits_somehow check (num_nonnulls(stop_price, target_price, trail_amount, trail_percent, exit_at) > 0),
  constraint trails_one_way check (num_nonnulls(trail_amount, trail_percent) <= 1),
  constraint stop_before_target check (
    stop_price is null or target_price is null
    or case direction when 'long' then stop_price < target_price else stop_price > target_price end),
  constraint triggered_says_by_what check ((triggered_by is null) = (triggered_at is null)),
  constraint ended_when_over check ((status in ('done', 'canceled')) = (ended_at is not null)),
  constraint triggered_has_a_trade check (status <> 'triggered' or exit_trade_id is not null)
);
comment on table public.position_exits is 'Stop, target, trailing stop and time exit of each position: armed, triggered, then done; or canceled.';
comment on column public.position_exits.id is 'Key.';
comment on column public.position_exits.user_id is 'Owner.';
comment on column public.position_exits.broker_account_id is 'The account that holds the position.';
comment on column public.position_exits.owner_key is 'Whose share of the position: the strategy''s id, or "manual".';
comment on column public.position_exits.strategy_id is 'The strategy; null for manual and external trades.';
comment on column public.position_exits.symbol is 'What is held.';
comment on column public.position_exits.direction is 'Of the position it protects.';
comment on column public.position_exits.stop_price is 'Gets out at this price or worse, dollars.';
comment on column public.position_exits.target_price is 'Gets out at this price or better, dollars.';
comment on column public.position_exits.trail_amount is 'Gets out this far behind the best price, dollars.';
comment on column public.position_exits.trail_percent is 'Gets out this far behind the best price, percent of it.';
comment on column public.position_exits.best_price is 'The best price seen while armed, dollars; it only gets better.';
comment on column public.position_exits.best_at is 'When that was, event time, UTC.';
comment on column public.position_exits.exit_at is 'Gets out at this time, UTC.';
comment on column public.position_exits.status is 'armed watches; triggered has an order on its way; done: the position is gone; canceled: taken away.';
comment on column public.position_exits.round is 'How often it has fired: an order that ended with something left arms it again.';
comment on column public.position_exits.triggered_by is 'What fired it last: stop, target, trail or time.';
comment on column public.position_exits.trigger_price is 'The price that fired it, dollars.';
comment on column public.position_exits.triggered_at is 'When it fired last, event time, UTC.';
comment on column public.position_exits.exit_trade_id is 'The order it placed last.';
comment on column public.position_exits.ended_at is 'When it was over, UTC.';
comment on column public.position_exits.created_at is 'When the row was written, UTC.';
comment on column public.position_exits.updated_at is 'When the row last changed, UTC.';
comment on column public.position_exits.version is 'Grows by one with every change of the row.';
-- One live exit per position: two stops would sell twice.
create unique index position_exits_live on public.position_exits (broker_account_id, owner_key, symbol)
  where status in ('armed', 'triggered');
create index position_exits_user on public.position_exits (user_id);
create index position_exits_account on public.position_exits (broker_account_id, user_id);
create index position_exits_strategy on public.position_exits (strategy_id, user_id);
create index position_exits_trade on public.position_exits (exit_trade_id, user_id);
create index position_exits_symbol on public.position_exits (symbol) where status in ('armed', 'triggered');
create index position_exits_instrument on public.position_exits (symbol);
create trigger a_touch before insert or update on public.position_exits for each row execute function private.touch();
create trigger keep_owner before update on public.position_exits for each row execute function private.keep_owner();
select private.audit_changes('public.position_exits');
select private.protect_from_delete('public.position_exits');

create function private.guard_exit() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if old.status in ('done', 'canceled')
    or (new.broker_account_id, new.owner_key, new.symbol, new.direction) is distinct from (old.broker_account_id, old.owner_key, old.symbol, old.direction) then
    perform private.refuse(409, 'EXIT_IS_FIXED', 'An exit that is over stays as it was, and an exit keeps its position; set a new one.',
      jsonb_build_object('exit', old.id, 'status', old.status));
  end if;
  if old.status = 'triggered' and new.status = 'triggered'
    and (new.stop_price, new.target_price, new.trail_amount, new.trail_percent, new.exit_at)
      is distinct from (old.stop_price, old.target_price, old.trail_amount, old.trail_percent, old.exit_at) then
    perform private.refuse(409, 'EXIT_UNDER_WAY', 'Its order is on its way; wait for the outcome.', jsonb_build_object('exit', old.id, 'trade', old.exit_trade_id));
  end if;
  -- A trail gives nothing back.
  if old.best_price is not null and (new.best_price is null
    or case new.direction when 'long' then new.best_price < old.best_price else new.best_price > old.best_price end) then
    perform private.refuse(409, 'TRAIL_WENT_BACK', 'A trailing stop only follows a price that gets better.', jsonb_build_object('exit', old.id));
  end if;
  return new;
end $$;
comment on function private.guard_exit() is 'Keeps the state machine of an exit, and that a trail never goes back.';
create trigger guard before update on public.position_exits for each row execute function private.guard_exit();

create function private.held(p_account_id uuid, p_owner_key text, p_symbol text) returns numeric
language sql stable set search_path = ''
as $$
  select coalesce((select quantity from public.strategy_positions
    where broker_account_id = p_account_id and owner_key = p_owner_key and symbol = p_symbol), 0)
$$;
comment on function private.held(uuid, text, text) is 'What a strategy, or nobody''s strategy ("manual"), holds of a symbol: signed shares or contracts.';

create function public.set_position_exit(p_account_id uuid, p_symbol text, p_exit jsonb, p_strategy_id uuid default null) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  holder text := coalesce(p_strategy_id::text, 'manual');
  quantity numeric;
  exit_id uuid;
  broken_constraint text;
  broken_column text;
begin
  select * into account from public.broker_accounts where id = p_account_id
    and private.reaches(user_id);
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  -- Before its gate is locked: calls for a strategy of somebody else would keep that one's halt waiting.
  if p_strategy_id is not null and not exists (
    select from public.strategies where id = p_strategy_id and user_id = account.user_id and broker_account_id = account.id) then
    perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of this account.', jsonb_build_object('strategy', p_strategy_id));
  end if;
  perform private.lock_scopes(account.user_id, account.id, p_strategy_id);
  quantity := private.held(p_account_id, holder, p_symbol);
  if quantity = 0 then
    perform private.refuse(422, 'NO_POSITION', 'There is nothing to protect: name a symbol that is held.',
      jsonb_build_object('symbol', p_symbol, 'owner', holder));
  end if;
  -- An exit of the other direction protected a position that has been turned round.
  update public.position_exits as e set status = 'canceled', ended_at = now()
  where e.broker_account_id = p_account_id and e.owner_key = holder and e.symbol = p_symbol and e.status = 'armed'
    and e.direction <> case when quantity > 0 then 'long' else 'short' end;
  insert into public.position_exits as e (
    user_id, broker_account_id, owner_key, strategy_id, symbol, direction, stop_price, target_price, trail_amount, trail_percent, exit_at)
  values (
    account.user_id, p_account_id, holder, p_strategy_id, p_symbol, case when quantity > 0 then 'long' else 'short' end,
    (p_exit ->> 'stop_price')::numeric, (p_exit ->> 'target_price')::numeric, (p_exit ->> 'trail_amount')::numeric,
    (p_exit ->> 'trail_percent')::numeric, (p_exit ->> 'exit_at')::timestamptz)
  on conflict (broker_account_id, owner_key, symbol) where status in ('armed', 'triggered') do update
  set stop_price = excluded.stop_price, target_price = excluded.target_price, trail_amount = excluded.trail_amount,
      trail_percent = excluded.trail_percent, exit_at = excluded.exit_at
  returning e.id into exit_id;
  return exit_id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_EXIT',
      'An exit has at least one of stop_price, target_price, trail_amount or trail_percent (not both), exit_at; a long position''s stop is below its target.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.set_position_exit(uuid, text, jsonb, uuid) is
  'Arms or changes the exit of a position: {"stop_price", "target_price", "trail_amount" | "trail_percent", "exit_at"}, prices in dollars as text.';

create function public.cancel_position_exit(p_exit_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  found_exit public.position_exits;
begin
  select * into found_exit from public.position_exits where id = p_exit_id
    and private.reaches(user_id) for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_EXIT', 'Name an exit of your own.', jsonb_build_object('exit', p_exit_id));
  end if;
  if found_exit.status = 'triggered' then
    perform private.refuse(409, 'EXIT_UNDER_WAY', 'Its order is on its way; cancel that order if you must.',
      jsonb_build_object('exit', p_exit_id, 'trade', found_exit.exit_trade_id));
  end if;
  if found_exit.status <> 'armed' then
    return false;
  end if;
  update public.position_exits set status = 'canceled', ended_at = now() where id = p_exit_id;
  return true;
end $$;
comment on function public.cancel_position_exit(uuid) is 'Takes an armed exit away; false where it was over.';

create function public.live_exits(p_symbol text default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'exit_id', id, 'user_id', user_id, 'broker_account_id', broker_account_id, 'strategy_id', strategy_id, 'symbol', symbol,
    'direction', direction, 'stop_price', stop_price::text, 'target_price', target_price::text, 'trail_amount', trail_amount::text,
    'trail_percent', trail_percent::text, 'best_price', best_price::text, 'exit_at', exit_at, 'status', status,
    'exit_trade_id', exit_trade_id, 'version', version) order by created_at, id), '[]'::jsonb)
  from public.position_exits where status in ('armed', 'triggered') and (p_symbol is null or symbol = p_symbol)
$$;
comment on function public.live_exits(text) is 'The exits to watch, of one symbol or of all; amounts as text.';

create function public.follow_price(p_symbol text, p_price text, p_at timestamptz) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  moved integer;
  price numeric := p_price::numeric;
begin
  if (price > 0 and price < 'infinity') is not true then
    perform private.refuse(422, 'BAD_PRICE', 'A price is a number above zero.', jsonb_build_object('price', p_price));
  end if;
  update public.position_exits as e set best_price = price, best_at = p_at
  where e.symbol = p_symbol and e.status = 'armed' and num_nonnulls(e.trail_amount, e.trail_percent) > 0
    and (e.best_price is null or case e.direction when 'long' then price > e.best_price else price < e.best_price end);
  get diagnostics moved = row_count;
  return moved;
end $$;
comment on function public.follow_price(text, text, timestamptz) is 'Moves the trailing stops of a symbol after a price in dollars that got better; returns how many moved.';

create function private.exit_crossed(p_exit public.position_exits, p_by text, p_price numeric, p_at timestamptz) returns boolean
language sql immutable set search_path = ''
as $$
  select case p_by
    when 'time' then p_at >= p_exit.exit_at
    when 'stop' then case p_exit.direction when 'long' then p_price <= p_exit.stop_price else p_price >= p_exit.stop_price end
    when 'target' then case p_exit.direction when 'long' then p_price >= p_exit.target_price else p_price <= p_exit.target_price end
    when 'trail' then case p_exit.direction
      when 'long' then p_price <= p_exit.best_price - coalesce(p_exit.trail_amount, p_exit.best_price * p_exit.trail_percent / 100)
      else p_price >= p_exit.best_price + coalesce(p_exit.trail_amount, p_exit.best_price * p_exit.trail_percent / 100) end
    end is true
$$;
comment on function private.exit_crossed(public.position_exits, text, numeric, timestamptz) is 'Whether the price, or the time, is where the exit triggers.';

create function public.trigger_exit(p_exit_id uuid, p_by text, p_price text, p_at timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  found_exit public.position_exits;
  strategy public.strategies;
  held numeric;
  quantity numeric;
  closing text;
  placed public.trades;
begin
  select * into found_exit from public.position_exits where id = p_exit_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_EXIT', 'Name an exit that exists.', jsonb_build_object('exit', p_exit_id));
  end if;
  perform private.lock_scopes(found_exit.user_id, found_exit.broker_account_id, found_exit.strategy_id);
  select * into found_exit from public.position_exits where id = p_exit_id for update;
  if found_exit.status <> 'armed' then
    return jsonb_build_object('status', found_exit.status, 'trade_id', found_exit.exit_trade_id);
  end if;
  if p_by <> 'time' and (p_price::numeric > 0 and p_price::numeric < 'infinity') is not true then
    perform private.refuse(422, 'BAD_PRICE', 'A price is a number above zero.', jsonb_build_object('price', p_price));
  end if;
  if not private.exit_crossed(found_exit, p_by, p_price::numeric, p_at) then
    perform private.refuse(409, 'NOT_CROSSED', 'The exit has moved, or this price does not reach it; read it again.',
      jsonb_build_object('exit', p_exit_id, 'by', p_by, 'price', p_price));
  end if;
  closing := case found_exit.direction when 'long' then 'sell' else 'buy' end;
  -- Under the account's lock: what is held, less what its owner's other orders are already closing.
  held := private.held(found_exit.broker_account_id, found_exit.owner_key, found_exit.symbol)
    * case found_exit.direction when 'long' then 1 else -1 end;
  quantity := held
    - coalesce((select sum(w.open) from private.open_legs as w
        where w.broker_account_id = found_exit.broker_account_id and w.symbol = found_exit.symbol and w.side = closing
          and coalesce(w.strategy_id::text, 'manual') = found_exit.owner_key), 0);
  if held <= 0 then
    update public.position_exits set status = 'done', ended_at = now() where id = p_exit_id;
    return jsonb_build_object('status', 'done', 'trade_id', null);
  elsif quantity <= 0 then
    -- Other orders close all of it already; the exit stays armed in case they do not fill.
    return jsonb_build_object('status', 'armed', 'trade_id', null);
  end if;
  select * into strategy from public.strategies where id = found_exit.strategy_id;
  placed := private.place(
    jsonb_build_object(
      'broker_account_id', found_exit.broker_account_id, 'symbol', found_exit.symbol, 'side', closing,
      'position_intent', closing || '_to_close', 'quantity', quantity::text, 'order_type', 'market', 'reduce_only', true,
      'signal', concat_ws('|', 'exit', found_exit.id, found_exit.round + 1), 'event_at', p_at,
      'reason', concat_ws(' ', 'exit by', p_by, 'at', p_price)),
    found_exit.user_id, 'risk', strategy);
  update public.position_exits
  set status = 'triggered', round = round + 1, triggered_by = p_by, trigger_price = p_price::numeric, triggered_at = p_at,
      exit_trade_id = placed.id
  where id = p_exit_id;
  return jsonb_build_object('status', 'triggered', 'trade_id', placed.id);
end $$;
comment on function public.trigger_exit(uuid, text, text, timestamptz) is
  'Fires an armed exit by stop, target, trail or time, at a price in dollars and event time p_at: places one reduce-only market order for what is held and not already being closed. Refused where the price does not reach it. Safe to call again.';

create function public.settle_exits() returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  live public.position_exits;
  left_over numeric;
  settled integer := 0;
begin
  for live in select * from public.position_exits where status in ('armed', 'triggered') order by id for update skip locked loop
    left_over := private.held(live.broker_account_id, live.owner_key, live.symbol) * case live.direction when 'long' then 1 else -1 end;
    if left_over <= 0 then
      -- Gone, whoever closed it. An exit of a position that was turned round protects nothing either.
      update public.position_exits set status = 'done', ended_at = now() where id = live.id;
      settled := settled + 1;
    elsif live.status = 'triggered' and exists (
      select from public.trades as t where t.id = live.exit_trade_id and private.is_final(t.status)) then
      -- Its order is over and something is left: armed again, and the next price fires it again.
      update public.position_exits set status = 'armed' where id = live.id;
      settled := settled + 1;
    end if;
  end loop;
  return settled;
end $$;
comment on function public.settle_exits() is 'Ends the exits whose positions are gone and arms again those whose order ended with something left; returns how many.';

grant execute on function public.set_position_exit(uuid, text, jsonb, uuid), public.cancel_position_exit(uuid) to authenticated, fn_risk;
grant execute on function public.live_exits(text), public.follow_price(text, text, timestamptz),
  public.trigger_exit(uuid, text, text, timestamptz), public.settle_exits() to fn_risk;

alter table public.position_exits enable row level security;
create policy "a user reads exits of their own positions" on public.position_exits for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.position_exits to authenticated;
