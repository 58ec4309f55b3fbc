-- Bars, latest quotes, and the marks that positions are valued at.

create table public.bars (
  symbol text not null references public.instruments (symbol) on delete restrict,
  timeframe text not null check (timeframe in ('1Min', '5Min', '15Min', '1Hour', '1Day')),
  starts_at timestamptz not null,
  ends_at timestamptz not null check (ends_at > starts_at),
  open private.amount not null check (open > 0),
  high private.amount not null,
  low private.amount not null,
  close private.amount not null,
  volume private.amount not null check (volume >= 0),
  feed text not null,
  recorded_at timestamptz not null default now(),
  primary key (symbol, timeframe, starts_at),
  check (low > 0 and low <= least(open, close) and high >= greatest(open, close))
);
comment on table public.bars is 'Completed bars. Times UTC, prices in dollars, volume in shares or contracts.';
create index bars_ends_at on public.bars (symbol, timeframe, ends_at desc);

create table public.quotes_latest (
  symbol text primary key references public.instruments (symbol) on delete restrict,
  bid private.amount not null check (bid > 0),
  ask private.amount not null,
  bid_size private.amount not null check (bid_size >= 0),
  ask_size private.amount not null check (ask_size >= 0),
  quoted_at timestamptz not null,
  feed text not null,
  delay_seconds integer not null default 0 check (delay_seconds >= 0),
  recorded_at timestamptz not null default now(),
  check (bid <= ask)
);
comment on table public.quotes_latest is 'The last best bid and ask, for display. Decisions read the hot store''s quote.';

create table public.position_marks (
  symbol text primary key references public.instruments (symbol) on delete restrict,
  mark private.amount not null check (mark > 0),
  marked_at timestamptz not null,
  source text not null
);
comment on table public.position_marks is 'The price positions are valued at, when it was seen, and where it came from.';

create function public.record_market_data(p_bars jsonb, p_quotes jsonb default '[]') returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  unknown_symbol text;
  written integer;
  broken_constraint text;
  broken_column text;
begin
  select d ->> 'symbol' into unknown_symbol
  from (select jsonb_array_elements(p_bars) as d union all select jsonb_array_elements(p_quotes)) as data
  where not exists (select from public.instruments as i where i.symbol = d ->> 'symbol')
  limit 1;
  if unknown_symbol is not null then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'Add the instrument before its market data.', jsonb_build_object('symbol', unknown_symbol));
  end if;

  insert into public.bars as b (symbol, timeframe, starts_at, ends_at, open, high, low, close, volume, feed)
  -- The last word on a bar counts where a batch has it twice.
  select distinct on (d ->> 'symbol', d ->> 'timeframe', (d ->> 'starts_at')::timestamptz)
    d ->> 'symbol', d ->> 'timeframe', (d ->> 'starts_at')::timestamptz, (d ->> 'ends_at')::timestamptz,
    (d ->> 'open')::numeric, (d ->> 'high')::numeric, (d ->> 'low')::numeric, (d ->> 'close')::numeric,
    (d ->> 'volume')::numeric, d ->> 'feed'
  from jsonb_array_elements(p_bars) with ordinality as bar (d, place)
  order by d ->> 'symbol', d ->> 'timeframe', (d ->> 'starts_at')::timestamptz, place desc
  on conflict (symbol, timeframe, starts_at) do update
  set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
      volume = excluded.volume, feed = excluded.feed, recorded_at = now()
  where (b.open, b.high, b.low, b.close, b.volume) is distinct from
        (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume);
  get diagnostics written = row_count;

  insert into public.quotes_latest as q (symbol, bid, ask, bid_size, ask_size, quoted_at, feed, delay_seconds)
  select distinct on (d ->> 'symbol') d ->> 'symbol', (d ->> 'bid')::numeric, (d ->> 'ask')::numeric,
    (d ->> 'bid_size')::numeric, (d ->> 'ask_size')::numeric, (d ->> 'quoted_at')::timestamptz, d ->> 'feed',
    coalesce((d ->> 'delay_seconds')::integer, 0)
  from jsonb_array_elements(p_quotes) as d
  order by d ->> 'symbol', (d ->> 'quoted_at')::timestamptz desc
  on conflict (symbol) do update
  set bid = excluded.bid, ask = excluded.ask, bid_size = excluded.bid_size, ask_size = excluded.ask_size,
      quoted_at = excluded.quoted_at, feed = excluded.feed, delay_seconds = excluded.delay_seconds, recorded_at = now()
  where q.quoted_at <= excluded.quoted_at;

  -- A position is valued at the close of the newest completed bar; an older bar never takes a newer mark's place.
  insert into public.position_marks as m (symbol, mark, marked_at, source)
  select distinct on (d ->> 'symbol') d ->> 'symbol', (d ->> 'close')::numeric, (d ->> 'ends_at')::timestamptz,
    'bar ' || (d ->> 'timeframe') || ' ' || (d ->> 'feed')
  from jsonb_array_elements(p_bars) with ordinality as bar (d, place)
  order by d ->> 'symbol', (d ->> 'ends_at')::timestamptz desc, place desc
  on conflict (symbol) do update
  set mark = excluded.mark, marked_at = excluded.marked_at, source = excluded.source
  where m.marked_at <= excluded.marked_at;
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

create function public.bars_until(p_symbol text, p_timeframe text, p_until timestamptz, p_limit integer) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'starts_at', starts_at, 'ends_at', ends_at, 'open', open::text, 'high', high::text, 'low', low::text,
    'close', close::text, 'volume', volume::text) order by starts_at), '[]'::jsonb)
  from (
    select * from public.bars
    where symbol = p_symbol and timeframe = p_timeframe and ends_at <= p_until
    order by ends_at desc limit p_limit) as newest
$$;
comment on function public.bars_until(text, text, timestamptz, integer) is
  'The newest p_limit bars that had ended by p_until, oldest first: never a bar of the future.';

create function public.latest_bar_end(p_symbol text, p_timeframe text) returns timestamptz
language sql stable security definer set search_path = ''
as $$ select max(ends_at) from public.bars where symbol = p_symbol and timeframe = p_timeframe $$;
comment on function public.latest_bar_end(text, text) is 'The end of the newest stored bar: what ended later is still to be fetched. Null where there is none.';

grant execute on function public.record_market_data(jsonb, jsonb),
  public.latest_bar_end(text, text) to fn_ingest;
grant execute on function public.bars_until(text, text, timestamptz, integer) to fn_ingest, fn_strategy;

alter table public.bars enable row level security;
create policy "everybody signed in reads bars" on public.bars for select to authenticated using (true);
alter table public.quotes_latest enable row level security;
create policy "everybody signed in reads quotes" on public.quotes_latest for select to authenticated using (true);
alter table public.position_marks enable row level security;
create policy "everybody signed in reads marks" on public.position_marks for select to authenticated using (true);
grant select on public.bars, public.quotes_latest, public.position_marks to authenticated;
