-- Positions, the sum of the fills.

create table public.position_books (
  broker_account_id uuid not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  user_id uuid not null,
  quantity private.amount not null default 0,
  cost_basis private.amount not null default 0,
  multiplier private.amount not null default 1,
  realised_pnl private.amount not null default 0,
  fees private.amount not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (broker_account_id, symbol),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check (quantity <> 0 or cost_basis = 0)
);
comment on table public.position_books is 'The sum of the fills, by account and symbol. Quantity is negative for a short position.';
comment on column public.position_books.cost_basis is 'Exact, in dollars: what the open quantity cost; negative for a short position.';
create index position_books_user on public.position_books (user_id);
create index position_books_symbol on public.position_books (symbol);
create trigger touch before insert or update on public.position_books for each row execute function private.touch();
select private.protect_from_delete('public.position_books');

create table public.strategy_positions (
  broker_account_id uuid not null,
  owner_key text not null,
  strategy_id uuid,
  symbol text not null references public.instruments (symbol) on delete restrict,
  user_id uuid not null,
  quantity private.amount not null default 0,
  cost_basis private.amount not null default 0,
  multiplier private.amount not null default 1,
  realised_pnl private.amount not null default 0,
  fees private.amount not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (broker_account_id, owner_key, symbol),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  check (owner_key = coalesce(strategy_id::text, 'manual')),
  check (quantity <> 0 or cost_basis = 0)
);
comment on table public.strategy_positions is 'The same fills by strategy; owner_key is the strategy''s id, or "manual" for manual and external trades.';
create index strategy_positions_user on public.strategy_positions (user_id);
create index strategy_positions_strategy on public.strategy_positions (strategy_id, user_id);
create index strategy_positions_symbol on public.strategy_positions (symbol);
create trigger touch before insert or update on public.strategy_positions for each row execute function private.touch();
select private.protect_from_delete('public.strategy_positions');

create view public.positions with (security_invoker = true) as
select b.user_id, b.broker_account_id, b.symbol, b.quantity,
  case when b.quantity <> 0 then round(b.cost_basis / (b.quantity * b.multiplier), 10) end as average_entry_price,
  b.cost_basis,
  m.mark, m.marked_at, m.source as mark_source,
  case when b.quantity = 0 then 0 else b.quantity * b.multiplier * m.mark end as market_value,
  case when b.quantity = 0 then 0 else b.quantity * b.multiplier * m.mark - b.cost_basis end as unrealised_pnl,
  b.realised_pnl, b.fees, b.updated_at, b.version
from public.position_books as b
left join public.position_marks as m on m.symbol = b.symbol;
comment on view public.positions is
  'Positions with their latest mark. Market value and unrealised P&L are null where there is no mark: missing stays missing.';

create type private.position_change as (quantity numeric, cost_basis numeric, realised numeric);

create function private.position_after(p_quantity numeric, p_cost numeric, p_signed numeric, p_price numeric, p_multiplier numeric)
returns private.position_change
language plpgsql immutable set search_path = ''
as $$
declare
  result private.position_change;
  closed numeric;
  released numeric;
begin
  if p_quantity = 0 or sign(p_quantity) = sign(p_signed) then
    result := (p_quantity + p_signed, p_cost + p_signed * p_price * p_multiplier, 0);
    return result;
  end if;
  closed := least(abs(p_quantity), abs(p_signed));
  -- Closing all of it releases the exact cost; closing a part releases its share, rounded half away from zero.
  released := case when closed = abs(p_quantity) then p_cost else round(p_cost * closed / abs(p_quantity), 10) end;
  result.realised := round(closed * sign(p_quantity) * p_price * p_multiplier - released, 10);
  result.quantity := p_quantity + p_signed;
  result.cost_basis := case
    when abs(p_signed) > abs(p_quantity) then result.quantity * p_price * p_multiplier
    else p_cost - released end;
  return result;
end $$;
comment on function private.position_after(numeric, numeric, numeric, numeric, numeric) is
  'A position after a signed quantity at a price: opening, adding, reducing, flipping through zero; average cost.';

create function private.add_fill(
  p_before private.position_change, p_signed numeric, p_price numeric, p_multiplier numeric)
returns private.position_change
language plpgsql immutable set search_path = ''
as $$
declare
  result private.position_change := private.position_after(
    p_before.quantity, p_before.cost_basis, p_signed, p_price, p_multiplier);
begin
  result.cost_basis := round(result.cost_basis, 10);
  result.realised := p_before.realised + result.realised;
  return result;
end $$;
comment on function private.add_fill(private.position_change, numeric, numeric, numeric) is
  'One fill more on a position, at the scale at which positions are kept; realised adds up.';

create aggregate private.position_of(p_signed numeric, p_price numeric, p_multiplier numeric) (
  sfunc = private.add_fill, stype = private.position_change, initcond = '(0,0,0)');
comment on aggregate private.position_of(numeric, numeric, numeric) is
  'The position that fills leave behind, walked in their order from nothing: quantity, cost basis, realised.';

create function private.book_fill() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  signed numeric := case new.side when 'buy' then new.quantity else -new.quantity end;
  book public.position_books;
  own public.strategy_positions;
  change private.position_change;
begin
  if new.kind <> 'fill' then
    return new;
  end if;
  insert into public.position_books (broker_account_id, symbol, user_id, multiplier)
  values (new.broker_account_id, new.symbol, new.user_id, new.multiplier) on conflict do nothing;
  select * into book from public.position_books
  where broker_account_id = new.broker_account_id and symbol = new.symbol for update;
  -- Under the position's lock: a doubled fill is refused before it is counted, also where the caller says ON CONFLICT.
  if exists (
    select from public.fills
    where id = new.id
      or (broker_account_id = new.broker_account_id and broker_order_id = new.broker_order_id and leg = new.leg
        and cumulative_quantity = new.cumulative_quantity)) then
    perform private.refuse(409, 'DUPLICATE_FILL', 'This fill is on record already; record_fill() counts it once.',
      jsonb_build_object('broker_order', new.broker_order_id, 'cumulative_quantity', new.cumulative_quantity));
  end if;
  change := private.position_after(book.quantity, book.cost_basis, signed, new.price, new.multiplier);
  update public.position_books
  set quantity = change.quantity, cost_basis = change.cost_basis, realised_pnl = book.realised_pnl + change.realised,
      fees = book.fees + new.fee
  where broker_account_id = new.broker_account_id and symbol = new.symbol;
  new.realised_pnl := change.realised;
  new.position_quantity := change.quantity;
  new.position_cost := change.cost_basis;

  insert into public.strategy_positions (broker_account_id, owner_key, strategy_id, symbol, user_id, multiplier)
  values (new.broker_account_id, coalesce(new.strategy_id::text, 'manual'), new.strategy_id, new.symbol, new.user_id, new.multiplier)
  on conflict do nothing;
  select * into own from public.strategy_positions
  where broker_account_id = new.broker_account_id and owner_key = coalesce(new.strategy_id::text, 'manual')
    and symbol = new.symbol for update;
  change := private.position_after(own.quantity, own.cost_basis, signed, new.price, new.multiplier);
  update public.strategy_positions
  set quantity = change.quantity, cost_basis = change.cost_basis, realised_pnl = own.realised_pnl + change.realised,
      fees = own.fees + new.fee
  where broker_account_id = own.broker_account_id and owner_key = own.owner_key and symbol = own.symbol;
  new.strategy_realised_pnl := change.realised;

  update public.trade_legs
  set filled_quantity = filled_quantity + new.quantity, filled_value = filled_value + new.quantity * new.price, updated_at = now()
  where trade_id = new.trade_id and leg = new.leg;
  return new;
end $$;
comment on function private.book_fill() is 'A fill moves the account''s position, the strategy''s position and the leg''s counters in its own transaction.';
create trigger book before insert on public.fills for each row execute function private.book_fill();

create function public.check_positions() returns jsonb
language sql stable security definer set search_path = ''
as $$
  with executed as (
    select f.*, case f.side when 'buy' then f.quantity else -f.quantity end as signed,
      coalesce(f.strategy_id::text, 'manual') as owner_key
    from public.fills as f where f.kind = 'fill'
  ), by_account as (
    select broker_account_id, symbol, sum(fee) as fees, sum(realised_pnl) as booked,
      private.position_of(signed, price, multiplier order by number) as walked
    from executed group by broker_account_id, symbol
  ), by_owner as (
    select broker_account_id, owner_key, symbol, sum(fee) as fees, sum(strategy_realised_pnl) as booked,
      private.position_of(signed, price, multiplier order by number) as walked
    from executed group by broker_account_id, owner_key, symbol
  ), by_leg as (
    select l.trade_id, l.leg, l.filled_quantity, l.filled_value, t.filled_quantity as trade_filled,
      coalesce(sum(e.quantity), 0) as quantity, coalesce(sum(e.quantity * e.price), 0) as value,
      not exists (select from public.trade_legs as o where o.trade_id = l.trade_id and o.leg <> l.leg) as only_leg
    from public.trade_legs as l
    join public.trades as t on t.id = l.trade_id
    left join executed as e on e.trade_id = l.trade_id and e.leg = l.leg
    group by l.trade_id, l.leg, t.id
  ), wrong as (
    select jsonb_build_object('what', 'position', 'account', coalesce(b.broker_account_id, s.broker_account_id),
      'symbol', coalesce(b.symbol, s.symbol),
      'book', jsonb_build_array(b.quantity::text, b.cost_basis::text, b.realised_pnl::text, b.fees::text),
      'fills', jsonb_build_array((s.walked).quantity::text, (s.walked).cost_basis::text, (s.walked).realised::text, s.fees::text)) as finding
    from public.position_books as b
    full join by_account as s on s.broker_account_id = b.broker_account_id and s.symbol = b.symbol
    where (coalesce(b.quantity, 0), coalesce(b.cost_basis, 0), coalesce(b.realised_pnl, 0), coalesce(b.fees, 0))
        is distinct from (coalesce((s.walked).quantity, 0), coalesce((s.walked).cost_basis, 0), coalesce((s.walked).realised, 0), coalesce(s.fees, 0))
      or coalesce(s.booked, 0) <> coalesce((s.walked).realised, 0)
    union all
    select jsonb_build_object('what', 'strategy position', 'account', coalesce(b.broker_account_id, s.broker_account_id),
      'owner', coalesce(b.owner_key, s.owner_key), 'symbol', coalesce(b.symbol, s.symbol),
      'book', jsonb_build_array(b.quantity::text, b.cost_basis::text, b.realised_pnl::text, b.fees::text),
      'fills', jsonb_build_array((s.walked).quantity::text, (s.walked).cost_basis::text, (s.walked).realised::text, s.fees::text))
    from public.strategy_positions as b
    full join by_owner as s
      on s.broker_account_id = b.broker_account_id and s.owner_key = b.owner_key and s.symbol = b.symbol
    where (coalesce(b.quantity, 0), coalesce(b.cost_basis, 0), coalesce(b.realised_pnl, 0), coalesce(b.fees, 0))
        is distinct from (coalesce((s.walked).quantity, 0), coalesce((s.walked).cost_basis, 0), coalesce((s.walked).realised, 0), coalesce(s.fees, 0))
      or coalesce(s.booked, 0) <> coalesce((s.walked).realised, 0)
    union all
    select jsonb_build_object('what', 'leg', 'trade', trade_id, 'leg', leg, 'counter', filled_quantity::text, 'fills', quantity::text)
    from by_leg
    where filled_quantity <> quantity or filled_value <> value or (only_leg and trade_filled <> quantity)
  )
  select jsonb_build_object('ok', not exists (select from wrong),
    'findings', coalesce((select jsonb_agg(finding) from wrong), '[]'::jsonb))
$$;
comment on function public.check_positions() is
  'Recomputes positions, strategy positions and leg counters from the fills: {"ok", "findings": [...]}.';
grant execute on function public.check_positions() to fn_report;

create function public.watched_symbols(p_most integer default 30) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with needed as (
    select i.symbol, bool_or(n.held) as held, count(*) as wanted_by
    from (
      select unnest(symbols) as symbol, false as held from public.strategies where status = 'active'
      union all
      select symbol, true from public.position_books where quantity <> 0) as n
    join public.instruments as i on i.symbol = n.symbol and i.kind = 'equity'
    group by i.symbol
  ), ranked as (
    -- What is held comes first, then what most strategies need: nobody's list can push a position out.
    select symbol, row_number() over (order by held desc, wanted_by desc, symbol) <= p_most as served from needed
  )
  select jsonb_build_object(
    'symbols', coalesce(jsonb_agg(symbol order by symbol) filter (where served), '[]'::jsonb),
    'left_out', coalesce(jsonb_agg(symbol order by symbol) filter (where not served), '[]'::jsonb))
  from ranked
$$;
comment on function public.watched_symbols(integer) is
  'The shares that an active strategy or an open position needs market data for, at most as many as the feed takes: {"symbols", "left_out"}.';
grant execute on function public.watched_symbols(integer) to fn_ingest;

alter table public.position_books enable row level security;
create policy "a user reads their own positions" on public.position_books for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.strategy_positions enable row level security;
create policy "a user reads positions of their own strategies" on public.strategy_positions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));

grant select on public.position_books, public.strategy_positions, public.positions to authenticated;
