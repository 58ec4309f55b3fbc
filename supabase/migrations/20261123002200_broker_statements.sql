-- What the broker says of an account.

create table public.account_snapshots (
  broker_account_id uuid not null,
  as_of timestamptz not null,
  user_id uuid not null,
  cash private.amount not null,
  equity private.amount not null,
  buying_power private.amount,
  options_buying_power private.amount,
  settled_cash private.amount,
  margin_requirement private.amount,
  recorded_at timestamptz not null default now(),
  primary key (broker_account_id, as_of),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.account_snapshots is 'What the broker said of an account: cash, equity and buying power in dollars, as of event time.';
comment on column public.account_snapshots.options_buying_power is 'Dollars for what has no leverage, as the broker reckons; null where it does not say.';
comment on column public.account_snapshots.settled_cash is 'Dollars that a cash account may spend without a good-faith violation; null where the broker does not say.';
comment on column public.account_snapshots.margin_requirement is 'Dollars that keep the positions; null where the broker does not say.';
create index account_snapshots_user on public.account_snapshots (user_id, as_of desc);
select private.protect_append_only('public.account_snapshots');

create function public.record_account_snapshot(
  p_account_id uuid, p_as_of timestamptz, p_cash text, p_equity text, p_buying_power text default null,
  p_options_buying_power text default null, p_settled_cash text default null, p_margin_requirement text default null)
returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  newest public.account_snapshots;
  broken_constraint text;
  broken_column text;
begin
  if not exists (select from public.broker_accounts where id = p_account_id) then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  select * into newest from public.account_snapshots where broker_account_id = p_account_id order by as_of desc limit 1;
  if (newest.cash, newest.equity, newest.buying_power, newest.options_buying_power, newest.settled_cash, newest.margin_requirement)
    is not distinct from (p_cash::numeric, p_equity::numeric, p_buying_power::numeric, p_options_buying_power::numeric, p_settled_cash::numeric,
      p_margin_requirement::numeric) then
    return false;
  end if;
  insert into public.account_snapshots (
    broker_account_id, as_of, user_id, cash, equity, buying_power, options_buying_power, settled_cash, margin_requirement)
  select a.id, p_as_of, a.user_id, p_cash::numeric, p_equity::numeric, p_buying_power::numeric, p_options_buying_power::numeric,
    p_settled_cash::numeric, p_margin_requirement::numeric
  from public.broker_accounts as a where a.id = p_account_id
  on conflict do nothing;
  return found;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_SNAPSHOT', 'Cash, equity, buying powers and margin are dollars, as text.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_account_snapshot(uuid, timestamptz, text, text, text, text, text, text) is 'Keeps what the broker said of an account, where it changed.';

alter table public.account_snapshots enable row level security;
create policy "a user reads snapshots of their own accounts" on public.account_snapshots for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.account_snapshots to authenticated;

grant execute on function public.record_account_snapshot(uuid, timestamptz, text, text, text, text, text, text) to fn_execute;
