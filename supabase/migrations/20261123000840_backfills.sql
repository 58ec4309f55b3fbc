-- Backfills: history that is asked for, fetched in chunks, and gone on with exactly where it was.

insert into private.settings (name, value, comment) values
  ('open_backfills', '20', 'How many backfills of one user may be under way at once.');

create table public.backfills (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete restrict,
  symbol text not null check (symbol ~ '^[A-Z]{1,6}([.][A-Z]{1,2})?$'),
  timeframe text not null check (timeframe = '1Min'),
  starts_at timestamptz not null check (starts_at >= '1990-01-01T00:00Z'),
  ends_at timestamptz not null check (isfinite(ends_at)),
  cursor_at timestamptz not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'done', 'failed', 'canceled')),
  bars integer not null default 0 check (bars >= 0),
  findings integer not null default 0 check (findings >= 0),
  reason text not null default '' check (length(reason) <= 500),
  attempts integer not null default 0,
  last_error text,
  next_attempt_at timestamptz not null default now(),
  claimed_by text,
  claimed_until timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint begins_before_it_ends check (starts_at < ends_at),
  constraint cursor_is_within check (cursor_at between starts_at and ends_at),
  constraint over_when_finished check ((status in ('done', 'failed', 'canceled')) = (finished_at is not null)),
  constraint done_at_its_end check (status <> 'done' or cursor_at = ends_at)
);
comment on table public.backfills is 'History that somebody asked for, and how far it has come. Everything before the cursor is stored.';
comment on column public.backfills.id is 'Key.';
comment on column public.backfills.user_id is 'Who asked for it; null where the platform did.';
comment on column public.backfills.symbol is 'The share. One that is not known yet is looked up first.';
comment on column public.backfills.timeframe is '1Min: what feeds tell. Longer bars are made of it.';
comment on column public.backfills.starts_at is 'From when on, UTC.';
comment on column public.backfills.ends_at is 'Up to when, without that moment, UTC.';
comment on column public.backfills.cursor_at is 'Up to when everything is stored; it moves with each chunk and never back.';
comment on column public.backfills.status is 'queued, running, then done, failed or canceled.';
comment on column public.backfills.bars is 'Bars that were found before the cursor, each counted once.';
comment on column public.backfills.findings is 'Rows before the cursor that were found wanting.';
comment on column public.backfills.reason is 'Why it was asked for.';
comment on column public.backfills.attempts is 'Failures in a row since the cursor last moved.';
comment on column public.backfills.last_error is 'The last failure, as CODE: text; null once the cursor moves again.';
comment on column public.backfills.next_attempt_at is 'Not before then, UTC.';
comment on column public.backfills.claimed_by is 'Which process is at it.';
comment on column public.backfills.claimed_until is 'Until when that process may be silent, UTC.';
comment on column public.backfills.finished_at is 'When it ended, UTC.';
comment on column public.backfills.created_at is 'When it was asked for, UTC.';
comment on column public.backfills.updated_at is 'When the row last changed, UTC.';
create index backfills_user on public.backfills (user_id, created_at desc);
create index backfills_open on public.backfills (symbol, timeframe) where status in ('queued', 'running');
select private.protect_from_delete('public.backfills');

create function private.guard_backfill() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if old.status in ('done', 'failed', 'canceled') or new.cursor_at < old.cursor_at
    or (new.id, new.user_id, new.symbol, new.timeframe, new.starts_at, new.ends_at, new.reason, new.created_at) is distinct from
       (old.id, old.user_id, old.symbol, old.timeframe, old.starts_at, old.ends_at, old.reason, old.created_at) then
    perform private.refuse(409, 'BACKFILL_IS_FIXED', 'What was asked for never changes, nor does what is over; ask for another backfill.',
      jsonb_build_object('backfill', old.id, 'status', old.status));
  end if;
  new.updated_at := now();
  return new;
end $$;
comment on function private.guard_backfill() is 'A backfill keeps what was asked for, its cursor never goes back, and its end is its end.';
create trigger guard before update on public.backfills for each row execute function private.guard_backfill();

alter table public.backfills enable row level security;
create policy "a user reads the platform's backfills and their own" on public.backfills for select to authenticated
  using (user_id is null or user_id = any ((select private.readable_users())::uuid[]));
grant select on public.backfills to authenticated;

create function private.ask_backfill(p_user_id uuid, p_symbol text, p_from timestamptz, p_to timestamptz, p_reason text) returns uuid
language plpgsql set search_path = ''
as $$
declare
  found_id uuid;
begin
  -- Two who ask for the same at once are given the same.
  perform pg_advisory_xact_lock(hashtextextended('backfill ' || p_symbol, 0));
  select b.id into found_id from public.backfills as b
  where b.symbol = p_symbol and b.timeframe = '1Min' and b.status in ('queued', 'running') and b.starts_at <= p_from and b.ends_at >= p_to
    and b.user_id is not distinct from p_user_id
  order by b.created_at limit 1;
  if found_id is null then
    insert into public.backfills (user_id, symbol, timeframe, starts_at, ends_at, cursor_at, reason)
    values (p_user_id, p_symbol, '1Min', p_from, p_to, p_from, p_reason) returning id into found_id;
  end if;
  return found_id;
end $$;
comment on function private.ask_backfill(uuid, text, timestamptz, timestamptz, text) is 'Asks for minutes of a share; one under way that covers them is the same. Returns its id.';

create function public.request_backfill(p_symbol text, p_from timestamptz, p_to timestamptz, p_timeframe text default '1Min', p_reason text default '')
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  person uuid := case when private.calling_role() = 'authenticated' then (select auth.uid()) end;
  most integer := (select value::integer from private.settings where name = 'open_backfills');
begin
  if p_timeframe is distinct from '1Min' then
    perform private.refuse(422, 'BAD_BACKFILL', 'Ask for 1Min: feeds tell minutes, and longer bars are made of them.',
      jsonb_build_object('timeframe', p_timeframe));
  end if;
  if coalesce(p_symbol !~ '^[A-Z]{1,6}([.][A-Z]{1,2})?$', true) then
    perform private.refuse(422, 'BAD_BACKFILL', 'Name a share in capital letters, such as SPY or BRK.B.', jsonb_build_object('symbol', p_symbol));
  end if;
  if coalesce(not (p_from >= '1990-01-01T00:00Z' and p_from < p_to and p_to <= '2099-01-01T00:00Z'), true) then
    perform private.refuse(422, 'BAD_BACKFILL', 'Name a range that begins in 1990 or later and ends after it begins.',
      jsonb_build_object('from', p_from, 'to', p_to));
  end if;
  if person is not null then
    perform pg_advisory_xact_lock(hashtextextended('backfills of ' || person, 0));
    if p_to > now() + interval '1 day' then
      perform private.refuse(422, 'BAD_BACKFILL', 'Name a range that ends today: what is to come is streamed.', jsonb_build_object('to', p_to));
    end if;
    -- What was cancelled counts as well: asking and cancelling on and on would fill the table.
    if (select count(*) from public.backfills as b where b.user_id = person and b.created_at > now() - interval '1 day') >= 10 * most then
      perform private.refuse(429, 'TOO_MANY_BACKFILLS', 'Ask again tomorrow.', jsonb_build_object('asked_in_a_day', 10 * most));
    end if;
    if (select count(*) from public.backfills as b where b.user_id = person and b.status in ('queued', 'running')) >= most then
      perform private.refuse(409, 'TOO_MANY_BACKFILLS', 'Wait until one of them is done, or cancel one.', jsonb_build_object('open', most));
    end if;
  end if;
  return private.ask_backfill(person, p_symbol, p_from, p_to, left(coalesce(p_reason, ''), 500));
end $$;
comment on function public.request_backfill(text, timestamptz, timestamptz, text, text) is
  'Asks for bars of a share that start in [p_from, p_to). Safe to call again: one under way that covers them is the same. Returns its id.';

create function public.cancel_backfill(p_id uuid) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  row public.backfills;
begin
  select * into row from public.backfills as b where b.id = p_id and (b.user_id is null or private.reaches(b.user_id)) for update;
  if not found or (row.user_id is null and private.calling_role() = 'authenticated') then
    perform private.refuse(404, 'NO_BACKFILL', 'There is no such backfill of yours.', jsonb_build_object('backfill', p_id));
  end if;
  if row.status in ('queued', 'running') then
    update public.backfills set status = 'canceled', finished_at = now(), claimed_by = null, claimed_until = null where id = p_id
    returning * into row;
  end if;
  return row.status;
end $$;
comment on function public.cancel_backfill(uuid) is 'Ends a backfill; what is stored stays. Returns its status: one that is over is as it was.';

create function public.backfills_due(p_now timestamptz) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (select from public.backfills as b where b.status in ('queued', 'running') and b.next_attempt_at <= clock_timestamp()
    and (b.claimed_until is null or b.claimed_until < clock_timestamp()) and b.cursor_at < p_now)
$$;
comment on function public.backfills_due(timestamptz) is 'Whether a backfill waits to be gone on with.';

create function public.claim_backfill(p_owner text, p_now timestamptz, p_lease_seconds numeric default 120) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  row public.backfills;
  keep integer := (select case when pg_input_is_valid(value, 'integer') then value::integer end from private.settings where name = 'bars_keep_months');
begin
  -- One claim at a time: a share has one backfill at work, so that two never write one month's object.
  perform pg_advisory_xact_lock(hashtextextended('backfill claim', 0));
  select * into row from public.backfills as b
  where b.status in ('queued', 'running') and b.next_attempt_at <= clock_timestamp()
    and (b.claimed_until is null or b.claimed_until < clock_timestamp() or b.claimed_by = p_owner)
    -- What has not happened yet is waited for.
    and b.cursor_at < p_now
    and not exists (select from public.backfills as o where o.symbol = b.symbol and o.timeframe = b.timeframe and o.id <> b.id
      and o.claimed_until >= clock_timestamp() and o.claimed_by <> p_owner)
  -- The one that waited longest first: a long one does not hold up the others.
  order by b.updated_at, b.id limit 1 for update;
  if not found then
    return null;
  end if;
  update public.backfills set status = 'running', claimed_by = p_owner, claimed_until = clock_timestamp() + make_interval(secs => p_lease_seconds)
  where id = row.id;
  return jsonb_build_object('id', row.id, 'symbol', row.symbol, 'timeframe', row.timeframe, 'starts_at', row.starts_at,
    'ends_at', row.ends_at, 'cursor_at', row.cursor_at,
    'kept_from', date_trunc('month', p_now at time zone 'UTC')::date - make_interval(months => coalesce(keep, 1) - 1),
    'known', exists (select from public.instruments as i where i.symbol = row.symbol));
end $$;
comment on function public.claim_backfill(text, timestamptz, numeric) is
  'Takes the backfill that waited longest, for the lease; null where none is due. kept_from: the first month that Postgres keeps.';

create function public.advance_backfill(p_id uuid, p_owner text, p_cursor timestamptz, p_bars integer, p_findings integer,
  p_lease_seconds numeric default 120) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  row public.backfills;
begin
  select * into row from public.backfills where id = p_id for update;
  if row.claimed_by is distinct from p_owner or row.status <> 'running' then
    -- Somebody else goes on with it, or it was canceled: this chunk is theirs to count.
    return coalesce(row.status, 'gone') || case when row.status = 'running' then ' elsewhere' else '' end;
  end if;
  if p_cursor > row.cursor_at then
    update public.backfills set cursor_at = least(p_cursor, ends_at), bars = bars + p_bars, findings = findings + p_findings,
      attempts = 0, last_error = null, claimed_until = clock_timestamp() + make_interval(secs => p_lease_seconds)
    where id = p_id returning * into row;
  end if;
  if row.cursor_at = row.ends_at then
    update public.backfills set status = 'done', finished_at = now(), claimed_by = null, claimed_until = null where id = p_id returning * into row;
  end if;
  return row.status;
end $$;
comment on function public.advance_backfill(uuid, text, timestamptz, integer, integer, numeric) is
  'Says that everything up to p_cursor is stored, with what was found; counts a chunk once, and prolongs the lease. Returns the status: go on while it is running.';

create function public.release_backfill(p_id uuid, p_owner text, p_error text default null, p_final boolean default false) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  row public.backfills;
begin
  select * into row from public.backfills where id = p_id for update;
  if row.claimed_by is distinct from p_owner or row.status <> 'running' then
    return coalesce(row.status, 'gone');
  end if;
  update public.backfills set claimed_by = null, claimed_until = null, last_error = left(coalesce(p_error, last_error), 1000),
    attempts = attempts + (p_error is not null)::integer,
    status = case when p_error is not null and p_final then 'failed' else status end,
    finished_at = case when p_error is not null and p_final then now() end,
    -- Twice as long each time, an hour at most.
    next_attempt_at = case when p_error is null then clock_timestamp()
      else clock_timestamp() + least(interval '1 hour', interval '30 seconds' * 2 ^ least(attempts, 10)) end
  where id = p_id returning * into row;
  if row.status = 'failed' then
    perform private.alert(row.user_id, null, 'BACKFILL_FAILED', 'warning', format('The backfill of %s ended at %s: %s', row.symbol, row.cursor_at, row.last_error),
      jsonb_build_object('symbol', row.symbol, 'cursor', row.cursor_at), 'backfill-failed|' || row.id);
  end if;
  return row.status;
end $$;
comment on function public.release_backfill(uuid, text, text, boolean) is
  'Gives a backfill back, to be gone on with; with p_error later, and with p_final never. Returns its status.';

create function private.request_warm_up(p_user_id uuid, p_warm_up jsonb, p_until timestamptz, p_reason text default 'warm-up of a strategy') returns integer
language plpgsql set search_path = ''
as $$
declare
  missing record;
  asked integer := 0;
  most integer := (select value::integer from private.settings where name = 'open_backfills');
begin
  for missing in
    -- So many sessions hold the bars that are needed; seven days have five of them, and a fortnight covers holidays.
    select b ->> 'symbol' as symbol, max(ceil((b ->> 'needed')::numeric / case b ->> 'timeframe'
      when '1Min' then 390 when '5Min' then 78 when '15Min' then 26 when '1Hour' then 7 else 1 end))::integer as sessions
    from jsonb_array_elements(p_warm_up) as b
    where (b ->> 'stored')::integer < (b ->> 'needed')::integer and b ->> 'symbol' ~ '^[A-Z]{1,6}([.][A-Z]{1,2})?$'
    group by 1 order by 1
  loop
    -- Not refused, as a person's own wish would be: who starts a strategy is warned of what is missing.
    exit when (select count(*) from public.backfills as b where b.user_id = p_user_id and b.status in ('queued', 'running')) >= most;
    perform private.ask_backfill(p_user_id, missing.symbol,
      date_trunc('day', p_until - make_interval(days => missing.sessions * 7 / 5 + 14), 'UTC'), p_until, p_reason);
    asked := asked + 1;
  end loop;
  return asked;
end $$;
comment on function private.request_warm_up(uuid, jsonb, timestamptz, text) is
  'Asks for the history that a strategy lacks, given what private.warm_up_stored() says, as far as the setting open_backfills lets the user; returns for how many shares.';

grant execute on function public.request_backfill(text, timestamptz, timestamptz, text, text), public.cancel_backfill(uuid) to authenticated;
grant execute on function public.backfills_due(timestamptz), public.claim_backfill(text, timestamptz, numeric), public.advance_backfill(uuid, text, timestamptz, integer, integer, numeric),
  public.release_backfill(uuid, text, text, boolean) to fn_ingest;
