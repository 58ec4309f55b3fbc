-- The desk's own orders: options are closed or rolled before their cut-off, delivered shares are sold or bought back.

create function private.tell_desk(p_account_id uuid, p_code text, p_severity text, p_text text, p_numbers jsonb, p_name text) returns boolean
language plpgsql set search_path = ''
as $$
declare
  name text := concat_ws('|', 'desk', p_account_id, p_name);
begin
  if exists (select from public.alerts where id = private.named_uuid('alert|' || name)) then
    return false;
  end if;
  perform private.alert((select a.user_id from public.broker_accounts as a where a.id = p_account_id), p_account_id, p_code, p_severity, p_text,
    p_numbers, name);
  return true;
end $$;
comment on function private.tell_desk(uuid, text, text, text, jsonb, text) is
  'Tells the owner of an account something of its options, once for what p_name says; false where it was said before.';

create function public.tell_desk(p_account_id uuid, p_notices jsonb) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  notice jsonb;
  told integer := 0;
begin
  if not exists (select from public.broker_accounts where id = p_account_id) then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  for notice in select * from jsonb_array_elements(p_notices) loop
    if (notice ->> 'name' <> '' and notice ->> 'code' <> '' and notice ->> 'text' <> ''
        and notice ->> 'severity' in ('info', 'warning', 'critical')) is not true then
      perform private.refuse(422, 'BAD_NOTICE', 'A notice has a name, a code, a severity and a text.', notice);
    end if;
    told := told + private.tell_desk(p_account_id, notice ->> 'code', notice ->> 'severity', notice ->> 'text',
      coalesce(notice -> 'numbers', '{}'), notice ->> 'name')::integer;
  end loop;
  return told;
end $$;
comment on function public.tell_desk(uuid, jsonb) is
  'Tells the owner of an account what its options come to [{"name", "code", "severity", "text", "numbers"}], each once for what its name says; how many were new.';

create function private.desk_price(p_account public.broker_accounts, p_legs jsonb, p_crossing boolean, p_now timestamptz) returns numeric
language plpgsql stable set search_path = ''
as $$
declare
  net numeric;
  quoted integer;
  step numeric;
begin
  -- A package is priced by quotes of now: a delayed one prices paper only, one of the future nothing.
  select count(*), sum(case l.leg ->> 'side' when 'buy' then 1 else -1 end * (l.leg ->> 'ratio')::numeric
      * case when not p_crossing then (q.bid + q.ask) / 2 when l.leg ->> 'side' = 'buy' then q.ask else q.bid end)
  into quoted, net
  from jsonb_array_elements(p_legs) as l (leg)
  join public.option_quotes_latest as q on q.symbol = l.leg ->> 'symbol'
  where q.quoted_at between p_now - interval '2 minutes' and p_now and (q.delay_seconds = 0 or p_account.is_paper);
  if quoted < jsonb_array_length(p_legs) then
    return null;
  end if;
  step := private.tick_at(p_legs -> 0 ->> 'symbol', abs(net));
  return ceil(net / step) * step;
end $$;
comment on function private.desk_price(public.broker_accounts, jsonb, boolean, timestamptz) is
  'The net price of a package at its legs'' quotes, to pay (negative: to receive), on the tick: across the spread, or in its middle. Null where one has no fresh quote.';

create function private.desk_legs(p_symbols text[], p_quantities numeric[], out legs jsonb, out units numeric)
language plpgsql stable set search_path = ''
as $$
declare
  quantity numeric;
begin
  foreach quantity in array p_quantities loop
    units := gcd(coalesce(units, 0), abs(quantity));
  end loop;
  -- What is sold short first, as everywhere.
  select jsonb_agg(jsonb_build_object('symbol', h.symbol, 'side', h.side, 'position_intent', h.side || '_to_close',
    'ratio', (abs(h.quantity) / units)::integer) order by h.quantity > 0, h.symbol)
  into legs
  from (select u.symbol, u.quantity, case when u.quantity > 0 then 'sell' else 'buy' end as side
    from unnest(p_symbols, p_quantities) as u (symbol, quantity)) as h;
end $$;
comment on function private.desk_legs(text[], numeric[]) is 'The legs that close these holdings together, and how many units of them.';

create function private.desk_order(
  p_account public.broker_accounts, p_closing jsonb, p_name text, p_legs jsonb, p_quantity numeric, p_price numeric, p_opens boolean, p_now timestamptz)
returns uuid
language plpgsql set search_path = ''
as $$
declare
  strategy public.strategies;
  placed public.trades;
  signal text := concat_ws('|', 'desk', p_closing ->> 'cause', p_closing ->> 'owner_key', p_name);
begin
  select * into strategy from public.strategies as s where s.id::text = p_closing ->> 'owner_key';
  placed := private.place(
    case when jsonb_array_length(p_legs) > 1 then jsonb_build_object('legs', p_legs) else (p_legs -> 0) - 'ratio' end
      || jsonb_build_object('broker_account_id', p_account.id, 'quantity', trim_scale(p_quantity)::text,
        'order_type', case when p_price is null then 'market' else 'limit' end, 'price', p_price::text, 'reduce_only', not p_opens,
        'event_at', p_now, 'signal', signal, 'reason', p_closing ->> 'reason'),
    p_account.user_id, 'risk', strategy);
  return placed.id;
exception
  when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
    perform private.tell_desk(p_account.id, case when p_opens then 'ROLL_NOT_POSSIBLE' else 'DESK_NOT_CLOSED' end,
      case when p_opens then 'warning' else 'critical' end,
      case when p_opens then 'The options could not be rolled: they are closed instead.'
        else 'The order that closes a position before its expiry could not be placed. Close it at the broker.' end,
      jsonb_build_object('signal', signal, 'because', sqlerrm), 'refused|' || signal);
    return null;
end $$;
comment on function private.desk_order(public.broker_accounts, jsonb, text, jsonb, numeric, numeric, boolean, timestamptz) is
  'Places one order of the desk on the road of every order, once for its cause, owner and name. A refusal is an alert.';

create function private.desk_roll(p_account public.broker_accounts, p_closing jsonb, p_symbols text[], p_quantities numeric[], p_now timestamptz)
returns uuid
language plpgsql set search_path = ''
as $$
declare
  closing record;
  legs jsonb;
  expiry date := private.next_listed(p_symbols);
  price numeric;
  because text;
begin
  closing := private.desk_legs(p_symbols, p_quantities);
  legs := closing.legs || (
    select jsonb_agg(jsonb_build_object('symbol', private.listed_as(l.leg ->> 'symbol', expiry), 'side', s.side,
      'position_intent', s.side || '_to_open', 'ratio', l.leg -> 'ratio') order by l.place)
    from jsonb_array_elements(closing.legs) with ordinality as l (leg, place),
      lateral (select case l.leg ->> 'side' when 'buy' then 'sell' else 'buy' end as side) as s);
  because := case when cardinality(p_symbols) > 2 then 'an order has four legs at most' when expiry is null then 'no later expiry is listed' end;
  if because is null then
    price := private.desk_price(p_account, legs, false, p_now);
    because := case when price is null then 'a leg has no fresh quote' end;
  end if;
  if because is null then
    return private.desk_order(p_account, p_closing, 'roll', legs, closing.units, price, true, p_now);
  end if;
  perform private.tell_desk(p_account.id, 'ROLL_NOT_POSSIBLE', 'warning',
    format('The options could not be rolled, because %s: they are closed instead.', because),
    jsonb_build_object('symbols', p_symbols, 'because', because), concat_ws('|', 'no roll', p_closing ->> 'cause', p_closing ->> 'owner_key'));
  return null;
end $$;
comment on function private.desk_roll(public.broker_accounts, jsonb, text[], numeric[], timestamptz) is
  'Places one package that closes the options and opens the same strikes in the next listed expiry, at the middle of the market. Null, and an alert that says why, where that cannot be.';

create function private.desk_close_one(p_account public.broker_accounts, p_closing jsonb, p_now timestamptz, out placed uuid[], out canceled uuid[])
language plpgsql set search_path = ''
as $$
declare
  patience constant interval := '3 minutes';
  most_rounds constant integer := 5;
  owner text := p_closing ->> 'owner_key';
  prefix text := concat_ws('|', 'desk', p_closing ->> 'cause', p_closing ->> 'owner_key', '');
  symbols text[];
  quantities numeric[];
  whole boolean;
  most numeric;
  in_the_way public.trades;
  target record;
  room record;
  package record;
  round integer;
begin
  placed := '{}';
  canceled := '{}';
  -- A package, or a roll, has some minutes; then it is taken back, and what is left is closed leg by leg.
  for in_the_way in
    select t.* from public.trades as t
    where t.broker_account_id = p_account.id and t.signal in (prefix || 'roll', prefix || 'package') and not private.is_final(t.status)
    order by t.placed_number
  loop
    if in_the_way.event_at <= p_now - patience and in_the_way.cancel_requested_at is null then
      perform private.cancel_order(in_the_way, 'DESK: it was not filled in time', p_now);
      canceled := canceled || in_the_way.id;
    end if;
    return;
  end loop;

  -- Of the most, less what the desk's own orders for it may still fill; other orders close something else of the position.
  most := (p_closing ->> 'most')::numeric - (
    select coalesce(sum(greatest(t.quantity - t.filled_quantity, 0)), 0) from public.trades as t
    where t.broker_account_id = p_account.id and starts_with(t.signal, prefix) and not private.is_final(t.status));
  if most <= 0 then
    return;
  end if;

  -- What would open more of it, and resting exits that hold it: only while it can be closed.
  for in_the_way in
    select t.* from public.trades as t
    where t.broker_account_id = p_account.id and not private.is_final(t.status) and t.cancel_requested_at is null
      and coalesce(t.strategy_id::text, 'manual') = owner and not starts_with(t.signal, prefix)
      and exists (
        select from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol
          join public.strategy_positions as o on o.broker_account_id = p_account.id and o.owner_key = owner and o.symbol = l.symbol
        where l.trade_id = t.id and o.quantity <> 0 and l.symbol in (select jsonb_array_elements_text(p_closing -> 'symbols'))
          and private.in_session(i.kind, p_now)
          and case when private.opens(t) then i.kind = 'option'
            else t.order_type <> 'market' and l.side = case when o.quantity > 0 then 'sell' else 'buy' end
              and coalesce(most, abs(o.quantity))
                > (select r.own from private.closing_rooms(p_account.id, o.symbol, owner, o.quantity) as r) end)
    order by t.placed_number
  loop
    perform private.cancel_order(in_the_way, 'DESK: what it trades is being closed', p_now);
    canceled := canceled || in_the_way.id;
  end loop;

  select array_agg(p.symbol order by p.quantity > 0, p.symbol), array_agg(p.quantity::numeric order by p.quantity > 0, p.symbol),
    bool_and(r.own = abs(p.quantity) and r.account >= abs(p.quantity)) is true
  into symbols, quantities, whole
  from public.strategy_positions as p join public.instruments as i on i.symbol = p.symbol,
    lateral private.closing_rooms(p_account.id, p.symbol, p.owner_key, p.quantity) as r
  where p.broker_account_id = p_account.id and p.owner_key = owner and p.quantity <> 0
    and p.symbol in (select jsonb_array_elements_text(p_closing -> 'symbols')) and private.in_session(i.kind, p_now);
  if symbols is null then
    return;
  end if;
  if whole and not exists (select from public.trades as t where t.broker_account_id = p_account.id and starts_with(t.signal, prefix)) then
    if p_closing ->> 'how' = 'roll' then
      placed := array_remove(array[private.desk_roll(p_account, p_closing, symbols, quantities, p_now)], null);
    end if;
    if placed = '{}' and cardinality(symbols) between 2 and 4 then
      package := private.desk_legs(symbols, quantities);
      if private.desk_price(p_account, package.legs, true, p_now) is not null then
        placed := array_remove(array[private.desk_order(p_account, p_closing, 'package', package.legs, package.units,
          private.desk_price(p_account, package.legs, true, p_now), false, p_now)], null);
      end if;
    end if;
    if placed <> '{}' then
      return;
    end if;
  end if;

  for in_the_way in
    select t.* from public.trades as t where t.broker_account_id = p_account.id and t.signal = prefix || 'roll' and t.refusal is not null
  loop
    perform private.tell_desk(p_account.id, 'ROLL_NOT_POSSIBLE', 'warning', 'The order that rolls the options did not pass: they are closed instead.',
      jsonb_build_object('trade', in_the_way.id, 'because', in_the_way.refusal), 'roll refused|' || in_the_way.id);
  end loop;
  for target in
    select u.symbol, u.quantity, case when u.quantity > 0 then 'sell' else 'buy' end as side
    from unnest(symbols, quantities) with ordinality as u (symbol, quantity, place) order by u.place
  loop
    room := private.closing_rooms(p_account.id, target.symbol, owner, target.quantity);
    if room.account is null then
      perform private.tell_desk(p_account.id, 'DESK_NOT_CLOSED', 'critical',
        'A position cannot be closed alone, because the account holds the other side of it. Close it by hand.',
        jsonb_build_object('symbol', target.symbol, 'quantity', trim_scale(target.quantity)::text), concat_ws('|', 'opposed', prefix, target.symbol));
      continue;
    end if;
    room.own := least(room.own, room.account, most);
    continue when room.own <= 0;
    select count(*) + 1 into round from public.trades as t
    where t.broker_account_id = p_account.id and starts_with(t.signal, prefix || target.symbol || '|');
    if round = most_rounds then
      perform private.tell_desk(p_account.id, 'DESK_NOT_CLOSED', 'critical',
        'Closing a position before its expiry goes on and it is still open. Look at its orders, or close it at the broker.',
        jsonb_build_object('symbol', target.symbol, 'quantity', trim_scale(target.quantity)::text, 'rounds', round),
        concat_ws('|', 'rounds', prefix, target.symbol));
    end if;
    placed := placed || array_remove(array[private.desk_order(p_account, p_closing, target.symbol || '|' || round,
      jsonb_build_array(jsonb_build_object('symbol', target.symbol, 'side', target.side, 'position_intent', target.side || '_to_close')),
      room.own, null, false, p_now)], null);
  end loop;
end $$;
comment on function private.desk_close_one(public.broker_accounts, jsonb, timestamptz) is
  'One round of one closing: a roll or a package where that can be and nothing was tried before, else market orders, what is sold short first. Call under lock_account_scopes().';

create function public.desk_close(p_account_id uuid, p_closings jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  closing jsonb;
  round record;
  placed uuid[] := '{}';
  canceled uuid[] := '{}';
begin
  select * into account from public.broker_accounts where id = p_account_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  if jsonb_typeof(p_closings) is distinct from 'array' or exists (select from jsonb_array_elements(p_closings) as c
      where (c.value ->> 'cause' <> '' and c.value ->> 'owner_key' <> '' and jsonb_typeof(c.value -> 'symbols') = 'array'
        and c.value ->> 'how' in ('close', 'roll')) is not true) then
    perform private.refuse(422, 'BAD_CLOSING', 'A closing has cause, owner_key, symbols, how (close or roll) and a reason.');
  end if;
  -- As a halt's round: nothing else is placed, approved or claimed on the account, and every order that may be cancelled
  -- is locked before the first row that takes the audit's lock.
  perform private.lock_account_scopes(account);
  perform from public.trades as t where t.broker_account_id = account.id and not private.is_final(t.status) order by t.placed_number for update;
  for closing in select * from jsonb_array_elements(p_closings) loop
    round := private.desk_close_one(account, closing, p_now);
    placed := placed || round.placed;
    canceled := canceled || round.canceled;
  end loop;
  return jsonb_build_object('placed', to_jsonb(placed), 'canceled', to_jsonb(canceled));
end $$;
comment on function public.desk_close(uuid, jsonb, timestamptz) is
  'One round of closing or rolling [{"cause", "owner_key", "symbols", "how", "most", "reason"}] on an account, under its locks: orders that only reduce, of source risk, for what nothing closes yet, while the market is open. Rounds have signals of their own, so that the same one is one order. Safe to call again.';
grant execute on function public.tell_desk(uuid, jsonb), public.desk_close(uuid, jsonb, timestamptz) to fn_risk;
