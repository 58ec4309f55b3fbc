-- History for who is signed in: stored bars in one unit, page by page. The formula is that of functions/core/history/adjusting.py.

create function private.price_units(p_symbol text, p_timeframe text, p_start timestamptz, p_end timestamptz, p_dividends boolean)
returns table (until timestamptz, price numeric, volume numeric)
language plpgsql stable set search_path = '' set plan_cache_mode = 'force_generic_plan'
as $$
declare
  -- Rounded once more than a price is, far behind its last digit, so that products of many factors stay short.
  places constant integer := 60;
  of_the_day record;
  last_close numeric;
  last_day date;
begin
  price := 1;
  volume := 1;
  for of_the_day in
    select a.ex_date, coalesce(max(a.ratio), 1)::numeric as ratio, coalesce(sum(a.amount), 0)::numeric as paid
    from public.corporate_actions as a
    where a.symbol = p_symbol and a.withdrawn_at is null
      -- For what was effective at the end, and for nothing that came later.
      and a.ex_date <= ((p_end - interval '1 microsecond') at time zone 'America/New_York')::date
      and (a.kind = 'split' or p_dividends)
    group by a.ex_date order by a.ex_date desc
  loop
    until := of_the_day.ex_date::timestamp at time zone 'America/New_York';
    select b.close, (b.starts_at at time zone 'America/New_York')::date into last_close, last_day
    from public.bars as b
    where b.symbol = p_symbol and b.timeframe = p_timeframe and b.starts_at >= p_start and b.starts_at < until
    order by b.starts_at desc limit 1;
    exit when not found; -- Nothing of the range is older.
    if of_the_day.paid > 0 then
      -- Where both are on one date, the dividend is of a new share and the close of an old one.
      last_close := round(last_close, places) / of_the_day.ratio;
      -- A close that is older than the longest time without a session says nothing of the day before.
      if of_the_day.ex_date - last_day > 10 or of_the_day.paid >= last_close then
        perform private.refuse(422, 'NO_REFERENCE_PRICE',
          'The dividend needs a close of the days before it, above its amount: backfill those days, or ask for history without dividends.',
          jsonb_build_object('ex_date', of_the_day.ex_date, 'last_bar', last_day, 'close', round(last_close, 10)::text,
            'amount', trim_scale(of_the_day.paid)::text));
      end if;
      price := round(price * (1 - round(of_the_day.paid, places) / last_close), places);
    end if;
    price := round(price, places) / of_the_day.ratio;
    volume := volume * of_the_day.ratio;
    return next;
  end loop;
end $$;
comment on function private.price_units(text, text, timestamptz, timestamptz, boolean) is
  'With what prices and volumes of bars that start in [p_start, p_end) are multiplied, so that all are in the unit of the end: of those before until, and not before the next older one. Newest first; where there is none, they are.';

create function public.price_history(
  p_symbol text, p_timeframe text, p_start timestamptz, p_end timestamptz, p_adjusted text default 'splits',
  p_after timestamptz default null, p_limit integer default 1000)
returns jsonb
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_generic_plan'
as $$
declare
  most constant integer := least(greatest(coalesce(p_limit, 1000), 1), 1000);
  first_at constant timestamptz := greatest(p_start, p_after + interval '1 microsecond');
  page jsonb;
begin
  if not private.may_read() then
    perform private.refuse(403, 'USER_DISABLED', 'This user is shut out; an administrator can let them in again.');
  end if;
  if not exists (select from public.instruments as i where i.symbol = p_symbol) then
    perform private.refuse(404, 'NO_SUCH_SYMBOL', 'Name a symbol that the ledger knows, or backfill it first.', jsonb_build_object('symbol', p_symbol));
  end if;
  if (p_timeframe in ('1Min', '5Min', '15Min', '1Hour', '1Day') and p_adjusted in ('none', 'splits', 'all')) is not true then
    perform private.refuse(422, 'BAD_HISTORY', 'Bars are of 1Min, 5Min, 15Min, 1Hour or 1Day, adjusted for none, splits or all.',
      jsonb_build_object('timeframe', p_timeframe, 'adjusted', p_adjusted));
  end if;
  if (p_start < p_end and isfinite(p_start) and isfinite(p_end)) is not true then
    perform private.refuse(422, 'BAD_RANGE', 'History begins before it ends.', jsonb_build_object('start', p_start, 'end', p_end));
  end if;
  with units as materialized (
    select u.until, u.price, u.volume from private.price_units(p_symbol, p_timeframe, p_start, p_end, p_adjusted = 'all') as u
    where p_adjusted <> 'none'
  ), found as (
    select b.*, row_number() over (order by b.starts_at) as place from public.bars as b
    where b.symbol = p_symbol and b.timeframe = p_timeframe and b.starts_at >= first_at and b.starts_at < p_end
    order by b.starts_at limit most + 1
  )
  select jsonb_build_object('more', count(*) > most, 'bars', coalesce(jsonb_agg(jsonb_build_object(
      'starts_at', f.starts_at, 'ends_at', f.ends_at,
      'open', trim_scale(round(f.open * coalesce(u.price, 1), 10))::text, 'high', trim_scale(round(f.high * coalesce(u.price, 1), 10))::text,
      'low', trim_scale(round(f.low * coalesce(u.price, 1), 10))::text, 'close', trim_scale(round(f.close * coalesce(u.price, 1), 10))::text,
      'volume', trim_scale(round(f.volume * coalesce(u.volume, 1), 10))::text, 'feed', f.feed, 'delay_seconds', f.delay_seconds)
    order by f.starts_at) filter (where f.place <= most), '[]'))
  into page
  from found as f
  left join lateral (select n.price, n.volume from units as n where n.until > f.starts_at order by n.until limit 1) as u on true;
  -- Months whose bars, or whose minutes of which they are made, the archive alone has: they are missing here, and said to be.
  return page || jsonb_build_object('archived_months', (
    select coalesce(jsonb_agg(distinct to_char(a.month, 'YYYY-MM')), '[]') from public.archived_months as a
    where a.symbol = p_symbol and a.timeframe in (p_timeframe, '1Min') and not a.in_postgres
      and a.month >= date_trunc('month', p_start at time zone 'UTC')::date and a.month::timestamp at time zone 'UTC' < p_end
      and not exists (select from public.archived_months as o
        where o.symbol = p_symbol and o.timeframe = p_timeframe and o.month = a.month and o.in_postgres)));
end $$;
comment on function public.price_history(text, text, timestamptz, timestamptz, text, timestamptz, integer) is
  'The stored bars that start in [p_start, p_end) and after p_after, oldest first, p_limit and 1000 at most, in the unit of p_end: {"bars", "more", "archived_months"}. p_adjusted is none, splits, or all: dividends too. archived_months are those of the range whose bars the archive alone has.';
grant execute on function public.price_history(text, text, timestamptz, timestamptz, text, timestamptz, integer) to authenticated;
