-- Bars by month, latest quotes, and the marks that positions are valued at.

create table public.bars (
  symbol text not null references public.instruments (symbol) on delete restrict,
  timeframe text not null check (timeframe in ('1Min', '5Min', '15Min', '1Hour', '1Day')),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  open private.amount not null check (open > 0),
  high private.amount not null,
  low private.amount not null,
  close private.amount not null,
  volume private.amount not null check (volume >= 0),
  feed text not null check (feed <> ''),
  delay_seconds integer not null default 0 check (delay_seconds >= 0),
  recorded_at timestamptz not null default now(),
  primary key (symbol, timeframe, starts_at),
  constraint ends_after_its_start check (ends_at > starts_at and isfinite(ends_at)),
  constraint low_and_high_enclose check (low > 0 and low <= least(open, close) and high >= greatest(open, close))
) partition by range (starts_at);
comment on table public.bars is
  'Completed bars. Times UTC, prices in dollars, volume in shares or contracts. One partition for each month (UTC) of starts_at, in schema private.';
comment on column public.bars.symbol is 'The instrument.';
comment on column public.bars.timeframe is '1Min, 5Min, 15Min, 1Hour or 1Day.';
comment on column public.bars.starts_at is 'Start of the bar, UTC; the month of it names the partition.';
comment on column public.bars.ends_at is 'End of the bar, UTC: nobody can have known it before.';
comment on column public.bars.open is 'First price, in dollars.';
comment on column public.bars.high is 'Highest price, in dollars.';
comment on column public.bars.low is 'Lowest price, in dollars.';
comment on column public.bars.close is 'Last price, in dollars.';
comment on column public.bars.volume is 'Shares or contracts traded.';
comment on column public.bars.feed is 'Which feed told it.';
comment on column public.bars.delay_seconds is 'By how much the feed is late, as declared.';
comment on column public.bars.recorded_at is 'When the row was last written.';
alter table public.bars enable row level security;
create policy "everybody signed in reads bars" on public.bars for select to authenticated using (true);

-- Partitions are tables of schema private, which REST does not serve: the only door to a bar is public.bars with its
-- policy. Row security is on in each of them as well, without a policy.
insert into private.settings (name, value, comment) values
  ('bars_keep_months', '60', 'Months of bars that are kept, the running one included. The longest warm-up, 1000 daily bars, needs 48.');

create function private.make_bar_months(p_times timestamptz[]) returns integer
language plpgsql set search_path = ''
as $$
declare
  missing date[];
  month date;
  made integer := 0;
begin
  if exists (select from unnest(p_times) as t where t is null or not t between '1970-01-01 00:00Z' and '2099-12-31 23:59:59.999999Z') then
    perform private.refuse(422, 'BAD_MARKET_DATA', 'A bar starts between the years 1970 and 2099.', jsonb_build_object('because', 'starts_at'));
  end if;
  missing := array(
    select distinct date_trunc('month', t at time zone 'UTC')::date as first_day from unnest(p_times) as t
    where to_regclass('private.' || to_char(t at time zone 'UTC', '"bars_"YYYY_MM')) is null order by first_day);
  if missing = '{}' then
    return 0;
  end if;
  -- The lock that ATTACH takes, taken first: it lets readers and writers pass and makes those who need a new month queue
  -- up; whoever comes after finds the month made. Nothing else is locked before it.
  lock table only public.bars in share update exclusive mode;
  foreach month in array missing loop
    if to_regclass('private.' || to_char(month, '"bars_"YYYY_MM')) is null then
      -- CREATE TABLE ... PARTITION OF would lock every reader out.
      execute format('create table private.%I (like public.bars including all)', to_char(month, '"bars_"YYYY_MM'));
      execute format('alter table private.%I enable row level security', to_char(month, '"bars_"YYYY_MM'));
      execute format('alter table public.bars attach partition private.%I for values from (%L) to (%L)', to_char(month, '"bars_"YYYY_MM'),
        to_char(month, 'YYYY-MM-DD"T00:00Z"'), to_char(month + interval '1 month', 'YYYY-MM-DD"T00:00Z"'));
      made := made + 1;
    end if;
  end loop;
  return made;
end $$;
comment on function private.make_bar_months(timestamptz[]) is
  'Makes the partitions of the months of these times where they are missing; readers and writers go on meanwhile. Returns how many were made.';

create function public.prepare_bar_months(p_now timestamptz, p_ahead integer default 2) returns integer
language sql security definer set search_path = ''
as $$
  select private.make_bar_months(array(
    select date_trunc('month', p_now at time zone 'UTC') at time zone 'UTC' + make_interval(months => n) from generate_series(0, least(p_ahead, 12)) as n))
$$;
comment on function public.prepare_bar_months(timestamptz, integer) is
  'Makes the partitions of the running month and of the next p_ahead ones, so that no bar has to. Returns how many were made.';

create table public.quotes_latest (
  symbol text primary key references public.instruments (symbol) on delete restrict,
  bid private.amount not null check (bid > 0),
  ask private.amount not null,
  bid_size private.amount not null check (bid_size >= 0),
  ask_size private.amount not null check (ask_size >= 0),
  quoted_at timestamptz not null check (isfinite(quoted_at)),
  feed text not null check (feed <> ''),
  delay_seconds integer not null default 0 check (delay_seconds >= 0),
  recorded_at timestamptz not null default now(),
  constraint bid_is_not_above_ask check (bid <= ask)
);
comment on table public.quotes_latest is 'The last best bid and ask, for display. Decisions read the hot store''s quote.';
comment on column public.quotes_latest.symbol is 'The instrument.';
comment on column public.quotes_latest.bid is 'Best bid, in dollars.';
comment on column public.quotes_latest.ask is 'Best ask, in dollars.';
comment on column public.quotes_latest.bid_size is 'Size at the bid, in shares or contracts.';
comment on column public.quotes_latest.ask_size is 'Size at the ask, in shares or contracts.';
comment on column public.quotes_latest.quoted_at is 'When the exchange said so, UTC. An older quote never takes a newer one''s place.';
comment on column public.quotes_latest.feed is 'Which feed told it.';
comment on column public.quotes_latest.delay_seconds is 'By how much the feed is late, as declared.';
comment on column public.quotes_latest.recorded_at is 'When the row was last written.';
alter table public.quotes_latest enable row level security;
create policy "everybody signed in reads quotes" on public.quotes_latest for select to authenticated using (true);

create table public.position_marks (
  symbol text primary key references public.instruments (symbol) on delete restrict,
  mark private.amount not null check (mark > 0),
  marked_at timestamptz not null check (isfinite(marked_at)),
  source text not null check (source <> ''),
  recorded_at timestamptz not null default now()
);
comment on table public.position_marks is 'The price positions are valued at, when it was seen, and where it came from. No fill writes here, and no mark waits for a fill.';
comment on column public.position_marks.symbol is 'The instrument.';
comment on column public.position_marks.mark is 'Price of one share or contract unit, in dollars.';
comment on column public.position_marks.marked_at is 'When the price was seen, UTC. An older mark never takes a newer one''s place.';
comment on column public.position_marks.source is 'Which bar, quote or feed it came from.';
comment on column public.position_marks.recorded_at is 'When the row was last written.';
alter table public.position_marks enable row level security;
create policy "everybody signed in reads marks" on public.position_marks for select to authenticated using (true);

create function private.refuse_unknown_symbols(p_rows jsonb) returns void
language plpgsql stable set search_path = ''
as $$
declare
  unknown_symbol text;
begin
  select d.symbol into unknown_symbol
  from (select distinct e ->> 'symbol' as symbol from jsonb_array_elements(p_rows) as e) as d
  where not exists (select from public.instruments as i where i.symbol = d.symbol)
  order by d.symbol limit 1;
  if found then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'Add the instrument before its market data.', jsonb_build_object('symbol', unknown_symbol));
  end if;
end $$;
comment on function private.refuse_unknown_symbols(jsonb) is 'Refuses rows [{"symbol", ...}] of which one names no instrument.';

create function public.record_market_data(p_bars jsonb, p_quotes jsonb default '[]') returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  written integer;
  broken_constraint text;
  broken_column text;
begin
  -- First of all, and before any row is locked: whoever waits for a new month holds nothing that another needs.
  perform private.make_bar_months(array(
    select distinct date_trunc('month', (d ->> 'starts_at')::timestamptz, 'UTC') from jsonb_array_elements(p_bars) as d));
  perform private.refuse_unknown_symbols(p_bars);
  perform private.refuse_unknown_symbols(p_quotes);

  insert into public.bars as b (symbol, timeframe, starts_at, ends_at, open, high, low, close, volume, feed, delay_seconds)
  -- The last word on a bar counts where a batch has it twice. In the order of the key: two batches never wait in a ring.
  select distinct on (symbol, timeframe, starts_at)
    symbol, timeframe, starts_at, ends_at, open, high, low, close, volume, feed, coalesce(delay_seconds, 0)
  from rows from (jsonb_to_recordset(p_bars) as (
      symbol text, timeframe text, starts_at timestamptz, ends_at timestamptz, open numeric, high numeric, low numeric, close numeric,
      volume numeric, feed text, delay_seconds integer)) with ordinality
    as d (symbol, timeframe, starts_at, ends_at, open, high, low, close, volume, feed, delay_seconds, place)
  order by symbol, timeframe, starts_at, place desc
  on conflict (symbol, timeframe, starts_at) do update
  set ends_at = excluded.ends_at, open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
      volume = excluded.volume, feed = excluded.feed, delay_seconds = excluded.delay_seconds, recorded_at = now()
  where (b.ends_at, b.open, b.high, b.low, b.close, b.volume) is distinct from
        (excluded.ends_at, excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume);
  get diagnostics written = row_count;

  insert into public.quotes_latest as q (symbol, bid, ask, bid_size, ask_size, quoted_at, feed, delay_seconds)
  select distinct on (symbol) symbol, bid, ask, bid_size, ask_size, quoted_at, feed, coalesce(delay_seconds, 0)
  from rows from (jsonb_to_recordset(p_quotes) as (
      symbol text, bid numeric, ask numeric, bid_size numeric, ask_size numeric, quoted_at timestamptz, feed text, delay_seconds integer))
    with ordinality as d (symbol, bid, ask, bid_size, ask_size, quoted_at, feed, delay_seconds, place)
  order by symbol, quoted_at desc, place desc
  on conflict (symbol) do update
  set bid = excluded.bid, ask = excluded.ask, bid_size = excluded.bid_size, ask_size = excluded.ask_size,
      quoted_at = excluded.quoted_at, feed = excluded.feed, delay_seconds = excluded.delay_seconds, recorded_at = now()
  where q.quoted_at <= excluded.quoted_at;

  -- A position is valued at the close of the newest completed bar.
  perform private.move_marks((
    select jsonb_agg(newest) from (
      select distinct on (d ->> 'symbol') d ->> 'symbol' as symbol, d ->> 'close' as mark, (d ->> 'ends_at')::timestamptz as marked_at,
        'bar ' || (d ->> 'timeframe') || ' ' || (d ->> 'feed') as source
      from jsonb_array_elements(p_bars) with ordinality as bar (d, place)
      order by d ->> 'symbol', (d ->> 'ends_at')::timestamptz desc, place desc) as newest));
  return written;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_MARKET_DATA',
      'Prices are numbers above zero, a bar''s low and high enclose its open and close, a bid is not above its ask. Nothing of the batch is stored.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_market_data(jsonb, jsonb) is
  'Stores completed bars and latest quotes and moves the marks; idempotent; returns how many bars were new or changed.';

create function private.move_marks(p_marks jsonb) returns integer
language plpgsql set search_path = ''
as $$
declare
  moved integer;
begin
  insert into public.position_marks as m (symbol, mark, marked_at, source)
  select distinct on (symbol) symbol, mark, marked_at, source
  from rows from (jsonb_to_recordset(p_marks) as (symbol text, mark numeric, marked_at timestamptz, source text)) with ordinality
    as d (symbol, mark, marked_at, source, place)
  -- In symbol order: two callers never wait for each other in a ring.
  order by symbol, marked_at desc, place desc
  on conflict (symbol) do update
  set mark = excluded.mark, marked_at = excluded.marked_at, source = excluded.source, recorded_at = now()
  where m.marked_at < excluded.marked_at
    or (m.marked_at = excluded.marked_at and (m.mark, m.source) is distinct from (excluded.mark, excluded.source));
  get diagnostics moved = row_count;
  return moved;
end $$;
comment on function private.move_marks(jsonb) is 'Moves marks forward in time, never back. Touches position_marks and nothing else.';

create function public.upsert_marks(p_marks jsonb) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  broken_constraint text;
  broken_column text;
begin
  perform private.refuse_unknown_symbols(p_marks);
  return private.move_marks(p_marks);
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_MARK', 'A mark is a price above zero, seen at a moment in time, from a named source. Nothing of the batch is stored.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.upsert_marks(jsonb) is
  'Writes marks [{"symbol", "mark", "marked_at", "source"}]; an older one never takes a newer one''s place. Returns how many moved.';

-- One plan for all calls: to plan over sixty months costs more than to read from the few that are needed.
create function public.bars_until(p_symbol text, p_timeframe text, p_until timestamptz, p_limit integer) returns jsonb
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_generic_plan'
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'starts_at', starts_at, 'ends_at', ends_at, 'open', open::text, 'high', high::text, 'low', low::text,
      'close', close::text, 'volume', volume::text) order by starts_at), '[]'::jsonb)
    from (
      select * from public.bars
      where symbol = p_symbol and timeframe = p_timeframe and ends_at <= p_until
        -- Says nothing new, and leaves every later month closed. By starts_at: months are read newest first, until it is enough.
        and starts_at < p_until
      order by starts_at desc limit p_limit) as newest);
end $$;
comment on function public.bars_until(text, text, timestamptz, integer) is
  'The newest p_limit bars that had ended by p_until, oldest first: never a bar of the future.';

create function public.latest_bar_end(p_symbol text, p_timeframe text) returns timestamptz
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_generic_plan'
as $$
begin
  return (select ends_at from public.bars where symbol = p_symbol and timeframe = p_timeframe order by starts_at desc limit 1);
end $$;
comment on function public.latest_bar_end(text, text) is 'The end of the newest stored bar: what ended later is still to be fetched. Null where there is none.';

grant execute on function public.record_market_data(jsonb, jsonb), public.latest_bar_end(text, text), public.prepare_bar_months(timestamptz, integer)
  to fn_ingest;
grant execute on function public.upsert_marks(jsonb) to fn_ingest, fn_risk;
grant execute on function public.bars_until(text, text, timestamptz, integer) to fn_ingest, fn_strategy;
grant select on public.bars, public.quotes_latest, public.position_marks to authenticated;
