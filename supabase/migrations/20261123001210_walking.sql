-- The books as a function of the facts: adjustments and fills, walked in the order of event time.

create type private.book_event as (
  id uuid, at timestamptz, number bigint, kind text, owner_key text, signed numeric, value numeric, fee numeric,
  numerator numeric, denominator numeric, from_adjustment_id uuid);
comment on type private.book_event is 'A fill or adjustment as it counts: what walk() walks.';

create function private.effective_events(
  p_account_id uuid, p_symbol text, p_fill public.fills default null, p_adjustment public.position_adjustments default null,
  p_until timestamptz default 'infinity')
returns setof private.book_event
language sql stable set search_path = ''
as $$
  with told as (
    select f.* from public.fills as f where f.broker_account_id = p_account_id and f.symbol = p_symbol
    union all
    select (p_fill).* where (p_fill).id is not null
  ), settled as (
    -- A bust is the last word, whenever it is told; of corrections the latest counts. In one pass: no plan of it is slow.
    select t.*, sum(t.fee) over (partition by coalesce(t.corrects_fill_id, t.id)) as charged,
      first_value(t.kind) over latest as last_kind, first_value(t.quantity) over latest as last_quantity,
      first_value(t.price) over latest as last_price
    from told as t
    window latest as (partition by coalesce(t.corrects_fill_id, t.id)
      order by t.kind = 'bust' desc, t.kind = 'correction' desc, t.executed_at desc, t.number desc)
  ), adjusted as (
    select a.* from public.position_adjustments as a where a.broker_account_id = p_account_id and a.symbol = p_symbol
    union all
    select (p_adjustment).* where (p_adjustment).id is not null
  )
  select f.id, f.executed_at, f.number, 'fill', coalesce(f.strategy_id::text, 'manual'), t.signed,
    private.value_of(t.signed, f.last_price, f.multiplier), f.charged, null::numeric, null::numeric, null::uuid
  from settled as f
  cross join lateral (select case f.side when 'buy' then f.last_quantity else -f.last_quantity end as signed) as t
  where f.kind = 'fill' and f.last_kind <> 'bust' and f.executed_at < p_until
  union all
  select a.id, a.effective_at, a.number, a.kind, a.owner_key, a.quantity,
    -- What is transferred out takes its own cost along.
    case when a.kind <> 'transfer_out' then a.amount end, 0, a.numerator, a.denominator, a.from_adjustment_id
  from adjusted as a
$$;
comment on function private.effective_events(uuid, text, public.fills, public.position_adjustments, timestamptz) is
  'What counts of the fills and adjustments of a symbol, busts and corrections applied at the place of their fill; with one row more that is being inserted. Only what happened before p_until, event time, where that is given.';

create type private.book_line as (
  what text, owner_key text, opened_by uuid, closed_by uuid, at timestamptz, number bigint, original numeric,
  quantity numeric, cost numeric, realised numeric, proceeds numeric, fees numeric);
comment on type private.book_line is 'A line of the books that walk() makes: account, owner, lot, closing or share.';

create function private.walk(
  p_account_id uuid, p_symbol text, p_fill public.fills default null, p_adjustment public.position_adjustments default null,
  p_until timestamptz default 'infinity')
returns setof private.book_line
language plpgsql stable set search_path = ''
as $$
declare
  e private.book_event;
  nothing private.book_line;
  line private.book_line;
  change private.position_change;
  held private.position_change := (0, 0, 0);
  fees numeric := 0;
  newest_at timestamptz := '-infinity';
  newest_number bigint := 0;
  -- Owners, each at one place of these arrays; `ranked` are the places in the order of the keys.
  owners text[] := '{}';
  owner_quantity numeric[] := '{}';
  owner_cost numeric[] := '{}';
  owner_realised numeric[] := '{}';
  owner_fees numeric[] := '{}';
  ranked integer[] := '{}';
  -- Lots in the order of their opening; those before first_open are closed.
  lots integer := 0;
  first_open integer := 1;
  lot_event uuid[] := '{}';
  lot_owner text[] := '{}';
  lot_at timestamptz[] := '{}';
  lot_number bigint[] := '{}';
  lot_original numeric[] := '{}';
  lot_quantity numeric[] := '{}';
  lot_cost numeric[] := '{}';
  -- Who takes part in an event, in the order of the keys: place among the owners, signed quantity.
  share numeric[];
  place integer;
  i integer;
  running numeric;
  given numeric;
  part numeric;
  part_value numeric;
  untaken numeric;
  done numeric;
  piece numeric;
  released numeric;
  room numeric[];
begin
  for e in select * from private.effective_events(p_account_id, p_symbol, p_fill, p_adjustment, p_until) as x order by x.at, x.number loop
    newest_at := e.at;
    newest_number := e.number;
    if e.kind = 'split' then
      -- Cost stays, quantity is scaled; by running totals, so that strategies and lots add up to the account. What is
      -- too small to remain is gone with its cost.
      held.quantity := private.portion(held.quantity, e.numerator, e.denominator);
      if held.quantity = 0 then
        held.realised := held.realised - held.cost_basis;
        held.cost_basis := 0;
      end if;
      running := 0;
      given := 0;
      foreach place in array ranked loop
        running := running + owner_quantity[place];
        part := private.portion(running, e.numerator, e.denominator) - given;
        given := given + part;
        if part <> owner_quantity[place] then
          line := nothing;
          line.what := 'share'; line.owner_key := owners[place]; line.closed_by := e.id;
          line.quantity := part - owner_quantity[place]; line.cost := 0;
          return next line;
        end if;
        owner_quantity[place] := part;
        if part = 0 then
          owner_realised[place] := owner_realised[place] - owner_cost[place];
          owner_cost[place] := 0;
        end if;
      end loop;
      running := 0;
      given := 0;
      for i in first_open .. lots loop
        running := running + lot_quantity[i];
        part := private.portion(running, e.numerator, e.denominator) - given;
        given := given + part;
        if part = 0 and lot_quantity[i] <> 0 then
          line := nothing;
          line.what := 'closing'; line.opened_by := lot_event[i]; line.owner_key := lot_owner[i]; line.closed_by := e.id;
          line.at := e.at; line.quantity := lot_quantity[i]; line.cost := lot_cost[i]; line.proceeds := 0;
          return next line;
          lot_cost[i] := 0;
        end if;
        lot_quantity[i] := part;
      end loop;
      continue;
    end if;

    -- Whose it is: `share` by place among the owners.
    if e.owner_key is not null then
      place := array_position(owners, e.owner_key);
      if place is null then
        owners := owners || e.owner_key;
        place := cardinality(owners);
        owner_quantity[place] := 0; owner_cost[place] := 0; owner_realised[place] := 0; owner_fees[place] := 0;
        ranked := array(select o.n from unnest(owners) with ordinality as o (k, n) order by o.k collate "C");
      end if;
      share := array_fill(null::numeric, array[cardinality(owners)]);
      share[place] := e.signed;
    else
      share := array_fill(0::numeric, array[cardinality(owners)]);
      if e.from_adjustment_id is not null then
        -- Delivered to those whose options they were, by running totals.
        for line in
          select null, s.owner_key, null, null, null, null, null, sum(s.quantity) as quantity, null, null, null, null
          from public.position_adjustment_shares as s where s.adjustment_id = e.from_adjustment_id
          group by s.owner_key having sum(s.quantity) <> 0
        loop
          place := array_position(owners, line.owner_key);
          if place is null then
            owners := owners || line.owner_key;
            place := cardinality(owners);
            owner_quantity[place] := 0; owner_cost[place] := 0; owner_realised[place] := 0; owner_fees[place] := 0;
          end if;
          share[place] := line.quantity;
        end loop;
        ranked := array(select o.n from unnest(owners) with ordinality as o (k, n) order by o.k collate "C");
        untaken := (select sum(q) from unnest(share) as q);
        running := 0;
        given := 0;
        foreach place in array ranked loop
          if share[place] <> 0 and untaken <> 0 then
            running := running + share[place];
            part := private.portion(e.signed, running, untaken) - given;
            given := given + part;
            share[place] := part;
          else
            share[place] := null;
          end if;
        end loop;
        untaken := e.signed - given;
      elsif e.signed = -held.quantity then
        -- All that the account holds: every owner's holding ends.
        foreach place in array ranked loop
          share[place] := nullif(-owner_quantity[place], 0);
        end loop;
        untaken := 0;
      else
        -- The oldest lot first, to who opened it, as far as they still hold it; then to whoever holds that side.
        untaken := abs(e.signed);
        room := array_fill(0::numeric, array[cardinality(owners)]);
        foreach place in array ranked loop
          room[place] := greatest(-sign(e.signed) * owner_quantity[place], 0);
        end loop;
        for i in first_open .. lots loop
          exit when untaken = 0;
          if sign(lot_quantity[i]) = -sign(e.signed) then
            place := array_position(owners, lot_owner[i]);
            part := least(untaken, abs(lot_quantity[i]), room[place]);
            share[place] := share[place] + part;
            room[place] := room[place] - part;
            untaken := untaken - part;
          end if;
        end loop;
        foreach place in array ranked loop
          part := least(untaken, room[place]);
          share[place] := nullif((share[place] + part) * sign(e.signed), 0);
          untaken := untaken - part;
        end loop;
        untaken := untaken * sign(e.signed);
      end if;
      if untaken <> 0 then
        -- Nobody's, as far as is known.
        place := array_position(owners, 'manual');
        if place is null then
          owners := owners || 'manual'::text;
          place := cardinality(owners);
          owner_quantity[place] := 0; owner_cost[place] := 0; owner_realised[place] := 0; owner_fees[place] := 0;
          ranked := array(select o.n from unnest(owners) with ordinality as o (k, n) order by o.k collate "C");
          share := share || null::numeric;
        end if;
        share[place] := coalesce(share[place], 0) + untaken;
      end if;
    end if;

    change := private.position_after(held.quantity, held.cost_basis, e.signed, e.value);
    held := (change.quantity, change.cost_basis, held.realised + change.realised);
    fees := fees + e.fee;
    running := 0;
    given := 0;
    foreach place in array ranked loop
      continue when share[place] is null;
      running := running + share[place];
      part := share[place];
      part_value := case when e.signed = 0 then 0 else private.portion(e.value, running, e.signed) - given end;
      given := given + part_value;
      change := private.position_after(owner_quantity[place], owner_cost[place], part, part_value);
      owner_quantity[place] := change.quantity;
      owner_cost[place] := change.cost_basis;
      owner_realised[place] := owner_realised[place] + change.realised;
      owner_fees[place] := owner_fees[place] + e.fee;
      if e.kind <> 'fill' then
        line := nothing;
        line.what := 'share'; line.owner_key := owners[place]; line.closed_by := e.id;
        line.quantity := part; line.cost := coalesce(part_value, 0);
        return next line;
      end if;
      untaken := abs(part);
      done := 0;
      while untaken > 0 and first_open <= lots loop
        i := first_open;
        if lot_quantity[i] = 0 then
          first_open := first_open + 1;
          continue;
        end if;
        exit when sign(lot_quantity[i]) = sign(part);
        -- `released` of the lot's cost for `piece` of the value.
        piece := least(untaken, abs(lot_quantity[i]));
        released := private.portion(lot_cost[i], piece, abs(lot_quantity[i]));
        line := nothing;
        line.what := 'closing'; line.opened_by := lot_event[i]; line.owner_key := lot_owner[i]; line.closed_by := e.id;
        line.at := e.at; line.quantity := sign(lot_quantity[i]) * piece; line.cost := released;
        line.proceeds := coalesce(-(private.portion(part_value, done + piece, abs(part)) - private.portion(part_value, done, abs(part))), released);
        return next line;
        lot_quantity[i] := lot_quantity[i] - line.quantity;
        lot_cost[i] := lot_cost[i] - released;
        done := done + piece;
        untaken := untaken - piece;
      end loop;
      if untaken > 0 then
        lots := lots + 1;
        lot_event[lots] := e.id; lot_owner[lots] := owners[place]; lot_at[lots] := e.at; lot_number[lots] := e.number;
        lot_original[lots] := sign(part) * untaken;
        lot_quantity[lots] := sign(part) * untaken;
        lot_cost[lots] := coalesce(part_value - private.portion(part_value, done, abs(part)), 0);
      end if;
    end loop;
  end loop;

  line := nothing;
  line.what := 'account'; line.quantity := held.quantity; line.cost := held.cost_basis; line.realised := held.realised;
  line.fees := fees; line.at := newest_at; line.number := newest_number;
  return next line;
  for i in 1 .. cardinality(owners) loop
    line := nothing;
    line.what := 'owner'; line.owner_key := owners[i]; line.quantity := owner_quantity[i]; line.cost := owner_cost[i];
    line.realised := owner_realised[i]; line.fees := owner_fees[i];
    return next line;
  end loop;
  for i in 1 .. lots loop
    line := nothing;
    line.what := 'lot'; line.opened_by := lot_event[i]; line.owner_key := lot_owner[i]; line.at := lot_at[i];
    line.number := lot_number[i]; line.original := lot_original[i]; line.quantity := lot_quantity[i]; line.cost := lot_cost[i];
    return next line;
  end loop;
end $$;
comment on function private.walk(uuid, text, public.fills, public.position_adjustments, timestamptz) is
  'The books of one symbol on one account as the facts make them: lines account, owner, lot, closing (of a lot) and share (of an adjustment). Equal facts make equal books, whatever order they were told in. With p_until: as they stood then.';
