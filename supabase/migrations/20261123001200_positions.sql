-- Positions: adjustments and fills, summed by account, by strategy and in lots.

create table public.position_books (
  broker_account_id uuid not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  user_id uuid not null,
  quantity private.amount not null default 0,
  cost_basis private.amount not null default 0,
  multiplier private.amount not null default 1,
  realised_pnl private.amount not null default 0,
  fifo_realised_pnl private.amount not null default 0,
  fees private.amount not null default 0,
  last_event_at timestamptz not null default '-infinity',
  last_number bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (broker_account_id, symbol),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check (quantity <> 0 or cost_basis = 0)
);
comment on table public.position_books is 'Adjustments and fills, summed by account and symbol. Quantity is negative for a short position. Its row lock is the lock of the lots too.';
comment on column public.position_books.broker_account_id is 'The account.';
comment on column public.position_books.symbol is 'What is held.';
comment on column public.position_books.user_id is 'Owner of the account.';
comment on column public.position_books.quantity is 'Shares or contracts; negative for a short position.';
comment on column public.position_books.cost_basis is 'Exact, in dollars: what the open quantity cost; negative for a short position.';
comment on column public.position_books.multiplier is 'Units of the underlying for one share or contract.';
comment on column public.position_books.realised_pnl is 'Dollars realised so far, average cost, fees not deducted.';
comment on column public.position_books.fifo_realised_pnl is 'Dollars realised so far, first in first out, fees not deducted.';
comment on column public.position_books.fees is 'Dollars of fees charged with fills so far.';
comment on column public.position_books.last_event_at is 'Event time of the newest event in it: what comes with an older one is walked in at its place.';
comment on column public.position_books.last_number is 'The number of that event.';
comment on column public.position_books.created_at is 'When the row was written, UTC.';
comment on column public.position_books.updated_at is 'When the row last changed, UTC.';
comment on column public.position_books.version is 'Grows by one with every change of the row.';
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
comment on table public.strategy_positions is 'The same events by strategy; their quantities add up to the account''s, to the last decimal.';
comment on column public.strategy_positions.broker_account_id is 'The account.';
comment on column public.strategy_positions.owner_key is 'The strategy''s id, or manual for manual and external trades.';
comment on column public.strategy_positions.strategy_id is 'The strategy; null for manual.';
comment on column public.strategy_positions.symbol is 'What is held.';
comment on column public.strategy_positions.user_id is 'Owner of the account.';
comment on column public.strategy_positions.quantity is 'Shares or contracts; negative for a short position.';
comment on column public.strategy_positions.cost_basis is 'Exact, in dollars; negative for a short position.';
comment on column public.strategy_positions.multiplier is 'Units of the underlying for one share or contract.';
comment on column public.strategy_positions.realised_pnl is 'Dollars realised so far, average cost, fees not deducted.';
comment on column public.strategy_positions.fees is 'Dollars of fees charged with fills so far.';
comment on column public.strategy_positions.created_at is 'When the row was written, UTC.';
comment on column public.strategy_positions.updated_at is 'When the row last changed, UTC.';
comment on column public.strategy_positions.version is 'Grows by one with every change of the row.';
create index strategy_positions_user on public.strategy_positions (user_id);
create index strategy_positions_strategy on public.strategy_positions (strategy_id, user_id);
create index strategy_positions_symbol on public.strategy_positions (symbol);
create trigger touch before insert or update on public.strategy_positions for each row execute function private.touch();
select private.protect_from_delete('public.strategy_positions');

create table public.position_lots (
  opened_by uuid not null,
  owner_key text not null,
  user_id uuid not null,
  broker_account_id uuid not null,
  symbol text not null,
  opened_at timestamptz not null,
  number bigint not null,
  original_quantity private.amount not null,
  quantity private.amount not null,
  cost_basis private.amount not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (opened_by, owner_key),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check (quantity <> 0 or cost_basis = 0)
);
comment on table public.position_lots is 'First in, first out: what each fill or adjustment has opened, and what is left of it.';
comment on column public.position_lots.opened_by is 'The fill or position adjustment that opened it.';
comment on column public.position_lots.owner_key is 'Who opened it: a strategy''s id, or manual.';
comment on column public.position_lots.user_id is 'Owner of the account.';
comment on column public.position_lots.broker_account_id is 'The account: lots are the account''s, whoever opened them.';
comment on column public.position_lots.symbol is 'What is held.';
comment on column public.position_lots.opened_at is 'Event time of its opening.';
comment on column public.position_lots.number is 'The number of what opened it: decides among lots of one time.';
comment on column public.position_lots.original_quantity is 'Signed, as it was opened; zero where what opened it was taken back.';
comment on column public.position_lots.quantity is 'Signed, what is left, splits counted; zero once it is closed.';
comment on column public.position_lots.cost_basis is 'Exact, in dollars: what is left of its cost; negative for a short lot.';
comment on column public.position_lots.created_at is 'When the row was written, UTC.';
comment on column public.position_lots.updated_at is 'When the row last changed, UTC.';
create index position_lots_open on public.position_lots (broker_account_id, symbol, opened_at, number, owner_key) where quantity <> 0;
create index position_lots_user on public.position_lots (user_id);
create index position_lots_account on public.position_lots (broker_account_id, symbol);
select private.protect_from_delete('public.position_lots');

create table public.lot_closings (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  symbol text not null,
  opened_by uuid not null,
  owner_key text not null,
  closed_by uuid not null,
  closed_at timestamptz not null,
  quantity private.amount not null,
  cost private.amount not null,
  proceeds private.amount not null,
  realised_pnl private.amount not null,
  booked_by uuid not null,
  created_at timestamptz not null default now(),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (opened_by, owner_key) references public.position_lots (opened_by, owner_key) on delete restrict,
  check (realised_pnl = proceeds - cost)
);
comment on table public.lot_closings is
  'What each fill or adjustment has closed of which lot; append-only: where a later word of the broker changes it, a further row says the difference. The sum counts.';
comment on column public.lot_closings.id is 'Key.';
comment on column public.lot_closings.user_id is 'Owner of the account.';
comment on column public.lot_closings.broker_account_id is 'The account.';
comment on column public.lot_closings.symbol is 'What was closed.';
comment on column public.lot_closings.opened_by is 'The lot: what opened it ...';
comment on column public.lot_closings.owner_key is '... and whose it was.';
comment on column public.lot_closings.closed_by is 'The fill or adjustment that closed it.';
comment on column public.lot_closings.closed_at is 'Event time of the closing: the day its P&L belongs to.';
comment on column public.lot_closings.quantity is 'Closed of the lot, signed like the lot.';
comment on column public.lot_closings.cost is 'Dollars that it had cost; of a short lot what it had brought, negative.';
comment on column public.lot_closings.proceeds is 'Dollars received for it; of a short lot what it took to buy it back, negative.';
comment on column public.lot_closings.realised_pnl is 'Proceeds less cost, dollars, fees not deducted.';
comment on column public.lot_closings.booked_by is 'What made this row be written: the closing itself, or the bust, correction, late fill or adjustment that changed it.';
comment on column public.lot_closings.created_at is 'When the row was written, UTC.';
create index lot_closings_account on public.lot_closings (broker_account_id, symbol, closed_at);
create index lot_closings_lot on public.lot_closings (opened_by, owner_key);
create index lot_closings_closed_by on public.lot_closings (closed_by);
create index lot_closings_user on public.lot_closings (user_id, closed_at desc);
select private.protect_append_only('public.lot_closings');

-- Arithmetic -----------------------------------------------------------------------------------------------------------

create function private.portion(p_total numeric, p_part numeric, p_whole numeric) returns numeric
language sql immutable parallel safe set search_path = ''
as $$
  -- div() is exact where "/" rounds by itself first: a number just below a half would be rounded twice.
  select case when p_part = p_whole then p_total
    else sign(p_total) * sign(p_part) * sign(p_whole)
      * div(20000000000 * abs(p_total * p_part) + abs(p_whole), 2 * abs(p_whole)) * 0.0000000001 end
$$;
comment on function private.portion(numeric, numeric, numeric) is
  'p_total x p_part / p_whole, rounded half away from zero at 10 places, exactly. What is given out in parts is given out by running totals: part i is portion(total, s[i], s[n]) - portion(total, s[i-1], s[n]), so that the parts add up to the last decimal.';

create type private.position_change as (quantity numeric, cost_basis numeric, realised numeric);
comment on type private.position_change is 'A position after an event, and what the event realised.';

create function private.position_after(p_quantity numeric, p_cost numeric, p_signed numeric, p_value numeric)
returns private.position_change
language plpgsql immutable set search_path = ''
as $$
declare
  result private.position_change;
  closing_value numeric;
  released numeric;
begin
  result.quantity := p_quantity + p_signed;
  if p_quantity = 0 or sign(p_quantity) = sign(p_signed) then
    result.cost_basis := p_cost + coalesce(p_value, 0);
    result.realised := 0;
  elsif abs(p_signed) <= abs(p_quantity) then
    released := private.portion(p_cost, abs(p_signed), abs(p_quantity));
    result.cost_basis := p_cost - released;
    result.realised := coalesce(-p_value - released, 0);
  else
    -- Through zero: what closes takes its part of the value, what opens the rest.
    closing_value := private.portion(p_value, abs(p_quantity), abs(p_signed));
    result.cost_basis := coalesce(p_value - closing_value, 0);
    result.realised := coalesce(-closing_value - p_cost, 0);
  end if;
  return result;
end $$;
comment on function private.position_after(numeric, numeric, numeric, numeric) is
  'A position (quantity, exact cost) after a signed quantity for a value in dollars (positive: paid): opening, adding, reducing, flipping through zero; average cost. Cost less realised grows by the value, to the last decimal. Without a value what leaves takes its cost along and nothing is realised.';

create view public.positions with (security_invoker = true) as
select b.user_id, b.broker_account_id, b.symbol, b.quantity,
  case when b.quantity <> 0 then (sign(b.cost_basis) * sign(b.quantity)
    * div(20000000000 * abs(b.cost_basis) + abs(b.quantity * b.multiplier), 2 * abs(b.quantity * b.multiplier)) * 0.0000000001)::numeric(28, 10)
  end as average_entry_price,
  b.cost_basis,
  m.mark, m.marked_at, m.source as mark_source,
  case when b.quantity = 0 then 0 else b.quantity * b.multiplier * m.mark end as market_value,
  case when b.quantity = 0 then 0 else b.quantity * b.multiplier * m.mark - b.cost_basis end as unrealised_pnl,
  b.realised_pnl, b.fifo_realised_pnl, b.fees, b.updated_at, b.version
from public.position_books as b
left join public.position_marks as m on m.symbol = b.symbol;
comment on view public.positions is
  'Positions with their latest mark. Market value and unrealised P&L are null where there is no mark: missing stays missing.';

comment on column public.positions.user_id is 'Owner of the account.';
comment on column public.positions.broker_account_id is 'The account.';
comment on column public.positions.symbol is 'What is held.';
comment on column public.positions.quantity is 'Shares or contracts; negative for a short position.';
comment on column public.positions.average_entry_price is 'Cost of one, in dollars, rounded half away from zero at 10 places; null where nothing is held.';
comment on column public.positions.cost_basis is 'Exact, in dollars; negative for a short position.';
comment on column public.positions.mark is 'The price it is valued at, dollars.';
comment on column public.positions.marked_at is 'Event time of the mark.';
comment on column public.positions.mark_source is 'Where the mark came from.';
comment on column public.positions.market_value is 'Quantity x multiplier x mark, dollars; null without a mark.';
comment on column public.positions.unrealised_pnl is 'Market value less cost basis, dollars; null without a mark.';
comment on column public.positions.realised_pnl is 'Dollars realised so far, average cost, fees not deducted.';
comment on column public.positions.fifo_realised_pnl is 'Dollars realised so far, first in first out, fees not deducted.';
comment on column public.positions.fees is 'Dollars of fees charged with fills so far.';
comment on column public.positions.updated_at is 'When the position last changed, UTC.';
comment on column public.positions.version is 'Grows by one with every change of the position.';

create view public.realised_pnl with (security_invoker = true) as
with events as (
  select f.id, f.user_id, f.broker_account_id, f.symbol, f.kind, f.executed_at as at, f.fee, f.realised_pnl from public.fills as f
  union all
  select a.id, a.user_id, a.broker_account_id, a.symbol, a.kind, a.effective_at, 0, a.realised_pnl from public.position_adjustments as a)
select e.id as event_id, e.user_id, e.broker_account_id, e.symbol, e.kind, e.at, e.fee, e.realised_pnl as average_cost_pnl,
  coalesce((select sum(c.realised_pnl) from public.lot_closings as c where c.closed_by = e.id), 0) as fifo_pnl
from events as e;
comment on view public.realised_pnl is
  'Realised P&L of each fill and adjustment both ways, dollars, fees not deducted: by average cost as it was booked (a bust or correction carries the difference), by lots as it is now known. Sum it by day of `at`.';
comment on column public.realised_pnl.event_id is 'The fill or adjustment.';
comment on column public.realised_pnl.user_id is 'Owner of the account.';
comment on column public.realised_pnl.broker_account_id is 'The account.';
comment on column public.realised_pnl.symbol is 'What was moved.';
comment on column public.realised_pnl.kind is 'fill, bust, correction, or the kind of the adjustment.';
comment on column public.realised_pnl.at is 'Event time.';
comment on column public.realised_pnl.fee is 'Dollars charged with it; negative where a bust gave them back.';
comment on column public.realised_pnl.average_cost_pnl is 'Dollars that booking it added to the realised P&L by average cost.';
comment on column public.realised_pnl.fifo_pnl is 'Dollars that its closings of lots have realised.';

create function public.watched_symbols(p_most integer default 30) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with needed as (
    select i.symbol, bool_or(n.held) as held, sum(n.strategies) as wanted_by, min(n.turn) as turn
    from (
      -- Of each trader the symbol that most of their strategies need has the first turn.
      select s.symbol, false as held, count(*) as strategies, row_number() over (partition by s.user_id order by count(*) desc, s.symbol) as turn
      from (select user_id, unnest(symbols) as symbol from public.strategies where status = 'active') as s group by s.user_id, s.symbol
      union all
      -- Of an option the shares that it is on too: exits go by them.
      select h.symbol, true, 1, null from public.position_books as b left join public.instruments as o on o.symbol = b.symbol
      cross join lateral unnest(array[b.symbol, o.underlying]) as h (symbol) where b.quantity <> 0 and h.symbol is not null
      union all
      -- What an option is on decides what becomes of it.
      select i.underlying, true, 1, null
      from public.position_books as b join public.instruments as i on i.symbol = b.symbol and i.kind = 'option' where b.quantity <> 0
      union all
      select symbol, false, 0, null from private.dashboard_watches where until > now()) as n
    join public.instruments as i on i.symbol = n.symbol and i.kind = 'equity'
    group by i.symbol
  ), ranked as (
    -- What is held comes first, then what strategies need, trader by trader in turns and of one turn what most of them
    -- need, then what is only looked at: nobody's list can push a position out, or all that another trader needs, and no
    -- dashboard a strategy.
    select symbol, wanted_by, row_number() over (order by held desc, turn, wanted_by desc, symbol) <= p_most as served from needed
  )
  select jsonb_build_object(
    'symbols', coalesce(jsonb_agg(symbol order by symbol) filter (where served), '[]'::jsonb),
    -- What is only looked at may be left out without anybody being told.
    'left_out', coalesce(jsonb_agg(symbol order by symbol) filter (where not served and wanted_by > 0), '[]'::jsonb))
  from ranked
$$;
comment on function public.watched_symbols(integer) is
  'The shares that an active strategy, an open position or an open dashboard needs market data for, at most as many as the feed takes: {"symbols", "left_out"}.';
grant execute on function public.watched_symbols(integer) to fn_ingest;

alter table public.position_books enable row level security;
create policy "a user reads their own positions" on public.position_books for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.strategy_positions enable row level security;
create policy "a user reads positions of their own strategies" on public.strategy_positions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.position_lots enable row level security;
create policy "a user reads their own lots" on public.position_lots for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.lot_closings enable row level security;
create policy "a user reads closings of their own lots" on public.lot_closings for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));

grant select on public.position_books, public.strategy_positions, public.position_lots, public.lot_closings, public.positions, public.realised_pnl to authenticated;
