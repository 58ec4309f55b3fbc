-- The shape of an order: ticks, lots, times in force, legs.

create function private.fits_time_in_force(p_order_type text, p_time_in_force text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$
  select case p_time_in_force
    -- An auction, or now or never: there is nothing to wait for a trigger.
    when 'opg' then p_order_type in ('market', 'limit')
    when 'cls' then p_order_type in ('market', 'limit')
    when 'ioc' then p_order_type in ('market', 'limit')
    when 'fok' then p_order_type in ('market', 'limit')
    -- A market order that waits for days would be filled at a price that nobody saw.
    when 'gtc' then p_order_type <> 'market'
    else true end
$$;
comment on function private.fits_time_in_force(text, text) is 'Whether an order type may work for a time in force.';

create function private.check_shape() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  lot numeric;
  named text;
  value numeric;
  step numeric;
begin
  if tg_op = 'UPDATE' then
    if new.multi_leg then
      lot := 1; -- Units: legs are never cut unevenly.
    else
      select i.lot into lot from public.instruments as i where i.symbol = new.symbol;
    end if;
    -- What only reduces may be cut to what is left of the position, whatever that is.
    if (new.multi_leg or not new.reduce_only) and mod(new.quantity, lot) <> 0 then
      perform private.refuse(422, 'OFF_LOT', 'A quantity is a whole number of lots.',
        jsonb_build_object('quantity', trim_scale(new.quantity)::text, 'lot', trim_scale(lot)::text));
    end if;
    return new;
  end if;
  if not private.fits_time_in_force(new.order_type, new.time_in_force) then
    perform private.refuse(422, 'BAD_TIME_IN_FORCE', 'This order type cannot work for that time in force; day fits every type.',
      jsonb_build_object('order_type', new.order_type, 'time_in_force', new.time_in_force));
  end if;
  if new.extended_hours and not exists (select from public.instruments as i where i.symbol = new.symbol and i.kind = 'equity') then
    perform private.refuse(422, 'NO_EXTENDED_HOURS', 'Shares alone trade outside the regular session; place it without extended_hours.',
      jsonb_build_object('symbol', new.symbol));
  end if;
  for named, value in
    select * from (values ('price', new.price::numeric), ('stop_price', new.stop_price), ('trail_price', new.trail_price)) as prices
  loop
    -- The net price of several legs steps as leg 0's prices do.
    step := private.tick_at(new.symbol, value);
    if value is not null and mod(value, step) <> 0 then
      perform private.refuse(422, 'OFF_TICK', 'A price is a whole number of the symbol''s ticks.',
        jsonb_build_object('field', named, 'value', trim_scale(value)::text, 'tick', trim_scale(step)::text));
    end if;
  end loop;
  if new.multi_leg then
    lot := 1; -- Units; each leg's lot is kept by its ratio.
  else
    select i.lot into lot from public.instruments as i where i.symbol = new.symbol;
  end if;
  if new.quantity is not null and mod(new.quantity, lot) <> 0 then
    -- What is held of it may be no whole number of lots, after a split for one, and can be closed all the same: the odd rest
    -- goes with an order that only reduces. Exits and halts take what is left beside other closing orders, whatever that is.
    if not (new.reduce_only and (new.source = 'risk' or new.replaces_trade_id is not null or new.reprices_trade_id is not null
      or exists (select from public.position_books as b
        where b.broker_account_id = new.broker_account_id and b.symbol = new.symbol and mod(abs(b.quantity), lot) = mod(new.quantity, lot))
      or exists (select from public.strategy_positions as o
        where o.broker_account_id = new.broker_account_id and o.owner_key = coalesce(new.strategy_id::text, 'manual')
          and o.symbol = new.symbol and mod(abs(o.quantity), lot) = mod(new.quantity, lot)))) then
      perform private.refuse(422, 'OFF_LOT', 'A quantity is a whole number of lots; what is held beyond that is closed with its odd rest.',
        jsonb_build_object('quantity', trim_scale(new.quantity)::text, 'lot', trim_scale(lot)::text));
    end if;
  end if;
  return new;
end $$;
comment on function private.check_shape() is 'Keeps prices on the tick, quantities on the lot, and times in force to what makes sense. What was placed outside is taken as it is.';
create trigger c_shape before insert on public.trades for each row
  when (new.source <> 'external') execute function private.check_shape();
create trigger c_shape_smaller before update of quantity on public.trades for each row
  when (new.source <> 'external' and new.quantity is distinct from old.quantity)
  execute function private.check_shape();

create function private.check_legs() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  leg_row public.trade_legs;
  legs integer := 0;
  divisor integer := 0;
  fitting boolean := true;
begin
  select * into trade from public.trades where id = case tg_table_name when 'trades' then (to_jsonb(new) ->> 'id')::uuid
    else (to_jsonb(new) ->> 'trade_id')::uuid end;
  if trade.source = 'external' then
    return null; -- What was placed outside is taken as it is.
  end if;
  for leg_row in select * from public.trade_legs where trade_id = trade.id order by leg loop
    fitting := fitting and leg_row.leg = legs and leg_row.quantity is not distinct from leg_row.ratio * trade.quantity
      and (legs > 0 or (leg_row.symbol = trade.symbol and leg_row.side = trade.side))
      -- A replacement trades what the replaced order traded.
      and (trade.replaces_trade_id is null or exists (select from public.trade_legs as o
        where o.trade_id = trade.replaces_trade_id and o.leg = leg_row.leg
          and (o.symbol, o.side, o.position_intent, o.ratio) = (leg_row.symbol, leg_row.side, leg_row.position_intent, leg_row.ratio)));
    legs := legs + 1;
    divisor := gcd(divisor, leg_row.ratio);
  end loop;
  if not fitting or divisor <> 1 or (trade.multi_leg and legs not between 2 and 4) or (not trade.multi_leg and legs <> 1) then
    perform private.refuse(422, 'BAD_LEGS',
      'A plain order has one leg; an order of several has two to four, each symbol once, ratios in lowest terms, quantity = ratio x units.',
      jsonb_build_object('trade', trade.id, 'legs', legs));
  end if;
  return null;
end $$;
comment on function private.check_legs() is 'Keeps the legs of an order to its shape, at the end of the transaction that places it.';
create constraint trigger legs after insert on public.trades deferrable initially deferred
  for each row when (new.source <> 'external') execute function private.check_legs();
create constraint trigger legs after insert on public.trade_legs deferrable initially deferred
  for each row when (new.leg > 0) execute function private.check_legs();
