-- How much one user may have: what grows without end makes the platform slow for everybody.

insert into private.settings (name, value, comment) values
  ('strategies_per_user', '200', 'How many strategies a user may have that are not deleted.'),
  ('strategy_edits_per_hour', '120', 'How often a user may write or change a strategy in an hour: each makes the platform validate it.'),
  ('limits_per_user', '500', 'How many limits may be set for a user, their accounts and strategies.'),
  ('api_keys_per_user', '50', 'How many API keys of a user may be neither revoked nor expired.'),
  ('automation_sources_per_user', '100', 'How many automation sources a user may have.'),
  ('broker_accounts_per_user', '20', 'How many broker accounts a user may have linked.'),
  ('broker_account_links_per_day', '40', 'How often a user may link another account, or one again, in a day.');

create function private.hold_to_cap() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  cap integer := (select value::integer from private.settings where name = tg_argv[0]);
  found_rows bigint;
begin
  -- An administrator, and whoever works in the Studio, is not held: the cap is against programs that run away.
  if new.user_id is null or private.acts_as_administrator() then
    return null;
  end if;
  -- After the row is there and under one lock: of two at once the second counts the first. Only the row's own lock is held
  -- by now, and nobody who has this one waits for it.
  perform pg_advisory_xact_lock(hashtextextended(tg_argv[0] || ' ' || new.user_id, 0));
  execute format('select count(*) from %I.%I where user_id = $1 and %s', tg_table_schema, tg_table_name, tg_argv[1])
  into found_rows using new.user_id;
  if found_rows > cap then
    perform private.refuse(409, tg_argv[2], tg_argv[3], jsonb_build_object('most', cap));
  end if;
  return null;
end $$;
comment on function private.hold_to_cap() is
  'Refuses one row too many of a user. Arguments: the setting that says how many, what counts, the refusal''s code, and what to do. An AFTER trigger.';

create trigger hold_to_cap after insert on public.strategies for each row execute function private.hold_to_cap(
  'strategies_per_user', 'status <> ''deleted''', 'TOO_MANY_STRATEGIES', 'Delete strategies that you do not use any more; their history stays.');
create trigger hold_to_cap after insert on public.risk_limits for each row when (new.value is not null)
  execute function private.hold_to_cap('limits_per_user', 'value is not null', 'TOO_MANY_LIMITS', 'Remove limits that you do not need; one for every symbol holds more than one for each.');
create trigger hold_to_cap_again after update of value on public.risk_limits for each row when (old.value is null and new.value is not null)
  execute function private.hold_to_cap('limits_per_user', 'value is not null', 'TOO_MANY_LIMITS', 'Remove limits that you do not need; one for every symbol holds more than one for each.');
create trigger hold_to_cap after insert on public.api_keys for each row execute function private.hold_to_cap(
  'api_keys_per_user', 'revoked_at is null and expires_at > now()', 'TOO_MANY_API_KEYS', 'Revoke keys that no program uses any more.');
create trigger hold_to_cap after insert on public.automation_sources for each row execute function private.hold_to_cap(
  'automation_sources_per_user', 'true', 'TOO_MANY_SOURCES', 'Use a source that you have: its name, symbols and limits can be changed.');
create trigger hold_to_cap after insert on public.broker_accounts for each row execute function private.hold_to_cap(
  'broker_accounts_per_user', 'status = ''active''', 'TOO_MANY_ACCOUNTS', 'Unlink accounts that you do not trade on any more.');
create trigger hold_to_cap_again after update of status on public.broker_accounts for each row
  when (old.status <> 'active' and new.status = 'active') execute function private.hold_to_cap(
  'broker_accounts_per_user', 'status = ''active''', 'TOO_MANY_ACCOUNTS', 'Unlink accounts that you do not trade on any more.');

create function private.hold_to_rate() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  rate jsonb;
begin
  if private.acts_as_administrator() then
    return null;
  end if;
  rate := public.take_rate('user:' || new.user_id || ':' || tg_argv[0],
    (select value::integer from private.settings where name = tg_argv[0]), tg_argv[1]::double precision);
  if not (rate ->> 'allowed')::boolean then
    perform private.refuse(409, tg_argv[2], tg_argv[3],
      jsonb_build_object('limit', rate -> 'limit', 'retry_after_seconds', ceil((rate ->> 'retry_after')::numeric)));
  end if;
  return null;
end $$;
comment on function private.hold_to_rate() is
  'Refuses a change that a user makes too often. Arguments: the setting that says how often, in how many seconds, the refusal''s code, and what to do. An AFTER trigger.';

-- Whatever sets these columns: a version is kept for ever, and so is each row of the trail.
create trigger hold_to_rate after insert or update of name, description, kind, config, symbols, timeframe, exits_by on public.strategies
  for each row execute function private.hold_to_rate('strategy_edits_per_hour', '3600', 'TOO_MANY_EDITS',
  'Wait before you write or change another strategy; try what it would do in a backtest.');
create trigger hold_to_rate after insert on public.broker_accounts for each row execute function private.hold_to_rate(
  'broker_account_links_per_day', '86400', 'TOO_MANY_LINKS', 'Wait before you link another account.');
create trigger hold_to_rate_again after update of status on public.broker_accounts for each row
  when (old.status <> 'active' and new.status = 'active') execute function private.hold_to_rate(
  'broker_account_links_per_day', '86400', 'TOO_MANY_LINKS', 'Wait before you link another account.');
