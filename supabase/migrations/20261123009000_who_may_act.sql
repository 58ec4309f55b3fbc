-- The last migration: who may write, and who may read at all, said once for every table there is.

create function private.may_read(p_scope text default 'read') returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  if not exists (select from public.profiles as p where p.user_id = (select auth.uid()) and not p.disabled) then
    return false;
  end if;
  perform private.require_scope('read', p_scope);
  return true;
end $$;
comment on function private.may_read(text) is
  'Whether the caller is a user who is not shut out: a token lives on for up to an hour. A program''s token needs the scope to read, or p_scope.';
grant execute on function private.may_read(text) to authenticated;

create function private.scope_to_read(p_table regclass) returns text
language sql stable set search_path = ''
as $$
  select case when p_table in ('public.daily_pnl_reports'::regclass, 'public.daily_pnl_report_versions'::regclass,
    'public.daily_pnl_report_details'::regclass, 'public.account_snapshots'::regclass, 'public.broker_activities'::regclass,
    'public.cash_movements'::regclass) then 'reports' else 'read' end
$$;
comment on function private.scope_to_read(regclass) is
  'The scope that is enough for a program''s token to read the table, beside the one to read everything: reports, for reports and statements.';

create policy "who is shut out hears nothing" on realtime.messages as restrictive for select to authenticated
  using ((select private.may_read()));

create function private.require_writer() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.refuse_reader();
  if tg_nargs > 0 then
    perform private.require_scope(variadic tg_argv);
  end if;
  return null;
end $$;
comment on function private.require_writer() is
  'Refuses every change that a viewer or a disabled user makes, and a program''s without the scope, whatever path it comes by: REST, or a function they may call.';

create function private.scopes_to_change(p_table regclass) returns text[]
language sql stable set search_path = ''
as $$
  select case
    -- A halt cancels and closes, an exit closes: that is risk's work too. Placing an order asks for the scope itself.
    when p_table = 'public.trades'::regclass then array['trade', 'risk']
    when p_table = 'public.strategies'::regclass then array['strategies', 'risk']
    -- Starting a strategy ends its deactivation; to ask for one, deactivate_strategy() asks for more.
    when p_table = 'public.strategy_deactivations'::regclass then array['strategies', 'trade', 'risk']
    when p_table in ('public.risk_limits'::regclass, 'public.trading_gates'::regclass, 'public.position_exits'::regclass,
      'public.blackout_dates'::regclass) then array['risk']
    -- Who one is, where one trades and what acts in one's name is a person's to change: no scope is enough.
    when p_table in ('public.profiles'::regclass, 'public.broker_accounts'::regclass, 'private.broker_credentials'::regclass,
      'public.live_confirmations'::regclass, 'public.api_keys'::regclass, 'public.automation_sources'::regclass,
      'private.automation_secrets'::regclass, 'public.webhook_endpoints'::regclass, 'private.webhook_secrets'::regclass) then array['person']
    when p_table = 'public.backtests'::regclass then array['strategies']
    when p_table in ('public.trade_notes'::regclass, 'public.watchlists'::regclass) then array['trade']
    when p_table = 'public.alerts'::regclass then array['trade', 'strategies', 'risk']
    -- The rest follows from these; a key that is revoked changes nothing, and one that only reads keeps no more than requests.
    else array['read', 'trade', 'strategies', 'risk', 'reports'] end
$$;
comment on function private.scopes_to_change(regclass) is 'The scopes of which a program''s token needs one to change rows of the table; {} where the change follows from another.';

-- Once per statement, before it does anything; it asks only where a person's token is behind the statement, also inside a
-- SECURITY DEFINER function, because the claims belong to the transaction.
do $$
declare
  target record;
begin
  for target in
    select c.oid::regclass as name, n.nspname as schema_name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format(
      'create trigger a_require_writer before insert or update or delete on %s for each statement '
      'when (nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''role'' = ''authenticated'') '
      'execute function private.require_writer(%s)', target.name,
      (select string_agg(quote_literal(s), ', ') from unnest(private.scopes_to_change(target.name)) as s));
    if target.schema_name = 'public' then
      execute format(
        'create policy "who is shut out reads nothing" on %s as restrictive for select to authenticated '
        'using ((select private.may_read(%L)))', target.name, private.scope_to_read(target.name));
    end if;
  end loop;
end $$;
