-- Fills: what the broker executed.

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
  symbol text not null references public.instruments (symbol) on delete restrict,
  side text not null check (side in ('buy', 'sell')),
  quantity private.amount not null check (quantity > 0),
  price private.amount not null check (price > 0),
  fee private.amount not null default 0,
  multiplier private.amount not null default 1,
  executed_at timestamptz not null,
  source text not null check (source in ('stream', 'activities', 'order')),
  realised_pnl private.amount not null,
  strategy_realised_pnl private.amount not null,
  position_quantity private.amount not null,
  position_cost private.amount not null,
  number bigint generated always as identity,
  created_at timestamptz not null default now(),
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  foreign key (trade_id, leg) references public.trade_legs (trade_id, leg) on delete restrict,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  unique (broker_account_id, broker_order_id, leg, cumulative_quantity),
  check ((kind = 'fill') = (corrects_fill_id is null))
);
comment on table public.fills is 'What the broker executed: append-only, each counted once whatever the path it came by.';
comment on column public.fills.cumulative_quantity is 'Filled quantity of the order leg after this fill: with account, order and leg it names the fill.';
comment on column public.fills.realised_pnl is 'Dollars realised by this fill in the account''s position, average cost, fees not deducted.';
comment on column public.fills.position_quantity is 'The account''s position after this fill.';
comment on column public.fills.position_cost is 'The account''s exact cost basis after this fill, dollars; negative for a short position.';
create index fills_user on public.fills (user_id, executed_at desc);
create index fills_trade on public.fills (trade_id, leg);
create index fills_account_symbol on public.fills (broker_account_id, symbol, number desc);
create index fills_account_user on public.fills (broker_account_id, user_id);
create index fills_corrects on public.fills (corrects_fill_id);
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
create index fill_aliases_fill on public.fill_aliases (fill_id);
create index fill_aliases_user on public.fill_aliases (user_id);
create index fill_aliases_account on public.fill_aliases (broker_account_id, user_id);
select private.protect_append_only('public.fill_aliases');

alter table public.fills enable row level security;
create policy "a user reads their own fills" on public.fills for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.fill_aliases enable row level security;
create policy "a user reads aliases of their own fills" on public.fill_aliases for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));

grant select on public.fills, public.fill_aliases to authenticated;
