-- What the dashboard hears, and what operations ask.

create function private.tell_owner() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Broadcast from the database on a private topic per user; `version` lets a late message lose against a newer row.
  perform realtime.send(
    jsonb_build_object('table', tg_table_name, 'operation', tg_op, 'row', to_jsonb(new)),
    tg_table_name, 'user:' || new.user_id, true);
  return null;
end $$;
comment on function private.tell_owner() is 'Tells the owner''s open dashboards of a changed row.';

do $$
declare
  table_name text;
begin
  foreach table_name in array array['trades', 'fills', 'position_books', 'strategies', 'daily_pnl_reports'] loop
    execute format('create trigger tell_owner after insert or update on public.%I for each row execute function private.tell_owner()', table_name);
  end loop;
  foreach table_name in array array['alerts', 'trading_gates'] loop
    execute format('create trigger tell_owner after insert or update on public.%I for each row when (new.user_id is not null) execute function private.tell_owner()', table_name);
  end loop;
end $$;

create policy "a user hears their own topic" on realtime.messages for select to authenticated
  using (realtime.topic() = 'user:' || (select auth.uid()));

create table public.heartbeats (
  name text primary key,
  at timestamptz not null default now(),
  detail jsonb not null default '{}'
);
comment on table public.heartbeats is 'When each worker was last well.';
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
    'pending', nullif((select count(*) from public.trades where status = 'pending'), 0),
    'approved', nullif((select count(*) from public.trades where status = 'approved'), 0),
    'submitting', nullif((select count(*) from public.trades where status = 'submitting'), 0),
    'unknown', nullif((select count(*) from public.trades where status = 'unknown'), 0),
    'cancel_pending', nullif((select count(*) from public.trades where status = 'cancel_pending'), 0),
    'undecided', nullif(jsonb_array_length(public.bars_undecided()), 0),
    'unpublished', nullif((select count(*) from private.outbox where published_at is null), 0)))
$$;
comment on function private.unfinished() is 'What the sweeps would still find to do, by name; {} when nothing.';
