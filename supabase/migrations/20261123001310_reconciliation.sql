-- Where the ledger and the broker disagree: each difference is a row until evidence closes it.

create table public.reconciliation_runs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  broker_account_id uuid not null,
  kind text not null check (kind in ('close', 'startup', 'order_sync', 'on_demand')),
  session_date date,
  as_of timestamptz not null,
  status text not null default 'running' check (status in ('running', 'clean', 'broken', 'failed')),
  summary jsonb not null default '{}',
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  -- Each session's closing comparison is one run, however often it is started.
  unique (broker_account_id, kind, as_of),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check ((status = 'running') = (finished_at is null)),
  check ((kind = 'close') = (session_date is not null))
);
comment on table public.reconciliation_runs is 'Each comparison of an account''s books with what its broker said.';
comment on column public.reconciliation_runs.id is 'Key.';
comment on column public.reconciliation_runs.user_id is 'Owner of the account.';
comment on column public.reconciliation_runs.broker_account_id is 'The account that was compared.';
comment on column public.reconciliation_runs.kind is 'close: after a session; startup: when execute starts; order_sync: by the sweep; on_demand: asked for.';
comment on column public.reconciliation_runs.session_date is 'The session compared, for kind close.';
comment on column public.reconciliation_runs.as_of is 'Event time, UTC: what the broker had said up to this moment.';
comment on column public.reconciliation_runs.status is 'running, then clean, broken (breaks were opened or are open) or failed (could not compare).';
comment on column public.reconciliation_runs.summary is 'What was compared, and how much of it.';
comment on column public.reconciliation_runs.finished_at is 'When it ended, UTC.';
comment on column public.reconciliation_runs.created_at is 'When the row was written, UTC.';
comment on column public.reconciliation_runs.updated_at is 'When the row last changed, UTC.';
comment on column public.reconciliation_runs.version is 'Grows by one with every change of the row.';
create index reconciliation_runs_user on public.reconciliation_runs (user_id, as_of desc);
create index reconciliation_runs_account on public.reconciliation_runs (broker_account_id, user_id);
create trigger touch before insert or update on public.reconciliation_runs for each row execute function private.touch();
select private.protect_from_delete('public.reconciliation_runs');

create table public.reconciliation_breaks (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  run_id uuid,
  kind text not null check (kind in (
    'order', 'fill', 'excess_fill', 'fill_conflict', 'unknown_fill', 'position', 'cash', 'fee', 'activity', 'stray_order')),
  symbol text references public.instruments (symbol) on delete restrict,
  text text not null,
  numbers jsonb not null default '{}' check (jsonb_typeof(numbers) = 'object'),
  halts boolean not null,
  status text not null default 'open' check (status in ('open', 'closed')),
  opened_by text not null,
  closed_at timestamptz,
  closed_by text,
  evidence jsonb check (jsonb_typeof(evidence) = 'object' and evidence <> '{}'),
  resolution text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (run_id, user_id) references public.reconciliation_runs (id, user_id) on delete restrict,
  constraint closed_with_evidence check (
    (status = 'open' and closed_at is null and closed_by is null and evidence is null and resolution is null)
    or (status = 'closed' and closed_at is not null and closed_by is not null and evidence is not null and resolution <> ''))
);
comment on table public.reconciliation_breaks is 'Each difference between the ledger and the broker, open until evidence closes it. Closing never lifts a halt.';
comment on column public.reconciliation_breaks.id is 'Made from what the break is about: the same difference is one break.';
comment on column public.reconciliation_breaks.user_id is 'Owner of the account.';
comment on column public.reconciliation_breaks.broker_account_id is 'The account on which ledger and broker disagree.';
comment on column public.reconciliation_breaks.run_id is 'The comparison that found it; null where it was found as it happened.';
comment on column public.reconciliation_breaks.kind is 'What disagrees.';
comment on column public.reconciliation_breaks.symbol is 'The instrument, where it is about one.';
comment on column public.reconciliation_breaks.text is 'What happened, what the system did, what to do.';
comment on column public.reconciliation_breaks.numbers is 'What was expected and what was found, with ids; amounts as text.';
comment on column public.reconciliation_breaks.halts is 'Whether opening it closed the account''s gate.';
comment on column public.reconciliation_breaks.status is 'open or closed.';
comment on column public.reconciliation_breaks.opened_by is 'Who found it.';
comment on column public.reconciliation_breaks.closed_at is 'When it was closed, UTC.';
comment on column public.reconciliation_breaks.closed_by is 'Who closed it.';
comment on column public.reconciliation_breaks.evidence is 'What shows that the difference is gone or explained: ids and numbers.';
comment on column public.reconciliation_breaks.resolution is 'In words: why it is closed.';
comment on column public.reconciliation_breaks.created_at is 'When it was opened, UTC.';
comment on column public.reconciliation_breaks.updated_at is 'When the row last changed, UTC.';
comment on column public.reconciliation_breaks.version is 'Grows by one with every change of the row.';
create index reconciliation_breaks_user on public.reconciliation_breaks (user_id, created_at desc);
create index reconciliation_breaks_account on public.reconciliation_breaks (broker_account_id, user_id);
create index reconciliation_breaks_open on public.reconciliation_breaks (broker_account_id) where status = 'open';
create index reconciliation_breaks_run on public.reconciliation_breaks (run_id, user_id);
create index reconciliation_breaks_symbol on public.reconciliation_breaks (symbol);

create function private.guard_break() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  closing constant text[] := array['status', 'closed_at', 'closed_by', 'evidence', 'resolution', 'updated_at', 'version'];
begin
  if old.status = 'closed' or to_jsonb(new) - closing is distinct from to_jsonb(old) - closing then
    perform private.refuse(409, 'BREAK_IS_FIXED', 'A break is closed once, with evidence, and never changed otherwise.',
      jsonb_build_object('break', old.id, 'status', old.status));
  end if;
  -- Who and when are not the caller's to say: an administrator's edit in the Studio is signed like a call.
  if new.status = 'closed' then
    new.closed_at := now();
    new.closed_by := private.actor();
  end if;
  return new;
end $$;
comment on function private.guard_break() is 'A break changes once: it is closed.';
create trigger a_touch before insert or update on public.reconciliation_breaks for each row execute function private.touch();
create trigger guard before update on public.reconciliation_breaks for each row execute function private.guard_break();
select private.audit_changes('public.reconciliation_breaks');
select private.protect_from_delete('public.reconciliation_breaks');

create function private.open_break(
  p_user_id uuid, p_account_id uuid, p_kind text, p_text text, p_numbers jsonb, p_name text, p_symbol text default null,
  p_halts boolean default true, p_run_id uuid default null)
returns uuid
language plpgsql set search_path = ''
as $$
declare
  break_id uuid := private.named_uuid('break|' || p_account_id || '|' || p_name);
begin
  insert into public.reconciliation_breaks (
    id, user_id, broker_account_id, run_id, kind, symbol, text, numbers, halts, opened_by)
  values (break_id, p_user_id, p_account_id, p_run_id, p_kind, p_symbol, p_text, p_numbers, p_halts, private.actor())
  on conflict (id) do nothing;
  if found then
    perform private.alert(p_user_id, p_account_id, upper(p_kind) || '_BREAK', case when p_halts then 'critical' else 'warning' end,
      p_text, p_numbers || jsonb_build_object('break', break_id), 'break|' || break_id);
    if p_halts then
      perform private.move_gate('account:' || p_account_id, true, 'no_new_entries', upper(p_kind) || '_BREAK: break=' || break_id);
    end if;
  end if;
  return break_id;
end $$;
comment on function private.open_break(uuid, uuid, text, text, jsonb, text, text, boolean, uuid) is
  'Opens a break once for what p_name says, alerts, and where told halts new entries on the account. The caller holds the account''s gate row already: gates are locked first.';

create function public.start_reconciliation(
  p_account_id uuid, p_kind text, p_as_of timestamptz, p_session_date date default null)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid;
  run_id uuid;
  broken_constraint text;
  broken_column text;
begin
  select user_id into owner from public.broker_accounts where id = p_account_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  insert into public.reconciliation_runs (user_id, broker_account_id, kind, session_date, as_of)
  values (owner, p_account_id, p_kind, p_session_date, p_as_of)
  on conflict (broker_account_id, kind, as_of) do nothing
  returning id into run_id;
  if run_id is null then
    select id into run_id from public.reconciliation_runs
    where broker_account_id = p_account_id and kind = p_kind and as_of = p_as_of;
  end if;
  return run_id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_RUN', 'A run has a kind, a moment, and for kind close its session date.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.start_reconciliation(uuid, text, timestamptz, date) is
  'Starts the comparison of an account as of a moment (UTC); the same comparison is one run.';

create function public.finish_reconciliation(p_run_id uuid, p_status text, p_summary jsonb) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  if p_status is null or p_status not in ('clean', 'broken', 'failed') then
    perform private.refuse(422, 'BAD_STATUS', 'A run ends clean, broken or failed.', jsonb_build_object('status', p_status));
  end if;
  update public.reconciliation_runs as r
  set status = case when p_status = 'clean' and exists (
        select from public.reconciliation_breaks as b where b.run_id = r.id and b.status = 'open') then 'broken' else p_status end,
    summary = p_summary, finished_at = now()
  where r.id = p_run_id and r.status = 'running';
  return found;
end $$;
comment on function public.finish_reconciliation(uuid, text, jsonb) is
  'Ends a run; false where it had ended. It is never clean while a break that it found is open.';

create function public.open_break(
  p_account_id uuid, p_kind text, p_text text, p_numbers jsonb, p_name text, p_symbol text default null,
  p_halts boolean default true, p_run_id uuid default null)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid;
  broken_constraint text;
  broken_column text;
begin
  -- The gate before everything else, as every order takes it.
  perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
  select user_id into owner from public.broker_accounts where id = p_account_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  if coalesce(p_name, '') = '' or coalesce(p_text, '') = '' then
    perform private.refuse(422, 'BAD_BREAK', 'Say what the break is about (name) and what it means (text).');
  end if;
  return private.open_break(owner, p_account_id, p_kind, p_text, coalesce(p_numbers, '{}'), p_name, p_symbol, p_halts, p_run_id);
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_BREAK', 'Name a kind of break that exists; numbers are an object.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.open_break(uuid, text, text, jsonb, text, text, boolean, uuid) is
  'Records a difference between ledger and broker, once for what p_name says; alerts, and halts new entries on the account unless p_halts is false.';

create function public.close_break(p_break_id uuid, p_evidence jsonb, p_resolution text) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  found_break public.reconciliation_breaks;
begin
  if jsonb_typeof(p_evidence) is distinct from 'object' or p_evidence = '{}' or coalesce(trim(p_resolution), '') = '' then
    perform private.refuse(422, 'EVIDENCE_NEEDED', 'A break is closed by evidence (ids, numbers) and a sentence that explains it.',
      jsonb_build_object('break', p_break_id));
  end if;
  select * into found_break from public.reconciliation_breaks where id = p_break_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_BREAK', 'Name a break that exists.', jsonb_build_object('break', p_break_id));
  end if;
  if found_break.status = 'closed' then
    return false;
  end if;
  update public.reconciliation_breaks set status = 'closed', evidence = p_evidence, resolution = p_resolution where id = p_break_id;
  return true;
end $$;
comment on function public.close_break(uuid, jsonb, text) is
  'Closes a break by evidence; false where it was closed. The halt it caused stays until a person lifts it.';

grant execute on function public.start_reconciliation(uuid, text, timestamptz, date), public.finish_reconciliation(uuid, text, jsonb),
  public.open_break(uuid, text, text, jsonb, text, text, boolean, uuid) to fn_report, fn_execute;
grant execute on function public.close_break(uuid, jsonb, text) to fn_report;

alter table public.reconciliation_runs enable row level security;
create policy "a user reads runs on their own accounts" on public.reconciliation_runs for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.reconciliation_breaks enable row level security;
create policy "a user reads breaks on their own accounts" on public.reconciliation_breaks for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.reconciliation_runs, public.reconciliation_breaks to authenticated;
