-- Whether a version of a strategy can decide at all: the platform builds it, and keeps the verdict.

insert into private.settings (name, value, comment)
values ('revalidate_after', '1 hour', 'How long a verdict of not valid stands before the newest version is looked at again: a symbol may be listed, a plug-in installed meanwhile.');

create table public.strategy_validations (
  strategy_id uuid not null,
  strategy_version integer not null,
  user_id uuid not null,
  valid boolean not null,
  problems jsonb not null default '[]',
  inputs jsonb,
  validated_at timestamptz not null default now(),
  primary key (strategy_id, strategy_version),
  foreign key (strategy_id, strategy_version) references public.strategy_versions (strategy_id, strategy_version) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  constraint problems_are_a_list check (jsonb_typeof(problems) = 'array' and length(problems::text) <= 100000),
  constraint valid_without_problems check (valid = (problems = '[]')),
  constraint inputs_where_valid check (inputs is not null or not valid),
  constraint inputs_name_what_is_needed check (inputs is null or coalesce(jsonb_typeof(inputs -> 'symbols') = 'array'
    and jsonb_typeof(inputs -> 'timeframe') = 'string' and jsonb_typeof(inputs -> 'warm_up') = 'number', false))
);
comment on table public.strategy_validations is 'The latest verdict on each version of a strategy: whether it can be built and what it needs, or everything that is wrong with it.';
comment on column public.strategy_validations.strategy_id is 'The strategy.';
comment on column public.strategy_validations.strategy_version is 'The version that was looked at.';
comment on column public.strategy_validations.user_id is 'Owner.';
comment on column public.strategy_validations.valid is 'Whether it may decide.';
comment on column public.strategy_validations.problems is 'What is wrong, all of it: [{"field", "code", "text"}]; [] where it is valid.';
comment on column public.strategy_validations.inputs is 'What it needs to decide: symbols, timeframe, warm-up, further timeframes, option chains. Null where it was never valid: one that is in effect goes on deciding as it did.';
comment on column public.strategy_validations.validated_at is 'When the verdict was given, UTC.';
create index strategy_validations_user on public.strategy_validations (user_id);
select private.protect_from_delete('public.strategy_validations');
alter table public.strategy_validations enable row level security;
create policy "a user reads verdicts on their own strategies" on public.strategy_validations for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.strategy_validations to authenticated;

create function private.guard_validation() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if (new.strategy_id, new.strategy_version, new.user_id) is distinct from (old.strategy_id, old.strategy_version, old.user_id) then
    perform private.refuse(409, 'VERDICT_IS_FIXED', 'A verdict stays with its version; give another on the other version.',
      jsonb_build_object('strategy', old.strategy_id, 'strategy_version', old.strategy_version));
  end if;
  return new;
end $$;
comment on function private.guard_validation() is 'A verdict stays with the version that was looked at.';
create trigger guard before update on public.strategy_validations for each row execute function private.guard_validation();

create function private.take_effect() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  if tg_op = 'UPDATE' and new.valid = old.valid then
    return null;
  end if;
  -- What is in effect follows in version_strategy(), whoever wrote the verdict.
  update public.strategies set updated_at = now()
  where id = new.strategy_id and new.valid and coalesce(effective_version, 0) < new.strategy_version;
  select * into strategy from public.strategies where id = new.strategy_id;
  perform private.emit('strategy-events', 'strategy.validated', new.strategy_id::text, now(),
    private.strategy_data(strategy) || jsonb_build_object('strategy_version', new.strategy_version, 'valid', new.valid),
    concat_ws('|', 'strategy.validated', new.strategy_id, new.strategy_version, new.valid, strategy.version,
      to_char(new.validated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')));
  return null;
end $$;
comment on function private.take_effect() is 'A version that is found valid takes effect where no newer one is in effect; every new verdict is an event.';
create trigger take_effect after insert or update on public.strategy_validations
  for each row execute function private.take_effect();
-- That the same was found once more is no change.
select private.audit_changes('public.strategy_validations', p_ignore => '{validated_at}');

create function private.validation_due(p_strategy public.strategies, p_version public.strategy_versions) returns boolean
language sql stable set search_path = ''
as $$
  -- What is older than the version in effect can take effect no more.
  select p_strategy.status <> 'deleted' and p_version.strategy_version > coalesce(p_strategy.effective_version, 0)
    and not exists (select from public.strategy_validations as v
      where v.strategy_id = p_version.strategy_id and v.strategy_version = p_version.strategy_version)
$$;
comment on function private.validation_due(public.strategies, public.strategy_versions) is 'Whether a version waits for its first verdict.';

create function public.versions_to_validate(p_strategy_id uuid default null, p_limit integer default 100) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('strategy_id', d.strategy_id, 'strategy_version', d.strategy_version, 'kind', d.kind,
    'config', d.config, 'symbols', d.symbols, 'timeframe', d.timeframe) order by d.created_at, d.strategy_id, d.strategy_version), '[]'::jsonb)
  from (
    select w.* from public.strategies as s join public.strategy_versions as w on w.strategy_id = s.id
    left join public.strategy_validations as v on v.strategy_id = w.strategy_id and v.strategy_version = w.strategy_version
    where (p_strategy_id is null or s.id = p_strategy_id)
      and (private.validation_due(s, w)
        -- The newest version again: what was missing may be there now, and what it was built with may be another plug-in.
        or (s.status <> 'deleted' and w.strategy_version = s.strategy_version and (
          (not v.valid and v.validated_at < now() - (select value::interval from private.settings where name = 'revalidate_after'))
          or v.validated_at < (select k.updated_at from public.strategy_kinds as k where k.kind = w.kind))))
    -- In turns: whoever edits again and again keeps nobody else's version waiting.
    order by row_number() over (partition by w.user_id order by w.created_at, w.strategy_id, w.strategy_version),
      w.created_at, w.strategy_id, w.strategy_version limit p_limit) as d
$$;
comment on function public.versions_to_validate(uuid, integer) is
  'Versions, of one strategy or of all, that wait for a verdict: [{"strategy_id", "strategy_version", "kind", "config", "symbols", "timeframe"}]. The newest version again, where it was not valid an hour ago, or its kind has changed in the catalogue since.';

create function public.untradable_symbols(p_symbols text[]) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(s order by s), '[]'::jsonb) from (select distinct s from unnest(p_symbols) as s) as wanted
    where not exists (select from public.instruments as i where i.symbol = s and i.tradable));
end $$;
comment on function public.untradable_symbols(text[]) is 'Which of these symbols the ledger does not know as tradable.';

create function public.record_validation(
  p_strategy_id uuid, p_version integer, p_valid boolean, p_problems jsonb default '[]', p_inputs jsonb default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies;
  broken_constraint text;
  broken_column text;
begin
  -- The strategy's lock first: an edit, an activation or another verdict is before this or after it.
  select * into strategy from public.strategies where id = p_strategy_id for no key update;
  if not found or not exists (select from public.strategy_versions where strategy_id = p_strategy_id and strategy_version = p_version) then
    perform private.refuse(404, 'NO_SUCH_VERSION', 'Give a verdict on a version that versions_to_validate() names.',
      jsonb_build_object('strategy', p_strategy_id, 'strategy_version', p_version));
  end if;
  if p_inputs is not null and not p_valid then
    perform private.refuse_malformed('BAD_VERDICT', 'A valid version has inputs and no problem; one that is not has problems and no inputs.',
      'inputs_where_valid', 'inputs', 'inputs of a version that is not valid');
  end if;
  insert into public.strategy_validations as v (strategy_id, strategy_version, user_id, valid, problems, inputs)
  values (p_strategy_id, p_version, strategy.user_id, p_valid, coalesce(p_problems, '[]'), p_inputs)
  on conflict (strategy_id, strategy_version) do update
  -- What is in effect stays so, whatever is found later: what it needs stays known, or it would decide on something else.
  set valid = excluded.valid, problems = excluded.problems, inputs = coalesce(excluded.inputs, v.inputs), validated_at = excluded.validated_at;
  select * into strategy from public.strategies where id = p_strategy_id;
  return jsonb_build_object('strategy_version', strategy.strategy_version, 'effective_version', strategy.effective_version,
    'effective_since', strategy.effective_since);
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_VERDICT', 'A valid version has inputs and no problem; one that is not has problems and no inputs.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_validation(uuid, integer, boolean, jsonb, jsonb) is
  'The verdict on a version, in the place of an earlier one. A valid one takes effect where no newer one is in effect. Safe to call again.';
grant execute on function public.versions_to_validate(uuid, integer), public.untradable_symbols(text[]),
  public.record_validation(uuid, integer, boolean, jsonb, jsonb) to fn_strategy;

create function private.require_valid(p_strategy public.strategies) returns void
language plpgsql stable set search_path = ''
as $$
declare
  verdict public.strategy_validations;
begin
  select * into verdict from public.strategy_validations
  where strategy_id = p_strategy.id and strategy_version = p_strategy.strategy_version;
  if not found then
    perform private.refuse(409, 'NOT_VALIDATED', 'Wait a moment, then activate it again: its newest version is being validated.',
      jsonb_build_object('strategy', p_strategy.id, 'strategy_version', p_strategy.strategy_version));
  elsif not verdict.valid then
    perform private.refuse(422, 'NOT_VALID', 'Correct what strategy_validations lists as its problems, then activate it.',
      jsonb_build_object('strategy', p_strategy.id, 'strategy_version', p_strategy.strategy_version, 'problems', (
        select string_agg(concat_ws(': ', p ->> 'field', p ->> 'text'), '; ' order by place)
        from jsonb_array_elements(verdict.problems) with ordinality as e (p, place))));
  end if;
end $$;
comment on function private.require_valid(public.strategies) is 'Refuses to start a strategy whose newest version was not looked at yet, or was found not valid. Call under its lock.';

create function private.require_able(p_strategy public.strategies) returns void
language plpgsql stable set search_path = ''
as $$
declare
  account public.broker_accounts;
begin
  select * into account from public.broker_accounts where id = p_strategy.broker_account_id;
  -- Into an account without a trading credential nothing was entered that could send an order, and nothing has to serve it.
  if account.trading_entered_at is null then
    return;
  elsif account.link_state <> 'verified' then
    perform private.refuse(409, 'ACCOUNT_NOT_VERIFIED', case account.link_state when 'refused' then account.link_reason
        else 'The broker is being asked whether this credential is of this account; activate the strategy once it is verified.' end,
      jsonb_strip_nulls(jsonb_build_object('account', account.id, 'state', account.link_state, 'because', account.link_code)));
  elsif not exists (select from public.broker_accounts where status = 'active' and data_entered_at is not null) then
    perform private.refuse(409, 'NO_MARKET_DATA', 'Enter a data credential of this account: no linked account has one, so no bar would come.',
      jsonb_build_object('strategy', p_strategy.id, 'account', account.id));
  end if;
end $$;
comment on function private.require_able(public.strategies) is
  'Refuses to start a strategy whose account is not verified, or for which no data credential brings bars. Call under the account''s lock.';
