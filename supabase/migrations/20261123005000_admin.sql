-- For administrators: what the daily work looks at, in one schema. REST does not serve it and no API role may name it; the
-- Studio reads it. Views, not copies: what is edited are the public tables, whose triggers act exactly as the functions do.
-- The views of one table come with a column `id` and can be edited themselves where a Studio edits views (the local one).

create schema admin;
comment on schema admin is 'Views and functions for the daily work of administrators, in the Studio.';
revoke all on schema admin from public;

create function admin.i_am(p_name text, p_minutes integer default 60) returns text
language plpgsql security definer set search_path = ''
as $$
begin
  if nullif(current_setting('request.jwt.claims', true), '') is not null then
    perform private.refuse(403, 'TOKEN_NAMES_THE_ACTOR', 'A caller with a token is who the token says.');
  end if;
  if coalesce(p_name, '') !~ '^[^(),]{1,100}$' then
    perform private.refuse(422, 'BAD_NAME', 'Say a name of up to 100 characters, such as alice@desk.', jsonb_build_object('name', p_name));
  end if;
  if p_minutes is null or p_minutes not between 1 and 720 then
    perform private.refuse(422, 'BAD_MINUTES', 'A declaration lasts 1 to 720 minutes.', jsonb_build_object('minutes', p_minutes));
  end if;
  insert into private.actor_declarations (database_role, name, valid_until)
  values (session_user, p_name, clock_timestamp() + make_interval(mins => p_minutes));
  return private.actor();
end $$;
comment on function admin.i_am(text, integer) is
  'Say who you are before you edit: select admin.i_am(''alice@desk''). For so many minutes the audit trail shows the name beside the database role. Returns what it will show.';

create function admin.i_leave(p_name text) returns text
language plpgsql security definer set search_path = ''
as $$
begin
  update private.actor_declarations set valid_until = clock_timestamp()
  where database_role = session_user and name = p_name and valid_until > clock_timestamp();
  return private.actor();
end $$;
comment on function admin.i_leave(text) is 'Ends what admin.i_am() said. Returns what the audit trail will show from now on.';

create function private.alert_undeclared() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Refusing the edit would keep an administrator from stopping trading in an emergency; so it is done, and said.
  perform private.alert(null, null, 'UNDECLARED_EDIT', 'warning',
    'Somebody edited ' || new.table_name || ' as ' || new.actor || '. Say who you are first: select admin.i_am(''name'').',
    jsonb_build_object('table', new.table_name, 'row', new.row_id, 'action', new.action, 'actor', new.actor),
    'undeclared|' || new.actor || '|' || new.table_name || '|' || date_trunc('hour', new.at));
  return null;
end $$;
comment on function private.alert_undeclared() is 'Tells the administrators of an edit whose author did not say who they are: once an hour and table.';
-- Deferred like the audit itself: after the last head of a chain, which is the last lock but this.
create constraint trigger alert_undeclared after insert on public.audit_log deferrable initially deferred for each row
  when (new.actor like '%(undeclared)') execute function private.alert_undeclared();

create function private.name_who_acknowledged() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  new.acknowledged_by := case when new.acknowledged_at is null then null
    when old.acknowledged_at is null then private.actor() else old.acknowledged_by end;
  return new;
end $$;
comment on function private.name_who_acknowledged() is 'An alert that is acknowledged by an edit names its author as one by call does; who was first stays.';
create trigger name_who_acknowledged before update of acknowledged_at on public.alerts
  for each row execute function private.name_who_acknowledged();

create view admin.open_halts with (security_invoker = true) as
  select g.gate_key as id, g.scope, u.email, a.label as account, s.name as strategy, g.mode, g.reason, g.changed_by, g.changed_at
  from public.trading_gates as g
  left join auth.users as u on u.id = g.user_id
  left join public.broker_accounts as a on a.id = g.broker_account_id
  left join public.strategies as s on s.id = g.strategy_id
  where g.closed;
comment on view admin.open_halts is 'What is halted now, by whom and why. Lift one by setting closed to false in public.trading_gates.';

create view admin.gates with (security_invoker = true) as
  select g.gate_key as id, g.closed, g.mode, g.reason, g.scope,
    (select u.email from auth.users as u where u.id = g.user_id) as email,
    (select a.label from public.broker_accounts as a where a.id = g.broker_account_id) as account,
    (select s.name from public.strategies as s where s.id = g.strategy_id) as strategy, g.changed_by, g.changed_at
  from public.trading_gates as g;
comment on view admin.gates is 'The kill switch of every scope: set closed, mode and reason. The same rows as public.trading_gates.';

create view admin.limits with (security_invoker = true) as
  select l.id, l.name, l.value, l.unit, l.parameters, l.act, l.scope, l.symbol,
    (select u.email from auth.users as u where u.id = l.user_id) as email,
    (select a.label from public.broker_accounts as a where a.id = l.broker_account_id) as account,
    (select s.name from public.strategies as s where s.id = l.strategy_id) as strategy, l.changed_by, l.updated_at
  from public.risk_limits as l;
comment on view admin.limits is 'Every limit with its scope in words: set value, parameters, act. The same rows as public.risk_limits.';

create view admin.users with (security_invoker = true) as
  select p.user_id as id, (select u.email from auth.users as u where u.id = p.user_id) as email, p.display_name, p.desk_role,
    (select d.name from private.desks as d where d.id = p.desk_id) as desk, p.disabled, p.disabled_reason, p.disabled_at, p.disabled_by,
    exists (select from private.administrators as a where a.user_id = p.user_id and a.revoked_at is null) as administrator,
    (select u.last_sign_in_at from auth.users as u where u.id = p.user_id) as last_sign_in_at, p.created_at
  from public.profiles as p;
comment on view admin.users is 'Every user: desk, role, whether administrator, whether shut out. Set disabled and disabled_reason to shut one out. The same rows as public.profiles.';

create view admin.administrators with (security_invoker = true) as
  select a.id, u.email, a.granted_at, a.granted_by, a.reason, a.revoked_at, a.revoked_by, a.revoked_reason
  from private.administrators as a join auth.users as u on u.id = a.user_id;
comment on view admin.administrators is 'Who is and who was an administrator.';

create view admin.invitations with (security_invoker = true) as
  select i.id, i.email, d.name as desk, i.desk_role, i.invited_by, i.invited_at, i.expires_at, i.used_at, i.revoked_at, i.revoked_by,
    case when i.used_at is not null then 'used' when i.revoked_at is not null then 'revoked'
      when i.expires_at <= now() then 'expired' else 'open' end as state
  from private.invitations as i left join private.desks as d on d.id = i.desk_id;
comment on view admin.invitations is 'Who was invited, and what came of it.';

create view admin.stuck_trades with (security_invoker = true) as
  select t.id, t.status, now() - t.updated_at as stuck_for, u.email, a.label as account, s.name as strategy, t.symbol, t.side,
    t.quantity, t.filled_quantity, t.client_order_id, t.broker_order_id, t.updated_at
  from public.trades as t
  join auth.users as u on u.id = t.user_id
  join public.broker_accounts as a on a.id = t.broker_account_id
  left join public.strategies as s on s.id = t.strategy_id
  where t.status in ('pending', 'approved', 'submitting', 'unknown', 'cancel_pending', 'replace_pending')
    and t.updated_at < now() - interval '1 minute';
comment on view admin.stuck_trades is 'Trades that have stood for over a minute in a state that should pass in seconds; the sweeps take them on, so a row here for long is a fault.';

create view admin.breaks with (security_invoker = true) as
  select b.id, b.kind, b.text, b.symbol, u.email, a.label as account, b.halts, b.status, b.opened_by, b.created_at, b.numbers
  from public.reconciliation_breaks as b
  join auth.users as u on u.id = b.user_id
  join public.broker_accounts as a on a.id = b.broker_account_id
  where b.status = 'open';
comment on view admin.breaks is 'Where ledger and broker disagree, until evidence closes it.';

create view admin.open_alerts with (security_invoker = true) as
  select l.id, l.severity, l.code, l.text, u.email, l.numbers, l.raised_at
  from public.alerts as l left join auth.users as u on u.id = l.user_id
  where l.acknowledged_at is null;
comment on view admin.open_alerts is 'Alerts that nobody has acknowledged; without an email: for administrators.';

create view admin.function_health with (security_invoker = true) as
  select h.name as id, h.at, now() - h.at as silent_for,
    case when h.at > now() - interval '1 minute' then 'well' when h.at > now() - interval '5 minutes' then 'late' else 'silent' end as state,
    h.detail
  from public.heartbeats as h;
comment on view admin.function_health is 'When each worker last said that it is well.';

create view admin.unpublished_events with (security_invoker = true) as
  select o.id, o.topic, o.type, o.attempts, now() - o.created_at as waiting_for, o.claimed_by, o.created_at
  from private.outbox as o where o.published_at is null;
comment on view admin.unpublished_events is 'Events that wait to be published; normally none for more than a second.';

create view admin.dead_letters with (security_invoker = true) as
  select d.id, d.stage, d.topic, d.consumer, u.email, d.error, d.attempts, d.deaths, d.died_at, d.event
  from public.dead_letters as d left join auth.users as u on u.id = d.user_id
  where d.state = 'open';
comment on view admin.dead_letters is 'Events that were given up and that nobody has decided on: public.redrive_dead_letter() sends one again, public.dismiss_dead_letter() lets it be.';
comment on column admin.dead_letters.id is 'What the functions ask for.';
comment on column admin.dead_letters.stage is 'publish: it never reached the bus. deliver: its consumer failed it.';
comment on column admin.dead_letters.topic is 'The topic it was for.';
comment on column admin.dead_letters.consumer is 'The function that failed.';
comment on column admin.dead_letters.email is 'Whom the event is about.';
comment on column admin.dead_letters.error is 'What was said the last time.';
comment on column admin.dead_letters.attempts is 'How often it was tried.';
comment on column admin.dead_letters.deaths is 'How often it was given up.';
comment on column admin.dead_letters.died_at is 'When it was given up last, UTC.';
comment on column admin.dead_letters.event is 'The whole event.';

create view admin.credentials with (security_invoker = true) as
  select c.broker_account_id || '/' || c.purpose as id, u.email, a.label as account, a.broker, a.is_paper, c.purpose, c.key_id,
    c.entered_at, c.updated_at, case c.purpose when 'trading' then a.link_state end as link_state,
    case c.purpose when 'trading' then a.link_code end as link_code, case c.purpose when 'trading' then a.link_reason end as link_reason
  from private.broker_credentials as c
  join public.broker_accounts as a on a.id = c.broker_account_id
  join auth.users as u on u.id = c.user_id;
comment on view admin.credentials is 'Which accounts have which credential, under which key and since when. The credential itself is sealed and not shown to anybody.';

comment on column admin.credentials.id is 'The account and the purpose.';
comment on column admin.credentials.email is 'Whose it is.';
comment on column admin.credentials.account is 'The account''s label.';
comment on column admin.credentials.broker is 'The broker.';
comment on column admin.credentials.is_paper is 'Whether it is a paper account.';
comment on column admin.credentials.purpose is 'trading or data.';
comment on column admin.credentials.key_id is 'The public key that it is sealed with.';
comment on column admin.credentials.entered_at is 'When the trader entered it.';
comment on column admin.credentials.updated_at is 'When it was last entered or re-sealed.';
comment on column admin.credentials.link_state is 'Whether the broker says that it is of this account: unverified, verified or refused; null for data.';
comment on column admin.credentials.link_code is 'Why it is not verified, or how the broker restricts the account.';
comment on column admin.credentials.link_reason is 'The same as a sentence.';

-- Rows come in the order of time, so the smallest kind of index finds a day among years.
create index audit_log_at on public.audit_log using brin (at);

create view admin.audit_today with (security_invoker = true) as
  select l.chain || '/' || l.sequence as id, l.at, l.actor, l.action, l.table_name, l.row_id, u.email, l.before, l.after
  from public.audit_log as l left join auth.users as u on u.id = l.user_id
  where l.at >= date_trunc('day', now(), 'UTC');
comment on view admin.audit_today is 'What was changed today (UTC), by whom, before and after.';

create view admin.overview with (security_invoker = true) as
  select 1 as id, 'open halts' as what, count(*) as how_many from admin.open_halts
  union all select 2, 'stuck trades', count(*) from admin.stuck_trades
  union all select 3, 'breaks', count(*) from admin.breaks
  union all select 4, 'open alerts', count(*) from admin.open_alerts
  union all select 5, 'silent workers', count(*) from admin.function_health where state <> 'well'
  union all select 6, 'unpublished events', count(*) from admin.unpublished_events
  union all select 7, 'disabled users', count(*) from admin.users where disabled
  union all select 8, 'open invitations', count(*) from admin.invitations where state = 'open'
  union all select 9, 'dead letters', count(*) from admin.dead_letters;
comment on view admin.overview is 'Begin here: how many of each there are. Each has a view of its own.';
