-- The event bus's own schema. Its queues are pgmq's; local/bus/schema.py loads pgmq and makes one queue per subscription.
-- Idempotent. Nothing here names a pgmq object at creation time, so the order of loading does not matter.

create schema if not exists bus;
revoke all on schema bus from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'bus') then
    create role bus login noinherit nocreatedb nocreaterole;
  end if;
  if not exists (select from pg_roles where rolname = 'bus_dispatcher') then
    create role bus_dispatcher login noinherit nocreatedb nocreaterole;
  end if;
end
$$;

create table if not exists bus.topics (
  name text primary key
);

create table if not exists bus.subscriptions (
  function text primary key,
  topic text not null references bus.topics (name),
  only_types text[] not null default '{}',
  queue text not null unique
);

create table if not exists bus.buried (
  id bigint generated always as identity primary key,
  function text not null,
  msg_id bigint not null,
  key text,
  message jsonb not null,
  headers jsonb not null,
  attempts integer not null,
  last_error text not null,
  enqueued_at timestamptz not null,
  died_at timestamptz not null default clock_timestamp()
);

comment on table bus.buried is 'Messages that were given up while the wiring table has nobody who hears dead letters; else they are forwarded. bus.redeliver(id) sends one again.';

-- Fans events out to the queue of every subscription of the topic, in the order given. Returns how many messages were made.
create or replace function bus.publish(topic text, events jsonb) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  subscription record;
  bodies jsonb[];
  headers jsonb[];
  made integer := 0;
begin
  if not exists (select from bus.topics t where t.name = publish.topic) then
    raise exception 'UNKNOWN_TOPIC: the wiring table has no topic %', quote_nullable(publish.topic) using errcode = 'BU404';
  end if;
  if jsonb_typeof(events) is distinct from 'array'
     or exists (select from jsonb_array_elements(events) as e where coalesce(e ->> 'key', '') = '' or e ->> 'type' is null) then
    raise exception 'BAD_EVENT: expected a list of events, each with a type and a key' using errcode = 'BU422';
  end if;
  for subscription in select s.* from bus.subscriptions s where s.topic = publish.topic order by s.function loop
    select array_agg(e order by position),
           array_agg(jsonb_build_object('x-pgmq-group', e ->> 'key', 'topic', publish.topic) order by position)
      into bodies, headers
      from jsonb_array_elements(events) with ordinality as list (e, position)
     where subscription.only_types = '{}' or e ->> 'type' = any (subscription.only_types);
    if bodies is not null then
      made := made + cardinality(bodies);
      perform pgmq.send_batch(subscription.queue, bodies, headers);
      perform pg_notify('bus', subscription.function);
    end if;
  end loop;
  return made;
end
$$;

-- The queue table of a function's subscription.
create or replace function bus.queue_table(function text) returns text
language plpgsql stable set search_path = '' as $$
declare
  found text;
begin
  select 'q_' || s.queue into found from bus.subscriptions s where s.function = queue_table.function;
  if found is null then
    raise exception 'UNKNOWN_SUBSCRIPTION: no topic wakes the function %', quote_nullable(queue_table.function) using errcode = 'BU404';
  end if;
  return found;
end
$$;

-- Takes up to `quantity` messages, oldest first, and hides them for `lease`; passes over the keys in `spared_keys`.
-- read_ct counts failed deliveries (bus.failed adds to it), so a dispatcher that was killed costs a message nothing.
create or replace function bus.take(function text, quantity integer, spared_keys text[], lease interval)
returns table (msg_id bigint, read_ct integer, enqueued_at timestamptz, message jsonb, headers jsonb)
language plpgsql security definer set search_path = '' as $$
begin
  return query execute format(
    $query$
      update pgmq.%1$I taken
         set vt = clock_timestamp() + $3, last_read_at = clock_timestamp()
        from (
          select m.msg_id from pgmq.%1$I m
           where m.vt <= clock_timestamp() and m.headers ->> 'x-pgmq-group' <> all ($2)
           order by m.msg_id limit $1 for update skip locked
        ) chosen
       where taken.msg_id = chosen.msg_id
      returning taken.msg_id, taken.read_ct, taken.enqueued_at, taken.message, taken.headers
    $query$,
    bus.queue_table(take.function)
  ) using quantity, spared_keys, lease;
end
$$;

-- Removes messages that were delivered.
create or replace function bus.done(function text, msg_ids bigint[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  execute format('delete from pgmq.%I where msg_id = any ($1)', bus.queue_table(done.function)) using msg_ids;
end
$$;

-- Counts one failed delivery and hides the message for `lease` again; returns how many have failed (null: message gone).
create or replace function bus.failed(function text, msg_id bigint, lease interval) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  attempts integer;
begin
  execute format(
    'update pgmq.%I set read_ct = read_ct + 1, vt = clock_timestamp() + $2 where msg_id = $1 returning read_ct',
    bus.queue_table(failed.function)
  ) into attempts using msg_id, lease;
  return attempts;
end
$$;

-- Gives a message up: forwards it, as Pub/Sub does, to whoever hears dead letters, with the same attributes.
create or replace function bus.bury(function text, msg_id bigint, error text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  keeper record;
begin
  select s.function, 'q_' || s.queue as queue into keeper from bus.subscriptions s
  where s.topic = 'dead-letters' and s.function <> bury.function;
  if found then
    execute format(
      $query$
        with gone as (delete from pgmq.%I where msg_id = $1 returning *)
        insert into pgmq.%I (vt, message, headers)
        select clock_timestamp(), message, jsonb_build_object(
          'x-pgmq-group', headers ->> 'x-pgmq-group', 'topic', 'dead-letters', 'attributes', jsonb_build_object(
            'CloudPubSubDeadLetterSourceSubscription', $2, 'CloudPubSubDeadLetterSourceDeliveryCount', read_ct::text, 'error', $3))
        from gone
      $query$,
      bus.queue_table(bury.function), keeper.queue
    ) using msg_id, bury.function, error;
    perform pg_notify('bus', keeper.function);
    return;
  end if;
  execute format(
    $query$
      with gone as (delete from pgmq.%I where msg_id = $1 returning *)
      insert into bus.buried (function, msg_id, key, message, headers, attempts, last_error, enqueued_at)
      select $2, msg_id, headers ->> 'x-pgmq-group', message, headers, read_ct, $3, enqueued_at from gone
    $query$,
    bus.queue_table(bury.function)
  ) using msg_id, bury.function, error;
end
$$;

-- Sends a dead letter again, behind whatever its key has waiting now.
create or replace function bus.redeliver(id bigint) returns void
language plpgsql security definer set search_path = '' as $$
declare
  letter bus.buried;
begin
  delete from bus.buried d where d.id = redeliver.id returning * into letter;
  if letter.id is null then
    raise exception 'UNKNOWN_DEAD_LETTER: there is no dead letter %', redeliver.id using errcode = 'BU404';
  end if;
  execute format('insert into pgmq.%I (vt, message, headers) values (clock_timestamp(), $1, $2)', bus.queue_table(letter.function))
    using letter.message, letter.headers;
  perform pg_notify('bus', letter.function);
end
$$;

-- Makes every hidden message visible: what a dispatcher that is gone had in its hands. Only the lock's holder calls it.
create or replace function bus.recover() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  subscription record;
  freed integer;
  total integer := 0;
begin
  for subscription in select s.function from bus.subscriptions s loop
    execute format(
      'update pgmq.%I set vt = clock_timestamp() where vt > clock_timestamp()', bus.queue_table(subscription.function)
    );
    get diagnostics freed = row_count;
    total := total + freed;
  end loop;
  return total;
end
$$;

-- Undelivered messages over all queues, those being delivered included; topics in `spared_topics` are not counted.
-- STABLE: it sees the snapshot of the statement that calls it, so one statement may ask about queues and tables together.
create or replace function bus.in_flight(spared_topics text[] default '{}') returns bigint
language plpgsql stable security definer set search_path = '' as $$
declare
  sum_of_counts text;
  total bigint;
begin
  select string_agg(format('(select count(*) from pgmq.%I)', 'q_' || s.queue), ' + ')
    into sum_of_counts
    from bus.subscriptions s where s.topic <> all (spared_topics);
  if sum_of_counts is null then
    return 0;
  end if;
  execute 'select ' || sum_of_counts into total;
  return total;
end
$$;

revoke all on all functions in schema bus from public;
grant usage on schema bus to bus, bus_dispatcher;
grant execute on function bus.publish(text, jsonb) to bus;
grant execute on function bus.take(text, integer, text[], interval) to bus_dispatcher;
grant execute on function bus.done(text, bigint[]) to bus_dispatcher;
grant execute on function bus.failed(text, bigint, interval) to bus_dispatcher;
grant execute on function bus.bury(text, bigint, text) to bus_dispatcher;
grant execute on function bus.recover() to bus_dispatcher;
grant execute on function bus.in_flight(text[]) to bus_dispatcher;
grant select on bus.subscriptions to bus_dispatcher;
