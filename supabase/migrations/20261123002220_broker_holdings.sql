-- What the broker says that an account holds and may do, and how that compares with the books.

create table public.broker_account_rules (
  broker_account_id uuid not null,
  as_of timestamptz not null,
  user_id uuid not null,
  account_number text not null,
  is_paper boolean not null,
  is_margin boolean,
  options_level integer not null check (options_level between 0 and 4),
  may_short boolean not null,
  closing_only boolean not null,
  blocked text check (blocked <> ''),
  recorded_at timestamptz not null default now(),
  primary key (broker_account_id, as_of),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.broker_account_rules is 'What the broker lets an account do, as of event time: a row for each change, append-only.';
comment on column public.broker_account_rules.broker_account_id is 'The account.';
comment on column public.broker_account_rules.as_of is 'When the broker said so, UTC.';
comment on column public.broker_account_rules.user_id is 'Owner of the account.';
comment on column public.broker_account_rules.account_number is 'The broker''s own number of the account.';
comment on column public.broker_account_rules.is_paper is 'Whether the broker says that no real money is in it.';
comment on column public.broker_account_rules.is_margin is 'Whether it trades on margin; null where the broker does not say.';
comment on column public.broker_account_rules.options_level is '0 none, 1 covered calls and cash-secured puts, 2 long options, 3 spreads, 4 uncovered.';
comment on column public.broker_account_rules.may_short is 'Whether it may sell short.';
comment on column public.broker_account_rules.closing_only is 'Whether it may only close what it holds.';
comment on column public.broker_account_rules.blocked is 'Why it may not trade at all; null where it may.';
comment on column public.broker_account_rules.recorded_at is 'When the row was written, UTC.';
create index broker_account_rules_user on public.broker_account_rules (user_id, as_of desc);
select private.protect_append_only('public.broker_account_rules');

create function public.record_account_rules(p_account_id uuid, p_as_of timestamptz, p_rules jsonb) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  newest public.broker_account_rules;
  said public.broker_account_rules;
  broken_constraint text;
  broken_column text;
begin
  -- In one order with whoever else writes what the broker said of the account.
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  select * into newest from public.broker_account_rules where broker_account_id = p_account_id order by as_of desc limit 1;
  said := jsonb_populate_record(newest, coalesce(p_rules, '{}') || jsonb_build_object('as_of', newest.as_of));
  if newest.as_of is not null and (newest is not distinct from said or newest.as_of >= p_as_of) then
    return false;
  end if;
  insert into public.broker_account_rules (broker_account_id, as_of, user_id, account_number, is_paper, is_margin, options_level, may_short, closing_only, blocked)
  values (p_account_id, p_as_of, account.user_id, said.account_number, said.is_paper, said.is_margin, said.options_level, said.may_short, said.closing_only, said.blocked);
  if (said.blocked is not null or said.closing_only) and (newest.blocked is not null or newest.closing_only) is not true then
    perform private.alert(account.user_id, p_account_id, 'ACCOUNT_RESTRICTED', 'warning',
      'The broker restricts this account: it refuses new entries, or all orders. Ask the broker; what is open here is not closed by that.',
      jsonb_build_object('account', p_account_id, 'closing_only', said.closing_only, 'blocked', said.blocked),
      'account-restricted|' || p_account_id || '|' || p_as_of);
  end if;
  return true;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_RULES', 'Rules are an object with account_number, is_paper, options_level (0 to 4), may_short and closing_only.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_account_rules(uuid, timestamptz, jsonb) is
  'Keeps what the broker lets an account do {"account_number", "is_paper", "is_margin", "options_level", "may_short", "closing_only", "blocked"}, where it changed; tells the owner of a restriction.';

create table public.broker_positions (
  broker_account_id uuid not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  user_id uuid not null,
  as_of timestamptz not null,
  quantity private.amount not null,
  average_entry_price private.amount,
  mark private.amount,
  ledger_quantity private.amount not null,
  ledger_number bigint not null default 0,
  differs_since timestamptz,
  looks integer not null default 0 check (looks >= 0),
  break_id uuid references public.reconciliation_breaks (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (broker_account_id, symbol),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check ((quantity = ledger_quantity) = (differs_since is null)),
  check ((differs_since is null) = (looks = 0))
);
comment on table public.broker_positions is 'What the broker last said that an account holds, beside what the books held at that moment. Never a source of positions: those are fills and adjustments.';
comment on column public.broker_positions.broker_account_id is 'The account.';
comment on column public.broker_positions.symbol is 'What is held.';
comment on column public.broker_positions.user_id is 'Owner of the account.';
comment on column public.broker_positions.as_of is 'Event time of the comparison, UTC.';
comment on column public.broker_positions.quantity is 'Shares or contracts at the broker; negative for short, zero once nothing is held.';
comment on column public.broker_positions.average_entry_price is 'Dollars per share or contract unit, as the broker reckons it; null where it holds none.';
comment on column public.broker_positions.mark is 'The broker''s own mark, dollars; null where it says none.';
comment on column public.broker_positions.ledger_quantity is 'What the books held when the two were compared.';
comment on column public.broker_positions.ledger_number is 'The newest fill or adjustment in the books at that moment.';
comment on column public.broker_positions.differs_since is 'Event time of the first comparison that saw the present difference; null where they agree.';
comment on column public.broker_positions.looks is 'How many comparisons in a row have seen it.';
comment on column public.broker_positions.break_id is 'The break that it opened, until they agree again.';
comment on column public.broker_positions.created_at is 'When the row was written, UTC.';
comment on column public.broker_positions.updated_at is 'When the row last changed, UTC.';
comment on column public.broker_positions.version is 'Grows by one with every change of the row.';
create index broker_positions_user on public.broker_positions (user_id);
create index broker_positions_symbol on public.broker_positions (symbol);
create index broker_positions_break on public.broker_positions (break_id) where break_id is not null;
create trigger touch before insert or update on public.broker_positions for each row execute function private.touch();
select private.protect_from_delete('public.broker_positions');

create function public.record_broker_positions(
  p_account_id uuid, p_as_of timestamptz, p_positions jsonb, p_gap_seconds numeric default 0, p_run_id uuid default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  -- A difference that moves with the books is still one, only it may be a fill on its way each time.
  most_looks constant integer := 5;
  account public.broker_accounts;
  told record;
  kept public.broker_positions;
  now_is public.broker_positions;
  same boolean;
  opened integer := 0;
  closed integer := 0;
  differences jsonb := '[]';
  broken_constraint text;
  broken_column text;
begin
  -- A halt may follow: the account's gate is locked before the account, as every order does. The account's lock keeps
  -- fills out while the two are compared.
  perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  if jsonb_typeof(p_positions) is distinct from 'array' or exists (select from jsonb_array_elements(p_positions) as s
      where coalesce(s.value ->> 'symbol', '') = '' or s.value ->> 'quantity' is null) then
    perform private.refuse(422, 'BAD_POSITIONS', 'Positions are a list of {"symbol", "quantity", "average_entry_price", "mark"}.');
  end if;
  for told in
    with said as (
      select s.value ->> 'symbol' as symbol, sum((s.value ->> 'quantity')::numeric) as quantity,
        max((s.value ->> 'average_entry_price')::numeric) as price, max((s.value ->> 'mark')::numeric) as mark
      from jsonb_array_elements(p_positions) as s group by 1
    ), concerned as (
      select symbol from said
      union select b.symbol from public.position_books as b where b.broker_account_id = p_account_id and b.quantity <> 0
      union select p.symbol from public.broker_positions as p
        where p.broker_account_id = p_account_id and (p.quantity <> 0 or p.differs_since is not null)
    )
    select c.symbol, coalesce(said.quantity, 0)::private.amount as quantity, said.price, said.mark,
      coalesce(b.quantity, 0) as booked, coalesce(b.last_number, 0) as number
    from concerned as c left join said on said.symbol = c.symbol
      left join public.position_books as b on b.broker_account_id = p_account_id and b.symbol = c.symbol
    order by c.symbol
  loop
    select * into kept from public.broker_positions where broker_account_id = p_account_id and symbol = told.symbol;
    continue when kept.as_of >= p_as_of; -- An older word changes nothing, and the same one is no second look.
    now_is := kept;
    if told.quantity = told.booked then
      if kept.break_id is not null then
        update public.reconciliation_breaks
        set status = 'closed', resolution = 'The books and the broker agree again.',
            evidence = jsonb_build_object('as_of', p_as_of, 'symbol', told.symbol, 'broker', trim_scale(told.quantity)::text,
              'ledger', trim_scale(told.booked)::text, 'number', told.number)
        where id = kept.break_id and status = 'open';
        closed := closed + 1;
      end if;
      now_is.differs_since := null;
      now_is.looks := 0;
      now_is.break_id := null;
    else
      same := (kept.quantity - kept.ledger_quantity = told.quantity - told.booked) is true;
      if not same then
        now_is.differs_since := p_as_of;
        now_is.looks := 1;
      elsif p_as_of >= kept.differs_since + make_interval(secs => p_gap_seconds) then
        now_is.looks := kept.looks + 1;
      end if;
      -- Both as they were: no fill came between, so none is on its way that explains it. Another difference is another
      -- break, also where the first was explained or its halt lifted.
      if now_is.looks > 1
        and ((kept.quantity = told.quantity and kept.ledger_number = told.number) or now_is.looks >= most_looks)
        and not exists (select from public.reconciliation_breaks as b where b.id = now_is.break_id
          and (b.numbers ->> 'broker')::numeric - (b.numbers ->> 'ledger')::numeric = told.quantity - told.booked) then
        perform private.known_symbol(told.symbol);
        update public.reconciliation_breaks
        set status = 'closed', resolution = 'The difference is another one now, with a break of its own.',
            evidence = jsonb_build_object('as_of', p_as_of, 'symbol', told.symbol, 'broker', trim_scale(told.quantity)::text,
              'ledger', trim_scale(told.booked)::text, 'number', told.number)
        where id = now_is.break_id and status = 'open';
        now_is.break_id := private.open_break(account.user_id, p_account_id, 'position',
          'The broker holds another quantity than its fills and activities add up to. New entries on the account are halted, exits pass; find what is missing, or book an adjustment. It closes when the two agree.',
          jsonb_build_object('symbol', told.symbol, 'broker', trim_scale(told.quantity)::text, 'ledger', trim_scale(told.booked)::text,
            'since', now_is.differs_since),
          'position|' || told.symbol || '|' || now_is.differs_since, told.symbol, true, p_run_id);
        opened := opened + 1;
      end if;
      differences := differences || jsonb_build_array(jsonb_build_object('symbol', told.symbol, 'broker', told.quantity::text,
        'ledger', told.booked::text, 'looks', now_is.looks, 'break', now_is.break_id));
    end if;
    if kept.symbol is null then
      insert into public.broker_positions (broker_account_id, symbol, user_id, as_of, quantity, average_entry_price, mark, ledger_quantity,
        ledger_number, differs_since, looks, break_id)
      values (p_account_id, private.known_symbol(told.symbol), account.user_id, p_as_of, told.quantity, told.price, told.mark, told.booked,
        told.number, now_is.differs_since, coalesce(now_is.looks, 0), now_is.break_id);
    else
      update public.broker_positions
      set as_of = p_as_of, quantity = told.quantity, average_entry_price = told.price, mark = told.mark, ledger_quantity = told.booked,
          ledger_number = told.number, differs_since = now_is.differs_since, looks = now_is.looks, break_id = now_is.break_id
      where broker_account_id = p_account_id and symbol = told.symbol;
    end if;
  end loop;
  return jsonb_build_object('differences', differences, 'opened', opened, 'closed', closed);
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_POSITIONS', 'Positions are a list of {"symbol", "quantity", "average_entry_price", "mark"}; amounts as text.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_broker_positions(uuid, timestamptz, jsonb, numeric, uuid) is
  'Keeps every position that the broker says an account has, and compares with the books. A difference that stands over two looks, p_gap_seconds of event time apart, opens a break and halts entries; agreement closes it. It never books and never trades.';

alter table public.broker_account_rules enable row level security;
create policy "a user reads rules of their own accounts" on public.broker_account_rules for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.broker_positions enable row level security;
create policy "a user reads what brokers hold for them" on public.broker_positions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.broker_account_rules, public.broker_positions to authenticated;
grant execute on function public.record_account_rules(uuid, timestamptz, jsonb),
  public.record_broker_positions(uuid, timestamptz, jsonb, numeric, uuid) to fn_execute;
