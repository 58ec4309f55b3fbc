-- Backtests a trader asks for, and the trials of an optimisation.

insert into private.settings (name, value, comment) values
  ('open_backtests', '20', 'How many backtests of one user may be queued or running at once.');

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

create function public.request_backtest(
  p_idempotency_key text, p_starts_on date, p_ends_on date, p_purpose text default 'single', p_strategy_id uuid default null,
  p_strategy_version integer default null, p_kind text default null, p_config jsonb default null, p_symbols text[] default null,
  p_timeframe text default null)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  person constant uuid := (select auth.uid());
  most constant integer := (select value::integer from private.settings where name = 'open_backtests');
  asked public.backtests;
  kept public.backtests;
  tried public.strategy_versions;
  stranger text;
  broken_constraint text;
  broken_column text;
begin
  perform private.require_trader();
  if person is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in; a backtest belongs to a user.');
  end if;
  if coalesce(p_idempotency_key !~ '^[\x21-\x7e]{1,200}$', true) then
    perform private.refuse(422, 'BAD_IDEMPOTENCY_KEY', 'A key has 1 to 200 printable characters.');
  end if;
  if p_strategy_id is not null then
    if num_nonnulls(p_kind, p_config, p_symbols, p_timeframe) > 0 then
      perform private.refuse(422, 'BAD_BACKTEST', 'Name a strategy, or a kind with its configuration, symbols and timeframe; not both.',
        jsonb_build_object('strategy', p_strategy_id));
    end if;
    select v.* into tried from public.strategy_versions as v join public.strategies as s on s.id = v.strategy_id
    where s.id = p_strategy_id and s.user_id = person and s.status <> 'deleted'
      and v.strategy_version = coalesce(p_strategy_version, s.strategy_version);
    if not found then
      perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of your own, and a version that it has.',
        jsonb_build_object('strategy', p_strategy_id, 'version', p_strategy_version));
    end if;
  elsif p_strategy_version is not null then
    perform private.refuse(422, 'BAD_BACKTEST', 'A version is of a strategy: name it.', jsonb_build_object('version', p_strategy_version));
  end if;
  asked.id := private.named_uuid('backtest|' || person || '|' || p_idempotency_key);
  asked.user_id := person;
  asked.strategy_id := tried.strategy_id;
  asked.strategy_version := tried.strategy_version;
  asked.kind := coalesce(tried.kind, p_kind);
  asked.config := coalesce(tried.config, p_config);
  asked.symbols := coalesce(tried.symbols, p_symbols);
  asked.timeframe := coalesce(tried.timeframe, p_timeframe);
  asked.starts_on := p_starts_on;
  asked.ends_on := p_ends_on;
  asked.purpose := p_purpose;

  -- One after the other: so that two at once are counted, and the same one twice is one.
  perform pg_advisory_xact_lock(hashtextextended('backtests of ' || person, 0));
  select * into kept from public.backtests where id = asked.id;
  if found then
    -- A strategy without its version is the one that was asked for, whatever has been edited since.
    if (kept.strategy_id, kept.starts_on, kept.ends_on, kept.purpose) is distinct from (p_strategy_id, p_starts_on, p_ends_on, p_purpose)
      or kept.strategy_version is distinct from coalesce(p_strategy_version, kept.strategy_version)
      or (kept.strategy_id is null and (kept.kind, kept.config, kept.symbols, kept.timeframe)
        is distinct from (p_kind, p_config, p_symbols, p_timeframe)) then
      perform private.refuse(422, 'IDEMPOTENCY_KEY_REUSED', 'This key belongs to another request; use a new one.',
        jsonb_build_object('key', p_idempotency_key));
    end if;
    return kept.id;
  end if;
  if not exists (select from public.strategy_kinds as k where k.kind = asked.kind) then
    perform private.refuse(422, 'UNKNOWN_KIND', 'Name a kind of strategy that there is.', jsonb_build_object('kind', asked.kind));
  end if;
  if (p_starts_on >= date '1990-01-01' and p_starts_on <= p_ends_on
      and p_ends_on <= (now() at time zone 'America/New_York')::date) is not true then
    perform private.refuse(422, 'BAD_BACKTEST', 'A backtest begins in 1990 or later, not after it ends, and ends today or earlier.',
      jsonb_build_object('starts_on', p_starts_on, 'ends_on', p_ends_on));
  end if;
  select s into stranger from unnest(asked.symbols) as s
  where not exists (select from public.instruments as i where i.symbol = s) order by s limit 1;
  if found then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'Name symbols that the ledger knows; a backfill makes a share known.',
      jsonb_build_object('symbol', stranger));
  end if;
  -- What was cancelled counts as well: asking and cancelling on and on would fill the table.
  if (select count(*) from public.backtests as b where b.user_id = person and b.created_at > now() - interval '1 day') >= 10 * most then
    perform private.refuse(429, 'TOO_MANY_BACKTESTS', 'Ask again tomorrow.', jsonb_build_object('asked_in_a_day', 10 * most));
  end if;
  if (select count(*) from public.backtests as b where b.user_id = person and b.status in ('queued', 'running')) >= most then
    perform private.refuse(409, 'TOO_MANY_BACKTESTS', 'Wait until one of them is done, or cancel one.', jsonb_build_object('open', most));
  end if;
  insert into public.backtests (
    id, user_id, strategy_id, strategy_version, kind, config, symbols, timeframe, starts_on, ends_on, purpose)
  values (asked.id, asked.user_id, asked.strategy_id, asked.strategy_version, asked.kind, asked.config, asked.symbols, asked.timeframe,
    asked.starts_on, asked.ends_on, asked.purpose);
  return asked.id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_BACKTEST',
      'A backtest has a configuration of at most 4000 characters, 1 to 100 symbols, a timeframe of 1Min, 5Min, 15Min, 1Hour or 1Day, and is single, optimise or walk_forward.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.request_backtest(text, date, date, text, uuid, integer, text, jsonb, text[], text) is
  'Asks for a run over history: of a strategy as it is or as a version of it was, or of a kind with a configuration. Safe to call again: the same key is the same run. Returns its id.';

create function public.cancel_backtest(p_backtest_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  run public.backtests;
begin
  select * into run from public.backtests where id = p_backtest_id and private.reaches(user_id) for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_BACKTEST', 'Name a backtest of your own.', jsonb_build_object('backtest', p_backtest_id));
  end if;
  if run.status not in ('queued', 'running') then
    return false;
  end if;
  update public.backtests set status = 'canceled', finished_at = now() where id = p_backtest_id;
  return true;
end $$;
comment on function public.cancel_backtest(uuid) is 'Ends a run that is queued or running; false where it was over.';
grant execute on function public.request_backtest(text, date, date, text, uuid, integer, text, jsonb, text[], text),
  public.cancel_backtest(uuid) to authenticated;

alter table public.backtests enable row level security;
create policy "a user reads their own backtests" on public.backtests for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.backtest_trials enable row level security;
create policy "a user reads trials of their own backtests" on public.backtest_trials for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.backtests, public.backtest_trials to authenticated;
