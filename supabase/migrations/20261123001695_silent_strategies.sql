-- Active strategies that do not decide although the market is open: told once, and told when it is over.

insert into private.settings (name, value, comment) values
  ('silent_grace', '5 minutes', 'How late a bar may be decided on before it counts as missed.'),
  ('silent_after_1Min', '5', 'After how many bars of a minute without a decision, in session, an active strategy raises an alert.'),
  ('silent_after_5Min', '3', 'The same for bars of five minutes.'),
  ('silent_after_15Min', '2', 'The same for bars of fifteen minutes.'),
  ('silent_after_1Hour', '2', 'The same for bars of an hour.'),
  ('silent_after_1Day', '1', 'The same for bars of a day.');

create table public.strategy_silences (
  id bigint generated always as identity primary key,
  strategy_id uuid not null,
  user_id uuid not null,
  symbol text not null,
  last_decided_at timestamptz not null,
  bars integer not null check (bars > 0),
  noticed_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict
);
comment on table public.strategy_silences is 'When an active strategy did not decide on a symbol although bars of it should have ended in session: one row for each symbol and time.';
comment on column public.strategy_silences.id is 'Number of the row.';
comment on column public.strategy_silences.strategy_id is 'The strategy.';
comment on column public.strategy_silences.user_id is 'Owner.';
comment on column public.strategy_silences.symbol is 'The one of its symbols that it did not decide on.';
comment on column public.strategy_silences.last_decided_at is 'The end of the last bar of the symbol that it had decided on: event time, UTC.';
comment on column public.strategy_silences.bars is 'How many bars of its timeframe had ended in session since, when it was noticed.';
comment on column public.strategy_silences.noticed_at is 'When it was noticed, UTC.';
comment on column public.strategy_silences.ended_at is 'When it was found to decide again, or to be stopped, UTC; null until then.';
create unique index strategy_silences_open on public.strategy_silences (strategy_id, symbol) where ended_at is null;
create index strategy_silences_strategy on public.strategy_silences (strategy_id, user_id);
create index strategy_silences_user on public.strategy_silences (user_id);
select private.protect_from_delete('public.strategy_silences');
alter table public.strategy_silences enable row level security;
create policy "a user reads silences of their own strategies" on public.strategy_silences for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.strategy_silences to authenticated;

create function private.bars_ended(p_timeframe text, p_session public.market_calendar, p_at timestamptz) returns integer
language sql immutable set search_path = ''
as $$
  -- Anchored at the open; the last bar of a session may be short and ends with it.
  select case when p_at <= p_session.opens_at then 0
    when p_at >= p_session.closes_at then ceil(extract(epoch from p_session.closes_at - p_session.opens_at) / n.seconds)
    else floor(extract(epoch from p_at - p_session.opens_at) / n.seconds) end::integer
  from (select case p_timeframe when '1Min' then 60 when '5Min' then 300 when '15Min' then 900 when '1Hour' then 3600
    else extract(epoch from p_session.closes_at - p_session.opens_at) end as seconds) as n
$$;
comment on function private.bars_ended(text, public.market_calendar, timestamptz) is 'How many bars of a timeframe have ended in a session by a moment.';

create function private.bars_in_session(p_timeframe text, p_after timestamptz, p_until timestamptz) returns integer
language sql stable set search_path = ''
as $$
  select coalesce(sum(private.bars_ended(p_timeframe, c, p_until) - private.bars_ended(p_timeframe, c, p_after)), 0)::integer
  from public.market_calendar as c where c.closes_at > p_after and c.opens_at < p_until
$$;
comment on function private.bars_in_session(text, timestamptz, timestamptz) is 'How many bars of a timeframe end in regular sessions after one moment and by another.';

create function public.watch_strategies(p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  seen record;
  over public.strategy_silences;
  heard integer := 0;
  silent integer := 0;
begin
  -- One looks at a time: each incident is told once.
  perform pg_advisory_xact_lock(hashtextextended('silent strategies', 0));
  for over in
    select w.* from public.strategy_silences as w join public.strategies as s on s.id = w.strategy_id
    where w.ended_at is null and (s.status <> 'active' or w.symbol <> all (s.symbols)
      or exists (select from public.strategy_cursors as c where c.strategy_id = s.id and c.symbol = w.symbol and c.last_bar_at > w.last_decided_at))
    order by w.id
  loop
    update public.strategy_silences set ended_at = clock_timestamp() where id = over.id;
    select * into seen from public.strategies where id = over.strategy_id;
    heard := heard + 1;
    perform private.alert(over.user_id, seen.broker_account_id, 'STRATEGY_HEARD', 'info',
      format('%s %s. It had not decided on %s since %s.', seen.name,
        case when seen.status <> 'active' then 'is stopped' when over.symbol = any (seen.symbols) then 'decides again'
          else 'trades another symbol' end, over.symbol, to_char(over.last_decided_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
      jsonb_build_object('strategy', over.strategy_id, 'symbol', over.symbol, 'last_decided_at', over.last_decided_at), 'strategy-heard|' || over.id);
  end loop;
  for seen in
    -- Each symbol by itself: one that is stuck must not hide behind another that goes on.
    select s.id, s.user_id, s.broker_account_id, s.name, s.timeframe, d.symbol, d.last_bar_at as last_decided_at, b.bars
    from public.strategies as s
    join public.strategy_cursors as d on d.strategy_id = s.id and d.symbol = any (s.symbols)
    cross join lateral (
      select private.bars_in_session(s.timeframe, d.last_bar_at,
        p_now - (select value::interval from private.settings where name = 'silent_grace')) as bars) as b
    where s.status = 'active'
      and b.bars >= (select value::integer from private.settings where name = 'silent_after_' || s.timeframe)
    order by s.id, d.symbol
  loop
    insert into public.strategy_silences (strategy_id, user_id, symbol, last_decided_at, bars)
    values (seen.id, seen.user_id, seen.symbol, seen.last_decided_at, seen.bars)
    on conflict (strategy_id, symbol) where ended_at is null do nothing;
    continue when not found;
    silent := silent + 1;
    perform private.alert(seen.user_id, seen.broker_account_id, 'STRATEGY_SILENT', 'warning',
      format('%s has not decided on %s for %s bars of %s. %s', seen.name, seen.symbol, seen.bars, seen.timeframe,
        case when exists (select from public.bars as r where r.symbol = seen.symbol and r.timeframe = seen.timeframe
            and r.starts_at >= seen.last_decided_at and r.ends_at <= p_now)
          then 'Bars are there: look at the log of evaluate_strategies and at the alerts of this strategy.'
          else 'No bar of it came: look at the market data feed and its credential.' end),
      jsonb_build_object('strategy', seen.id, 'symbol', seen.symbol, 'last_decided_at', seen.last_decided_at, 'bars', seen.bars, 'timeframe', seen.timeframe),
      concat_ws('|', 'strategy-silent', seen.id, seen.symbol, to_char(seen.last_decided_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')));
  end loop;
  return jsonb_build_object('silent', silent, 'heard', heard);
end $$;
comment on function public.watch_strategies(timestamptz) is
  'Raises an alert for each symbol that an active strategy has not decided on for some bars of its timeframe in session (settings silent_after_*), once for each time, and a note when that is over: {"silent", "heard"}.';
grant execute on function public.watch_strategies(timestamptz) to fn_strategy;
