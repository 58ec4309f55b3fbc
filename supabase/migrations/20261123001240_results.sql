-- What each scope has won and lost: realised, unrealised, less fees; since it began, at best, and in the session.

create function private.session_day(p_at timestamptz) returns date
language sql stable set search_path = ''
as $$
  -- As a report counts: from the end of the last session's New York day to the end of its own. So a weekend is Monday's.
  select coalesce((select min(c.session_date) from public.market_calendar as c
      where c.session_date >= (p_at at time zone 'America/New_York')::date
        and c.session_date <= (p_at at time zone 'America/New_York')::date + 7),
    (p_at at time zone 'America/New_York')::date)
$$;
comment on function private.session_day(timestamptz) is
  'The session day that a moment belongs to, New York date; where the calendar does not reach it, the date itself.';

create view public.position_results with (security_invoker = true) as
select p.user_id, p.broker_account_id, p.owner_key, p.strategy_id, p.symbol, i.kind, p.quantity, p.cost_basis, m.mark, m.marked_at,
  p.realised_pnl, case when p.quantity = 0 then 0 else p.quantity * p.multiplier * m.mark - p.cost_basis end as unrealised_pnl, p.fees,
  p.realised_pnl - p.fees + case when p.quantity = 0 then 0 else p.quantity * p.multiplier * m.mark - p.cost_basis end as result
from public.strategy_positions as p
join public.instruments as i on i.symbol = p.symbol
left join public.position_marks as m on m.symbol = p.symbol;
comment on view public.position_results is
  'What each position of a strategy, or of nobody''s, has won or lost so far, at its latest mark; null where it is open and has none.';
comment on column public.position_results.user_id is 'Owner of the account.';
comment on column public.position_results.owner_key is 'The strategy''s id, or manual for manual and external trades.';
comment on column public.position_results.strategy_id is 'The strategy; null for manual.';
comment on column public.position_results.symbol is 'What is or was held.';
comment on column public.position_results.kind is 'Kind of the instrument.';
comment on column public.position_results.quantity is 'Shares or contracts; negative for a short position.';
comment on column public.position_results.result is 'Realised and unrealised less fees, dollars; null where what is open has no mark.';
grant select on public.position_results to authenticated;

create view public.live_results with (security_invoker = true) as
select concat_ws(':', l.scope, coalesce(l.strategy_id, l.broker_account_id, l.user_id)) as scope_key, l.scope, l.user_id,
  l.broker_account_id, l.strategy_id, sum(l.realised_pnl) as realised_pnl, sum(l.fees) as fees,
  case when bool_and(l.unrealised_pnl is not null) then sum(l.unrealised_pnl) end as unrealised_pnl,
  case when bool_and(l.unrealised_pnl is not null) then sum(l.realised_pnl - l.fees + l.unrealised_pnl) end as result,
  coalesce(array_agg(distinct l.symbol order by l.symbol) filter (where l.unrealised_pnl is null), '{}') as missing,
  min(l.marked_at) filter (where l.quantity <> 0 and l.kind <> 'crypto') as oldest_mark_at,
  min(l.marked_at) filter (where l.quantity <> 0 and l.kind = 'crypto') as oldest_crypto_mark_at
from (
  -- A strategy's by its own average cost; an account's, and a user's, by the account's.
  select 'strategy' as scope, p.user_id, p.broker_account_id, p.strategy_id, p.symbol, p.kind, p.quantity, p.marked_at, p.realised_pnl,
    p.fees, p.unrealised_pnl
  from public.position_results as p where p.strategy_id is not null
  union all
  select s.scope, b.user_id, case s.scope when 'account' then b.broker_account_id end, null, b.symbol, i.kind, b.quantity, m.marked_at,
    b.realised_pnl, b.fees, case when b.quantity = 0 then 0 else b.quantity * b.multiplier * m.mark - b.cost_basis end
  from public.position_books as b
  cross join (values ('account'), ('user')) as s (scope)
  join public.instruments as i on i.symbol = b.symbol
  left join public.position_marks as m on m.symbol = b.symbol) as l
group by l.scope, l.user_id, l.broker_account_id, l.strategy_id;
comment on view public.live_results is
  'What each strategy, account and user has won or lost so far, at the latest marks. Null where something open has no mark: missing stays missing.';
comment on column public.live_results.scope_key is 'user:<id>, account:<id> or strategy:<id>, as the gate of the scope.';
comment on column public.live_results.scope is 'user, account or strategy.';
comment on column public.live_results.user_id is 'Owner.';
comment on column public.live_results.broker_account_id is 'The account; null for a user.';
comment on column public.live_results.strategy_id is 'The strategy, where it is one''s.';
comment on column public.live_results.realised_pnl is 'Dollars realised, average cost, fees not deducted.';
comment on column public.live_results.result is 'Realised and unrealised less fees, dollars; null where what is open has no mark.';
comment on column public.live_results.missing is 'The open symbols that have no mark.';
comment on column public.live_results.oldest_mark_at is 'Event time of the oldest mark of what is open and trades in sessions, UTC.';
comment on column public.live_results.oldest_crypto_mark_at is 'The same of what trades around the clock.';
grant select on public.live_results to authenticated;

create table public.scope_results (
  scope_key text primary key,
  scope text not null check (scope in ('user', 'account', 'strategy')),
  user_id uuid not null references auth.users (id) on delete restrict,
  broker_account_id uuid,
  strategy_id uuid,
  begun_at timestamptz not null,
  start_equity private.amount,
  result private.amount,
  missing text[] not null default '{}',
  missing_since timestamptz,
  last private.amount not null default 0,
  last_at timestamptz not null,
  peak private.amount not null default 0 check (peak >= 0),
  peak_at timestamptz not null,
  lowest private.amount not null default 0 check (lowest <= 0),
  lowest_at timestamptz not null,
  session_date date not null,
  session_open private.amount not null default 0,
  session_lowest private.amount not null default 0,
  as_of timestamptz not null check (isfinite(as_of)),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  check (scope_key = concat_ws(':', scope, coalesce(strategy_id, broker_account_id, user_id))),
  check ((result is null) = (missing_since is not null))
);
comment on table public.scope_results is
  'How far each strategy, account and user has come, by event time: dollars won since before its first fill, at best, at worst, and at the begin of the session day.';
comment on column public.scope_results.scope_key is 'user:<id>, account:<id> or strategy:<id>, as the gate of the scope.';
comment on column public.scope_results.scope is 'user, account or strategy.';
comment on column public.scope_results.broker_account_id is 'The account; null for a user.';
comment on column public.scope_results.strategy_id is 'The strategy, where it is one''s.';
comment on column public.scope_results.begun_at is 'Event time of the first record: it began with zero.';
comment on column public.scope_results.start_equity is 'The broker''s first word on the equity, dollars, of a user of all accounts; null where it has not said it, and for a strategy.';
comment on column public.scope_results.result is 'Won so far, dollars; null where what is open has no mark.';
comment on column public.scope_results.missing is 'The open symbols that have no mark.';
comment on column public.scope_results.missing_since is 'Event time since which the result is not known, UTC; null while it is.';
comment on column public.scope_results.last is 'The last result that was known, dollars.';
comment on column public.scope_results.last_at is 'Event time of it, UTC.';
comment on column public.scope_results.peak is 'The best result so far, dollars; zero, the start, at least.';
comment on column public.scope_results.peak_at is 'Event time of the peak, UTC.';
comment on column public.scope_results.lowest is 'The worst result so far, dollars; zero, the start, at most.';
comment on column public.scope_results.lowest_at is 'Event time of it, UTC.';
comment on column public.scope_results.session_date is 'The session day that it stands in, New York date.';
comment on column public.scope_results.session_open is 'The last result known before that day, dollars: a gap over night is the day''s.';
comment on column public.scope_results.session_lowest is 'The worst result of that day so far, dollars.';
comment on column public.scope_results.as_of is 'Event time of the last change, UTC: what is older changes nothing.';
create index scope_results_user on public.scope_results (user_id);
create index scope_results_account on public.scope_results (broker_account_id, user_id);
create index scope_results_strategy on public.scope_results (strategy_id, user_id);
create trigger touch before insert or update on public.scope_results for each row execute function private.touch();
select private.protect_from_delete('public.scope_results');
alter table public.scope_results enable row level security;
create policy "a user reads their own results" on public.scope_results for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.scope_results to authenticated;

create view public.result_progress with (security_invoker = true) as
select l.scope_key, l.scope, l.user_id, l.broker_account_id, l.strategy_id, l.realised_pnl, l.unrealised_pnl, l.fees, l.result, l.missing,
  l.result - r.session_open as session_result, greatest(r.peak, l.result) - l.result as drawdown_from_peak,
  greatest(-l.result, 0) as drawdown_from_start, greatest(r.peak, l.result) as peak, r.peak_at, r.session_date, r.session_open, r.start_equity,
  l.oldest_mark_at, r.as_of
from public.live_results as l left join public.scope_results as r on r.scope_key = l.scope_key;
comment on view public.result_progress is
  'What each strategy, account and user wins or loses now, at the latest marks, beside its session and its peak, of the rows that the reader may see.';
comment on column public.result_progress.scope_key is 'user:<id>, account:<id> or strategy:<id>.';
comment on column public.result_progress.scope is 'user, account or strategy.';
comment on column public.result_progress.result is 'Realised and unrealised less fees, dollars; null where what is open has no mark.';
comment on column public.result_progress.missing is 'The open symbols that have no mark.';
comment on column public.result_progress.session_result is 'Won in the session day on record, dollars; negative for a loss.';
comment on column public.result_progress.drawdown_from_peak is 'How far it is below its best, dollars.';
comment on column public.result_progress.drawdown_from_start is 'How far it is below its start, dollars.';
comment on column public.result_progress.peak is 'The best so far, dollars.';
comment on column public.result_progress.peak_at is 'Event time of the best on record, UTC.';
comment on column public.result_progress.session_date is 'The session day on record.';
comment on column public.result_progress.session_open is 'The last result known before that day, dollars.';
comment on column public.result_progress.start_equity is 'The broker''s first word on the equity, dollars.';
comment on column public.result_progress.oldest_mark_at is 'Event time of the oldest mark of what is open, UTC.';
comment on column public.result_progress.as_of is 'Event time of the last record, UTC.';
grant select on public.result_progress to authenticated;

create function private.mark_age(p_oldest timestamptz, p_oldest_crypto timestamptz, p_at timestamptz) returns numeric
language sql stable set search_path = ''
as $$
  -- Out of session no mark ages; at the open each begins at zero.
  select greatest(
    (select extract(epoch from p_at - greatest(p_oldest, c.opens_at)) from public.market_calendar as c
      where c.opens_at <= p_at and c.closes_at > p_at and p_oldest is not null),
    extract(epoch from p_at - p_oldest_crypto), 0)
$$;
comment on function private.mark_age(timestamptz, timestamptz, timestamptz) is
  'How many seconds of trading the oldest mark is old: since the open where that is later; what trades around the clock ages always.';

create function private.is_of_results(p_limit text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_limit in ('max_daily_loss', 'drawdown_from_peak', 'drawdown_from_start') $$;
comment on function private.is_of_results(text) is 'Whether a limit is held against what its scope has won or lost.';

create function private.results_of(p_user_id uuid, p_at timestamptz)
returns table (scope_key text, scope text, broker_account_id uuid, strategy_id uuid, said jsonb)
language sql stable set search_path = ''
as $$
  with day as (select private.session_day(p_at) as today)
  select l.scope_key, l.scope, l.broker_account_id, l.strategy_id, jsonb_build_object(
    'scope', l.scope, 'result', l.result::text, 'missing', l.missing, 'missing_since', r.missing_since,
    'mark_age', private.mark_age(l.oldest_mark_at, l.oldest_crypto_mark_at, p_at)::text,
    'peak', greatest(r.peak, 0)::text,
    'session_open', coalesce(case when r.session_date < day.today then r.last else r.session_open end, 0)::text)
  from public.live_results as l cross join day left join public.scope_results as r on r.scope_key = l.scope_key
  where l.user_id = p_user_id
$$;
comment on function private.results_of(uuid, timestamptz) is
  'The results of a user, and of each of their accounts and strategies, as the rules and the watch look at them; amounts as text.';

create function private.record_results(p_user_id uuid, p_at timestamptz, p_every interval default '0') returns integer
language plpgsql set search_path = ''
as $$
declare
  today date := private.session_day(p_at);
  written integer;
begin
  insert into public.scope_results as r (
    scope_key, scope, user_id, broker_account_id, strategy_id, begun_at, start_equity, result, missing, missing_since, last, last_at,
    peak, peak_at, lowest, lowest_at, session_date, session_lowest, as_of)
  select l.scope_key, l.scope, l.user_id, l.broker_account_id, l.strategy_id, p_at, private.first_equity(l.scope, l.user_id, l.broker_account_id),
    l.result, l.missing, case when l.result is null then p_at end, coalesce(l.result, 0), p_at, greatest(l.result, 0), p_at,
    least(l.result, 0), p_at, today, coalesce(l.result, 0), p_at
  from public.live_results as l where l.user_id = p_user_id
  -- In the order of the key: two callers never wait for each other in a ring.
  order by l.scope_key
  on conflict (scope_key) do update
  set start_equity = coalesce(r.start_equity, excluded.start_equity),
      result = excluded.result, missing = excluded.missing,
      missing_since = case when excluded.result is null then coalesce(r.missing_since, excluded.as_of) end,
      last = coalesce(excluded.result, r.last), last_at = case when excluded.result is null then r.last_at else excluded.as_of end,
      peak = greatest(r.peak, excluded.result), peak_at = case when excluded.result > r.peak then excluded.as_of else r.peak_at end,
      lowest = least(r.lowest, excluded.result), lowest_at = case when excluded.result < r.lowest then excluded.as_of else r.lowest_at end,
      session_date = excluded.session_date,
      session_open = case when excluded.session_date > r.session_date then r.last else r.session_open end,
      session_lowest = case when excluded.session_date > r.session_date then coalesce(least(excluded.result, r.last), r.last)
        else least(r.session_lowest, excluded.result) end,
      as_of = excluded.as_of
  where excluded.as_of >= r.as_of + p_every and excluded.session_date >= r.session_date
    and (r.result, r.missing, r.session_date) is distinct from (excluded.result, excluded.missing, excluded.session_date);
  get diagnostics written = row_count;
  return written;
end $$;
comment on function private.record_results(uuid, timestamptz, interval) is
  'Writes how far a user, their accounts and strategies have come at a moment of event time: what is older, or came within p_every, changes nothing. Returns how many rows changed.';

create function private.first_equity(p_scope text, p_user_id uuid, p_account_id uuid) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return case p_scope
    when 'account' then (
      select s.equity from public.account_snapshots as s where s.broker_account_id = p_account_id order by s.as_of limit 1)
    when 'user' then (
      select case when bool_and(f.equity is not null) then sum(f.equity) end
      from (select distinct b.broker_account_id from public.position_books as b where b.user_id = p_user_id) as a
      left join lateral (
        select s.equity from public.account_snapshots as s where s.broker_account_id = a.broker_account_id order by s.as_of limit 1) as f on true)
    end;
end $$;
comment on function private.first_equity(text, uuid, uuid) is 'The broker''s first word on the equity of an account, or of all of a user''s; null where one has said none.';
