-- pg_net's SQL surface, served by the worker `python -m local.webhooks`.
--
-- The queue's row stays until the response is recorded, so an empty queue means that nothing is in flight. Delivery is
-- at most once, as with the real extension: no retry, and the queue is UNLOGGED, so a crash of Postgres empties it.
-- Idempotent: applied at every start of the local cloud.

create schema if not exists net;

-- Not owned by the unlogged table: an id is then never given twice, also not after a crash.
create sequence if not exists net.http_request_id as bigint;

create unlogged table if not exists net.http_request_queue (
    id bigint primary key default nextval('net.http_request_id'),
    method text not null check (method in ('GET', 'POST', 'DELETE')),
    url text not null,
    headers jsonb not null default '{}',
    body bytea,
    timeout_milliseconds integer not null check (timeout_milliseconds > 0),
    -- Ours: when a worker took the row. A row with it and no living worker was begun and is never sent again.
    started_at timestamptz
);

create unlogged table if not exists net._http_response (
    id bigint primary key,
    status_code integer,
    content_type text,
    headers jsonb,
    content text,
    timed_out boolean,
    error_msg text,
    created timestamptz not null default now()
);
create index if not exists http_response_created on net._http_response (created);

create or replace function net._wake_worker() returns trigger
language plpgsql set search_path = '' as $$
begin
    perform pg_catalog.pg_notify('net_http_requests', '');
    return null;
end
$$;

create or replace trigger wake_worker after insert on net.http_request_queue
    for each statement execute function net._wake_worker();

create or replace function net._urlencode_string(string text) returns text
language sql immutable strict parallel safe set search_path = '' as $$
    select coalesce(string_agg(
        case when byte between 48 and 57 or byte between 65 and 90 or byte between 97 and 122
                  or byte in (45, 46, 95, 126)
             then chr(byte)
             else '%' || lpad(upper(to_hex(byte)), 2, '0')
        end, '' order by place), '')
    from (
        select place, get_byte(convert_to(string, 'UTF8'), place) as byte
        from generate_series(0, length(convert_to(string, 'UTF8')) - 1) as place
    ) as bytes
$$;

create or replace function net._encode_url_with_params(url text, params jsonb) returns text
language sql immutable parallel safe set search_path = '' as $$
    select url || coalesce(
        case when strpos(url, '?') > 0 then '&' else '?' end
        || string_agg(net._urlencode_string(key) || '=' || net._urlencode_string(value), '&' order by key), '')
    from jsonb_each_text(coalesce(params, '{}'))
$$;

create or replace function net._enqueue(
    method text, url text, body bytea, params jsonb, headers jsonb, timeout_milliseconds integer
) returns bigint
language plpgsql set search_path = '' as $$
declare
    request_id bigint;
begin
    if url is null or url !~* '^https?://[^/]' then
        raise exception 'a request needs an http or https address, got %', coalesce(url, 'null')
            using errcode = '22023', hint = 'Give the whole address, for example http://127.0.0.1:21004/wake.';
    end if;
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values (method, net._encode_url_with_params(url, params), coalesce(headers, '{}'), body, timeout_milliseconds)
    returning id into request_id;
    return request_id;
end
$$;

create or replace function net.http_get(
    url text,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{}'::jsonb,
    timeout_milliseconds integer default 5000
) returns bigint
language sql security definer set search_path = '' as $$
    select net._enqueue('GET', url, null, params, headers, timeout_milliseconds)
$$;

create or replace function net.http_post(
    url text,
    body jsonb default '{}'::jsonb,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
    timeout_milliseconds integer default 5000
) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    content_type text;
begin
    select value into content_type
    from jsonb_each_text(coalesce(headers, '{}')) where lower(key) = 'content-type' limit 1;
    if content_type is null then
        headers := coalesce(headers, '{}') || '{"Content-Type": "application/json"}';
    elsif content_type not ilike 'application/json%' then
        raise exception 'the Content-Type of net.http_post is application/json, got %', content_type
            using errcode = '22023';
    end if;
    return net._enqueue('POST', url, convert_to(body::text, 'UTF8'), params, headers, timeout_milliseconds);
end
$$;

create or replace function net.http_delete(
    url text,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{}'::jsonb,
    timeout_milliseconds integer default 5000,
    body jsonb default null
) returns bigint
language sql security definer set search_path = '' as $$
    select net._enqueue('DELETE', url, convert_to(body::text, 'UTF8'), params, headers, timeout_milliseconds)
$$;

-- Stricter than hosted, where every API role may call these: a caller could make the server reach any address. Our
-- triggers that call net.http_post are SECURITY DEFINER and need no grant for the roles that fire them.
revoke all on all tables in schema net from public;
revoke execute on all functions in schema net from public;
grant usage on schema net to service_role;
grant execute on function
    net.http_get(text, jsonb, jsonb, integer),
    net.http_post(text, jsonb, jsonb, jsonb, integer),
    net.http_delete(text, jsonb, jsonb, integer, jsonb)
to service_role;
