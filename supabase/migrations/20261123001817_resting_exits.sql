-- The stop of an exit may rest at the broker too, as an order of the ordinary road: it holds while everything here is down.
-- One order for an exit at a time; each step is decided from the rows, so that whoever looks again finds the same.

create function private.refuses_two_sides(p_broker text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_broker = 'alpaca' $$;
comment on function private.refuses_two_sides(text) is
  'Whether the broker takes no stop while an order of the other side of its symbol works on the account, as one that may trade with itself.';

create function private.open_rest(p_exit public.position_exits) returns uuid
language sql stable set search_path = ''
as $$ select t.id from public.trades as t where t.id = p_exit.rest_trade_id and not private.is_final(t.status) $$;
comment on function private.open_rest(public.position_exits) is 'The order that rests for an exit, or is on its way there or back; null where there is none.';

create function private.adopt_rest(p_exit public.position_exits) returns boolean
language plpgsql set search_path = ''
as $$
begin
  if p_exit.rest_trade_id is null then
    return false;
  end if;
  -- The broker has fired: from now on it is the exit's order, and a rest of it is closed as with any other.
  update public.position_exits as e
  set status = 'triggered', fired = true, round = e.round + 1, exit_trade_id = t.id, crossed_at = null, triggered_at = t.executed_at,
      triggered_by = case t.order_type when 'stop' then 'stop' else 'trail' end, trigger_price = coalesce(t.stop_price, t.fill_price)
  from public.trades as t
  where e.id = p_exit.id and e.status = 'armed' and t.id = e.rest_trade_id and t.filled_quantity > 0 and e.exit_trade_id is distinct from t.id;
  return found;
end $$;
comment on function private.adopt_rest(public.position_exits) is
  'Where the broker has begun to fill the order that rests for an armed exit, the exit is triggered by it; true where that is new.';

create type private.rest_terms as (order_type text, stop_price numeric, trail_price numeric, trail_percent numeric, quantity numeric);
comment on type private.rest_terms is 'The order that is to rest at the broker for an exit.';

create function private.rest_wanted(p_exit public.position_exits) returns private.rest_terms
language plpgsql stable set search_path = ''
as $$
declare
  wanted private.rest_terms;
  step numeric;
  room record;
  held numeric := private.held(p_exit.broker_account_id, p_exit.owner_key, p_exit.symbol);
begin
  wanted.quantity := 0;
  if p_exit.held <> 'broker' or p_exit.status <> 'armed' or p_exit.fired or (case p_exit.direction when 'long' then held else -held end) <= 0 then
    return wanted;
  end if;
  -- What its owner holds, and the account has, less what else closes it; its own order is not something else. Whole shares: an
  -- odd rest is closed here, after the broker's fill.
  room := private.closing_rooms(p_exit.broker_account_id, p_exit.symbol, p_exit.owner_key, held);
  wanted.quantity := case when room.account is null then 0 else greatest(floor(least(room.own, room.account)
    + coalesce((select t.quantity - t.filled_quantity from public.trades as t where t.id = private.open_rest(p_exit)), 0)), 0) end;
  if p_exit.stop_price is not null then
    -- The last tick that reaches the level: a level need not be on one.
    step := private.tick_at(p_exit.symbol, p_exit.stop_price);
    wanted.order_type := 'stop';
    wanted.stop_price := case p_exit.direction when 'long' then floor(p_exit.stop_price / step) else ceil(p_exit.stop_price / step) end * step;
  else
    wanted.order_type := 'trailing_stop';
    wanted.trail_price := ceil(p_exit.trail_amount / private.tick_at(p_exit.symbol, p_exit.trail_amount))
      * private.tick_at(p_exit.symbol, p_exit.trail_amount);
    wanted.trail_percent := p_exit.trail_percent;
  end if;
  return wanted;
end $$;
comment on function private.rest_wanted(public.position_exits) is
  'What is to rest at the broker for an exit: its stop, else its trail, for what is held and not being closed otherwise; quantity 0 for nothing.';

create function private.may_rest(p_exit public.position_exits, p_at timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return private.in_session('equity', p_at) and (p_exit.armed_from is null or p_at >= p_exit.armed_from)
    and not private.awaits_split(p_exit, p_at)
    -- A halt that takes exits away, or closes at the market, does not meet a new one each time.
    and not exists (select from public.trading_gates as g
      where g.gate_key = any (private.gates_of(p_exit.user_id, p_exit.broker_account_id, p_exit.strategy_id)) and g.closed
        and (g.mode = 'flatten' or (g.mode = 'cancel_working' and not g.spare_exits)))
    and not exists (select from public.strategy_deactivations as d
      where d.strategy_id = p_exit.strategy_id and d.ended_at is null and d.then_do = 'flatten')
    and not exists (select from private.open_legs as o join public.broker_accounts as a on a.id = o.broker_account_id
      where o.broker_account_id = p_exit.broker_account_id and o.symbol = p_exit.symbol
        and o.side = case p_exit.direction when 'long' then 'buy' else 'sell' end and private.refuses_two_sides(a.broker));
end $$;
comment on function private.may_rest(public.position_exits, timestamptz) is
  'Whether an order may be placed at this moment to rest at the broker: in session, and nothing stands against it.';

create function private.rest_step(p_exit public.position_exits, p_at timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
declare
  rest public.trades;
  wanted private.rest_terms;
  remaining numeric;
begin
  if p_exit.held = 'here' and p_exit.rest_trade_id is null then
    return null;
  end if;
  select * into rest from public.trades where id = p_exit.rest_trade_id;
  if p_exit.status = 'armed' and rest.filled_quantity > 0 and p_exit.exit_trade_id is distinct from rest.id then
    return 'adopt';
  elsif p_exit.status = 'triggered' and p_exit.exit_trade_id = rest.id then
    return null; -- It is the exit's order now.
  end if;
  wanted := private.rest_wanted(p_exit);
  if rest.id is not null and not private.is_final(rest.status) then
    remaining := rest.quantity - rest.filled_quantity;
    return case
      when rest.cancel_requested_at is not null then null
      when remaining > wanted.quantity
        or (rest.order_type, rest.stop_price, rest.trail_price, rest.trail_percent)
          is distinct from (wanted.order_type, wanted.stop_price, wanted.trail_price, wanted.trail_percent)
        or (remaining < wanted.quantity and private.may_rest(p_exit, p_at)) then 'cancel' end;
  elsif p_exit.status <> 'armed' or p_exit.held = 'here' then
    return null;
  elsif rest.status = 'rejected' and rest.refusal !~ '^(NOTHING_TO_REDUCE|WOULD_NOT_REDUCE|MARKET_CLOSED)' then
    return 'refused';
  elsif rest.cancel_requested_by like 'user:%' then
    return 'taken';
  elsif wanted.quantity > 0 and private.may_rest(p_exit, p_at)
    -- What ended without a wish of ours is not placed again by every quote.
    and (rest.id is null or rest.cancel_requested_at is not null or p_at >= rest.status_at + interval '1 minute') then
    return 'place';
  end if;
  return null;
end $$;
comment on function private.rest_step(public.position_exits, timestamptz) is
  'What is to be done for the order that rests for an exit: adopt (it fills), cancel, place, refused (the broker does not take it), taken (a person cancelled it); null for nothing.';

create function private.tell_not_held(p_exit public.position_exits, p_because text) returns void
language plpgsql set search_path = ''
as $$
begin
  update public.position_exits set held = 'here', rest_trade_id = null where id = p_exit.id;
  perform private.alert(p_exit.user_id, p_exit.broker_account_id, 'EXIT_NOT_HELD', 'warning',
    'The broker does not hold the stop of an exit: it is watched here alone, and nothing protects the position while this is down. Set the exit again to try once more.',
    jsonb_build_object('exit', p_exit.id, 'symbol', p_exit.symbol, 'because', p_because), 'exit-not-held|' || p_exit.id);
end $$;
comment on function private.tell_not_held(public.position_exits, text) is 'Leaves an exit to the watch here, with one alert for each exit.';

create function public.rest_exit(p_exit_id uuid, p_at timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  found_exit public.position_exits;
  rest public.trades;
  strategy public.strategies;
  wanted private.rest_terms;
  closing text;
  step text;
begin
  select * into found_exit from public.position_exits where id = p_exit_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_EXIT', 'Name an exit that exists.', jsonb_build_object('exit', p_exit_id));
  end if;
  perform private.lock_scopes(found_exit.user_id, found_exit.broker_account_id, found_exit.strategy_id);
  loop
    select * into found_exit from public.position_exits where id = p_exit_id for update;
    step := private.rest_step(found_exit, p_at);
    select * into rest from public.trades where id = found_exit.rest_trade_id;
    case step
      when 'adopt' then
        perform private.adopt_rest(found_exit);
      when 'cancel' then
        rest := private.cancel_order(rest, 'EXIT: what rests for it is placed anew, or is not wanted any more', p_at);
        -- What was not sent is gone: what takes its place is placed at once.
        continue when private.is_final(rest.status);
      when 'refused' then
        perform private.tell_not_held(found_exit, rest.refusal);
      when 'taken' then
        update public.position_exits set held = 'here', rest_trade_id = null where id = p_exit_id;
      when 'place' then
        wanted := private.rest_wanted(found_exit);
        closing := case found_exit.direction when 'long' then 'sell' else 'buy' end;
        select * into strategy from public.strategies where id = found_exit.strategy_id;
        begin
          rest := private.place(
            jsonb_build_object(
              'broker_account_id', found_exit.broker_account_id, 'symbol', found_exit.symbol, 'side', closing,
              'position_intent', closing || '_to_close', 'quantity', wanted.quantity::text, 'order_type', wanted.order_type,
              'stop_price', wanted.stop_price::text, 'trail_price', wanted.trail_price::text, 'trail_percent', wanted.trail_percent::text,
              'time_in_force', 'gtc', 'reduce_only', true, 'signal', concat_ws('|', 'exit-rest', p_exit_id, found_exit.rest_round + 1),
              'event_at', p_at, 'reason', 'the ' || case wanted.order_type when 'stop' then 'stop' else 'trail' end || ' of an exit, held at the broker'),
            found_exit.user_id, 'risk', strategy);
          update public.position_exits set rest_trade_id = rest.id, rest_round = rest_round + 1 where id = p_exit_id;
        exception
          when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
            perform private.tell_not_held(found_exit, sqlerrm);
        end;
      else null;
    end case;
    exit;
  end loop;
  return jsonb_build_object('step', step, 'resting', rest.id is not null and not private.is_final(rest.status));
end $$;
comment on function public.rest_exit(uuid, timestamptz) is
  'The next step of the order that rests at the broker for an exit: placed, cancelled to be placed anew or because it is not wanted any more, adopted where the broker fills it. resting says whether it may still fill. Safe to call again.';

create function public.exits_to_rest(p_account_id uuid, p_at timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(e.id order by e.id), '[]'::jsonb)
  from (
    select x.id from public.position_exits as x
    where x.status in ('armed', 'triggered') and (p_account_id is null or x.broker_account_id = p_account_id) and private.rest_step(x, p_at) is not null
    union
    -- What is left of exits that are over.
    select x.id from public.trades as t join public.position_exits as x on x.rest_trade_id = t.id
    where t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.rests_for_exit(t)
      and (p_account_id is null or t.broker_account_id = p_account_id) and private.rest_step(x, p_at) is not null) as e
$$;
comment on function public.exits_to_rest(uuid, timestamptz) is
  'The exits, of an account or of all, with something to be done for the order that rests for them at the broker.';

create function private.waits_for_exit(p_trade public.trades) returns uuid
language sql stable set search_path = ''
as $$
  select e.id from public.trades as r join public.position_exits as e on e.rest_trade_id = r.id
  where p_trade.reduce_only and not private.rests_for_exit(p_trade)
    and r.broker_account_id = p_trade.broker_account_id and r.strategy_id is not distinct from p_trade.strategy_id
    and r.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.rests_for_exit(r)
    and exists (select from public.trade_legs as l where l.trade_id = p_trade.id and l.symbol = r.symbol and l.side = r.side)
    and (r.cancel_requested_at is not null or private.rest_step(e, p_trade.event_at) is not null)
  limit 1
$$;
comment on function private.waits_for_exit(public.trades) is
  'The exit whose resting stop has to give way before a closing order of its owner can be judged; null where there is none.';

create function public.uncross_exit(p_exit_id uuid, p_at timestamptz) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  update public.position_exits set crossed_at = null where id = p_exit_id and status = 'armed' and crossed_at < p_at;
  return found;
end $$;
comment on function public.uncross_exit(uuid, timestamptz) is
  'Says that the price has come back from an exit''s stop that the broker was left to fire; false where that was known.';

grant execute on function public.rest_exit(uuid, timestamptz), public.exits_to_rest(uuid, timestamptz), public.uncross_exit(uuid, timestamptz) to fn_risk;
