-- The transactional outbox and the inbox.

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
  published_at timestamptz
);
comment on table private.outbox is 'Events to publish, written by the transaction that made them true. Published at least once.';
comment on column private.outbox.occurred_at is 'Event time, not the machine''s.';
create index outbox_unpublished on private.outbox (id) where published_at is null;
create index outbox_unpublished_key on private.outbox (key, id) where published_at is null;

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
  return null;
end $$;
comment on function private.wake_relay() is 'Tells the relay to look at the outbox.';
create trigger wake_relay after insert on private.outbox
  for each statement execute function private.wake_relay();

create function public.claim_outbox(p_owner text, p_limit integer default 100, p_lease_seconds numeric default 30)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  claimed jsonb;
begin
  -- One relay claims at a time: the lease of one that has not committed yet is not to be seen, and its key's next event
  -- would overtake. A claim takes a moment; publishing happens after it.
  perform pg_advisory_xact_lock(hashtextextended('private.outbox claim', 0));
  with candidate as (
    select o.id
    from private.outbox as o
    where o.published_at is null
      and (o.claimed_until is null or o.claimed_until < clock_timestamp())
      -- The order of a key is kept: nothing overtakes a row that another relay is publishing.
      and not exists (
        select from private.outbox as earlier
        where earlier.key = o.key and earlier.id < o.id and earlier.published_at is null
          and earlier.claimed_until >= clock_timestamp())
    order by o.id
    limit p_limit
    for update skip locked
  ), taken as (
    update private.outbox as o
    set claimed_by = p_owner,
        claimed_until = clock_timestamp() + make_interval(secs => p_lease_seconds),
        attempts = o.attempts + 1
    from candidate
    where o.id = candidate.id
    returning o.*
  )
  select jsonb_agg(jsonb_build_object(
    'outbox_id', id, 'topic', topic,
    'event', jsonb_build_object('id', event_id, 'type', type, 'key', key, 'occurred_at', occurred_at, 'trace', trace, 'data', data))
    order by id)
  into claimed from taken;
  return coalesce(claimed, '[]'::jsonb);
end $$;
comment on function public.claim_outbox(text, integer, numeric) is
  'Takes unpublished events for p_owner for the lease; the order of a key is kept among relays.';

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
comment on table private.inbox is 'What each consumer has handled. Written in the transaction of the effect, so that handled once is one fact.';

create function public.record_handled(p_consumer text, p_event_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  insert into private.inbox (consumer, event_id) values (p_consumer, p_event_id) on conflict do nothing;
  return found;
end $$;
comment on function public.record_handled(text, uuid) is 'True the first time that this consumer says this event is handled.';

create function public.was_handled(p_consumer text, p_event_id uuid) returns boolean
language sql stable security definer set search_path = ''
as $$ select exists (select from private.inbox where consumer = p_consumer and event_id = p_event_id) $$;
comment on function public.was_handled(text, uuid) is 'Whether this consumer has handled this event.';

grant execute on function public.record_handled(text, uuid), public.was_handled(text, uuid) to fn_report;
