-- Daily profit and loss: a correction is a new version, the row shows the latest.

create table public.daily_pnl_reports (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  report_date date not null,
  realised_pnl private.amount not null,
  unrealised_pnl private.amount,
  fees private.amount not null,
  total_pnl private.amount,
  starting_cash private.amount,
  ending_cash private.amount,
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
comment on column public.daily_pnl_reports.realised_pnl is 'Realised in the session, average cost, fees not deducted.';
comment on column public.daily_pnl_reports.unrealised_pnl is 'Open positions at the session''s closing bar against their cost; null where a closing price is missing.';
comment on column public.daily_pnl_reports.total_pnl is 'Realised less fees, plus the change of the unrealised since the previous report (since zero where there is none).';
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
create index daily_pnl_report_versions_user on public.daily_pnl_report_versions (user_id);
select private.protect_append_only('public.daily_pnl_report_versions');

create function public.sessions_to_report(p_now timestamptz, p_offset_minutes integer) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('date', c.session_date, 'opens_at', c.opens_at, 'closes_at', c.closes_at)
    order by c.session_date), '[]'::jsonb)
  from public.market_calendar as c
  where c.closes_at + make_interval(mins => p_offset_minutes) <= p_now
    -- A missed run is caught up, as far back as a week.
    and c.closes_at > p_now - interval '7 days'
    -- Reported once, and again where a fill of its day, or of an earlier one, was told after the report.
    and not exists (select from private.inbox as i where i.consumer = 'daily_pnl'
      and i.event_id = private.named_uuid('session-report|' || c.session_date)
      and not exists (select from public.fills as f
        where f.created_at >= i.handled_at and (f.executed_at at time zone 'America/New_York')::date <= c.session_date))
$$;
comment on function public.sessions_to_report(timestamptz, integer) is 'Sessions that closed at least the offset ago and whose reports are not done.';

create function public.write_daily_report(p_account_id uuid, p_date date) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  market_day public.market_calendar;
  made public.daily_pnl_reports;
  kept public.daily_pnl_reports;
  before numeric := 0;
begin
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  select * into market_day from public.market_calendar where session_date = p_date;
  if not found then
    perform private.refuse(422, 'NO_SESSION', 'There was no session on that date; sync the market calendar if there was.', jsonb_build_object('date', p_date));
  end if;

  -- Before the first word of the broker there is nothing to report, and nothing is invented.
  if not exists (select from public.account_snapshots where broker_account_id = p_account_id and as_of <= market_day.closes_at)
    and not exists (select from public.fills where broker_account_id = p_account_id and executed_at <= market_day.closes_at) then
    return jsonb_build_object('report_id', null, 'report_version', null, 'changed', false);
  end if;

  made.id := private.named_uuid('report|' || p_account_id || '|' || p_date);
  select coalesce(sum(realised_pnl), 0), coalesce(sum(fee), 0), count(*), count(distinct trade_id)
  into made.realised_pnl, made.fees, made.fills, made.trades
  from public.fills
  where broker_account_id = p_account_id and (executed_at at time zone 'America/New_York')::date = p_date;

  -- The position at the close is the sum of what was executed up to the end of the session's day, whenever it was told:
  -- what was paid, less what was received, plus what was realised, is what the rest has cost.
  select case when bool_or(quantity <> 0 and close is null) then null
    else coalesce(sum(quantity * multiplier * coalesce(close, 0) - cost), 0) end
  into made.unrealised_pnl
  from (
    select f.symbol, max(f.multiplier) as multiplier,
      sum(case f.side when 'buy' then f.quantity else -f.quantity end) as quantity,
      sum(round(case f.side when 'buy' then f.quantity else -f.quantity end * f.price * f.multiplier, 10) + f.realised_pnl) as cost
    from public.fills as f
    where f.broker_account_id = p_account_id and (f.executed_at at time zone 'America/New_York')::date <= p_date
    group by f.symbol) as held
  left join lateral (
    select b.close from public.bars as b
    where b.symbol = held.symbol and b.ends_at <= market_day.closes_at and b.starts_at >= market_day.opens_at
    order by b.ends_at desc limit 1) as last_bar on true;

  -- Where there is no earlier report the change is from zero; where that report does not know, neither does this one.
  select unrealised_pnl into before from public.daily_pnl_reports
  where broker_account_id = p_account_id and report_date < p_date order by report_date desc limit 1;
  before := case when found then before else 0 end;
  made.total_pnl := made.realised_pnl - made.fees + made.unrealised_pnl - before;

  select cash into made.starting_cash from public.account_snapshots
  where broker_account_id = p_account_id and as_of <= market_day.opens_at order by as_of desc limit 1;
  if made.starting_cash is null then
    select cash into made.starting_cash from public.account_snapshots
    where broker_account_id = p_account_id and (as_of at time zone 'America/New_York')::date = p_date order by as_of limit 1;
  end if;
  select cash into made.ending_cash from public.account_snapshots
  where broker_account_id = p_account_id and (as_of at time zone 'America/New_York')::date <= p_date order by as_of desc limit 1;

  select * into kept from public.daily_pnl_reports where id = made.id for update;
  if kept.id is not null and (kept.realised_pnl, kept.unrealised_pnl, kept.fees, kept.total_pnl, kept.starting_cash, kept.ending_cash, kept.trades, kept.fills)
    is not distinct from
    (made.realised_pnl, made.unrealised_pnl, made.fees, made.total_pnl, made.starting_cash, made.ending_cash, made.trades, made.fills) then
    return jsonb_build_object('report_id', kept.id, 'report_version', kept.report_version, 'changed', false);
  end if;
  insert into public.daily_pnl_reports as r (
    id, user_id, broker_account_id, report_date, realised_pnl, unrealised_pnl, fees, total_pnl, starting_cash, ending_cash, trades, fills, closed_at)
  values (made.id, account.user_id, p_account_id, p_date, made.realised_pnl, made.unrealised_pnl, made.fees, made.total_pnl,
    made.starting_cash, made.ending_cash, made.trades, made.fills, market_day.closes_at)
  on conflict (id) do update
  set realised_pnl = excluded.realised_pnl, unrealised_pnl = excluded.unrealised_pnl, fees = excluded.fees,
      total_pnl = excluded.total_pnl, starting_cash = excluded.starting_cash, ending_cash = excluded.ending_cash,
      trades = excluded.trades, fills = excluded.fills, report_version = r.report_version + 1
  returning * into kept;
  insert into public.daily_pnl_report_versions (report_id, report_version, user_id, report)
  values (kept.id, kept.report_version, kept.user_id, to_jsonb(kept));
  return jsonb_build_object('report_id', kept.id, 'report_version', kept.report_version, 'changed', true);
end $$;
comment on function public.write_daily_report(uuid, date) is 'Writes the session''s report of one account from fills, closing bars and snapshots. Running it again changes nothing unless the books changed. No report for a session before the broker first spoke of the account.';

create function public.finish_session_report(p_date date) returns boolean
language sql security definer set search_path = ''
as $$
  insert into private.inbox as i (consumer, event_id, handled_at)
  values ('daily_pnl', private.named_uuid('session-report|' || p_date), clock_timestamp())
  on conflict (consumer, event_id) do update set handled_at = excluded.handled_at
  returning xmax = 0
$$;
comment on function public.finish_session_report(date) is 'Says that every account''s report of the session is written; true the first time.';

grant execute on function public.sessions_to_report(timestamptz, integer), public.write_daily_report(uuid, date),
  public.finish_session_report(date), public.trading_accounts() to fn_report;

alter table public.daily_pnl_reports enable row level security;
create policy "a user reads their own reports" on public.daily_pnl_reports for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.daily_pnl_report_versions enable row level security;
create policy "a user reads versions of their own reports" on public.daily_pnl_report_versions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.daily_pnl_reports, public.daily_pnl_report_versions to authenticated;
