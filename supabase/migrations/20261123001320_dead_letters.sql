-- Events that were given up: by the relay that could not publish them, or by the bus that could not deliver them.

create table public.dead_letters (
  id uuid primary key,
  stage text not null check (stage in ('publish', 'deliver')),
  topic text not null,
  consumer text,
  event_id uuid,
  key text,
  event jsonb not null,
  user_id uuid references auth.users (id) on delete restrict,
  attempts integer not null,
  error text not null,
  died_at timestamptz not null default clock_timestamp(),
  deaths integer not null default 1,
  state text not null default 'open' check (state in ('open', 'redriven', 'dismissed')),
  decided_at timestamptz,
  decided_by text,
  reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  check ((stage = 'deliver') = (consumer is not null)),
  check ((state = 'open') = (decided_at is null)),
  check ((decided_at is null) = (decided_by is null)),
  check (state <> 'dismissed' or trim(reason) <> '')
);
comment on table public.dead_letters is
  'Events that were given up; their key went on without them. An administrator sends one again or dismisses it: redrive_dead_letter(), dismiss_dead_letter().';
comment on column public.dead_letters.id is 'Made from stage, consumer and event: an event that dies again is the same letter.';
comment on column public.dead_letters.stage is 'publish: no relay could bring it onto the bus. deliver: the consumer failed it as often as the bus tries.';
comment on column public.dead_letters.topic is 'The topic it was for.';
comment on column public.dead_letters.consumer is 'The function that failed; null where it was never published.';
comment on column public.dead_letters.event_id is 'Id of the event; null where the message is no event.';
comment on column public.dead_letters.key is 'Ordering key of the event.';
comment on column public.dead_letters.event is 'The whole event as it was sent; {"unreadable": base64} where it is no JSON.';
comment on column public.dead_letters.user_id is 'Whom the event is about, where it says so.';
comment on column public.dead_letters.attempts is 'How often it was tried, this time.';
comment on column public.dead_letters.error is 'What was said the last time.';
comment on column public.dead_letters.died_at is 'When it was given up last, UTC.';
comment on column public.dead_letters.deaths is 'How often it was given up.';
comment on column public.dead_letters.state is 'open: somebody has to decide. redriven: it was sent again. dismissed: it is not needed.';
comment on column public.dead_letters.decided_at is 'When that was decided, UTC.';
comment on column public.dead_letters.decided_by is 'By whom.';
comment on column public.dead_letters.reason is 'Why; a dismissal has one.';
comment on column public.dead_letters.created_at is 'When it first died, UTC.';
comment on column public.dead_letters.updated_at is 'When the row last changed, UTC.';
comment on column public.dead_letters.version is 'Grows by one with every change of the row.';
create index dead_letters_user on public.dead_letters (user_id, died_at desc);
create index dead_letters_open on public.dead_letters (died_at) where state = 'open';
create trigger touch before insert or update on public.dead_letters for each row execute function private.touch();
select private.protect_from_delete('public.dead_letters');
select private.audit_changes('public.dead_letters');

create function private.bury(
  p_stage text, p_topic text, p_consumer text, p_event jsonb, p_name text, p_attempts integer, p_error text) returns uuid
language plpgsql set search_path = ''
as $$
declare
  letter uuid := private.named_uuid(concat_ws('|', 'dead-letter', p_stage, p_consumer, p_name));
  owner uuid;
  cause jsonb;
  -- Assigned, not written into the statements below: planning those would already read what is not valid.
  said_owner uuid := case when pg_input_is_valid(p_event #>> '{data,user_id}', 'uuid') then (p_event #>> '{data,user_id}')::uuid end;
  said_id uuid := case when pg_input_is_valid(p_event ->> 'id', 'uuid') then (p_event ->> 'id')::uuid end;
begin
  select u.id into owner from auth.users as u
  where u.id = said_owner;
  insert into public.dead_letters as d (id, stage, topic, consumer, event_id, key, event, user_id, attempts, error)
  values (letter, p_stage, p_topic, p_consumer,
    said_id, p_event ->> 'key', p_event, owner, p_attempts, left(p_error, 2000))
  on conflict (id) do update
  set attempts = excluded.attempts, error = excluded.error, died_at = clock_timestamp(), deaths = d.deaths + 1,
      state = 'open', decided_at = null, decided_by = null, reason = null;
  -- One alert for a cause, not one for each event of an outage; another one when somebody has seen this and it goes on.
  cause := jsonb_build_object('stage', p_stage, 'topic', p_topic, 'consumer', p_consumer);
  if not exists (select from public.alerts where code = 'DEAD_LETTER' and acknowledged_at is null and numbers @> cause) then
    perform private.alert(null, null, 'DEAD_LETTER', case when p_topic = 'trade-controls' then 'critical' else 'warning' end,
      'An event was given up. What it announced is in the rows and the sweeps act on it; find out why, then redrive or dismiss what is in dead_letters.',
      cause || jsonb_build_object('dead_letter', letter, 'error', left(p_error, 200)),
      'dead-letter|' || letter || '|' || (select deaths from public.dead_letters where id = letter));
  end if;
  return letter;
end $$;
comment on function private.bury(text, text, text, jsonb, text, integer, text) is
  'Keeps an event that was given up, and tells the administrators once for each cause that nobody has acknowledged.';

create function public.record_publish_failure(p_failures jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  failure record;
  failed private.outbox;
  settings jsonb := (select jsonb_object_agg(name, value) from private.settings where name like 'outbox\_%');
  retried integer := 0;
  dead integer := 0;
begin
  -- No claim while this is going on: it would see an event that failed neither leased nor waiting, and take the next one.
  perform pg_advisory_xact_lock(hashtextextended('private.outbox claim', 0));
  for failure in
    select f.outbox_id, f.attempt, f.error, f.final
    from jsonb_to_recordset(p_failures) as f (outbox_id bigint, attempt integer, error text, final boolean)
    order by f.outbox_id
  loop
    -- By compare-and-set on the claim: a relay that was thought dead says nothing about an event that another has now.
    update private.outbox as o
    set failures = o.failures + 1, last_error = left(failure.error, 2000), claimed_until = null,
        next_attempt_at = clock_timestamp() + least(
          (settings ->> 'outbox_backoff_cap')::interval,
          (settings ->> 'outbox_backoff_first')::interval * power(2, least(o.failures, 20))),
        gave_up_at = case when failure.final or o.failures + 1 >= (settings ->> 'outbox_attempts')::integer then clock_timestamp() end
    where o.id = failure.outbox_id and o.attempts = failure.attempt and o.published_at is null and o.gave_up_at is null
    returning * into failed;
    if failed.gave_up_at is not null then
      dead := dead + 1;
      perform private.bury('publish', failed.topic, null, jsonb_build_object(
        'id', failed.event_id, 'type', failed.type, 'key', failed.key, 'occurred_at', failed.occurred_at, 'trace', failed.trace,
        'data', failed.data), failed.event_id::text, failed.failures, failed.last_error);
    elsif failed.id is not null then
      retried := retried + 1;
    end if;
  end loop;
  return jsonb_build_object('retried', retried, 'dead', dead);
end $$;
comment on function public.record_publish_failure(jsonb) is
  'A relay says which of its events [{"outbox_id", "attempt", "error", "final"}] could not be published: {"retried", "dead"}. Each is tried again later and later; a final one, or one that failed too often, becomes a dead letter and its key goes on.';

create function public.record_dead_letter(
  p_topic text, p_consumer text, p_event jsonb, p_message_id text, p_attempts integer, p_error text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  name text := coalesce(p_event ->> 'id', p_message_id);
begin
  -- Not idempotent by itself, because the same event may die again after it was redriven: so the message counts once.
  if not public.record_handled('keep_dead_letter', private.named_uuid('dead-letter|' || p_message_id)) then
    return private.named_uuid(concat_ws('|', 'dead-letter', 'deliver', p_consumer, name));
  end if;
  return private.bury('deliver', p_topic, p_consumer, p_event, name, p_attempts, p_error);
end $$;
comment on function public.record_dead_letter(text, text, jsonb, text, integer, text) is
  'Keeps a message that the bus gave up; each message once.';
grant execute on function public.record_publish_failure(jsonb), public.record_dead_letter(text, text, jsonb, text, integer, text) to fn_relay;

create function private.open_letter(p_id uuid) returns public.dead_letters
language plpgsql set search_path = ''
as $$
declare
  letter public.dead_letters;
begin
  perform private.require_administrator();
  select * into letter from public.dead_letters where id = p_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_DEAD_LETTER', 'Name a dead letter by its id.', jsonb_build_object('dead_letter', p_id));
  end if;
  if letter.state <> 'open' then
    perform private.refuse(409, 'DEAD_LETTER_IS_CLOSED', 'Somebody has decided already; it opens again if the event dies again.',
      jsonb_build_object('dead_letter', p_id, 'state', letter.state, 'by', letter.decided_by));
  end if;
  return letter;
end $$;
comment on function private.open_letter(uuid) is 'An open dead letter, locked, for an administrator.';

create function public.redrive_dead_letter(p_id uuid, p_reason text default '') returns void
language plpgsql security definer set search_path = ''
as $$
declare
  letter public.dead_letters := private.open_letter(p_id);
begin
  if letter.event_id is null or coalesce(letter.event ->> 'type', '') = '' or coalesce(letter.key, '') = ''
    or not pg_input_is_valid(coalesce(letter.event ->> 'occurred_at', ''), 'timestamptz') or letter.event -> 'data' is null then
    perform private.refuse(422, 'NO_EVENT', 'The message is no event, so it cannot be sent again; dismiss it.', jsonb_build_object('dead_letter', p_id));
  end if;
  update public.dead_letters
  set state = 'redriven', decided_at = now(), decided_by = private.actor(), reason = p_reason where id = p_id;
  -- The same event under the same id, to every consumer of the topic: who has handled it handles it once.
  insert into private.outbox (event_id, topic, type, key, occurred_at, data, trace)
  values (letter.event_id, letter.topic, letter.event ->> 'type', letter.key, (letter.event ->> 'occurred_at')::timestamptz,
    letter.event -> 'data', letter.event ->> 'trace')
  on conflict (event_id) do update
  set published_at = null, gave_up_at = null, failures = 0, next_attempt_at = '-infinity', claimed_until = null;
end $$;
comment on function public.redrive_dead_letter(uuid, text) is
  'Sends a dead letter''s event again, behind whatever its key has sent meanwhile. For administrators, with a second factor.';

create function public.dismiss_dead_letter(p_id uuid, p_reason text) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  letter public.dead_letters := private.open_letter(p_id);
begin
  if coalesce(trim(p_reason), '') = '' then
    perform private.refuse(422, 'REASON_NEEDED', 'Say why the event is not needed.');
  end if;
  update public.dead_letters
  set state = 'dismissed', decided_at = now(), decided_by = private.actor(), reason = p_reason where id = letter.id;
end $$;
comment on function public.dismiss_dead_letter(uuid, text) is 'Closes a dead letter without sending it again, with a reason. For administrators, with a second factor.';
grant execute on function public.redrive_dead_letter(uuid, text), public.dismiss_dead_letter(uuid, text) to authenticated;

alter table public.dead_letters enable row level security;
create policy "an administrator reads dead letters, a user those about them" on public.dead_letters for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]) or (select private.is_administrator()));
grant select on public.dead_letters to authenticated;
