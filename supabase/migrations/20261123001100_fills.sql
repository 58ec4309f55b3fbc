-- Fills: what the broker executed, took back and corrected.

create sequence private.booking_numbers;
comment on sequence private.booking_numbers is 'The order in which fills and position adjustments were told: one count for both, so that equal times have an order.';

create table public.fills (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  trade_id uuid not null,
  leg integer not null,
  strategy_id uuid,
  kind text not null default 'fill' check (kind in ('fill', 'bust', 'correction')),
  corrects_fill_id uuid references public.fills (id) on delete restrict,
  broker_order_id text not null,
  cumulative_quantity private.amount not null check (cumulative_quantity > 0),
  occurrence integer not null default 0 check (occurrence >= 0),
  execution_id text check (execution_id <> ''),
  symbol text not null references public.instruments (symbol) on delete restrict,
  side text not null check (side in ('buy', 'sell')),
  quantity private.amount not null check (quantity > 0),
  -- An option may be given away for nothing.
  price private.amount not null check (price >= 0),
  fee private.amount not null default 0,
  multiplier private.amount not null default 1 check (multiplier > 0),
  executed_at timestamptz not null,
  source text not null check (source in ('stream', 'activities', 'order')),
  realised_pnl private.amount not null default 0,
  strategy_realised_pnl private.amount not null default 0,
  quantity_change private.amount not null default 0,
  value_change private.amount not null default 0,
  position_quantity private.amount not null default 0,
  position_cost private.amount not null default 0,
  number bigint not null default nextval('private.booking_numbers'),
  -- Not when its transaction began: it may have waited for a report, which then has not seen it.
  created_at timestamptz not null default clock_timestamp(),
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  foreign key (trade_id, leg) references public.trade_legs (trade_id, leg) on delete restrict,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  check ((kind = 'fill') = (corrects_fill_id is null))
);
comment on table public.fills is 'What the broker executed, took back (bust) and corrected: append-only, each counted once whatever the path it came by.';
comment on column public.fills.id is 'Made from account, broker order, leg and what names the execution (cumulative quantity, or execution_id): the same execution is one row.';
comment on column public.fills.user_id is 'Owner of the account.';
comment on column public.fills.broker_account_id is 'The account it happened on.';
comment on column public.fills.trade_id is 'The trade whose order was filled.';
comment on column public.fills.leg is 'The trade''s leg that was filled, from 0.';
comment on column public.fills.strategy_id is 'The strategy whose trade it was; null for manual and external trades.';
comment on column public.fills.kind is 'fill; bust: the broker took one back; correction: the broker says that one had another quantity or price.';
comment on column public.fills.corrects_fill_id is 'Of a bust or correction: the fill it speaks of, always the first row of that execution.';
comment on column public.fills.broker_order_id is 'The broker''s id of the order.';
comment on column public.fills.cumulative_quantity is 'Filled quantity of the order leg after this fill, as told: with account, order and leg it names the fill where execution_id is null.';
comment on column public.fills.occurrence is 'How many busted fills had the same name before: a busted quantity may be filled anew.';
comment on column public.fills.execution_id is 'The broker''s own id of the execution, where it is the same on every path: with account, order and leg it names the fill. Else null.';
comment on column public.fills.symbol is 'What was bought or sold.';
comment on column public.fills.side is 'buy or sell; of a bust, the side of what was taken back.';
comment on column public.fills.quantity is 'Shares or contracts; of a bust what is taken back, of a correction what it is now.';
comment on column public.fills.price is 'Dollars per share or contract unit; of a correction what it is now.';
comment on column public.fills.fee is 'Dollars charged for it; a bust gives its fill''s back (negative), a correction leaves them.';
comment on column public.fills.multiplier is 'Units of the underlying for one share or contract, as booked.';
comment on column public.fills.executed_at is 'Event time: when it was executed, taken back or corrected.';
comment on column public.fills.source is 'The path it came by first: stream, activities or order.';
comment on column public.fills.realised_pnl is 'Dollars that booking this row added to the account''s realised P&L, average cost, fees not deducted.';
comment on column public.fills.strategy_realised_pnl is 'Dollars that booking this row added to the strategy''s realised P&L, average cost, fees not deducted.';
comment on column public.fills.quantity_change is 'What booking this row added to the account''s position, shares or contracts.';
comment on column public.fills.value_change is 'What booking this row added to the account''s cost basis less its realised P&L: dollars paid, negative for received.';
comment on column public.fills.position_quantity is 'The account''s position once this row was booked.';
comment on column public.fills.position_cost is 'The account''s exact cost basis once this row was booked, dollars; negative for a short position.';
comment on column public.fills.number is 'The order in which fills and adjustments were told; decides among equal times.';
comment on column public.fills.created_at is 'When the row was written, UTC.';
create unique index fills_execution on public.fills (broker_account_id, broker_order_id, leg, cumulative_quantity, occurrence)
  where kind = 'fill' and execution_id is null;
create unique index fills_named_execution on public.fills (broker_account_id, broker_order_id, leg, execution_id)
  where kind = 'fill' and execution_id is not null;
create index fills_user on public.fills (user_id, executed_at desc);
create index fills_trade on public.fills (trade_id, leg);
create index fills_account_symbol on public.fills (broker_account_id, symbol, executed_at, number);
create index fills_corrects on public.fills (corrects_fill_id) where corrects_fill_id is not null;
create index fills_symbol on public.fills (symbol);
select private.protect_append_only('public.fills');

create table public.fill_aliases (
  broker_account_id uuid not null,
  source text not null,
  external_id text not null,
  fill_id uuid not null references public.fills (id) on delete restrict,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (broker_account_id, source, external_id),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.fill_aliases is 'Other names of a fill: the stream and the activity list number the same execution differently.';
comment on column public.fill_aliases.broker_account_id is 'The account of the fill.';
comment on column public.fill_aliases.source is 'The path that uses this name.';
comment on column public.fill_aliases.external_id is 'The broker''s name of the execution on that path.';
comment on column public.fill_aliases.fill_id is 'The fill.';
comment on column public.fill_aliases.user_id is 'Owner of the account.';
comment on column public.fill_aliases.created_at is 'When the row was written, UTC.';
create index fill_aliases_fill on public.fill_aliases (fill_id);
create index fill_aliases_user on public.fill_aliases (user_id);
select private.protect_append_only('public.fill_aliases');

create function private.value_of(p_signed numeric, p_price numeric, p_multiplier numeric) returns numeric
language sql immutable parallel safe set search_path = ''
as $$ select round(p_signed * p_price * p_multiplier, 10) $$;
comment on function private.value_of(numeric, numeric, numeric) is 'Dollars paid for a signed quantity (negative: received), at the scale of the books.';

alter table public.fills enable row level security;
create policy "a user reads their own fills" on public.fills for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.fill_aliases enable row level security;
create policy "a user reads aliases of their own fills" on public.fill_aliases for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));

grant select on public.fills, public.fill_aliases to authenticated;
