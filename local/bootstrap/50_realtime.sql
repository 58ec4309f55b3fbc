-- Supabase Realtime's SQL surface, served by `node local/realtime/main.ts`.
--
-- A row in realtime.messages is a broadcast: logical replication carries it to the server, so a payload of any size
-- arrives (NOTIFY ends at 8000 bytes), in commit order, and a rolled-back transaction sends nothing.
-- Who may receive and send on a private topic is decided by the policies on realtime.messages. There are none here:
-- until a migration adds one, every private topic is closed.

create schema if not exists realtime;

-- The columns of the hosted table; not partitioned by day, because the server prunes it within hours.
create table if not exists realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp without time zone not null default now(),
    inserted_at timestamp without time zone not null default now(),
    id uuid not null default gen_random_uuid(),
    primary key (id, inserted_at)
);
create index if not exists messages_inserted_at on realtime.messages (inserted_at);
create index if not exists messages_topic on realtime.messages (topic, inserted_at desc) where extension = 'broadcast';
alter table realtime.messages enable row level security;

-- The topic that a join, a broadcast or a policy is about; null outside of them.
create or replace function realtime.topic() returns text
language sql stable as $$
    select nullif(current_setting('realtime.topic', true), '')::text
$$;

-- Broadcasts to the subscribers of a topic when the transaction commits. As hosted: an error becomes a warning and
-- never breaks the caller's transaction, so a client must not rely on the message alone.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql set search_path = '' as $$
declare
    message_id uuid := gen_random_uuid();
begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (
        message_id,
        case when jsonb_typeof(payload) = 'object' and not payload ? 'id'
             then payload || jsonb_build_object('id', message_id)
             else payload
        end,
        event, topic, private, 'broadcast'
    );
exception when others then
    raise warning 'realtime.send on topic % failed: %', topic, sqlerrm;
end
$$;

-- For row triggers: broadcasts {schema, table, operation, record, old_record} on a private topic.
create or replace function realtime.broadcast_changes(
    topic_name text,
    event_name text,
    operation text,
    table_name text,
    table_schema text,
    new record,
    old record,
    level text default 'ROW'
) returns void
language plpgsql set search_path = '' as $$
begin
    if level = 'STATEMENT' then
        raise exception 'realtime.broadcast_changes needs a trigger FOR EACH ROW' using errcode = '22023';
    end if;
    if operation not in ('INSERT', 'UPDATE', 'DELETE') then
        raise exception 'realtime.broadcast_changes knows INSERT, UPDATE and DELETE, got %', operation
            using errcode = '22023';
    end if;
    perform realtime.send(
        jsonb_build_object(
            'schema', table_schema,
            'table', table_name,
            'operation', operation,
            'record', case when operation <> 'DELETE' then to_jsonb(new) end,
            'old_record', case when operation <> 'INSERT' then to_jsonb(old) end
        ),
        event_name, topic_name, true
    );
end
$$;

-- --- what the server asks; not for anybody else -------------------------------------------------------------------

create or replace function realtime._become(subscriber_role name, claims jsonb) returns void
language plpgsql set search_path = '' as $$
begin
    perform set_config('request.jwt.claims', claims::text, true),
            set_config('request.jwt.claim.sub', coalesce(claims ->> 'sub', ''), true),
            set_config('request.jwt.claim.role', subscriber_role, true),
            set_config('request.jwt.claim.email', coalesce(claims ->> 'email', ''), true),
            set_config('role', subscriber_role, true);
end
$$;

-- Whether a JWT may name this role: PostgREST's rule, membership of authenticator, so both doors agree.
create or replace function realtime._known_role(role_name text) returns boolean
language sql stable set search_path = '' as $$
    select exists (
        select from pg_catalog.pg_roles as r
        join pg_catalog.pg_auth_members as m on m.roleid = r.oid
        where r.rolname = role_name and not r.rolsuper and m.member = 'authenticator'::regrole
    )
$$;

-- What a caller may do on a private topic: {broadcast: {read, write}, presence: {read, write}}.
-- One trial row per extension is written and shown to the policies; the inner block always rolls everything back,
-- so nothing is stored and nothing is replicated.
create or replace function realtime._permissions(topic text, subscriber_role name, claims jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
    extension text;
    trial uuid;
    may_read boolean;
    may_write boolean;
    permissions jsonb := '{}';
begin
    foreach extension in array array['broadcast', 'presence'] loop
        may_read := false;
        may_write := false;
        begin
            trial := gen_random_uuid();
            insert into realtime.messages (id, topic, extension, private) values (trial, topic, extension, true);
            perform set_config('realtime.topic', topic, true);
            perform realtime._become(subscriber_role, claims);
            select exists (select from realtime.messages where id = trial) into may_read;
            raise exception using errcode = 'AT001';
        exception
            when sqlstate 'AT001' or insufficient_privilege then null;
        end;
        begin
            perform set_config('realtime.topic', topic, true);
            perform realtime._become(subscriber_role, claims);
            insert into realtime.messages (topic, extension, private) values (topic, extension, true);
            may_write := true;
            raise exception using errcode = 'AT001';
        exception
            when sqlstate 'AT001' or insufficient_privilege then null;
        end;
        permissions := permissions
            || jsonb_build_object(extension, jsonb_build_object('read', may_read, 'write', may_write));
    end loop;
    return permissions;
end
$$;

-- Waits until the transactions are over for every new snapshot. The log is readable once the commit is flushed, a moment
-- before other sessions see what was committed; whoever looked in between would find nothing.
-- `xids`: the low 32 bits of their ids. The statement's own timeout ends a wait that does not end.
create or replace function realtime._await_visible(xids bigint[]) returns void
language plpgsql set search_path = '' as $$
declare
    epoch constant bigint := 4294967296;
    snapshot pg_snapshot;
    horizon bigint;
begin
    loop
        snapshot := pg_current_snapshot();
        horizon := pg_snapshot_xmax(snapshot)::text::bigint;
        exit when not exists (
            select from unnest(xids) as low,
            -- the id that ends in these bits and lies nearest to the horizon
            lateral (select horizon / epoch * epoch + low as guess) as guessed,
            lateral (select guess - epoch * round((guess - horizon)::numeric / epoch)::bigint as xid) as nearest
            where not pg_visible_in_snapshot(greatest(xid, 3)::text::xid8, snapshot)
        );
        perform pg_sleep(0.0005);
    end loop;
end
$$;

-- What a subscriber may see of changed rows, judged as the subscriber against the rows as they are now.
-- `keys`: an array of primary keys, each an object of text values. `wanted`: the columns to read, less those that the
-- subscriber may not. `xids`: the transactions that changed the rows.
-- Returns {columns: [readable column names], rows: {"<position in keys, from 1>": {wanted column: text}}}.
create or replace function realtime._visible(
    relation regclass, subscriber_role name, claims jsonb, key_columns text[], keys jsonb, wanted text[], xids bigint[]
) returns jsonb
language plpgsql set search_path = '' as $$
declare
    readable text[];
    shown text[];
    found jsonb;
begin
    select coalesce(array_agg(attname::text order by attnum), '{}') into readable
    from pg_catalog.pg_attribute
    where attrelid = relation and attnum > 0 and not attisdropped
      and pg_catalog.has_schema_privilege(subscriber_role, (select relnamespace from pg_class where oid = relation), 'USAGE')
      and pg_catalog.has_column_privilege(subscriber_role, relation, attnum, 'SELECT');
    if not key_columns <@ readable or cardinality(key_columns) = 0 then
        return jsonb_build_object('columns', '[]'::jsonb, 'rows', '{}'::jsonb);
    end if;
    perform realtime._await_visible(xids);
    shown := array(select name from unnest(wanted) as name where name = any (readable));
    perform realtime._become(subscriber_role, claims);
    -- format() prints as the type's output function does; a cast to text does not, for booleans.
    execute format(
        'select coalesce(jsonb_object_agg(place, jsonb_object(%L::text[], array[%s]::text[])), ''{}'') '
        'from jsonb_array_elements($1) with ordinality as given (key, place) '
        'cross join lateral jsonb_populate_record(null::%s, given.key) as k '
        'join %s as t on %s',
        shown,
        (select string_agg(format('case when t.%1$I is not null then format(''%%s'', t.%1$I) end', name), ', ')
         from unnest(shown) as name),
        relation, relation,
        (select string_agg(format('t.%1$I = k.%1$I', name), ' and ') from unnest(key_columns) as name)
    ) into found using keys;
    return jsonb_build_object('columns', to_jsonb(readable), 'rows', found);
end
$$;

-- --- publications and grants ---------------------------------------------------------------------------------------

do $$
begin
    if not exists (select from pg_publication where pubname = 'supabase_realtime') then
        -- From Postgres 18 on, a table with REPLICA IDENTITY FULL and a stored generated column refuses UPDATE and
        -- DELETE (42P10) unless the publication carries generated columns too.
        if current_setting('server_version_num')::integer >= 180000 then
            execute 'create publication supabase_realtime with (publish_generated_columns = stored)';
        else
            execute 'create publication supabase_realtime';
        end if;
    end if;
    if not exists (select from pg_publication where pubname = 'supabase_realtime_messages_publication') then
        create publication supabase_realtime_messages_publication for table realtime.messages with (publish = 'insert');
    end if;
end
$$;

revoke execute on all functions in schema realtime from public;
grant usage on schema realtime to anon, authenticated, service_role;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant execute on function realtime.topic() to anon, authenticated, service_role;
grant execute on function realtime.send(jsonb, text, text, boolean) to anon, authenticated, service_role;
grant execute on function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
    to anon, authenticated, service_role;
