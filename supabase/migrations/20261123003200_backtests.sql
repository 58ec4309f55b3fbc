-- Backtests a trader asks for, and the trials of an optimisation.

create table public.backtests (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  strategy_id uuid,
  strategy_version integer,
  kind text not null references public.strategy_kinds (kind) on delete restrict,
  config jsonb not null check (jsonb_typeof(config) = 'object' and length(config::text) <= 4000),
  symbols text[] not null check (cardinality(symbols) between 1 and 100 and array_position(symbols, null) is null),
  timeframe text not null check (timeframe in ('1Min', '5Min', '15Min', '1Hour', '1Day')),
  starts_on date not null,
  ends_on date not null,
  purpose text not null default 'single' check (purpose in ('single', 'optimise', 'walk_forward')),
  status text not null default 'queued' check (status in ('queued', 'running', 'done', 'failed', 'canceled')),
  progress numeric(5, 4) not null default 0 check (progress between 0 and 1),
  result jsonb,
  failure text,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  foreign key (strategy_id, strategy_version) references public.strategy_versions (strategy_id, strategy_version) on delete restrict,
  check (starts_on <= ends_on),
  check ((strategy_id is null) = (strategy_version is null)),
  check ((status in ('done', 'failed', 'canceled')) = (finished_at is not null)),
  check ((status = 'done') = (result is not null)),
  check ((status = 'failed') = (failure is not null))
);
comment on table public.backtests is 'Runs of a strategy over history, as asked for and as they went.';
comment on column public.backtests.id is 'Key.';
comment on column public.backtests.user_id is 'Who asked for it.';
comment on column public.backtests.strategy_id is 'The strategy it tries; null for a kind and configuration of nobody''s strategy.';
comment on column public.backtests.strategy_version is 'The version of that strategy.';
comment on column public.backtests.kind is 'Which plug-in decides.';
comment on column public.backtests.config is 'Its configuration.';
comment on column public.backtests.symbols is 'What it trades.';
comment on column public.backtests.timeframe is 'The bars it decides on.';
comment on column public.backtests.starts_on is 'First session, New York date.';
comment on column public.backtests.ends_on is 'Last session, New York date.';
comment on column public.backtests.purpose is 'single run, optimise (many configurations), or walk_forward (optimise, then try what was not seen).';
comment on column public.backtests.status is 'queued, running, then done, failed or canceled.';
comment on column public.backtests.progress is 'Share done, 0 to 1.';
comment on column public.backtests.result is 'The figures, once done.';
comment on column public.backtests.failure is 'Why it failed, as CODE: key=value.';
comment on column public.backtests.finished_at is 'When it ended, UTC.';
comment on column public.backtests.created_at is 'When the row was written, UTC.';
comment on column public.backtests.updated_at is 'When the row last changed, UTC.';
comment on column public.backtests.version is 'Grows by one with every change of the row.';
create index backtests_user on public.backtests (user_id, created_at desc);
create index backtests_strategy on public.backtests (strategy_id, user_id);
create index backtests_strategy_version on public.backtests (strategy_id, strategy_version);
create index backtests_kind on public.backtests (kind);
create trigger touch before insert or update on public.backtests for each row execute function private.touch();
create trigger keep_owner before update on public.backtests for each row execute function private.keep_owner();
select private.protect_from_delete('public.backtests');

create function private.guard_backtest() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  happening constant text[] := array['status', 'progress', 'result', 'failure', 'finished_at', 'updated_at', 'version'];
begin
  if old.status in ('done', 'failed', 'canceled') or to_jsonb(new) - happening is distinct from to_jsonb(old) - happening then
    perform private.refuse(409, 'BACKTEST_IS_FIXED', 'What was asked for and what came out never change; ask for a new run.',
      jsonb_build_object('backtest', old.id, 'status', old.status));
  end if;
  return new;
end $$;
comment on function private.guard_backtest() is 'A run keeps what was asked for, and its result.';
create trigger guard before update on public.backtests for each row execute function private.guard_backtest();

create table public.backtest_trials (
  backtest_id uuid not null,
  trial integer not null check (trial > 0),
  user_id uuid not null,
  config jsonb not null check (jsonb_typeof(config) = 'object'),
  fold integer check (fold > 0),
  result jsonb not null check (jsonb_typeof(result) = 'object'),
  created_at timestamptz not null default now(),
  primary key (backtest_id, trial),
  foreign key (backtest_id, user_id) references public.backtests (id, user_id) on delete restrict
);
comment on table public.backtest_trials is 'Each configuration that an optimisation tried, and what came out.';
comment on column public.backtest_trials.backtest_id is 'The run.';
comment on column public.backtest_trials.trial is 'Its number in the run, from 1.';
comment on column public.backtest_trials.user_id is 'Who asked for it.';
comment on column public.backtest_trials.config is 'The configuration tried.';
comment on column public.backtest_trials.fold is 'The walk-forward window, from 1; null for others.';
comment on column public.backtest_trials.result is 'The figures.';
comment on column public.backtest_trials.created_at is 'When it was written, UTC.';
create index backtest_trials_backtest on public.backtest_trials (backtest_id, user_id);
create index backtest_trials_user on public.backtest_trials (user_id);
select private.protect_append_only('public.backtest_trials');

alter table public.backtests enable row level security;
create policy "a user reads their own backtests" on public.backtests for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.backtest_trials enable row level security;
create policy "a user reads trials of their own backtests" on public.backtest_trials for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.backtests, public.backtest_trials to authenticated;
