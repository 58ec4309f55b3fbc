-- What the broker does to an account besides filling orders: activities as it told them, cash, positions adjusted.

create table public.broker_activities (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  source text not null check (source <> ''),
  external_id text not null check (external_id <> ''),
  kind text not null,
  symbol text,
  occurred_at timestamptz not null,
  activity jsonb not null check (jsonb_typeof(activity) = 'object'),
  state text not null check (state in ('applied', 'waiting', 'unknown', 'unreadable')),
  note text not null default '',
  applied_at timestamptz,
  created_at timestamptz not null default now(),
  unique (broker_account_id, source, external_id),
  unique (id, user_id),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check ((state = 'applied') = (applied_at is not null))
);
comment on table public.broker_activities is 'Account activities as the broker told them, each kept once: also those that nobody here understands.';
comment on column public.broker_activities.id is 'Made from account, source and external id.';
comment on column public.broker_activities.user_id is 'Owner of the account.';
comment on column public.broker_activities.broker_account_id is 'The account it is about.';
comment on column public.broker_activities.source is 'The path it came by: the activity list, the stream.';
comment on column public.broker_activities.external_id is 'The broker''s name of the activity on that path.';
comment on column public.broker_activities.kind is 'dividend, fee, split, expiry and so on, as normalised by the adapter; what is not known is kept as told.';
comment on column public.broker_activities.symbol is 'The instrument, where it is about one; as the broker writes it.';
comment on column public.broker_activities.occurred_at is 'Event time.';
comment on column public.broker_activities.activity is 'All that was told.';
comment on column public.broker_activities.state is 'applied: it is in the books; waiting: it speaks of a fill that is not on record yet; unknown: no such kind; unreadable: see note.';
comment on column public.broker_activities.note is 'Why it is not applied.';
comment on column public.broker_activities.applied_at is 'When it was applied, UTC.';
comment on column public.broker_activities.created_at is 'When the row was written, UTC.';
create index broker_activities_user on public.broker_activities (user_id, occurred_at desc);
create index broker_activities_account on public.broker_activities (broker_account_id, user_id);
create index broker_activities_open on public.broker_activities (broker_account_id, state) where state <> 'applied';

create function private.apply_once() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  happening constant text[] := array['state', 'note', 'applied_at'];
begin
  if tg_op = 'DELETE' or old.state = 'applied' or to_jsonb(new) - happening is distinct from to_jsonb(old) - happening then
    perform private.refuse(409, 'APPEND_ONLY', 'What the broker told is kept as it was told; it is applied once.',
      jsonb_build_object('table', 'public.broker_activities', 'operation', tg_op, 'activity', old.id));
  end if;
  return new;
end $$;
comment on function private.apply_once() is 'An activity stays as it was told and is applied once.';
create trigger apply_once before update or delete on public.broker_activities for each row execute function private.apply_once();
create trigger append_only_truncate before truncate on public.broker_activities for each statement execute function private.forbid_change();

create table public.cash_movements (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  activity_id uuid not null,
  kind text not null check (kind in ('dividend', 'interest', 'fee', 'tax', 'deposit', 'withdrawal')),
  symbol text references public.instruments (symbol) on delete restrict,
  amount private.amount not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (activity_id, user_id) references public.broker_activities (id, user_id) on delete restrict,
  unique (activity_id)
);
comment on table public.cash_movements is 'Money that came or went without a fill: dividends, interest, fees, taxes, deposits, withdrawals.';
comment on column public.cash_movements.id is 'Made from the activity.';
comment on column public.cash_movements.user_id is 'Owner of the account.';
comment on column public.cash_movements.broker_account_id is 'The account.';
comment on column public.cash_movements.activity_id is 'What the broker told.';
comment on column public.cash_movements.kind is 'Why the money moved.';
comment on column public.cash_movements.symbol is 'The instrument that paid, where there is one.';
comment on column public.cash_movements.amount is 'Dollars: positive came in, negative went out.';
comment on column public.cash_movements.occurred_at is 'Event time.';
comment on column public.cash_movements.created_at is 'When the row was written, UTC.';
create index cash_movements_user on public.cash_movements (user_id, occurred_at desc);
create index cash_movements_account on public.cash_movements (broker_account_id, user_id);
create index cash_movements_activity on public.cash_movements (activity_id, user_id);
create index cash_movements_symbol on public.cash_movements (symbol);
select private.protect_append_only('public.cash_movements');

create table public.position_adjustments (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  activity_id uuid not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  kind text not null check (kind in (
    'opening_balance', 'transfer_in', 'transfer_out', 'split', 'cash_in_lieu', 'expiry', 'exercise', 'assignment')),
  owner_key text,
  strategy_id uuid,
  from_adjustment_id uuid references public.position_adjustments (id) on delete restrict,
  quantity private.amount not null default 0,
  amount private.amount not null default 0,
  numerator private.amount check (numerator > 0),
  denominator private.amount check (denominator > 0),
  effective_at timestamptz not null,
  realised_pnl private.amount not null default 0,
  quantity_change private.amount not null default 0,
  value_change private.amount not null default 0,
  position_quantity private.amount not null default 0,
  position_cost private.amount not null default 0,
  number bigint not null default nextval('private.booking_numbers'),
  created_at timestamptz not null default clock_timestamp(),
  unique (id, user_id),
  unique (activity_id, symbol, kind),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (activity_id, user_id) references public.broker_activities (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  constraint an_owner_is_named_whole check (
    (owner_key is null and strategy_id is null) or owner_key = coalesce(strategy_id::text, 'manual')),
  constraint what_comes_in_has_an_owner check (kind not in ('opening_balance', 'transfer_in') or owner_key is not null),
  constraint a_split_has_a_ratio check ((kind = 'split') = (numerator is not null) and (kind = 'split') = (denominator is not null)),
  constraint a_split_moves_nothing check (kind <> 'split' or (quantity = 0 and amount = 0 and owner_key is null)),
  constraint what_moves_has_a_quantity check (kind in ('split', 'expiry') or quantity <> 0),
  constraint an_expiry_is_worth_nothing check (kind <> 'expiry' or amount = 0),
  constraint only_delivery_comes_from_another check (from_adjustment_id is null or (kind in ('exercise', 'assignment') and owner_key is null))
);
comment on table public.position_adjustments is 'What moves a position without a fill; append-only. What each does to account, strategies and lots: docs/ledger.md.';
comment on column public.position_adjustments.id is 'Made from the activity, the symbol and the kind.';
comment on column public.position_adjustments.user_id is 'Owner of the account.';
comment on column public.position_adjustments.broker_account_id is 'The account.';
comment on column public.position_adjustments.activity_id is 'What the broker, or the person who entered it, told.';
comment on column public.position_adjustments.symbol is 'What is moved: an exercise has one row for the option and one for its underlying.';
comment on column public.position_adjustments.kind is 'Why it is moved.';
comment on column public.position_adjustments.owner_key is 'Whose: a strategy''s id, or manual; null: given out over the holders, the oldest lot first.';
comment on column public.position_adjustments.strategy_id is 'The strategy, where one owns all of it.';
comment on column public.position_adjustments.from_adjustment_id is 'Of the delivered underlying: the option''s row; it goes to those whose options these were.';
comment on column public.position_adjustments.quantity is 'Signed change of the position, shares or contracts; zero for a split.';
comment on column public.position_adjustments.amount is 'Dollars paid for it (negative: received): cost of what came in, strike times shares, cash in lieu.';
comment on column public.position_adjustments.numerator is 'Of a split: this many new shares ...';
comment on column public.position_adjustments.denominator is '... for this many old ones.';
comment on column public.position_adjustments.effective_at is 'Event time: the books are walked in the order of event time.';
comment on column public.position_adjustments.realised_pnl is 'Dollars that booking this row added to the account''s realised P&L, average cost.';
comment on column public.position_adjustments.quantity_change is 'What booking this row added to the account''s position.';
comment on column public.position_adjustments.value_change is 'What booking this row added to the account''s cost basis less its realised P&L, dollars.';
comment on column public.position_adjustments.position_quantity is 'The account''s position once this row was booked.';
comment on column public.position_adjustments.position_cost is 'The account''s exact cost basis once this row was booked, dollars.';
comment on column public.position_adjustments.number is 'The order in which fills and adjustments were told; decides among equal times.';
comment on column public.position_adjustments.created_at is 'When the row was written, UTC.';
create index position_adjustments_user on public.position_adjustments (user_id, effective_at desc);
create index position_adjustments_account on public.position_adjustments (broker_account_id, symbol, effective_at, number);
create index position_adjustments_account_user on public.position_adjustments (broker_account_id, user_id);
create index position_adjustments_activity on public.position_adjustments (activity_id, user_id);
create index position_adjustments_strategy on public.position_adjustments (strategy_id, user_id);
create index position_adjustments_symbol on public.position_adjustments (symbol);
create index position_adjustments_from on public.position_adjustments (from_adjustment_id);
select private.protect_append_only('public.position_adjustments');

create table public.position_adjustment_shares (
  id bigint generated always as identity primary key,
  adjustment_id uuid not null,
  user_id uuid not null,
  broker_account_id uuid not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  owner_key text not null,
  quantity private.amount not null,
  amount private.amount not null,
  realised_pnl private.amount not null,
  booked_by uuid not null,
  created_at timestamptz not null default now(),
  -- The share is written while its adjustment is being inserted.
  foreign key (adjustment_id, user_id) references public.position_adjustments (id, user_id) on delete restrict deferrable initially deferred,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.position_adjustment_shares is
  'Who got how much of an adjustment; append-only: where a later word of the broker changes it, a further row says the difference. The sum counts.';
comment on column public.position_adjustment_shares.id is 'Key.';
comment on column public.position_adjustment_shares.adjustment_id is 'The adjustment.';
comment on column public.position_adjustment_shares.user_id is 'Owner of the account.';
comment on column public.position_adjustment_shares.broker_account_id is 'The account.';
comment on column public.position_adjustment_shares.symbol is 'What was moved.';
comment on column public.position_adjustment_shares.owner_key is 'The strategy''s id, or manual.';
comment on column public.position_adjustment_shares.quantity is 'Signed change of the owner''s position.';
comment on column public.position_adjustment_shares.amount is 'Dollars of it (negative: received).';
comment on column public.position_adjustment_shares.realised_pnl is 'Dollars that were added to the owner''s realised P&L, average cost.';
comment on column public.position_adjustment_shares.booked_by is 'The adjustment or fill that made this row be written.';
comment on column public.position_adjustment_shares.created_at is 'When the row was written, UTC.';
create index position_adjustment_shares_adjustment on public.position_adjustment_shares (adjustment_id, user_id);
create index position_adjustment_shares_user on public.position_adjustment_shares (user_id);
create index position_adjustment_shares_owner on public.position_adjustment_shares (broker_account_id, symbol, owner_key);
create index position_adjustment_shares_account on public.position_adjustment_shares (broker_account_id, user_id);
create index position_adjustment_shares_symbol on public.position_adjustment_shares (symbol);
select private.protect_append_only('public.position_adjustment_shares');

alter table public.broker_activities enable row level security;
create policy "a user reads activities of their own accounts" on public.broker_activities for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.cash_movements enable row level security;
create policy "a user reads cash movements of their own accounts" on public.cash_movements for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.position_adjustments enable row level security;
create policy "a user reads adjustments of their own positions" on public.position_adjustments for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.position_adjustment_shares enable row level security;
create policy "a user reads shares of their own adjustments" on public.position_adjustment_shares for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.broker_activities, public.cash_movements, public.position_adjustments, public.position_adjustment_shares to authenticated;
