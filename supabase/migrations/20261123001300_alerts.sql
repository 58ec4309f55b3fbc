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
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.alerts is 'What a person should see. Null user_id: for administrators.';
create index alerts_user on public.alerts (user_id, raised_at desc);

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
as $$ select private.alert(null, null, p_code, p_severity, p_text, p_numbers, p_name) $$;
comment on function public.raise_alert(text, text, text, jsonb, text) is 'Tells the administrators, once for what p_name says.';
grant execute on function public.raise_alert(text, text, text, jsonb, text) to fn_ingest, fn_strategy, fn_risk, fn_execute, fn_report, fn_relay;

alter table public.alerts enable row level security;
create policy "a user reads their own alerts" on public.alerts for select to authenticated using (user_id = any ((select private.readable_users())::uuid[]));

grant select on public.alerts to authenticated;
