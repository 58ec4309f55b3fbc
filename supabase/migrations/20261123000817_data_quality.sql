-- What the data-quality gate of ingest finds: counted, not kept row by row.

create table public.data_findings (
  session_date date not null,
  symbol text not null,
  feed text not null check (feed <> ''),
  kind text not null check (kind in ('duplicate', 'disorder', 'gap', 'malformed', 'quote', 'spike', 'stale', 'session', 'split')),
  count bigint not null check (count > 0),
  first_at timestamptz not null check (isfinite(first_at)),
  last_at timestamptz not null,
  sample text not null,
  updated_at timestamptz not null default now(),
  primary key (session_date, symbol, feed, kind),
  constraint last_is_not_before_first check (last_at >= first_at and isfinite(last_at))
);
comment on table public.data_findings is 'What was wrong with market data, by exchange date, symbol, feed and kind. The rows themselves reached nobody.';
comment on column public.data_findings.session_date is 'Exchange date of the data.';
comment on column public.data_findings.symbol is 'What the data was of; empty where a row that could not be read does not say.';
comment on column public.data_findings.feed is 'Which feed or file told it.';
comment on column public.data_findings.kind is
  'duplicate, disorder, gap (missing minutes of the session), malformed, quote (zero or crossed), spike, stale, session (outside the regular one) or split (not applied).';
comment on column public.data_findings.count is 'How many rows; of a gap, how many minutes.';
comment on column public.data_findings.first_at is 'Event time of the first, UTC.';
comment on column public.data_findings.last_at is 'Event time of the last, UTC.';
comment on column public.data_findings.sample is 'What was said of the first.';
comment on column public.data_findings.updated_at is 'When the row was last written, UTC.';
alter table public.data_findings enable row level security;
create policy "everybody signed in reads data findings" on public.data_findings for select to authenticated using (true);
grant select on public.data_findings to authenticated;

create function public.record_findings(p_id uuid, p_findings jsonb) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  written integer;
  broken_constraint text;
  broken_column text;
begin
  -- Counts add up, so a call that is repeated because its answer was lost must not count twice.
  insert into private.inbox (consumer, event_id) values ('record_findings', p_id) on conflict do nothing;
  if not found then
    return 0;
  end if;
  -- One by one: in a sum, a bad one would hide behind a good one.
  if exists (
    select from jsonb_to_recordset(p_findings) as d (symbol text, feed text, kind text, at timestamptz, count bigint, sample text)
    where not coalesce(count > 0 and isfinite(at) and symbol is not null and feed <> '' and kind <> '' and sample is not null, false)) then
    perform private.refuse_malformed('BAD_FINDING', 'A finding has a symbol, a feed, a known kind, a moment, a count above zero and a sample.',
      '', '', 'a finding without one of these');
  end if;
  insert into public.data_findings as f (session_date, symbol, feed, kind, count, first_at, last_at, sample)
  select (at at time zone 'America/New_York')::date, symbol, feed, kind, sum(count), min(at), max(at),
    left((array_agg(sample order by at, place))[1], 500)
  from rows from (jsonb_to_recordset(p_findings) as (symbol text, feed text, kind text, at timestamptz, count bigint, sample text))
    with ordinality as d (symbol, feed, kind, at, count, sample, place)
  group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (session_date, symbol, feed, kind) do update
  set count = f.count + excluded.count, last_at = greatest(f.last_at, excluded.last_at), updated_at = now(),
      first_at = least(f.first_at, excluded.first_at),
      sample = case when excluded.first_at < f.first_at then excluded.sample else f.sample end;
  get diagnostics written = row_count;
  return written;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_FINDING', 'A finding has a symbol, a feed, a known kind, a moment, a count above zero and a sample.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_findings(uuid, jsonb) is
  'Counts findings [{"symbol", "feed", "kind", "at", "count", "sample"}] once for each p_id; returns how many rows of data_findings changed.';
grant execute on function public.record_findings(uuid, jsonb) to fn_ingest;
