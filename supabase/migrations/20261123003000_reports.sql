-- Daily profit and loss: a correction is a new version, the row shows the latest.

create table public.daily_pnl_reports (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  report_date date not null,
  realised_pnl private.amount not null,
  realised_pnl_fifo private.amount not null,
  unrealised_pnl private.amount,
  fees private.amount not null,
  total_pnl private.amount,
  starting_cash private.amount,
  ending_cash private.amount,
  dividends private.amount not null default 0,
  interest private.amount not null default 0,
  deposits private.amount not null default 0 check (deposits >= 0),
  withdrawals private.amount not null default 0 check (withdrawals >= 0),
  transfers private.amount not null default 0,
  starting_equity private.amount,
  ending_equity private.amount,
  daily_return private.amount,
  growth private.amount,
  drawdown private.amount check (drawdown between 0 and 1),
  trades integer not null,
  fills integer not null,
  closed_at timestamptz not null,
  report_version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (broker_account_id, report_date),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.daily_pnl_reports is 'One row per account and session: dollars.';
comment on column public.daily_pnl_reports.id is 'Made from account and date: a session has one report per account.';
comment on column public.daily_pnl_reports.user_id is 'Owner.';
comment on column public.daily_pnl_reports.broker_account_id is 'The account.';
comment on column public.daily_pnl_reports.report_date is 'The session, New York date.';
comment on column public.daily_pnl_reports.realised_pnl is 'Realised by average cost since the end of the last session''s day, dollars, fees not deducted.';
comment on column public.daily_pnl_reports.realised_pnl_fifo is 'The same by lots, first in first out, dollars.';
comment on column public.daily_pnl_reports.unrealised_pnl is 'Open positions at the session''s closing bar against their cost, dollars; null where a closing price is missing.';
comment on column public.daily_pnl_reports.fees is 'Fees of the same span, dollars: of fills, and what the broker charged or withheld by itself.';
comment on column public.daily_pnl_reports.total_pnl is 'Realised, dividends and interest less fees, plus the change of the unrealised since the previous report (since zero where there is none), dollars. Deposits, withdrawals and transfers are no profit.';
comment on column public.daily_pnl_reports.starting_cash is 'What the broker said at the opening, dollars; null where it had said nothing.';
comment on column public.daily_pnl_reports.ending_cash is 'What the broker said last on that day, dollars.';
comment on column public.daily_pnl_reports.dividends is 'Dividends booked in the span, dollars; negative where shorts paid them.';
comment on column public.daily_pnl_reports.interest is 'Interest booked in the span, dollars; negative where it was paid.';
comment on column public.daily_pnl_reports.deposits is 'Dollars that were paid in, in the span.';
comment on column public.daily_pnl_reports.withdrawals is 'Dollars that were paid out, in the span; not negative.';
comment on column public.daily_pnl_reports.transfers is 'Positions that came (positive) or went without a trade, in the span, at their cost in dollars.';
comment on column public.daily_pnl_reports.starting_equity is 'Where the previous report ended, dollars; cash at the opening where there is none and nothing was booked before; null where that is not known.';
comment on column public.daily_pnl_reports.ending_equity is 'Cash at the end plus what is held at the session''s closing bar, dollars; null where one of them is not known.';
comment on column public.daily_pnl_reports.daily_return is 'Time-weighted: (ending equity + what went out) / (starting equity + what came in) - 1, a fraction; what comes in counts from the opening, what goes out until the end. Null where it is not known.';
comment on column public.daily_pnl_reports.growth is 'What one dollar of the first report''s beginning has become, the daily returns chained; null from a day on whose return is not known.';
comment on column public.daily_pnl_reports.drawdown is 'How far growth is below its highest so far (at least 1), a fraction from 0 to 1.';
comment on column public.daily_pnl_reports.trades is 'Trades with fills in the span.';
comment on column public.daily_pnl_reports.fills is 'Fills in the span.';
comment on column public.daily_pnl_reports.closed_at is 'When the session closed, UTC.';
comment on column public.daily_pnl_reports.report_version is 'Grows with every correction; every version is kept.';
comment on column public.daily_pnl_reports.created_at is 'When the row was written, UTC.';
comment on column public.daily_pnl_reports.updated_at is 'When the row last changed, UTC.';
comment on column public.daily_pnl_reports.version is 'Grows by one with every change of the row.';
create index daily_pnl_reports_user on public.daily_pnl_reports (user_id, report_date desc);
create trigger touch before insert or update on public.daily_pnl_reports for each row execute function private.touch();
select private.audit_changes('public.daily_pnl_reports');
select private.protect_from_delete('public.daily_pnl_reports');

create table public.daily_pnl_report_versions (
  report_id uuid not null references public.daily_pnl_reports (id) on delete restrict,
  report_version integer not null,
  user_id uuid not null references auth.users (id) on delete restrict,
  report jsonb not null,
  written_at timestamptz not null default now(),
  primary key (report_id, report_version)
);
comment on table public.daily_pnl_report_versions is 'Every version of every report.';
comment on column public.daily_pnl_report_versions.report_id is 'The report.';
comment on column public.daily_pnl_report_versions.report_version is 'Its version.';
comment on column public.daily_pnl_report_versions.user_id is 'Owner.';
comment on column public.daily_pnl_report_versions.report is 'The report''s row as it was.';
comment on column public.daily_pnl_report_versions.written_at is 'When it was written, UTC.';
create index daily_pnl_report_versions_user on public.daily_pnl_report_versions (user_id);
select private.protect_append_only('public.daily_pnl_report_versions');

create table public.daily_pnl_report_details (
  report_id uuid not null,
  report_version integer not null,
  user_id uuid not null,
  broker_account_id uuid not null,
  owner_key text not null,
  strategy_id uuid,
  symbol text not null references public.instruments (symbol) on delete restrict,
  quantity private.amount not null,
  cost_basis private.amount not null,
  close private.amount,
  realised_pnl private.amount not null,
  unrealised_pnl private.amount,
  fees private.amount not null,
  created_at timestamptz not null default now(),
  primary key (report_id, report_version, owner_key, symbol),
  foreign key (report_id, report_version) references public.daily_pnl_report_versions (report_id, report_version) on delete restrict,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  check (owner_key = coalesce(strategy_id::text, 'manual'))
);
comment on table public.daily_pnl_report_details is 'Each report by strategy and symbol; of every version.';
comment on column public.daily_pnl_report_details.report_id is 'The report.';
comment on column public.daily_pnl_report_details.report_version is 'Its version.';
comment on column public.daily_pnl_report_details.user_id is 'Owner.';
comment on column public.daily_pnl_report_details.broker_account_id is 'The account.';
comment on column public.daily_pnl_report_details.owner_key is 'Whose share: the strategy''s id, or "manual".';
comment on column public.daily_pnl_report_details.strategy_id is 'The strategy; null for manual and external trades.';
comment on column public.daily_pnl_report_details.symbol is 'What was traded or held.';
comment on column public.daily_pnl_report_details.quantity is 'Held at the end, signed shares or contracts.';
comment on column public.daily_pnl_report_details.cost_basis is 'What that cost, dollars; negative for a short position.';
comment on column public.daily_pnl_report_details.close is 'Close of the session''s last bar, dollars; null where there is none.';
comment on column public.daily_pnl_report_details.realised_pnl is 'Realised by average cost in the span, dollars, fees not deducted.';
comment on column public.daily_pnl_report_details.unrealised_pnl is 'At the close against the cost, dollars; null where the close is missing.';
comment on column public.daily_pnl_report_details.fees is 'Fees in the span, dollars.';
comment on column public.daily_pnl_report_details.created_at is 'When it was written, UTC.';
create index daily_pnl_report_details_user on public.daily_pnl_report_details (user_id);
create index daily_pnl_report_details_account on public.daily_pnl_report_details (broker_account_id, user_id);
create index daily_pnl_report_details_strategy on public.daily_pnl_report_details (strategy_id, user_id);
create index daily_pnl_report_details_symbol on public.daily_pnl_report_details (symbol);
select private.protect_append_only('public.daily_pnl_report_details');

create type private.day_line as (
  what text, owner_key text, symbol text, quantity numeric, cost_basis numeric, close numeric, realised numeric, fifo numeric,
  unrealised numeric, fees numeric);
comment on type private.day_line is 'One line of an account''s day: what is held of a symbol, and what was realised in it.';

create function private.books_between(
  p_account_id uuid, p_from timestamptz, p_until timestamptz, p_opens_at timestamptz, p_closes_at timestamptz)
returns setof private.day_line
language sql stable set search_path = ''
as $$
  -- As the books stood at both ends: what is told later, or in another order, changes nothing of how a day is counted,
  -- and days add up.
  with touched as (
    select b.symbol, b.multiplier from public.position_books as b
    where b.broker_account_id = p_account_id and (
      b.quantity <> 0
      or exists (select from public.fills as f
        where f.broker_account_id = p_account_id and f.symbol = b.symbol and f.executed_at >= p_from)
      or exists (select from public.position_adjustments as a
        where a.broker_account_id = p_account_id and a.symbol = b.symbol and a.effective_at >= p_from))
  ), lines as (
    select t.symbol as of_symbol, t.multiplier, e.part, l.*
    from touched as t
    cross join lateral (values ('before', p_from), ('after', p_until)) as e (part, until)
    cross join lateral private.walk(p_account_id, t.symbol, p_until => e.until) as l
    where l.what in ('account', 'owner', 'closing')
  ), summed as (
    select x.what, x.owner_key, x.of_symbol as symbol, max(x.multiplier) as multiplier,
      coalesce(sum(x.quantity) filter (where x.part = 'after'), 0) as quantity,
      coalesce(sum(x.cost) filter (where x.part = 'after'), 0) as cost_basis,
      coalesce(sum(case x.part when 'after' then x.realised else -x.realised end), 0) as realised,
      coalesce(sum(case x.part when 'after' then x.fees else -x.fees end), 0) as fees
    from lines as x where x.what <> 'closing' group by 1, 2, 3
  ), lots as (
    select x.of_symbol as symbol, sum(case x.part when 'after' then x.proceeds - x.cost else x.cost - x.proceeds end) as fifo
    from lines as x where x.what = 'closing' group by 1
  )
  select s.what, s.owner_key, s.symbol, s.quantity, s.cost_basis, b.close, s.realised,
    case when s.what = 'account' then coalesce(l.fifo, 0) end,
    case when s.quantity = 0 then 0 else s.quantity * s.multiplier * b.close - s.cost_basis end, s.fees
  from summed as s
  left join lots as l on l.symbol = s.symbol
  left join lateral (
    select bar.close from public.bars as bar
    where bar.symbol = s.symbol and bar.ends_at <= p_closes_at and bar.starts_at >= p_opens_at
    order by bar.ends_at desc limit 1) as b on true
$$;
comment on function private.books_between(uuid, timestamptz, timestamptz, timestamptz, timestamptz) is
  'What a span of event time did to an account''s books, by symbol (what = account) and by owner and symbol (what = owner): quantity and cost at its end, realised both ways and fees, unrealised at the last bar of the session (null where there is none). Dollars.';

create function public.sessions_to_report(p_now timestamptz, p_offset_minutes integer) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('date', c.session_date, 'opens_at', c.opens_at, 'closes_at', c.closes_at)
    order by c.session_date), '[]'::jsonb)
  from public.market_calendar as c
  where c.closes_at + make_interval(mins => p_offset_minutes) <= p_now
    -- A missed run is caught up, as far back as a week.
    and c.closes_at > p_now - interval '7 days'
    -- Reported once, and again where a fill or an adjustment of its day, or of an earlier one, was told, taken back or
    -- corrected after the report.
    and not exists (select from private.inbox as i where i.consumer = 'daily_pnl'
      and i.event_id = private.named_uuid('session-report|' || c.session_date)
      and not exists (select from public.fills as f left join public.fills as o on o.id = f.corrects_fill_id
        where f.created_at >= i.handled_at
          and (coalesce(o.executed_at, f.executed_at) at time zone 'America/New_York')::date <= c.session_date)
      and not exists (select from public.cash_movements as m
        where m.created_at >= i.handled_at and (m.occurred_at at time zone 'America/New_York')::date <= c.session_date)
      and not exists (select from public.position_adjustments as a
        where a.created_at >= i.handled_at and (a.effective_at at time zone 'America/New_York')::date <= c.session_date))
$$;
comment on function public.sessions_to_report(timestamptz, integer) is 'Sessions that closed at least the offset ago and whose reports are not done.';

create function public.write_daily_report(p_account_id uuid, p_date date) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  unsaid constant text[] := array['user_id', 'broker_account_id', 'report_date', 'closed_at', 'report_version', 'created_at', 'updated_at', 'version'];
  account public.broker_accounts;
  market_day public.market_calendar;
  made public.daily_pnl_reports;
  kept public.daily_pnl_reports;
  before numeric := 0;
  begins_at timestamptz;
  ends_at timestamptz;
  details private.day_line[];
  held numeric;
  peak numeric;
  earlier public.daily_pnl_reports;
begin
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  -- Under the account's lock: what is told from this moment on may not be in the report. See finish_session_report().
  insert into private.inbox (consumer, event_id, handled_at)
  values ('daily_pnl_begun', private.named_uuid('session-report|' || p_date), clock_timestamp()) on conflict do nothing;
  select * into market_day from public.market_calendar where session_date = p_date;
  if not found then
    perform private.refuse(422, 'NO_SESSION', 'There was no session on that date; sync the market calendar if there was.', jsonb_build_object('date', p_date));
  end if;

  -- A report reaches from the end of the last session's New York day to the end of its own: what happens after a close or
  -- on a weekend, as an expiry does, belongs to exactly one.
  ends_at := (p_date + 1)::timestamp at time zone 'America/New_York';
  select coalesce((max(session_date) + 1)::timestamp at time zone 'America/New_York', '-infinity') into begins_at
  from public.market_calendar where session_date < p_date;
  -- Before the first word of the broker there is nothing to report, and nothing is invented.
  if not exists (select from public.account_snapshots where broker_account_id = p_account_id and as_of < ends_at)
    and not exists (select from public.fills where broker_account_id = p_account_id and executed_at < ends_at)
    and not exists (select from public.position_adjustments where broker_account_id = p_account_id and effective_at < ends_at) then
    return jsonb_build_object('report_id', null, 'report_version', null, 'changed', false);
  end if;

  made.id := private.named_uuid('report|' || p_account_id || '|' || p_date);
  details := array(
    select d from private.books_between(p_account_id, begins_at, ends_at, market_day.opens_at, market_day.closes_at) as d
    where d.quantity <> 0 or d.realised <> 0 or d.fees <> 0 or d.fifo <> 0);
  select coalesce(sum(d.realised), 0), coalesce(sum(d.fifo), 0), coalesce(sum(d.fees), 0),
    case when bool_or(d.unrealised is null) then null else coalesce(sum(d.unrealised), 0) end,
    case when bool_or(d.unrealised is null) then null else coalesce(sum(d.cost_basis + d.unrealised), 0) end
  into made.realised_pnl, made.realised_pnl_fifo, made.fees, made.unrealised_pnl, held
  from unnest(details) as d where d.what = 'account';
  select count(*), count(distinct trade_id) into made.fills, made.trades
  from public.fills
  where broker_account_id = p_account_id and kind = 'fill' and executed_at >= begins_at and executed_at < ends_at;

  select made.fees - coalesce(sum(c.amount) filter (where c.kind in ('fee', 'tax')), 0),
    coalesce(sum(c.amount) filter (where c.kind = 'dividend'), 0), coalesce(sum(c.amount) filter (where c.kind = 'interest'), 0),
    coalesce(sum(c.amount) filter (where c.kind = 'deposit'), 0), coalesce(-sum(c.amount) filter (where c.kind = 'withdrawal'), 0)
  into made.fees, made.dividends, made.interest, made.deposits, made.withdrawals
  from public.cash_movements as c
  where c.broker_account_id = p_account_id and c.occurred_at >= begins_at and c.occurred_at < ends_at;
  select coalesce(sum(a.value_change), 0) into made.transfers
  from public.position_adjustments as a
  where a.broker_account_id = p_account_id and a.kind in ('opening_balance', 'transfer_in', 'transfer_out')
    and a.effective_at >= begins_at and a.effective_at < ends_at;

  -- Where there is no earlier report the change is from zero; where that report does not know, neither does this one.
  select * into earlier from public.daily_pnl_reports
  where broker_account_id = p_account_id and report_date < p_date order by report_date desc limit 1;
  before := case when earlier.id is not null then earlier.unrealised_pnl else 0 end;
  made.total_pnl := made.realised_pnl + made.dividends + made.interest - made.fees + made.unrealised_pnl - before;

  select cash into made.starting_cash from public.account_snapshots
  where broker_account_id = p_account_id and as_of <= market_day.opens_at order by as_of desc limit 1;
  if made.starting_cash is null then
    select cash into made.starting_cash from public.account_snapshots
    where broker_account_id = p_account_id and (as_of at time zone 'America/New_York')::date = p_date order by as_of limit 1;
  end if;
  select cash into made.ending_cash from public.account_snapshots
  where broker_account_id = p_account_id and (as_of at time zone 'America/New_York')::date <= p_date order by as_of desc limit 1;

  made.starting_equity := case when earlier.id is not null then earlier.ending_equity
    when not exists (select from public.fills where broker_account_id = p_account_id and executed_at < begins_at)
      and not exists (select from public.position_adjustments where broker_account_id = p_account_id and effective_at < begins_at)
    then made.starting_cash end;
  made.ending_equity := made.ending_cash + held;
  -- Modified Dietz of one day with the flows at its ends: GIPS allows it, and it never divides by too little.
  made.daily_return := round((made.ending_equity + made.withdrawals + greatest(-made.transfers, 0))
    / nullif(greatest(made.starting_equity + made.deposits + greatest(made.transfers, 0), 0), 0) - 1, 10);
  -- An account that held something before its first report begins to grow where that report ends.
  made.growth := round(case when earlier.id is not null then earlier.growth * (1 + made.daily_return)
    when made.starting_equity is null and made.ending_equity is not null then 1 else 1 + made.daily_return end, 10);
  select max(growth) into peak from public.daily_pnl_reports where broker_account_id = p_account_id and report_date < p_date;
  made.drawdown := case when made.growth is not null then round(1 - greatest(made.growth, 0) / greatest(peak, made.growth, 1), 10) end;

  select * into kept from public.daily_pnl_reports where id = made.id for update;
  -- The row as it would be, were it written: whatever a column is, a change of it is a new version.
  if kept.id is not null and to_jsonb(made) - unsaid = to_jsonb(kept) - unsaid then
    return jsonb_build_object('report_id', kept.id, 'report_version', kept.report_version, 'changed', false);
  end if;
  insert into public.daily_pnl_reports as r (
    id, user_id, broker_account_id, report_date, realised_pnl, realised_pnl_fifo, unrealised_pnl, fees, total_pnl, starting_cash, ending_cash,
    dividends, interest, deposits, withdrawals, transfers, starting_equity, ending_equity, daily_return, growth, drawdown, trades, fills, closed_at)
  values (made.id, account.user_id, p_account_id, p_date, made.realised_pnl, made.realised_pnl_fifo, made.unrealised_pnl, made.fees, made.total_pnl,
    made.starting_cash, made.ending_cash, made.dividends, made.interest, made.deposits, made.withdrawals, made.transfers, made.starting_equity,
    made.ending_equity, made.daily_return, made.growth, made.drawdown, made.trades, made.fills, market_day.closes_at)
  on conflict (id) do update
  set realised_pnl = excluded.realised_pnl, realised_pnl_fifo = excluded.realised_pnl_fifo, unrealised_pnl = excluded.unrealised_pnl, fees = excluded.fees,
      total_pnl = excluded.total_pnl, starting_cash = excluded.starting_cash, ending_cash = excluded.ending_cash,
      dividends = excluded.dividends, interest = excluded.interest, deposits = excluded.deposits, withdrawals = excluded.withdrawals,
      transfers = excluded.transfers, starting_equity = excluded.starting_equity, ending_equity = excluded.ending_equity,
      daily_return = excluded.daily_return, growth = excluded.growth, drawdown = excluded.drawdown,
      trades = excluded.trades, fills = excluded.fills, report_version = r.report_version + 1
  returning * into kept;
  insert into public.daily_pnl_report_versions (report_id, report_version, user_id, report)
  values (kept.id, kept.report_version, kept.user_id, to_jsonb(kept));
  insert into public.daily_pnl_report_details (
    report_id, report_version, user_id, broker_account_id, owner_key, strategy_id, symbol, quantity, cost_basis, close,
    realised_pnl, unrealised_pnl, fees)
  select kept.id, kept.report_version, kept.user_id, p_account_id, d.owner_key,
    case when d.owner_key <> 'manual' then d.owner_key::uuid end, d.symbol, d.quantity, d.cost_basis, d.close, d.realised,
    d.unrealised, d.fees
  from unnest(details) as d where d.what = 'owner';
  perform private.emit('report-events', 'report.written', p_account_id::text, market_day.closes_at,
    jsonb_build_object('report_id', kept.id, 'user_id', kept.user_id, 'broker_account_id', p_account_id, 'report_date', p_date,
      'report_version', kept.report_version),
    'report|' || kept.id || '|' || kept.report_version);
  return jsonb_build_object('report_id', kept.id, 'report_version', kept.report_version, 'changed', true);
end $$;
comment on function public.write_daily_report(uuid, date) is 'Writes the session''s report of one account from fills, closing bars and snapshots. Running it again changes nothing unless the books changed. No report for a session before the broker first spoke of the account.';

create function public.finish_session_report(p_date date) returns boolean
language sql security definer set search_path = ''
as $$
  with begun as (
    delete from private.inbox
    where consumer = 'daily_pnl_begun' and event_id = private.named_uuid('session-report|' || p_date) returning handled_at
  )
  insert into private.inbox as i (consumer, event_id, handled_at)
  values ('daily_pnl', private.named_uuid('session-report|' || p_date), coalesce((select handled_at from begun), clock_timestamp()))
  on conflict (consumer, event_id) do update set handled_at = excluded.handled_at
  returning xmax = 0
$$;
comment on function public.finish_session_report(date) is 'Says that every account''s report of the session is written; true the first time. It counts from the moment the first of them began: what was told after that makes the session due again.';

grant execute on function public.sessions_to_report(timestamptz, integer), public.write_daily_report(uuid, date),
  public.finish_session_report(date), public.trading_accounts() to fn_report;

alter table public.daily_pnl_reports enable row level security;
create policy "a user reads their own reports" on public.daily_pnl_reports for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.daily_pnl_report_versions enable row level security;
create policy "a user reads versions of their own reports" on public.daily_pnl_report_versions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.daily_pnl_report_details enable row level security;
create policy "a user reads details of their own reports" on public.daily_pnl_report_details for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.daily_pnl_reports, public.daily_pnl_report_versions, public.daily_pnl_report_details to authenticated;
