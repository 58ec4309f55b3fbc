-- Which months of bars the archive holds, and the end of a month in Postgres: never before the archive has it.

create table public.archived_months (
  symbol text not null references public.instruments (symbol) on delete restrict,
  timeframe text not null check (timeframe in ('1Min', '5Min', '15Min', '1Hour', '1Day')),
  month date not null check (month = date_trunc('month', month)::date),
  bars integer not null check (bars > 0),
  key text not null check (key <> ''),
  digest text check (digest ~ '^[0-9a-f]{64}$'),
  in_postgres boolean not null check (digest is not null or not in_postgres),
  archived_at timestamptz not null default now(),
  primary key (symbol, timeframe, month)
);
comment on table public.archived_months is
  'What the archive holds: one object for each symbol, timeframe and month (UTC). A month leaves Postgres only when it is here as it is there.';
comment on column public.archived_months.symbol is 'The instrument.';
comment on column public.archived_months.timeframe is '1Min, 5Min, 15Min, 1Hour or 1Day.';
comment on column public.archived_months.month is 'First day of the month (UTC) in which the bars start.';
comment on column public.archived_months.bars is 'How many bars the object holds.';
comment on column public.archived_months.key is 'Where the object lies in the archive.';
comment on column public.archived_months.digest is
  'Of the bars that Postgres held when they were archived; null where they never were there, or have changed since: they are archived anew.';
comment on column public.archived_months.in_postgres is 'Whether Postgres holds every bar of the object too, so that nobody has to open it.';
comment on column public.archived_months.archived_at is 'When the object was last written.';
alter table public.archived_months enable row level security;
create policy "everybody signed in reads what is archived" on public.archived_months for select to authenticated using (true);

create function private.bars_digest(p_symbol text, p_timeframe text, p_month date) returns text
language sql stable set search_path = ''
as $$
  select encode(sha256(convert_to(string_agg(
    concat_ws('|', extract(epoch from starts_at), extract(epoch from ends_at), open, high, low, close, volume, feed, delay_seconds),
    E'\n' order by starts_at), 'UTF8')), 'hex')
  from public.bars
  where symbol = p_symbol and timeframe = p_timeframe
    and starts_at >= p_month::timestamp at time zone 'UTC' and starts_at < (p_month + interval '1 month') at time zone 'UTC'
$$;
comment on function private.bars_digest(text, text, date) is 'Says whether a month of bars is still what it was: SHA-256 of all that it says. Null without a bar.';

create function private.told_bar(p_bar public.bars) returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object(
    'starts_at', p_bar.starts_at, 'ends_at', p_bar.ends_at, 'open', p_bar.open::text, 'high', p_bar.high::text, 'low', p_bar.low::text,
    'close', p_bar.close::text, 'volume', p_bar.volume::text, 'feed', p_bar.feed, 'delay_seconds', p_bar.delay_seconds)
$$;
comment on function private.told_bar(public.bars) is 'A bar as it travels: money as text, with its feed and delay.';

create function public.bars_between(p_symbol text, p_timeframe text, p_start timestamptz, p_end timestamptz, p_limit integer default 20000)
returns jsonb
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_generic_plan'
as $$
begin
  return (
    select coalesce(jsonb_agg(private.told_bar(b) order by b.starts_at), '[]'::jsonb)
    from (
      select * from public.bars
      where symbol = p_symbol and timeframe = p_timeframe and starts_at >= p_start and starts_at < p_end
      order by starts_at limit least(p_limit, 20000)) as b);
end $$;
comment on function public.bars_between(text, text, timestamptz, timestamptz, integer) is
  'The stored bars that start in [p_start, p_end), oldest first, 20000 at most: who gets so many asks again from the last one on.';

create function public.bars_of_month(p_symbol text, p_timeframe text, p_month date) returns jsonb
language sql stable security definer set search_path = ''
as $$
  -- One statement, one view of the rows: the digest is of these bars and no others.
  select jsonb_build_object('digest', private.bars_digest(p_symbol, p_timeframe, p_month), 'bars', (
    select coalesce(jsonb_agg(private.told_bar(b) order by b.starts_at), '[]'::jsonb) from public.bars as b
    where b.symbol = p_symbol and b.timeframe = p_timeframe
      and b.starts_at >= p_month::timestamp at time zone 'UTC' and b.starts_at < (p_month + interval '1 month') at time zone 'UTC'))
$$;
comment on function public.bars_of_month(text, text, date) is 'A month of stored bars, oldest first, and their digest: {"digest", "bars"}.';

create function public.bars_to_archive(p_now timestamptz, p_limit integer default 500) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  month_table name;
  first_day date;
  found jsonb;
  due jsonb := '[]';
begin
  for month_table in
    select c.relname from pg_catalog.pg_inherits as h join pg_catalog.pg_class as c on c.oid = h.inhrelid
    where h.inhparent = 'public.bars'::regclass order by c.relname
  loop
    first_day := to_date(right(month_table, 7), 'YYYY_MM');
    exit when (first_day + interval '1 month') at time zone 'UTC' > p_now or jsonb_array_length(due) >= p_limit;
    -- From one symbol and timeframe to the next by the key: a month has hundreds of thousands of bars.
    execute format(
      'with recursive held as (
        (select symbol, timeframe from private.%1$I order by symbol, timeframe limit 1)
        union all
        select n.symbol, n.timeframe from held as h cross join lateral (
          select b.symbol, b.timeframe from private.%1$I as b where (b.symbol, b.timeframe) > (h.symbol, h.timeframe)
          order by b.symbol, b.timeframe limit 1) as n)
      select coalesce(jsonb_agg(jsonb_build_object(''symbol'', h.symbol, ''timeframe'', h.timeframe, ''month'', $1)
        order by h.symbol, h.timeframe), ''[]''::jsonb)
      from held as h where not exists (select from public.archived_months as a
        where a.symbol = h.symbol and a.timeframe = h.timeframe and a.month = $1 and a.digest is not null)', month_table)
      using first_day into found;
    due := due || found;
  end loop;
  return jsonb_path_query_array(due, '$[0 to $n]', jsonb_build_object('n', greatest(p_limit, 1) - 1));
end $$;
comment on function public.bars_to_archive(timestamptz, integer) is
  'The months that are over by p_now and not in the archive as they are here: [{"symbol", "timeframe", "month"}], oldest first.';

create function public.record_archived_month(
  p_symbol text, p_timeframe text, p_month date, p_bars integer, p_key text, p_digest text default null, p_in_postgres boolean default false)
returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  broken_constraint text;
  broken_column text;
begin
  if p_digest is not null and p_digest is distinct from private.bars_digest(p_symbol, p_timeframe, p_month) then
    -- Bars came while they were written: nothing is lost, they are archived once more.
    return false;
  end if;
  insert into public.archived_months as a (symbol, timeframe, month, bars, key, digest, in_postgres)
  values (p_symbol, p_timeframe, p_month, p_bars, p_key, p_digest, p_in_postgres)
  on conflict (symbol, timeframe, month) do update
  set bars = excluded.bars, key = excluded.key, digest = excluded.digest, in_postgres = excluded.in_postgres, archived_at = now();
  return true;
exception
  when data_exception or check_violation or not_null_violation or foreign_key_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_ARCHIVED_MONTH', 'Name a known symbol, a timeframe, the first day of a month, and how many bars the object holds.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_archived_month(text, text, date, integer, text, text, boolean) is
  'Says that the archive holds a month; false where the bars are not those of p_digest any more: it is to be archived again.';

create function public.months_in_archive(p_symbol text, p_timeframe text, p_start timestamptz, p_end timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('month', a.month, 'key', a.key, 'bars', a.bars) order by a.month), '[]'::jsonb)
  from public.archived_months as a
  where a.symbol = p_symbol and a.timeframe = p_timeframe and not a.in_postgres
    and a.month >= date_trunc('month', p_start at time zone 'UTC')::date and a.month::timestamp at time zone 'UTC' < p_end
$$;
comment on function public.months_in_archive(text, text, timestamptz, timestamptz) is
  'The months with bars in [p_start, p_end) for which the archive has to be asked, oldest first. Ask Postgres for its bars before: a month may leave it.';

create function public.drop_old_bars(p_now timestamptz, p_keep_months integer default null) returns jsonb
language plpgsql security definer set search_path = ''
-- Dropping locks readers out for a moment. Where one reads for long, the rest is for the next time.
set lock_timeout = '1s'
as $$
declare
  keep integer := coalesce(p_keep_months, (
    select case when pg_input_is_valid(value, 'integer') then value::integer end from private.settings where name = 'bars_keep_months'));
  oldest_kept date;
  month_table name;
  first_day date;
  has_rows boolean := false;
  stale integer;
  dropped jsonb := '[]';
begin
  if keep is null or keep < 1 or p_now is null or not isfinite(p_now) then
    perform private.refuse(422, 'BAD_RETENTION', 'Name the time, and keep at least one month: the running one is never dropped.',
      jsonb_build_object('now', p_now, 'keep_months', keep));
  end if;
  -- Counted from the newest month that has bars where that is older: a clock that runs ahead drops nothing.
  for month_table in
    select c.relname from pg_catalog.pg_inherits as h join pg_catalog.pg_class as c on c.oid = h.inhrelid
    where h.inhparent = 'public.bars'::regclass order by c.relname desc
  loop
    execute format('select exists (select from private.%I)', month_table) into has_rows;
    exit when has_rows;
  end loop;
  if not has_rows then
    return dropped;
  end if;
  oldest_kept := least(date_trunc('month', p_now at time zone 'UTC'), to_date(right(month_table, 7), 'YYYY_MM'))
    - make_interval(months => keep - 1);
  for month_table in
    select c.relname from pg_catalog.pg_inherits as h join pg_catalog.pg_class as c on c.oid = h.inhrelid
    where h.inhparent = 'public.bars'::regclass and to_date(right(c.relname, 7), 'YYYY_MM') < oldest_kept order by c.relname
  loop
    first_day := to_date(right(month_table, 7), 'YYYY_MM');
    begin
      -- From here to the drop no bar comes; they are still read.
      execute format('lock table private.%I in share mode', month_table);
      execute format('select count(*) from (select distinct symbol, timeframe from private.%I) as h
        where not exists (select from public.archived_months as a where a.symbol = h.symbol and a.timeframe = h.timeframe
          and a.month = $1 and a.digest = private.bars_digest(h.symbol, h.timeframe, $1))', month_table) using first_day into stale;
      if stale > 0 then
        -- What has changed since is archived anew, and the month stays until then.
        update public.archived_months as a set digest = null, in_postgres = false
        where a.month = first_day and a.digest is distinct from private.bars_digest(a.symbol, a.timeframe, a.month);
        continue;
      end if;
      execute format('drop table private.%I', month_table);
      -- Should the month begin anew, it is archived anew.
      update public.archived_months as a set digest = null, in_postgres = false where a.month = first_day;
      dropped := dropped || to_jsonb(month_table);
    exception
      when lock_not_available then
        exit;
    end;
  end loop;
  return dropped;
end $$;
comment on function public.drop_old_bars(timestamptz, integer) is
  'Drops the months of bars that are older than p_keep_months (the setting bars_keep_months where absent) and wholly in the archive, as whole partitions. Returns their names.';

grant execute on function public.bars_of_month(text, text, date), public.bars_to_archive(timestamptz, integer),
  public.record_archived_month(text, text, date, integer, text, text, boolean), public.drop_old_bars(timestamptz, integer) to fn_ingest;
grant execute on function public.bars_between(text, text, timestamptz, timestamptz, integer),
  public.months_in_archive(text, text, timestamptz, timestamptz) to fn_ingest, fn_strategy, fn_report;
grant execute on function public.latest_bar_end(text, text) to fn_strategy, fn_report;
grant select on public.archived_months to authenticated;
