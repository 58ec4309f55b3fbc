-- Higher timeframes: rolled up from the stored minutes of the regular session.

create function private.bar_periods(p_timeframe text, p_from timestamptz, p_until timestamptz)
returns table (starts_at timestamptz, ends_at timestamptz)
language sql stable set search_path = ''
as $$
  select p.starts_at, p.ends_at
  from public.market_calendar as c
  cross join lateral (
    select case p_timeframe
      when '5Min' then interval '5 minutes' when '15Min' then interval '15 minutes' when '1Hour' then interval '1 hour'
      when '1Day' then c.closes_at - c.opens_at end as length) as l
  cross join lateral generate_series(0, ceil(extract(epoch from c.closes_at - c.opens_at) / extract(epoch from l.length))::integer - 1) as n
  cross join lateral (
    select c.opens_at + n * l.length as starts_at, least(c.opens_at + (n + 1) * l.length, c.closes_at) as ends_at) as p
  where c.closes_at > p_from and c.opens_at < p_until and p.ends_at > p_from and p.starts_at < p_until
$$;
comment on function private.bar_periods(text, timestamptz, timestamptz) is
  'The periods of a timeframe that overlap a time, anchored at the open of each session; the last of a session ends with it.';

create function private.roll_up(p_symbol text, p_from timestamptz, p_until timestamptz, p_over timestamptz, p_all boolean) returns jsonb
language plpgsql set search_path = '' set plan_cache_mode = 'force_generic_plan'
as $$
declare
  before timestamptz;
  over_until timestamptz;
  rolled jsonb;
begin
  -- The minute before may be the last one of a period that only these minutes show to be over.
  select b.starts_at into before from public.bars as b
  where b.symbol = p_symbol and b.timeframe = '1Min' and b.starts_at < p_from order by b.starts_at desc limit 1;
  over_until := greatest(public.latest_bar_end(p_symbol, '1Min'), p_over);
  with frames as (
    select * from (values (1, '5Min'), (2, '15Min'), (3, '1Hour'), (4, '1Day')) as t (place, timeframe)
  ), ended as (
    select f.place, f.timeframe, p.starts_at, p.ends_at
    from frames as f cross join lateral private.bar_periods(f.timeframe, coalesce(before, p_from), p_until) as p
    -- What ended with the minute before was rolled up with it, unless somebody was killed in between: made once more, and
    -- returned where it is new.
    where p.ends_at <= over_until and (before is null or p.ends_at >= before + interval '1 minute')
      -- Where nothing is known of the time before a period began, its beginning may be missing: no bar is better than half of one.
      and exists (
        select from public.bars as e
        where e.symbol = p_symbol and e.timeframe = '1Min' and e.starts_at <= p.starts_at and e.starts_at > p.starts_at - interval '10 days')
  ), made as (
    select e.place, e.timeframe, e.starts_at, e.ends_at, (array_agg(m.open order by m.starts_at))[1] as open, max(m.high) as high,
      min(m.low) as low, (array_agg(m.close order by m.starts_at desc))[1] as close, sum(m.volume) as volume,
      (array_agg(m.feed order by m.starts_at desc))[1] as feed, max(m.delay_seconds) as delay_seconds
    from ended as e
    join public.bars as m on m.symbol = p_symbol and m.timeframe = '1Min' and m.starts_at >= e.starts_at and m.starts_at < e.ends_at
    group by e.place, e.timeframe, e.starts_at, e.ends_at
  ), written as (
    insert into public.bars as b (symbol, timeframe, starts_at, ends_at, open, high, low, close, volume, feed, delay_seconds)
    select p_symbol, timeframe, starts_at, ends_at, open, high, low, close, volume, feed, delay_seconds
    from made order by timeframe, starts_at
    on conflict (symbol, timeframe, starts_at) do update
    set ends_at = excluded.ends_at, open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, delay_seconds = excluded.delay_seconds, recorded_at = now()
    -- A bar that another feed told as a whole stays: it may know more of the market than our minutes.
    where b.feed = excluded.feed and (b.ends_at, b.open, b.high, b.low, b.close, b.volume) is distinct from
      (excluded.ends_at, excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)
    returning b.timeframe, b.starts_at
  )
  select coalesce(jsonb_agg(jsonb_build_object(
      'symbol', p_symbol, 'timeframe', m.timeframe, 'starts_at', m.starts_at, 'ends_at', m.ends_at, 'open', m.open::text,
      'high', m.high::text, 'low', m.low::text, 'close', m.close::text, 'volume', m.volume::text, 'feed', m.feed)
    order by m.ends_at, m.place), '[]'::jsonb)
  into rolled
  from made as m
  where (p_all and (before is null or m.ends_at > before + interval '1 minute')) or exists (select from written as w where w.timeframe = m.timeframe and w.starts_at = m.starts_at);
  return rolled;
end $$;
comment on function private.roll_up(text, timestamptz, timestamptz, timestamptz, boolean) is
  'Rolls up what the minutes that start from p_from up to p_until are part of, and the period before them, where it has ended: by a stored minute, or by p_over. Returns all of these bars, or only those that are new or changed.';

create function public.roll_up_bars(p_symbol text, p_from timestamptz, p_until timestamptz) returns jsonb
language sql security definer set search_path = ''
as $$ select private.roll_up(p_symbol, p_from, p_until, null, true) $$;
comment on function public.roll_up_bars(text, timestamptz, timestamptz) is
  'After minutes were stored that start from p_from up to p_until: stores and returns the bars of 5 and 15 minutes, an hour and a day that are complete with them, in the order in which they ended, shorter ones first. Idempotent; a corrected minute corrects them.';

create function public.roll_up_missed(p_now timestamptz, p_grace interval default '90 seconds') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  wanted text;
  newest timestamptz;
  late integer;
  rolled jsonb := '[]';
begin
  for wanted in select jsonb_array_elements_text(public.watched_symbols() -> 'symbols') loop
    newest := public.latest_bar_end(wanted, '1Min');
    if newest is not null then
      -- A late feed's minutes are still to come when the clock says that they are over.
      select b.delay_seconds into late from public.bars as b
      where b.symbol = wanted and b.timeframe = '1Min' and b.starts_at < newest order by b.starts_at desc limit 1;
      rolled := rolled || private.roll_up(wanted, newest - interval '1 minute', newest, p_now - p_grace - make_interval(secs => late), false);
    end if;
  end loop;
  return rolled;
end $$;
comment on function public.roll_up_missed(timestamptz, interval) is
  'Rolls up the periods of watched symbols that were over p_grace before p_now, and by as much more as the feed is late, although their last minute has no bar: nobody traded in it. Returns the bars that are new or changed.';
grant execute on function public.roll_up_bars(text, timestamptz, timestamptz), public.roll_up_missed(timestamptz, interval) to fn_ingest;
