-- The transactional outbox and the inbox. What was given up is in 20261123001320.

create table private.outbox (
  id bigint generated always as identity primary key,
  event_id uuid not null unique,
  topic text not null,
  type text not null,
  key text not null,
  occurred_at timestamptz not null,
  data jsonb not null,
  trace text,
  created_at timestamptz not null default now(),
  claimed_by text,
  claimed_until timestamptz,
  attempts integer not null default 0,
  failures integer not null default 0,
  last_error text,
  next_attempt_at timestamptz not null default '-infinity',
  published_at timestamptz,
  gave_up_at timestamptz
);
comment on table private.outbox is 'Events to publish, written by the transaction that made them true. Published at least once, or given up with a dead letter.';
comment on column private.outbox.id is 'The order in which events are published, within a topic and key.';
comment on column private.outbox.event_id is 'Id of the event, made from what happened: the same thing is one event.';
comment on column private.outbox.topic is 'Topic of the wiring table that it goes to.';
comment on column private.outbox.type is 'Type of the event.';
comment on column private.outbox.key is 'Ordering key: events of one topic and key are published in order.';
comment on column private.outbox.occurred_at is 'Event time, not the machine''s.';
comment on column private.outbox.data is 'What the event says.';
comment on column private.outbox.trace is 'W3C traceparent of what caused it.';
comment on column private.outbox.created_at is 'When the row was written, UTC.';
comment on column private.outbox.claimed_by is 'The relay that took it last.';
comment on column private.outbox.claimed_until is 'Machine time until which that relay has it for itself; null when it said how it went.';
comment on column private.outbox.attempts is 'How often a relay took it; names a claim, so that a late answer of an earlier one changes nothing.';
comment on column private.outbox.failures is 'How often a relay said that publishing it failed.';
comment on column private.outbox.last_error is 'What was said the last time.';
comment on column private.outbox.next_attempt_at is 'Machine time before which it is not tried again.';
comment on column private.outbox.published_at is 'When it was published, UTC; null until then.';
comment on column private.outbox.gave_up_at is 'When it was given up, UTC: it has a dead letter, and its key goes on without it. Null otherwise.';
-- What is urgent first: the order in which relays take events.
create index outbox_unpublished on private.outbox ((topic <> 'trade-controls'), id) where published_at is null and gave_up_at is null;
create index outbox_unpublished_key on private.outbox (topic, key, id) where published_at is null and gave_up_at is null;
create index outbox_published on private.outbox (published_at) where published_at is not null;

insert into private.settings (name, value, comment) values
  ('outbox_attempts', '30', 'After how many failed publishings an event is given up: a dead letter and an alert.'),
  ('outbox_backoff_first', '1 second', 'How long an event waits after its first failure; doubled with each one more.'),
  ('outbox_backoff_cap', '5 minutes', 'The longest wait between two publishings of an event.'),
  ('outbox_kept', '7 days', 'How long published events are kept.'),
  ('inbox_kept', '60 days', 'How long handled event ids are kept: longer than any bus delivers again (31 days).');

create function private.emit(
  p_topic text, p_type text, p_key text, p_occurred_at timestamptz, p_data jsonb, p_name text, p_trace text default null)
returns void
language sql set search_path = ''
as $$
  insert into private.outbox (event_id, topic, type, key, occurred_at, data, trace)
  values (private.named_uuid(p_name), p_topic, p_type, p_key, p_occurred_at, p_data, p_trace)
  on conflict (event_id) do nothing
$$;
comment on function private.emit(text, text, text, timestamptz, jsonb, text, text) is
  'Writes one outbox row; p_name says what happened, so the same thing is one event.';

create function private.wake_relay() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  relay_url text;
  secret text;
begin
  -- Once per transaction, however many events it writes: the wake-up leaves with the commit and the relay takes them all.
  if current_setting('app.relay_woken', true) = pg_current_xact_id()::text then
    return null;
  end if;
  begin
    -- A wake-up only: empty body, at most once. The sweep finds what a lost wake-up leaves. The secret is read from the
    -- vault at call time, so that it stands neither in the trigger's text nor in a dump.
    select value into relay_url from private.settings where name = 'relay_url';
    if relay_url is not null then
      select decrypted_secret into secret from vault.decrypted_secrets where name = 'relay_webhook_secret';
      perform net.http_post(
        url := relay_url,
        body := '{}'::jsonb,
        headers := jsonb_build_object('content-type', 'application/json', 'x-webhook-secret', coalesce(secret, '')));
    end if;
  exception
    when others then
      -- An order must not fail because nobody can be woken: the sweep comes within a minute.
      raise warning 'the relay could not be woken: %', sqlerrm;
  end;
  perform set_config('app.relay_woken', pg_current_xact_id()::text, true);
  return null;
end $$;
comment on function private.wake_relay() is 'Tells the relay to look at the outbox, once per transaction.';
create trigger wake_relay after insert on private.outbox
  for each statement execute function private.wake_relay();

create function public.claim_outbox(p_owner text, p_limit integer default 100, p_lease_seconds numeric default 30)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  claimed jsonb;
  now_at timestamptz;
begin
  -- One relay claims at a time: the lease of one that has not committed yet is not to be seen, and its key's next event
  -- would overtake. A claim takes a moment; publishing happens after it.
  perform pg_advisory_xact_lock(hashtextextended('private.outbox claim', 0));
  -- One moment for every comparison: an event that becomes due between two looks would be passed over and then overtaken.
  now_at := clock_timestamp();
  with candidate as (
    select o.id
    from private.outbox as o
    where o.published_at is null and o.gave_up_at is null
      and (o.claimed_until is null or o.claimed_until < now_at)
      and o.next_attempt_at <= now_at
      -- The order of a topic's key is kept: nothing overtakes a row that another relay is publishing, or that waits to be
      -- tried again. Another topic never waits: what cannot be published there holds up nobody here.
      and not exists (
        select from private.outbox as earlier
        where earlier.topic = o.topic and earlier.key = o.key and earlier.id < o.id
          and earlier.published_at is null and earlier.gave_up_at is null
          and (earlier.claimed_until >= now_at or earlier.next_attempt_at > now_at))
    -- Cancels and halts first, also where an hour of other events has piled up.
    order by o.topic <> 'trade-controls', o.id
    limit p_limit
    for update
  ), taken as (
    update private.outbox as o
    set claimed_by = p_owner,
        claimed_until = now_at + make_interval(secs => p_lease_seconds),
        attempts = o.attempts + 1
    from candidate
    where o.id = candidate.id
    returning o.*
  )
  select jsonb_agg(jsonb_build_object(
    'outbox_id', id, 'attempt', attempts, 'topic', topic,
    'event', jsonb_build_object('id', event_id, 'type', type, 'key', key, 'occurred_at', occurred_at, 'trace', trace, 'data', data))
    order by topic <> 'trade-controls', id)
  into claimed from taken;
  return coalesce(claimed, '[]'::jsonb);
end $$;
comment on function public.claim_outbox(text, integer, numeric) is
  'Takes unpublished events for p_owner for the lease; the order of a topic''s key is kept among relays, trade-controls go first.';

create function public.mark_published(p_ids bigint[]) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  marked integer;
begin
  update private.outbox set published_at = clock_timestamp(), claimed_until = null
  where id = any (p_ids) and published_at is null;
  get diagnostics marked = row_count;
  return marked;
end $$;
comment on function public.mark_published(bigint[]) is 'Marks events as published, once; returns how many were not yet marked.';

grant execute on function public.claim_outbox(text, integer, numeric) to fn_relay;
grant execute on function public.mark_published(bigint[]) to fn_relay;

-- Inbox ----------------------------------------------------------------------------------------------------------------

create table private.inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
comment on column private.inbox.consumer is 'Who handled it: the function''s name.';
comment on column private.inbox.event_id is 'What was handled.';
comment on column private.inbox.handled_at is 'When, UTC.';
create index inbox_handled on private.inbox (handled_at);
comment on table private.inbox is 'What each consumer has handled. Written in the transaction of the effect, so that handled once is one fact.';

create function public.record_handled(p_consumer text, p_event_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  insert into private.inbox (consumer, event_id) values (p_consumer, p_event_id) on conflict do nothing;
  return found;
end $$;
comment on function public.record_handled(text, uuid) is 'True the first time that this consumer says this event is handled.';

-- Nearly every consumer's effect is an idempotent row and needs no inbox. This is for what is not: it is called in the
-- transaction of the effect (record_dead_letter() does), or after an effect outside of Postgres that cannot be asked about.
grant execute on function public.record_handled(text, uuid) to fn_strategy, fn_risk, fn_execute, fn_report, fn_relay;

create function public.prune_outbox(p_limit integer default 5000) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  events integer;
  handled integer;
begin
  delete from private.outbox where id in (
    select id from private.outbox
    where published_at < clock_timestamp() - (select value::interval from private.settings where name = 'outbox_kept')
    order by published_at limit p_limit);
  get diagnostics events = row_count;
  delete from private.inbox where (consumer, event_id) in (
    select consumer, event_id from private.inbox
    where handled_at < clock_timestamp() - (select value::interval from private.settings where name = 'inbox_kept')
    order by handled_at limit p_limit);
  get diagnostics handled = row_count;
  return jsonb_build_object('events', events, 'handled', handled, 'more', greatest(events, handled) >= p_limit);
end $$;
comment on function public.prune_outbox(integer) is
  'Removes at most p_limit published events and handled ids that were kept long enough: {"events", "handled", "more"}. What is not published is never removed.';
grant execute on function public.prune_outbox(integer) to fn_relay;
