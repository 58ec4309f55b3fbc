-- Booking: each fill and adjustment moves positions, lots and counters in its own transaction.

create type private.booked as (
  quantity numeric, cost numeric, quantity_change numeric, value_change numeric, realised numeric, owner_realised numeric);
comment on type private.booked is 'What booking an event made of a position, and how much it added.';

create function private.locked_book(p_account_id uuid, p_symbol text, p_user_id uuid) returns public.position_books
language plpgsql set search_path = ''
as $$
declare
  book public.position_books;
begin
  -- The lock of everything that is summed for the symbol on the account: position, strategies' positions, lots.
  select * into book from public.position_books where broker_account_id = p_account_id and symbol = p_symbol for no key update;
  if not found then
    insert into public.position_books (broker_account_id, symbol, user_id, multiplier)
    select p_account_id, p_symbol, p_user_id, i.multiplier from public.instruments as i where i.symbol = p_symbol
    on conflict do nothing;
    select * into book from public.position_books where broker_account_id = p_account_id and symbol = p_symbol for no key update;
  end if;
  return book;
end $$;
comment on function private.locked_book(uuid, text, uuid) is 'The book of a symbol on an account, made where there is none, locked.';

create function private.rebuild(
  p_account_id uuid, p_symbol text, p_user_id uuid, p_cause uuid, p_cause_owner text,
  p_fill public.fills default null, p_adjustment public.position_adjustments default null)
returns private.booked
-- Postgres does not know how many lines there are: a nested loop over them and the lots would be slow where both are many.
language plpgsql set search_path = '' set enable_nestloop = off
as $$
declare
  lines private.book_line[];
  book public.position_books;
  total private.book_line;
  result private.booked;
  moved uuid[];
  delivered record;
begin
  book := private.locked_book(p_account_id, p_symbol, p_user_id);
  lines := array(select l from private.walk(p_account_id, p_symbol, p_fill, p_adjustment) as l);
  select * into total from unnest(lines) as l where l.what = 'account';
  update public.position_books
  set quantity = total.quantity, cost_basis = total.cost, realised_pnl = total.realised, fees = total.fees,
      fifo_realised_pnl = (select coalesce(sum(l.proceeds - l.cost), 0) from unnest(lines) as l where l.what = 'closing'),
      last_event_at = total.at, last_number = total.number
  where broker_account_id = p_account_id and symbol = p_symbol;
  result.quantity := total.quantity;
  result.cost := total.cost;
  result.quantity_change := total.quantity - book.quantity;
  result.realised := total.realised - book.realised_pnl;
  result.value_change := total.cost - book.cost_basis - result.realised;
  select coalesce((select l.realised from unnest(lines) as l where l.what = 'owner' and l.owner_key = p_cause_owner), 0)
    - coalesce((select s.realised_pnl from public.strategy_positions as s
        where s.broker_account_id = p_account_id and s.symbol = p_symbol and s.owner_key = p_cause_owner), 0)
  into result.owner_realised;

  -- What the adjustments' shares are now, less what is on record of them. What an owner has earned by it stands on one of
  -- these rows; only the owner of a fill finds it on the fill.
  with now_shared as (
    select l.closed_by as adjustment_id, l.owner_key, sum(l.quantity) as quantity, sum(l.cost) as amount
    from unnest(lines) as l where l.what = 'share' group by 1, 2
  ), was_shared as (
    select s.adjustment_id, s.owner_key, sum(s.quantity) as quantity, sum(s.amount) as amount
    from public.position_adjustment_shares as s where s.broker_account_id = p_account_id and s.symbol = p_symbol group by 1, 2
  ), change as (
    select adjustment_id, owner_key, coalesce(n.quantity, 0) - coalesce(w.quantity, 0) as quantity,
      coalesce(n.amount, 0) - coalesce(w.amount, 0) as amount
    from now_shared as n full join was_shared as w using (adjustment_id, owner_key)
  ), earned as (
    select owner_key, coalesce(l.realised, 0) - coalesce(s.realised_pnl, 0) as realised
    from (select * from unnest(lines) as l where l.what = 'owner') as l
    full join (select * from public.strategy_positions as s
      where s.broker_account_id = p_account_id and s.symbol = p_symbol) as s using (owner_key)
    where owner_key is distinct from p_cause_owner and coalesce(l.realised, 0) <> coalesce(s.realised_pnl, 0)
  ), placed as (
    select e.owner_key, e.realised, coalesce((p_adjustment).id, (
      select c.adjustment_id from change as c where c.owner_key = e.owner_key
      order by c.quantity = 0 and c.amount = 0, c.adjustment_id limit 1)) as adjustment_id
    from earned as e
  ), written as (
    insert into public.position_adjustment_shares (
      adjustment_id, user_id, broker_account_id, symbol, owner_key, quantity, amount, realised_pnl, booked_by)
    select adjustment_id, p_user_id, p_account_id, p_symbol, owner_key, coalesce(c.quantity, 0), coalesce(c.amount, 0),
      coalesce(p.realised, 0), p_cause
    from change as c full join placed as p using (adjustment_id, owner_key)
    -- An owner without an adjustment is another's only in books that somebody has tampered with: check_positions() tells.
    where adjustment_id is not null and (coalesce(c.quantity, 0), coalesce(c.amount, 0), coalesce(p.realised, 0)) <> (0, 0, 0)
    returning adjustment_id
  )
  select array_agg(distinct adjustment_id) into moved from written;

  insert into public.strategy_positions as s (
    broker_account_id, owner_key, strategy_id, symbol, user_id, quantity, cost_basis, multiplier, realised_pnl, fees)
  select p_account_id, l.owner_key, nullif(l.owner_key, 'manual')::uuid, p_symbol, p_user_id, l.quantity, l.cost, book.multiplier,
    l.realised, l.fees
  from unnest(lines) as l where l.what = 'owner'
  on conflict (broker_account_id, owner_key, symbol) do update
  set quantity = excluded.quantity, cost_basis = excluded.cost_basis, realised_pnl = excluded.realised_pnl, fees = excluded.fees
  where (s.quantity, s.cost_basis, s.realised_pnl, s.fees)
    is distinct from (excluded.quantity, excluded.cost_basis, excluded.realised_pnl, excluded.fees);
  update public.strategy_positions as s set quantity = 0, cost_basis = 0, realised_pnl = 0, fees = 0
  where s.broker_account_id = p_account_id and s.symbol = p_symbol and (s.quantity, s.cost_basis, s.realised_pnl, s.fees) <> (0, 0, 0, 0)
    and not exists (select from unnest(lines) as l where l.what = 'owner' and l.owner_key = s.owner_key);

  insert into public.position_lots as o (
    opened_by, owner_key, user_id, broker_account_id, symbol, opened_at, number, original_quantity, quantity, cost_basis)
  select l.opened_by, l.owner_key, p_user_id, p_account_id, p_symbol, l.at, l.number, l.original, l.quantity, l.cost
  from unnest(lines) as l where l.what = 'lot'
  on conflict (opened_by, owner_key) do update
  set original_quantity = excluded.original_quantity, quantity = excluded.quantity, cost_basis = excluded.cost_basis, updated_at = now()
  where (o.original_quantity, o.quantity, o.cost_basis)
    is distinct from (excluded.original_quantity, excluded.quantity, excluded.cost_basis);
  update public.position_lots as o set original_quantity = 0, quantity = 0, cost_basis = 0, updated_at = now()
  where o.broker_account_id = p_account_id and o.symbol = p_symbol and (o.original_quantity, o.quantity, o.cost_basis) <> (0, 0, 0)
    and not exists (
      select from unnest(lines) as l where l.what = 'lot' and l.opened_by = o.opened_by and l.owner_key = o.owner_key);

  with now_closed as (
    select l.opened_by, l.owner_key, l.closed_by, max(l.at) as at, sum(l.quantity) as quantity, sum(l.cost) as cost, sum(l.proceeds) as proceeds
    from unnest(lines) as l where l.what = 'closing' group by 1, 2, 3
  ), was_closed as (
    select c.opened_by, c.owner_key, c.closed_by, max(c.closed_at) as at, sum(c.quantity) as quantity, sum(c.cost) as cost,
      sum(c.proceeds) as proceeds
    from public.lot_closings as c where c.broker_account_id = p_account_id and c.symbol = p_symbol group by 1, 2, 3
  ), change as (
    select opened_by, owner_key, closed_by, coalesce(n.at, w.at) as at, coalesce(n.quantity, 0) - coalesce(w.quantity, 0) as quantity,
      coalesce(n.cost, 0) - coalesce(w.cost, 0) as cost, coalesce(n.proceeds, 0) - coalesce(w.proceeds, 0) as proceeds
    from now_closed as n full join was_closed as w using (opened_by, owner_key, closed_by)
  )
  insert into public.lot_closings (
    user_id, broker_account_id, symbol, opened_by, owner_key, closed_by, closed_at, quantity, cost, proceeds, realised_pnl, booked_by)
  select p_user_id, p_account_id, p_symbol, opened_by, owner_key, closed_by, at, quantity, cost, proceeds, proceeds - cost, p_cause
  from change where (quantity, cost, proceeds) <> (0, 0, 0)
  order by at, closed_by, opened_by;

  -- Who got how much of an exercised option decides who got its shares.
  for delivered in
    select distinct a.symbol from public.position_adjustments as a where a.from_adjustment_id = any (moved) order by a.symbol
  loop
    perform private.rebuild(p_account_id, delivered.symbol, p_user_id, p_cause, null);
  end loop;
  return result;
end $$;
comment on function private.rebuild(uuid, text, uuid, uuid, text, public.fills, public.position_adjustments) is
  'Walks a symbol''s facts anew, with one more that is being inserted, and makes the sums what they say. What is append-only gets the difference.';

create type private.effective_terms as (quantity numeric, price numeric);
comment on type private.effective_terms is 'Quantity and price of a fill as they count.';

create function private.terms_of(p_fill_id uuid, p_change public.fills default null) returns private.effective_terms
language sql stable set search_path = ''
as $$
  select case kind when 'bust' then 0 else quantity end, price
  from (
    select f.kind, f.quantity, f.price, f.executed_at, f.number from public.fills as f where f.id = p_fill_id or f.corrects_fill_id = p_fill_id
    union all
    select (p_change).kind, (p_change).quantity, (p_change).price, (p_change).executed_at, (p_change).number where (p_change).id is not null
  ) as told
  order by kind = 'bust' desc, kind = 'correction' desc, executed_at desc, number desc limit 1
$$;
comment on function private.terms_of(uuid, public.fills) is
  'What counts of a fill, with one change more that is being inserted: zero after a bust, else the latest correction, else as it was told.';

create function private.book_fill() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  signed numeric := case new.side when 'buy' then new.quantity else -new.quantity end;
  owner text := coalesce(new.strategy_id::text, 'manual');
  book public.position_books;
  own public.strategy_positions;
  change private.position_change;
  rebuilt private.booked;
  was private.effective_terms;
  is_now private.effective_terms;
  lot record;
  untaken numeric := new.quantity;
  piece numeric;
  released numeric;
  proceeds numeric;
  fifo numeric := 0;
begin
  book := private.locked_book(new.broker_account_id, new.symbol, new.user_id);
  -- Under the position's lock: a doubled fill is refused before it is counted, also where the caller says ON CONFLICT.
  if exists (select from public.fills where id = new.id) or (new.kind = 'fill' and exists (
      select from public.fills
      where broker_account_id = new.broker_account_id and broker_order_id = new.broker_order_id and leg = new.leg
        and kind = 'fill' and case when new.execution_id is not null then execution_id = new.execution_id
          else cumulative_quantity = new.cumulative_quantity and occurrence = new.occurrence and execution_id is null end)) then
    perform private.refuse(409, 'DUPLICATE_FILL', 'This fill is on record already; record_fill() counts it once.',
      jsonb_build_object('broker_order', new.broker_order_id, 'cumulative_quantity', new.cumulative_quantity));
  end if;

  if new.kind <> 'fill' or (new.executed_at, new.number) <= (book.last_event_at, book.last_number) then
    -- A bust or correction, or a fill older than what is booked: the symbol is walked anew.
    if new.kind <> 'fill' then
      was := private.terms_of(new.corrects_fill_id);
      is_now := private.terms_of(new.corrects_fill_id, new);
    else
      was := (0, 0);
      is_now := (new.quantity, new.price);
    end if;
    rebuilt := private.rebuild(new.broker_account_id, new.symbol, new.user_id, new.id, owner, new);
    new.realised_pnl := rebuilt.realised;
    new.strategy_realised_pnl := rebuilt.owner_realised;
    new.quantity_change := rebuilt.quantity_change;
    new.value_change := rebuilt.value_change;
    new.position_quantity := rebuilt.quantity;
    new.position_cost := rebuilt.cost;
    update public.trade_legs
    set filled_quantity = filled_quantity + is_now.quantity - was.quantity,
        filled_value = filled_value + is_now.quantity * is_now.price - was.quantity * was.price, updated_at = now()
    where trade_id = new.trade_id and leg = new.leg;
    return new;
  end if;

  -- The newest event of its symbol: what walk() would do with it, done to what is there.
  new.quantity_change := signed;
  new.value_change := private.value_of(signed, new.price, new.multiplier);
  if book.quantity <> 0 and sign(book.quantity) <> sign(signed) then
    for lot in
      select l.opened_by, l.owner_key, l.quantity, l.cost_basis from public.position_lots as l
      where l.broker_account_id = new.broker_account_id and l.symbol = new.symbol and l.quantity <> 0
      order by l.opened_at, l.number, l.owner_key
    loop
      piece := least(untaken, abs(lot.quantity));
      released := private.portion(lot.cost_basis, piece, abs(lot.quantity));
      proceeds := private.portion(new.value_change, new.quantity - untaken, new.quantity)
        - private.portion(new.value_change, new.quantity - untaken + piece, new.quantity);
      update public.position_lots
      set quantity = lot.quantity - sign(lot.quantity) * piece, cost_basis = lot.cost_basis - released, updated_at = now()
      where opened_by = lot.opened_by and owner_key = lot.owner_key;
      insert into public.lot_closings (
        user_id, broker_account_id, symbol, opened_by, owner_key, closed_by, closed_at, quantity, cost, proceeds, realised_pnl, booked_by)
      values (new.user_id, new.broker_account_id, new.symbol, lot.opened_by, lot.owner_key, new.id, new.executed_at,
        sign(lot.quantity) * piece, released, proceeds, proceeds - released, new.id);
      fifo := fifo + proceeds - released;
      untaken := untaken - piece;
      exit when untaken = 0;
    end loop;
  end if;
  if untaken > 0 then
    insert into public.position_lots (
      opened_by, owner_key, user_id, broker_account_id, symbol, opened_at, number, original_quantity, quantity, cost_basis)
    values (new.id, owner, new.user_id, new.broker_account_id, new.symbol, new.executed_at, new.number, sign(signed) * untaken,
      sign(signed) * untaken, new.value_change - private.portion(new.value_change, new.quantity - untaken, new.quantity));
  end if;

  change := private.position_after(book.quantity, book.cost_basis, signed, new.value_change);
  update public.position_books
  set quantity = change.quantity, cost_basis = change.cost_basis, realised_pnl = book.realised_pnl + change.realised,
      fifo_realised_pnl = book.fifo_realised_pnl + fifo, fees = book.fees + new.fee,
      last_event_at = new.executed_at, last_number = new.number
  where broker_account_id = new.broker_account_id and symbol = new.symbol;
  new.realised_pnl := change.realised;
  new.position_quantity := change.quantity;
  new.position_cost := change.cost_basis;

  -- Mostly one owner holds all of it: then what happens to the account's position happens to theirs.
  update public.strategy_positions
  set quantity = change.quantity, cost_basis = change.cost_basis, realised_pnl = realised_pnl + change.realised, fees = fees + new.fee
  where broker_account_id = new.broker_account_id and owner_key = owner and symbol = new.symbol
    and quantity = book.quantity and cost_basis = book.cost_basis;
  if found then
    new.strategy_realised_pnl := change.realised;
  else
    select * into own from public.strategy_positions
    where broker_account_id = new.broker_account_id and owner_key = owner and symbol = new.symbol;
    if found then
      change := private.position_after(own.quantity, own.cost_basis, signed, new.value_change);
      update public.strategy_positions
      set quantity = change.quantity, cost_basis = change.cost_basis, realised_pnl = own.realised_pnl + change.realised,
          fees = own.fees + new.fee
      where broker_account_id = own.broker_account_id and owner_key = own.owner_key and symbol = own.symbol;
      new.strategy_realised_pnl := change.realised;
    else
      insert into public.strategy_positions (
        broker_account_id, owner_key, strategy_id, symbol, user_id, quantity, cost_basis, multiplier, fees)
      values (new.broker_account_id, owner, new.strategy_id, new.symbol, new.user_id, signed, new.value_change, book.multiplier, new.fee);
      new.strategy_realised_pnl := 0;
    end if;
  end if;

  update public.trade_legs
  set filled_quantity = filled_quantity + new.quantity, filled_value = filled_value + new.quantity * new.price, updated_at = now()
  where trade_id = new.trade_id and leg = new.leg;
  return new;
end $$;
comment on function private.book_fill() is
  'A fill, bust or correction moves the account''s position, the strategy''s, the lots and the leg''s counters in its own transaction.';
create trigger book before insert on public.fills for each row execute function private.book_fill();

create function private.book_adjustment() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  rebuilt private.booked;
begin
  perform private.locked_book(new.broker_account_id, new.symbol, new.user_id);
  if exists (select from public.position_adjustments
    where id = new.id or (activity_id = new.activity_id and symbol = new.symbol and kind = new.kind)) then
    perform private.refuse(409, 'DUPLICATE_ADJUSTMENT', 'This adjustment is on record already; apply_activity() applies it once.',
      jsonb_build_object('adjustment', new.id));
  end if;
  rebuilt := private.rebuild(new.broker_account_id, new.symbol, new.user_id, new.id, null, null, new);
  new.realised_pnl := rebuilt.realised;
  new.quantity_change := rebuilt.quantity_change;
  new.value_change := rebuilt.value_change;
  new.position_quantity := rebuilt.quantity;
  new.position_cost := rebuilt.cost;
  return new;
end $$;
comment on function private.book_adjustment() is 'An adjustment moves the account''s position, the strategies'' and the lots in its own transaction.';
create trigger book before insert on public.position_adjustments for each row execute function private.book_adjustment();
