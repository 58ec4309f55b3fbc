-- Exits are watched from outside and fire in here: only by what reaches them, once, for what is held.

create function private.exit_legs(p_exit public.position_exits)
returns table (symbol text, sign integer, ratio integer, held numeric)
language sql stable set search_path = ''
as $$
  select l.symbol, l.sign, l.ratio, greatest(private.held(p_exit.broker_account_id, p_exit.owner_key, l.symbol) * l.sign, 0)
  from (
    select p_exit.symbol as symbol, case p_exit.direction when 'long' then 1 else -1 end as sign, 1 as ratio where not p_exit.multi_leg
    union all
    select t.symbol, case t.side when 'buy' then 1 else -1 end, t.ratio from public.trade_legs as t
    where p_exit.multi_leg and t.trade_id = p_exit.entry_trade_id) as l
$$;
comment on function private.exit_legs(public.position_exits) is
  'What an exit is of: sign is 1 where it is held long, -1 short; held is what its owner has of it on that side.';

create function private.exit_left(p_exit public.position_exits)
returns table (symbol text, sign integer, held numeric)
language sql stable set search_path = ''
as $$
  -- What is sold short is closed first: its cover, let go before it, would leave it without a bound. A bought leg that
  -- another package of the same owner needs as its cover is left to that one's exit.
  select l.symbol, l.sign, l.held from private.exit_legs(p_exit) as l
  where l.held > 0 and (l.sign < 0 or not p_exit.multi_leg or not exists (
    select from public.position_exits as o cross join lateral private.exit_legs(o) as c
    where o.broker_account_id = p_exit.broker_account_id and o.owner_key = p_exit.owner_key and o.id <> p_exit.id
      and o.status in ('armed', 'triggered') and c.symbol = l.symbol and c.sign = l.sign))
  order by l.sign, l.symbol
$$;
comment on function private.exit_left(public.position_exits) is 'What an exit has to close, in the order in which it is closed.';

create function private.exit_is_over(p_exit public.position_exits) returns boolean
language sql stable set search_path = ''
as $$
  -- While its entry works, what still fills of it is protected too.
  select not exists (select from private.exit_left(p_exit))
    and not exists (select from public.trades as t where t.id = p_exit.entry_trade_id and not private.is_final(t.status))
$$;
comment on function private.exit_is_over(public.position_exits) is 'Whether nothing is held of what an exit protects, and nothing more of its entry can fill.';

create function private.awaits_split(p_exit public.position_exits, p_at timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  -- As a strategy waits: prices are in new shares, what is held is in old ones until the broker has booked it.
  select exists (
    select from unnest(p_exit.watches) as w (symbol)
    join public.corporate_actions as c on c.symbol = w.symbol and c.kind = 'split' and c.withdrawn_at is null
      and c.ex_date <= (p_at at time zone 'America/New_York')::date
    where exists (select from public.position_lots as l
        where l.broker_account_id = p_exit.broker_account_id and l.symbol = any (p_exit.watches) and l.quantity <> 0
          and (l.opened_at at time zone 'America/New_York')::date < c.ex_date)
      and not exists (select from public.position_adjustments as b
        where b.broker_account_id = p_exit.broker_account_id and b.symbol = any (p_exit.watches) and b.kind = 'split'
          and (b.effective_at at time zone 'America/New_York')::date >= c.ex_date - 3))
$$;
comment on function private.awaits_split(public.position_exits, timestamptz) is
  'Whether a split on record of what an exit watches is not booked on the account yet: its prices say nothing then.';

create function public.live_exits(p_symbol text default null, p_now timestamptz default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'exit_id', e.id, 'user_id', e.user_id, 'broker_account_id', e.broker_account_id, 'strategy_id', e.strategy_id, 'symbol', e.symbol,
    'is_paper', a.is_paper, 'direction', e.direction, 'stop_price', e.stop_price::text, 'target_price', e.target_price::text,
    'trail_amount', e.trail_amount::text, 'trail_percent', e.trail_percent::text, 'best_price', e.best_price::text, 'exit_at', e.exit_at,
    'delta_limit', e.delta_limit::text, 'underlying_below', e.underlying_below::text, 'underlying_above', e.underlying_above::text,
    'short_strike', e.short_strike, 'status', e.status, 'fired', e.fired, 'armed_from', e.armed_from, 'blind_since', e.blind_since,
    'exit_trade_id', e.exit_trade_id, 'version', e.version, 'crossed_at', e.crossed_at,
    'rest_due', p_now is not null and private.rest_step(e, p_now) is not null,
    'open_since', case when k.kind = 'crypto' then e.created_at else (
      select c.opens_at from public.market_calendar as c where c.opens_at <= p_now and c.closes_at > p_now) end,
    'awaits_split', p_now is not null and private.awaits_split(e, p_now),
    'legs', legs.found, 'quotes', quotes.found) order by e.created_at, e.id), '[]'::jsonb)
  from public.position_exits as e
  join public.broker_accounts as a on a.id = e.broker_account_id
  join public.instruments as k on k.symbol = e.symbol
  cross join lateral (
    select jsonb_agg(jsonb_build_object('symbol', l.symbol, 'sign', l.sign, 'ratio', l.ratio, 'kind', i.kind, 'underlying', i.underlying,
      'option_right', i.option_right, 'strike', i.strike::text, 'expires_on', i.expires_on, 'delta', o.delta::text, 'delta_at', o.quoted_at) order by l.symbol) as found
    from private.exit_legs(e) as l join public.instruments as i on i.symbol = l.symbol
    left join public.option_quotes_latest as o on o.symbol = l.symbol and o.delta is not null) as legs
  cross join lateral (
    select jsonb_object_agg(q.symbol, jsonb_build_object('bid', q.bid::text, 'ask', q.ask::text, 'quoted_at', q.quoted_at,
      'delay_seconds', q.delay_seconds)) as found
    from (
      select s.symbol, s.bid, s.ask, s.quoted_at, s.delay_seconds from public.quotes_latest as s where s.symbol = any (e.watches)
      union all
      select o.symbol, o.bid, o.ask, o.quoted_at, o.delay_seconds from public.option_quotes_latest as o where o.symbol = any (e.watches)) as q) as quotes
  where e.status in ('armed', 'triggered') and (p_symbol is null or e.watches @> array[p_symbol])
$$;
comment on function public.live_exits(text, timestamptz) is
  'The exits to watch, of those that ask for quotes of a symbol or of all: with their legs, the latest stored quotes of what they watch, and since when the session of p_now is open; amounts as text.';

create function public.follow_price(p_exit_id uuid, p_price text, p_at timestamptz) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  price numeric := p_price::numeric;
begin
  if (price > 0 and price < 'infinity') is not true then
    perform private.refuse(422, 'BAD_PRICE', 'A price is a number above zero.', jsonb_build_object('price', p_price));
  end if;
  update public.position_exits as e set best_price = price, best_at = p_at
  where e.id = p_exit_id and e.status = 'armed' and num_nonnulls(e.trail_amount, e.trail_percent) > 0
    and (e.armed_from is null or p_at >= e.armed_from)
    and (e.best_price is null or case e.direction when 'long' then price > e.best_price else price < e.best_price end);
  return found;
end $$;
comment on function public.follow_price(uuid, text, timestamptz) is
  'Moves a trailing stop after a price in dollars, of the side that it is watched on, that got better; true where it moved.';

create function private.exit_crossed(p_exit public.position_exits, p_by text, p_price numeric, p_at timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  -- A touch is enough.
  select (p_exit.armed_from is null or p_at >= p_exit.armed_from) and case p_by
    when 'time' then p_at >= p_exit.exit_at
    when 'stop' then case p_exit.direction when 'long' then p_price <= p_exit.stop_price else p_price >= p_exit.stop_price end
    when 'target' then case p_exit.direction when 'long' then p_price >= p_exit.target_price else p_price <= p_exit.target_price end
    when 'trail' then case p_exit.direction
      when 'long' then p_price <= p_exit.best_price - coalesce(p_exit.trail_amount, p_exit.best_price * p_exit.trail_percent / 100)
      else p_price >= p_exit.best_price + coalesce(p_exit.trail_amount, p_exit.best_price * p_exit.trail_percent / 100) end
    when 'delta' then p_price >= p_exit.delta_limit
    when 'underlying' then coalesce(p_price <= p_exit.underlying_below, false) or coalesce(p_price >= p_exit.underlying_above, false)
    when 'strike' then p_exit.short_strike and exists (
      select from private.exit_legs(p_exit) as l join public.instruments as i on i.symbol = l.symbol
      where l.sign < 0 and l.held > 0 and case i.option_right when 'put' then p_price <= i.strike else p_price >= i.strike end)
    end is true
$$;
comment on function private.exit_crossed(public.position_exits, text, numeric, timestamptz) is
  'Whether the price (dollars of the position or of the underlying, or a delta without its sign), or the time, is where the exit triggers.';

create function private.exit_pauses(p_exit public.position_exits, p_at timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  -- An order that was refused, or ended with something left, is not sent again by every quote: after 2, 4, 8 ... 60 seconds.
  select p_exit.fired and p_at < p_exit.triggered_at + least(power(2, least(p_exit.round, 6)), 60) * interval '1 second'
    and exists (select from public.trades as t where t.id = p_exit.exit_trade_id and t.status <> 'filled')
$$;
comment on function private.exit_pauses(public.position_exits, timestamptz) is 'Whether a further round waits a little, because the last one closed not everything.';

create function private.rests_against(p_refused public.trades, p_symbol text, p_closing text) returns setof uuid
language sql stable set search_path = ''
as $$
  select t.id from public.trades as t
  where p_refused.status = 'rejected' and exists (select from public.order_attempts as a where a.trade_id = p_refused.id)
    and t.broker_account_id = p_refused.broker_account_id and not private.is_final(t.status) and t.cancel_requested_at is null and private.opens(t)
    and exists (select from public.trade_legs as l where l.trade_id = t.id and l.symbol = p_symbol and l.side <> p_closing)
$$;
comment on function private.rests_against(public.trades, text, text) is
  'Where the broker has refused an order that closes: the entries of its account, whoever''s they are, on the other side of what it closes.';

create function public.trigger_exit(p_exit_id uuid, p_by text, p_price text, p_at timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  most_rounds constant integer := 5;
  -- Where the broker has the stop, it fires it: so long it is left alone with it.
  brokers_turn constant interval := '5 seconds';
  found_exit public.position_exits;
  resting public.trades;
  strategy public.strategies;
  leg record;
  room record;
  closing text;
  waits text;
  refused public.trades;
  touched uuid[];
  in_the_way public.trades;
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
  if p_by not in ('time', 'rest') and (p_price::numeric > 0 and p_price::numeric < 'infinity') is not true then
    perform private.refuse(422, 'BAD_PRICE', 'A price is a number above zero.', jsonb_build_object('price', p_price));
  end if;
  if not (case p_by when 'rest' then found_exit.fired else private.exit_crossed(found_exit, p_by, p_price::numeric, p_at) end) then
    perform private.refuse(409, 'NOT_CROSSED', 'The exit has moved, or this price does not reach it; read it again.',
      jsonb_build_object('exit', p_exit_id, 'by', p_by, 'price', p_price));
  end if;
  if private.adopt_rest(found_exit) then
    return jsonb_build_object('status', 'triggered', 'trade_id', found_exit.rest_trade_id);
  end if;
  if private.exit_is_over(found_exit) then
    update public.position_exits set status = 'done', ended_at = now() where id = p_exit_id;
    return jsonb_build_object('status', 'done', 'trade_id', null);
  end if;
  -- The first of what is left: of a package one leg at a time, the next when this one is gone.
  select l.symbol, l.sign, l.held, i.kind into leg
  from private.exit_left(found_exit) as l join public.instruments as i on i.symbol = l.symbol limit 1;
  select * into refused from public.trades where id = found_exit.exit_trade_id;
  waits := case when leg.symbol is null then 'entry' when not private.in_session(leg.kind, p_at) then 'session'
    when p_by not in ('time', 'rest') and private.awaits_split(found_exit, p_at) then 'split'
    when private.exit_pauses(found_exit, p_at) then 'pause'
    when refused.symbol = leg.symbol and private.cover_is_needed(refused, found_exit.round, p_at) then 'cover' end;
  if waits is not null then
    return jsonb_build_object('status', 'armed', 'trade_id', null, 'waits_for', waits);
  end if;
  select * into resting from public.trades as t where t.id = found_exit.rest_trade_id and not private.is_final(t.status);
  if resting.status in ('submitted', 'partially_filled') and (p_by, resting.order_type) in (('stop', 'stop'), ('trail', 'trailing_stop')) then
    if found_exit.crossed_at is null then
      update public.position_exits set crossed_at = p_at where id = p_exit_id returning * into found_exit;
    end if;
    if p_at < found_exit.crossed_at + brokers_turn then
      return jsonb_build_object('status', 'armed', 'trade_id', null, 'waits_for', 'broker');
    end if;
  end if;
  closing := case leg.sign when 1 then 'sell' else 'buy' end;
  -- All that may be cancelled is locked before the first change. What rests to close the same at a price that did not come
  -- holds the shares; the entry and whatever else adds to the position would open again what is closed here. A broker may
  -- refuse a market order while anything of the account rests against it, whoever's it is: then that goes too.
  select array_agg(t.id) into touched from (
    select o.id from public.trades as o
    where o.broker_account_id = found_exit.broker_account_id and not private.is_final(o.status) and o.cancel_requested_at is null
      and case when coalesce(o.strategy_id::text, 'manual') = found_exit.owner_key then
          o.id = found_exit.entry_trade_id or exists (
            select from public.trade_legs as l where l.trade_id = o.id and l.symbol = leg.symbol
              and case when private.opens(o) then l.side <> closing else o.order_type <> 'market' and l.side = closing end)
        else o.id in (select private.rests_against(refused, leg.symbol, closing)) end
    order by o.placed_number for update) as t;
  for in_the_way in select t.* from public.trades as t where t.id = any (touched) order by t.placed_number loop
    perform private.cancel_order(in_the_way, 'EXIT: its position is being closed', p_at);
  end loop;
  -- Under the account's lock: what is held, less what is closing already, judged or not.
  select * into room from private.closing_rooms(found_exit.broker_account_id, leg.symbol, found_exit.owner_key, leg.held * leg.sign);
  if room.account is null then
    perform private.alert(found_exit.user_id, found_exit.broker_account_id, 'EXIT_NOT_FLAT', 'critical',
      'An exit cannot close its position alone, because the account holds the other side of it. Close it by hand.',
      jsonb_build_object('exit', p_exit_id, 'symbol', leg.symbol, 'quantity', trim_scale(leg.held)::text), 'exit-opposed|' || p_exit_id);
    return jsonb_build_object('status', 'armed', 'trade_id', null, 'waits_for', 'other_side');
  elsif least(room.own, room.account) <= 0 then
    -- Other orders close all of it already, or hold it until the broker lets go; the exit stays armed. Where that is its own
    -- stop, which was in the way of what has fired it, it goes on as soon as the broker has let go, whatever the price does.
    if resting.id is not null and not found_exit.fired then
      update public.position_exits set fired = true, triggered_by = p_by, trigger_price = p_price::numeric, triggered_at = p_at, crossed_at = null
      where id = p_exit_id;
    end if;
    return jsonb_build_object('status', 'armed', 'trade_id', null, 'waits_for', 'orders');
  end if;
  select * into strategy from public.strategies where id = found_exit.strategy_id;
  begin
    placed := private.place(
      jsonb_build_object(
        'broker_account_id', found_exit.broker_account_id, 'symbol', leg.symbol, 'side', closing,
        'position_intent', closing || '_to_close', 'quantity', least(room.own, room.account)::text, 'order_type', 'market', 'reduce_only', true,
        'signal', concat_ws('|', 'exit', found_exit.id, found_exit.round + 1), 'event_at', p_at,
        'reason', case p_by when 'rest' then 'exit goes on, by ' || found_exit.triggered_by else concat_ws(' ', 'exit by', p_by, 'at', p_price) end),
      found_exit.user_id, 'risk', strategy);
  exception
    when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
      perform private.alert(found_exit.user_id, found_exit.broker_account_id, 'EXIT_NOT_PLACED', 'critical',
        'The order of an exit could not be placed: its position is still open. Close it by hand.',
        jsonb_build_object('exit', p_exit_id, 'symbol', leg.symbol, 'because', sqlerrm), 'exit-refused|' || p_exit_id || '|' || found_exit.round);
      return jsonb_build_object('status', 'armed', 'trade_id', null, 'waits_for', 'somebody');
  end;
  update public.position_exits
  set status = 'triggered', round = round + 1, fired = true, crossed_at = null, triggered_at = p_at, exit_trade_id = placed.id,
      triggered_by = case p_by when 'rest' then triggered_by else p_by end,
      trigger_price = case p_by when 'rest' then trigger_price else p_price::numeric end
  where id = p_exit_id returning * into found_exit;
  if found_exit.round >= most_rounds + (select count(*) from private.exit_legs(found_exit)) - 1 then
    perform private.alert(found_exit.user_id, found_exit.broker_account_id, 'EXIT_NOT_FLAT', 'critical',
      'An exit goes on and its position has not become flat. Look at its orders, or close it at the broker.',
      jsonb_build_object('exit', p_exit_id, 'symbol', leg.symbol, 'quantity', trim_scale(leg.held)::text, 'rounds', found_exit.round),
      'exit-rounds|' || p_exit_id);
  end if;
  return jsonb_build_object('status', 'triggered', 'trade_id', placed.id);
end $$;
comment on function public.trigger_exit(uuid, text, text, timestamptz) is
  'Fires an armed exit by stop, target, trail, time, delta, underlying or strike, at a price and event time p_at; by rest one that has fired goes on. Places one reduce-only market order in session for what is held and not already being closed, of a package for one leg, what was sold first; cancels what would add to the position and what rests in the way. A stop that rests at the broker for it is left its first moments. Refused where the price does not reach it. Safe to call again.';

create function public.settle_exits(p_account_id uuid default null) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  live public.position_exits;
  waiting public.trades;
  wished boolean;
  settled integer := 0;
begin
  -- The accounts of waiting plans before any exit, as whoever fires one does: two that lock the other way round would wait
  -- for each other.
  perform from public.broker_accounts as a
  where a.id in (select p.broker_account_id from private.exit_plans as p
    where p.settled_at is null and (p_account_id is null or p.broker_account_id = p_account_id))
  order by a.id for no key update;
  for live in
    select * from public.position_exits where status in ('armed', 'triggered') and (p_account_id is null or broker_account_id = p_account_id)
    order by id for update skip locked
  loop
    if private.adopt_rest(live) then
      select * into live from public.position_exits where id = live.id;
      settled := settled + 1;
    end if;
    if live.status = 'triggered' then
      select t.cancel_requested_by like 'user:%' into wished from public.trades as t where t.id = live.exit_trade_id and private.is_final(t.status);
      continue when not found;
    end if;
    if private.exit_is_over(live) then
      -- Gone, whoever closed it. An exit of a position that was turned round protects nothing either.
      update public.position_exits set status = 'done', ended_at = now() where id = live.id;
      settled := settled + 1;
    elsif live.status = 'triggered' then
      -- Its order is over and something is left: armed again, and it goes on; where a person took its order back, only by
      -- the next price that reaches it.
      update public.position_exits set status = 'armed', fired = wished is not true where id = live.id;
      settled := settled + 1;
      perform private.alert(live.user_id, live.broker_account_id, 'EXIT_REFUSED', 'critical',
        'An exit was reached and may not close its position, because that covers an option that is sold. Buy back what is sold, or close the whole in one order; the exit goes on when that has changed, and asks again now and then.',
        jsonb_build_object('exit', live.id, 'symbol', t.symbol, 'quantity', trim_scale(t.quantity)::text, 'trade', t.id, 'because', t.refusal),
        concat_ws('|', 'exit-uncovers', live.id, private.session_day(t.event_at)))
      from public.trades as t where t.id = live.exit_trade_id and t.status = 'rejected' and t.refusal like 'LEAVES\_UNCOVERED:%';
    elsif live.fired and live.rest_trade_id is not null and private.open_rest(live) is null then
      -- Its stop was in the way and is gone: it goes on.
      update public.position_exits set rest_trade_id = null where id = live.id;
      settled := settled + 1;
    end if;
  end loop;
  -- Plans that waited for an exit under way, or for the entry to have worked off the other side.
  for waiting in
    select t.* from private.exit_plans as p join public.trades as t on t.id = p.trade_id
    where p.settled_at is null and (p_account_id is null or p.broker_account_id = p_account_id) order by p.broker_account_id, p.filled_at
  loop
    perform from public.broker_accounts where id = waiting.broker_account_id for no key update;
    perform private.arm_exit(waiting, waiting.executed_at);
  end loop;
  return settled;
end $$;
comment on function public.settle_exits(uuid) is
  'Ends the exits, of an account or of all, whose positions are gone, arms again those whose order ended with something left, and arms plans that had to wait; returns how many exits moved.';

create function public.mark_exit_blind(p_exit_id uuid, p_blind boolean, p_at timestamptz, p_seen_at timestamptz default null) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  marked public.position_exits;
  held_there boolean;
begin
  update public.position_exits set blind_since = case when p_blind then p_at end
  where id = p_exit_id and status in ('armed', 'triggered') and (blind_since is null) = p_blind returning * into marked;
  if not found then
    return false;
  end if;
  if p_blind then
    held_there := exists (
      select from public.trades as t join public.trade_legs as l on l.trade_id = t.id
      where t.broker_account_id = marked.broker_account_id and coalesce(t.strategy_id::text, 'manual') = marked.owner_key
        and l.symbol = marked.symbol and t.status in ('submitted', 'partially_filled')
        and t.order_type in ('stop', 'stop_limit', 'trailing_stop') and not private.opens(t));
    perform private.alert(marked.user_id, marked.broker_account_id, 'EXIT_BLIND', 'critical',
      'An exit is armed and no fresh price of it comes: it cannot fire. '
        || case when held_there then 'The broker holds its stop order meanwhile.' else 'The broker holds no stop order: watch the position, or close it by hand.' end,
      jsonb_build_object('exit', marked.id, 'symbol', marked.symbol, 'seen_at', p_seen_at, 'at', p_at, 'stop_at_broker', held_there),
      concat_ws('|', 'exit-blind', marked.id, extract(epoch from p_at)));
  end if;
  return true;
end $$;
comment on function public.mark_exit_blind(uuid, boolean, timestamptz, timestamptz) is
  'Says that no fresh price of an armed exit comes, with one alert, or that it sees again; false where that was known.';

grant execute on function public.live_exits(text, timestamptz), public.follow_price(uuid, text, timestamptz),
  public.trigger_exit(uuid, text, text, timestamptz), public.settle_exits(uuid),
  public.mark_exit_blind(uuid, boolean, timestamptz, timestamptz) to fn_risk;
