-- Outgoing webhooks: a trader's own addresses, told of what happens to their trades, their limits and their reports.

insert into private.settings (name, value, comment) values
  ('webhooks_per_user', '20', 'How many webhooks a user may have.'),
  ('webhook_tests_per_hour', '20', 'How many test events one webhook may be sent in an hour.'),
  ('webhook_loopback', 'no', 'yes: webhooks may be http and on this machine. For the cloud on one machine only, never where others have users.');

create function private.webhook_data(p_type text, p_data jsonb) returns jsonb
language sql immutable parallel safe set search_path = ''
as $$
  -- Named one by one: what a later version adds to an event goes to nobody until it stands here.
  select jsonb_strip_nulls(case
    when p_type like 'trade.%' then (
      select jsonb_object_agg(key, value) from jsonb_each(p_data)
      where key in ('trade_id', 'broker_account_id', 'strategy_id', 'symbol', 'status', 'version'))
    when p_type in ('halt.engaged', 'halt.lifted') then (
      select jsonb_object_agg(key, value) from jsonb_each(p_data) where key in ('scope', 'scope_id', 'mode', 'reason'))
    when p_type = 'limit.breached' then (
      select jsonb_object_agg(key, value) from jsonb_each(p_data)
      where key in ('breach_id', 'limit_id', 'name', 'scope', 'broker_account_id', 'strategy_id', 'value', 'measured', 'act'))
    -- What is said of a webhook goes to no webhook: one that fails would be told of it for ever.
    when p_type = 'alert.raised' and p_data ->> 'code' not like 'WEBHOOK\_%' then (
      select jsonb_object_agg(key, value) from jsonb_each(p_data) where key in ('alert_id', 'code', 'text'))
    when p_type = 'strategy.halted' then (
      select jsonb_object_agg(key, value) from jsonb_each(p_data) where key in ('strategy_id', 'status', 'version'))
    when p_type = 'report.written' then (
      select jsonb_object_agg(key, value) from jsonb_each(p_data)
      where key in ('report_id', 'broker_account_id', 'report_date', 'report_version'))
    when p_type = 'webhook.test' then p_data
  end)
$$;
comment on function private.webhook_data(text, jsonb) is
  'What a webhook is told of an event: never whose it is, nor who did it; null where it is told nothing.';

create table public.webhook_endpoints (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  name text not null check (length(name) between 1 and 100),
  url text not null check (length(url) <= 2000),
  events text[] not null constraint events_are_known check (
    cardinality(events) > 0 and array_position(events, null) is null and events <@ array[
      'trade.placed', 'trade.approved', 'trade.rejected', 'trade.submitting', 'trade.submitted', 'trade.partially_filled', 'trade.filled',
      'trade.cancel_requested', 'trade.replace_requested', 'trade.canceled', 'trade.replaced', 'trade.expired', 'trade.unknown',
      'halt.engaged', 'halt.lifted', 'limit.breached', 'alert.raised', 'strategy.halted', 'report.written']),
  enabled boolean not null default true,
  disabled_reason text check (disabled_reason in ('FAILING')),
  failing_since timestamptz,
  secret_rotated_at timestamptz not null default now(),
  removed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  check (removed_at is null or not enabled),
  check (disabled_reason is null or not enabled)
);
comment on table public.webhook_endpoints is 'Addresses of traders that are told of their events, signed. The secret is shown once and kept apart.';
comment on column public.webhook_endpoints.id is 'Key.';
comment on column public.webhook_endpoints.user_id is 'Owner: whose events it is told.';
comment on column public.webhook_endpoints.name is 'The owner''s own words.';
comment on column public.webhook_endpoints.url is 'Where events are sent: https.';
comment on column public.webhook_endpoints.events is 'The types of events that it is told.';
comment on column public.webhook_endpoints.enabled is 'Whether events are sent. What happens while it is off is not sent later.';
comment on column public.webhook_endpoints.disabled_reason is 'FAILING: it was switched off by itself, after days in which nothing arrived; null otherwise.';
comment on column public.webhook_endpoints.failing_since is 'The first failure since anything last arrived, UTC; null where the last attempt arrived.';
comment on column public.webhook_endpoints.secret_rotated_at is 'Since when its secret counts, UTC.';
comment on column public.webhook_endpoints.removed_at is 'When its owner removed it, UTC; null while it is there.';
comment on column public.webhook_endpoints.created_at is 'When the row was written, UTC.';
comment on column public.webhook_endpoints.updated_at is 'When the row last changed, UTC.';
comment on column public.webhook_endpoints.version is 'Grows by one with every change of the row.';
create index webhook_endpoints_user on public.webhook_endpoints (user_id);
create trigger touch before insert or update on public.webhook_endpoints for each row execute function private.touch();
create trigger keep_owner before update on public.webhook_endpoints for each row execute function private.keep_owner();
select private.audit_changes('public.webhook_endpoints', p_ignore => '{failing_since,updated_at,version}');
-- A removed one stays, marked: an order's transaction that is about to write for it must not find it gone.
select private.protect_from_delete('public.webhook_endpoints');

create table private.webhook_secrets (
  endpoint_id uuid primary key references public.webhook_endpoints (id) on delete restrict,
  secret text not null
);
comment on table private.webhook_secrets is 'What each webhook''s events are signed with. It leaves the ledger once, to its owner: signatures are made here.';
comment on column private.webhook_secrets.endpoint_id is 'The webhook.';
comment on column private.webhook_secrets.secret is 'The key of the HMAC, as text: whsec_ and 244 random bits.';

create table public.webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  endpoint_id uuid not null,
  user_id uuid not null,
  event_id uuid not null,
  type text not null,
  occurred_at timestamptz not null,
  body text not null,
  state text not null default 'queued' check (state in ('queued', 'sending', 'delivered', 'retrying', 'dead')),
  attempts integer not null default 0 check (attempts >= 0),
  failures integer not null default 0 check (failures >= 0),
  next_attempt_at timestamptz default now(),
  give_up_at timestamptz,
  claimed_by text,
  last_attempt_at timestamptz,
  last_status integer,
  last_error text check (length(last_error) <= 500),
  last_response text check (length(last_response) <= 200),
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  foreign key (endpoint_id, user_id) references public.webhook_endpoints (id, user_id) on delete restrict,
  constraint told_once unique (endpoint_id, event_id),
  constraint open_has_a_next_attempt check ((state in ('delivered', 'dead')) = (next_attempt_at is null)),
  check ((state in ('delivered', 'dead')) = (finished_at is not null)),
  check (state in ('queued', 'dead') or attempts > 0),
  check (state <> 'delivered' or last_status between 200 and 299)
);
comment on table public.webhook_deliveries is
  'One row for each event and each webhook that hears it, written by the transaction that made the event true. Sent at least once, or dead with an alert.';
comment on column public.webhook_deliveries.id is 'Key.';
comment on column public.webhook_deliveries.endpoint_id is 'The webhook.';
comment on column public.webhook_deliveries.user_id is 'Owner.';
comment on column public.webhook_deliveries.event_id is 'Id of the event: the same in every attempt, for the receiver to count it once.';
comment on column public.webhook_deliveries.type is 'Type of the event.';
comment on column public.webhook_deliveries.occurred_at is 'When it happened, event time, UTC.';
comment on column public.webhook_deliveries.body is 'What is sent: the same bytes in every attempt.';
comment on column public.webhook_deliveries.state is 'queued, sending, delivered, retrying (it failed and is tried again), or dead (given up).';
comment on column public.webhook_deliveries.attempts is 'How often it was taken to be sent; names an attempt, so that a late answer of an earlier one changes nothing.';
comment on column public.webhook_deliveries.failures is 'How often it failed since it was last queued: how long it then waits.';
comment on column public.webhook_deliveries.next_attempt_at is 'From when on it may be taken: while it is being sent, the end of the sender''s lease. Null when it is over.';
comment on column public.webhook_deliveries.give_up_at is 'When it is given up, UTC, counted from the first attempt; null before it.';
comment on column public.webhook_deliveries.claimed_by is 'The sender that took it last.';
comment on column public.webhook_deliveries.last_attempt_at is 'When it was last taken to be sent, UTC.';
comment on column public.webhook_deliveries.last_status is 'The HTTP status of the last answer; null where there was none.';
comment on column public.webhook_deliveries.last_error is 'Why the last attempt failed, as CODE: sentence; null where it did not.';
comment on column public.webhook_deliveries.last_response is 'The beginning of the last answer''s body, at most 200 characters.';
comment on column public.webhook_deliveries.finished_at is 'When it was delivered or given up, UTC.';
comment on column public.webhook_deliveries.created_at is 'When the row was written, UTC.';
create index webhook_deliveries_open on public.webhook_deliveries (endpoint_id, next_attempt_at) where next_attempt_at is not null;
create index webhook_deliveries_endpoint on public.webhook_deliveries (endpoint_id, user_id, created_at desc, id desc);
create index webhook_deliveries_user on public.webhook_deliveries (user_id);
create index webhook_deliveries_finished on public.webhook_deliveries (finished_at) where finished_at is not null;

create function private.guard_webhook_delivery() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if (new.id, new.endpoint_id, new.user_id, new.event_id, new.type, new.occurred_at, new.body)
    is distinct from (old.id, old.endpoint_id, old.user_id, old.event_id, old.type, old.occurred_at, old.body) then
    perform private.refuse(409, 'DELIVERY_IS_FIXED', 'What is delivered never changes, nor to whom.', jsonb_build_object('delivery', old.id));
  end if;
  if new.state <> old.state and (old.state, new.state) not in (
      ('queued', 'sending'), ('queued', 'dead'),
      ('sending', 'delivered'), ('sending', 'retrying'), ('sending', 'dead'),
      ('retrying', 'sending'), ('retrying', 'dead'), ('retrying', 'queued'),
      ('dead', 'queued'), ('delivered', 'queued')) then
    perform private.refuse(409, 'BAD_TRANSITION', 'A delivery does not go this way.',
      jsonb_build_object('delivery', old.id, 'from', old.state, 'to', new.state));
  end if;
  if new.attempts not in (old.attempts, old.attempts + 1) or (new.state = 'sending' and old.state <> 'sending' and new.attempts = old.attempts) then
    perform private.refuse(409, 'BAD_TRANSITION', 'Each time that a delivery is taken counts.', jsonb_build_object('delivery', old.id));
  end if;
  return new;
end $$;
comment on function private.guard_webhook_delivery() is 'A delivery moves along its arrows only, and what it says stays.';
create trigger guard before update on public.webhook_deliveries for each row execute function private.guard_webhook_delivery();

-- Of every event that is written into the outbox, in its transaction.
create function private.queue_webhooks() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid := case when pg_input_is_valid(new.data ->> 'user_id', 'uuid') then (new.data ->> 'user_id')::uuid end;
  said jsonb;
  told uuid[];
begin
  -- Asked first, and the rest only where somebody hears: most events go to nobody.
  if owner is not null then
    told := array(select id from public.webhook_endpoints where user_id = owner and removed_at is null and enabled and new.type = any (events));
  elsif new.type in ('halt.engaged', 'halt.lifted') and new.data ->> 'scope' = 'global' then
    -- A halt of everybody's is told to everybody, all else to whose it is.
    told := array(select id from public.webhook_endpoints where enabled and new.type = any (events));
  else
    return null;
  end if;
  -- An event that a dead letter brings back was told when it happened.
  if told = '{}' or exists (select from public.dead_letters as d where d.event_id = new.event_id) then
    return null;
  end if;
  said := private.webhook_data(new.type, new.data);
  if said is null then
    return null;
  end if;
  insert into public.webhook_deliveries (endpoint_id, user_id, event_id, type, occurred_at, body)
  select e.id, e.user_id, new.event_id, new.type, new.occurred_at, private.webhook_body(new.event_id, new.type, new.occurred_at, said)
  from public.webhook_endpoints as e join public.profiles as p on p.user_id = e.user_id and not p.disabled
  where e.id = any (told)
  on conflict (endpoint_id, event_id) do nothing;
  perform private.wake_webhooks(owner, new.event_id::text);
  return null;
end $$;
comment on function private.queue_webhooks() is 'Writes a delivery for every webhook that hears the event: with the event, or not at all.';
create trigger queue_webhooks after insert on private.outbox for each row execute function private.queue_webhooks();

create function private.webhook_body(p_event_id uuid, p_type text, p_occurred_at timestamptz, p_data jsonb) returns text
language sql stable set search_path = ''
as $$
  select jsonb_build_object('id', p_event_id, 'type', p_type,
    'occurred_at', to_char(p_occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'data', p_data)::text
$$;
comment on function private.webhook_body(uuid, text, timestamptz, jsonb) is 'The body that a webhook is sent: {"id", "type", "occurred_at", "data"}.';

create function private.wake_webhooks(p_user_id uuid, p_name text) returns void
language plpgsql set search_path = ''
as $$
begin
  perform private.emit('webhook-deliveries', 'webhook.queued', coalesce(p_user_id::text, 'everybody'), now(),
    jsonb_build_object('user_id', p_user_id), 'webhook|' || p_name);
end $$;
comment on function private.wake_webhooks(uuid, text) is 'Wakes the sender of webhooks, once for what p_name says; what a lost wake-up leaves, the sweep finds.';

alter table public.webhook_endpoints enable row level security;
-- Not a desk's viewer: an address may hold a password of its owner's.
create policy "a user reads their own webhooks" on public.webhook_endpoints for select to authenticated
  using (user_id = (select auth.uid()));
alter table public.webhook_deliveries enable row level security;
create policy "a user reads deliveries of their own webhooks" on public.webhook_deliveries for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.webhook_endpoints, public.webhook_deliveries to authenticated;
