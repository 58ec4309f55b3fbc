-- How far the workers are, and how they are.

create table private.stream_cursors (
  worker text not null,
  stream text not null,
  position timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (worker, stream)
);
comment on table private.stream_cursors is 'How far each worker has handled each stream: the event time of the last message whose effects are committed.';
comment on column private.stream_cursors.worker is 'The worker.';
comment on column private.stream_cursors.stream is 'What it reads.';
comment on column private.stream_cursors.position is 'Event time, UTC, of the last message whose effects are committed.';
comment on column private.stream_cursors.updated_at is 'When the cursor last moved, UTC.';

create function private.move_cursor(p_worker text, p_stream text, p_position timestamptz) returns void
language sql set search_path = ''
as $$
  insert into private.stream_cursors as c (worker, stream, position) values (p_worker, p_stream, p_position)
  on conflict (worker, stream) do update set position = excluded.position, updated_at = now()
  where c.position < excluded.position
$$;
comment on function private.move_cursor(text, text, timestamptz) is 'Moves a cursor forward, never back.';

create function public.record_stream_position(p_worker text, p_stream text, p_position timestamptz) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  -- A place is never taken back: from one in the future, execute would ask for no fill that it has missed.
  if private.calling_role() in ('fn_ingest', 'fn_execute')
    and (private.calling_role() = 'fn_ingest') <> (coalesce(p_worker, '') = 'stream_market_data') then
    perform private.refuse(403, 'WRONG_WORKER', 'ingest says how far market data is, execute how far orders are; neither speaks for the other.',
      jsonb_build_object('role', private.calling_role(), 'worker', p_worker));
  end if;
  perform private.move_cursor(p_worker, p_stream, p_position);
end $$;
comment on function public.record_stream_position(text, text, timestamptz) is 'A worker says that everything up to this event time is handled.';

create function public.stream_position(p_worker text, p_stream text) returns timestamptz
language sql stable security definer set search_path = ''
as $$ select position from private.stream_cursors where worker = p_worker and stream = p_stream $$;
comment on function public.stream_position(text, text) is 'How far a worker had got; null where it never began.';
grant execute on function public.record_stream_position(text, text, timestamptz), public.stream_position(text, text) to fn_ingest, fn_execute;

create table public.heartbeats (
  name text primary key,
  at timestamptz not null default now(),
  detail jsonb not null default '{}'
);
comment on table public.heartbeats is 'When each worker was last well.';
comment on column public.heartbeats.name is 'The worker or function.';
comment on column public.heartbeats.at is 'When it was last well, UTC.';
comment on column public.heartbeats.detail is 'What it says of itself.';
alter table public.heartbeats enable row level security;
create policy "everybody signed in sees that the system is well" on public.heartbeats for select to authenticated using (true);
grant select on public.heartbeats to authenticated;

create function public.record_heartbeat(p_name text, p_detail jsonb default '{}') returns void
language sql security definer set search_path = ''
as $$
  insert into public.heartbeats (name, detail) values (p_name, p_detail)
  on conflict (name) do update set at = now(), detail = excluded.detail
$$;
comment on function public.record_heartbeat(text, jsonb) is 'A worker says that it is well.';
grant execute on function public.record_heartbeat(text, jsonb) to fn_ingest, fn_execute;

create function private.unfinished() returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'pending', nullif((select count(*) from public.trades as t where t.status = 'pending' and not private.awaits_quote(t)), 0),
    'awaiting_quotes', nullif((select count(*) from public.trades as t where t.status = 'pending' and private.awaits_quote(t)), 0),
    'approved', nullif((select count(*) from public.trades where status = 'approved'), 0),
    'submitting', nullif((select count(*) from public.trades where status = 'submitting'), 0),
    'unknown', nullif((select count(*) from public.trades where status = 'unknown'), 0),
    'cancel_pending', nullif((select count(*) from public.trades where status = 'cancel_pending'), 0),
    'unverified', nullif((select count(*) from public.broker_accounts as a where private.being_verified(a)), 0),
    'unvalidated', nullif((select count(*) from public.strategies as s join public.strategy_versions as w on w.strategy_id = s.id
      where private.validation_due(s, w)), 0),
    'unflattened', nullif(private.unflattened(), 0),
    'undecided', nullif(jsonb_array_length(public.bars_undecided()), 0),
    'unpublished', nullif((select count(*) from private.outbox where published_at is null and gave_up_at is null), 0)))
$$;
comment on function private.unfinished() is 'What the sweeps would still find to do, by name; {} when nothing.';
