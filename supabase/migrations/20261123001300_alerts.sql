-- What a person should see.

create table public.alerts (
  id uuid primary key,
  user_id uuid references auth.users (id) on delete restrict,
  broker_account_id uuid,
  code text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  text text not null,
  numbers jsonb not null default '{}',
  raised_at timestamptz not null default now(),
  acknowledged_at timestamptz,
  acknowledged_by text,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check ((acknowledged_at is null) = (acknowledged_by is null))
);
comment on table public.alerts is 'What a person should see: one row for each cause, kept for ever.';
comment on column public.alerts.id is 'Made from the cause: the same cause is one alert.';
comment on column public.alerts.user_id is 'Whom it is for; null: the administrators.';
comment on column public.alerts.broker_account_id is 'The account it is about, if it is about one.';
comment on column public.alerts.code is 'What it is, in a word that does not change.';
comment on column public.alerts.severity is 'info, warning, or critical: somebody should look now.';
comment on column public.alerts.text is 'What happened and what to do.';
comment on column public.alerts.numbers is 'What was seen.';
comment on column public.alerts.raised_at is 'When it was raised, UTC.';
comment on column public.alerts.acknowledged_at is 'When somebody said that they have seen it, UTC; null until then.';
comment on column public.alerts.acknowledged_by is 'Who said so.';
create index alerts_user on public.alerts (user_id, raised_at desc);
create index alerts_account on public.alerts (broker_account_id, user_id);
create index alerts_open on public.alerts (code, raised_at) where acknowledged_at is null;
select private.protect_from_delete('public.alerts');

create function private.alert(
  p_user_id uuid, p_account_id uuid, p_code text, p_severity text, p_text text, p_numbers jsonb, p_name text)
returns void
language plpgsql set search_path = ''
as $$
declare
  alert_id uuid := private.named_uuid('alert|' || p_name);
begin
  insert into public.alerts (id, user_id, broker_account_id, code, severity, text, numbers)
  values (alert_id, p_user_id, p_account_id, p_code, p_severity, p_text, p_numbers)
  on conflict (id) do nothing;
  if found then
    perform private.emit('alerts', 'alert.raised', coalesce(p_user_id::text, 'administrators'), now(),
      jsonb_build_object('alert_id', alert_id, 'user_id', p_user_id, 'code', p_code, 'text', p_text), 'alert|' || p_name);
  end if;
end $$;
comment on function private.alert(uuid, uuid, text, text, text, jsonb, text) is 'Raises an alert once for what p_name says.';

create function public.raise_alert(p_code text, p_severity text, p_text text, p_numbers jsonb, p_name text) returns void
language sql security definer set search_path = ''
as $$
  -- Under the caller's own name: no function takes the name of an alert that another, or the ledger itself, will raise.
  select private.alert(null, null, p_code, p_severity, p_text, p_numbers, private.calling_role() || '|' || p_name)
$$;
comment on function public.raise_alert(text, text, text, jsonb, text) is 'Tells the administrators, once for what p_name says.';
grant execute on function public.raise_alert(text, text, text, jsonb, text) to fn_ingest, fn_strategy, fn_risk, fn_execute, fn_report, fn_relay;

create function public.acknowledge_alert(p_alert_id uuid) returns timestamptz
language plpgsql security definer set search_path = ''
as $$
declare
  seen public.alerts;
begin
  select * into seen from public.alerts where id = p_alert_id
    and (private.reaches(user_id) or private.is_administrator()) for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ALERT', 'Name an alert of your own.', jsonb_build_object('alert', p_alert_id));
  end if;
  -- The first to see it stays on record.
  update public.alerts set acknowledged_at = now(), acknowledged_by = private.actor()
  where id = p_alert_id and acknowledged_at is null returning * into seen;
  return (select acknowledged_at from public.alerts where id = p_alert_id);
end $$;
comment on function public.acknowledge_alert(uuid) is
  'Says that an alert was seen, once; returns when. One''s own, or as an administrator anybody''s.';
grant execute on function public.acknowledge_alert(uuid) to authenticated;

alter table public.alerts enable row level security;
create policy "a user reads their own alerts, an administrator also nobody's" on public.alerts for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]) or (user_id is null and (select private.is_administrator())));

grant select on public.alerts to authenticated;
