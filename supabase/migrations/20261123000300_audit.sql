-- The audit trail is written: append-only, hash-chained per account. Reading and verifying it: 20261123000430.

create table public.audit_log (
  chain text not null,
  sequence bigint not null,
  at timestamptz not null,
  actor text not null,
  action text not null check (action in ('INSERT', 'UPDATE', 'DELETE')),
  table_name text not null,
  row_id text not null,
  user_id uuid,
  before jsonb,
  after jsonb,
  previous_hash bytea not null,
  hash bytea not null,
  primary key (chain, sequence)
-- A link stays in its page: trying to compress two small images costs more than the pages it saves.
) with (toast_tuple_target = 8160);
comment on table public.audit_log is 'Every change of what matters: by whom, before, after; append-only and hash-chained per account.';
comment on column public.audit_log.chain is 'The broker account''s id, else user:<id>, else global.';
comment on column public.audit_log.sequence is 'Number of the link in its chain, from 1 without a gap.';
comment on column public.audit_log.at is 'Machine time at which the change''s transaction ended; never earlier than the link before it.';
comment on column public.audit_log.actor is 'user:<id>, the role of a function, or database:<role> (<declared name>); see private.actor().';
comment on column public.audit_log.action is 'What was done to the row.';
comment on column public.audit_log.table_name is 'The table; with its schema where that is not public.';
comment on column public.audit_log.row_id is 'The row''s primary key; several columns are joined by |.';
comment on column public.audit_log.user_id is 'Whose row it is; null where it is nobody''s.';
comment on column public.audit_log.before is 'The whole row before, without secrets; null for an INSERT.';
comment on column public.audit_log.after is 'The whole row after, without secrets; null for a DELETE.';
comment on column public.audit_log.previous_hash is 'The hash of the link before; 32 zero bytes for the first.';
comment on column public.audit_log.hash is
  'SHA-256 over the previous hash and private.audit_content() of this row: a changed, missing or added row breaks the chain.';
create index audit_log_user on public.audit_log (user_id, at desc);
create index audit_log_row on public.audit_log (table_name, row_id);
select private.protect_append_only('public.audit_log');

create table private.audit_heads (
  chain text primary key,
  sequence bigint not null default 0,
  at timestamptz not null default '-infinity',
  previous_hash bytea not null default decode(repeat('00', 32), 'hex'),
  hash bytea not null default decode(repeat('00', 32), 'hex')
) with (fillfactor = 50);
comment on table private.audit_heads is 'The end of each chain; its row lock puts concurrent changes in one order.';
comment on column private.audit_heads.chain is 'As in the audit trail.';
comment on column private.audit_heads.sequence is 'Number of the newest link.';
comment on column private.audit_heads.at is 'Time of the newest link.';
comment on column private.audit_heads.previous_hash is 'Previous hash of the newest link.';
comment on column private.audit_heads.hash is 'Hash of the newest link: what is kept elsewhere as an anchor.';
select private.protect_from_delete('private.audit_heads');

create function private.audit_content(
  p_chain text, p_sequence bigint, p_at timestamptz, p_actor text, p_action text, p_table text, p_row_id text,
  p_user_id uuid, p_before jsonb, p_after jsonb)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  -- Written out by hand, so that it stays the same to the byte whatever a version of Postgres does to its JSON builders.
  -- docs/ledger.md says it in words; local/audit_file.py checks it without Postgres.
  return '{"chain": ' || to_json(p_chain)::text
    || ', "sequence": ' || p_sequence
    || ', "at": "' || to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '", "actor": ' || to_json(p_actor)::text
    || ', "action": ' || to_json(p_action)::text
    || ', "table": ' || to_json(p_table)::text
    || ', "row": ' || to_json(p_row_id)::text
    || ', "user": ' || coalesce('"' || p_user_id || '"', 'null')
    || ', "before": ' || coalesce(p_before::text, 'null')
    || ', "after": ' || coalesce(p_after::text, 'null') || '}';
end $$;
comment on function private.audit_content(text, bigint, timestamptz, text, text, text, text, uuid, jsonb, jsonb) is
  'What a link says, as one JSON text in a fixed order: the hash is sha256(previous hash || this text in UTF-8).';

create function private.audit() returns trigger
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
-- Arguments: the column that names the chain's account ('' where there is none), the primary key, what is left out.
declare
  omitted constant text[] := string_to_array(tg_argv[2], ',');
  row_before constant jsonb := case when tg_op = 'INSERT' then null when omitted = '{}' then to_jsonb(old) else to_jsonb(old) - omitted end;
  row_after constant jsonb := case when tg_op = 'DELETE' then null when omitted = '{}' then to_jsonb(new) else to_jsonb(new) - omitted end;
  image constant jsonb := coalesce(row_after, row_before);
  now_at constant timestamptz := clock_timestamp();
  link_chain constant text := coalesce(image ->> tg_argv[0], 'user:' || (image ->> 'user_id'), 'global');
  link_actor constant text := private.actor();
  link_table constant text := case tg_table_schema when 'public' then tg_table_name else tg_table_schema || '.' || tg_table_name end;
  link_row constant text := coalesce(image ->> tg_argv[1], (
    select string_agg(image ->> key, '|' order by place) from unnest(string_to_array(tg_argv[1], ',')) with ordinality as k (key, place)));
  link_user constant uuid := image ->> 'user_id';
begin
  loop
    -- The head's row lock puts the links of a chain in one order. One statement locks, counts, hashes and writes.
    with head as (
      update private.audit_heads as h
      set sequence = h.sequence + 1, at = greatest(h.at, now_at), previous_hash = h.hash,
          hash = sha256(h.hash || convert_to(private.audit_content(h.chain, h.sequence + 1, greatest(h.at, now_at),
            link_actor, tg_op, link_table, link_row, link_user, row_before, row_after), 'UTF8'))
      where h.chain = link_chain
      returning h.sequence, h.at, h.previous_hash, h.hash)
    insert into public.audit_log (
      chain, sequence, at, actor, action, table_name, row_id, user_id, before, after, previous_hash, hash)
    select link_chain, head.sequence, head.at, link_actor, tg_op, link_table, link_row, link_user, row_before, row_after,
      head.previous_hash, head.hash
    from head;
    exit when found;
    insert into private.audit_heads (chain) values (link_chain) on conflict do nothing;
  end loop;
  return null;
end $$;
comment on function private.audit() is 'Writes one link of the audit chain for one changed row. Made a trigger by private.audit_changes().';

create function private.audit_changes(p_table regclass, p_omit text[] default '{}', p_ignore text[] default '{}') returns void
language plpgsql set search_path = ''
as $$
declare
  key text;
  account_column text;
begin
  select string_agg(a.attname, ',' order by array_position(i.indkey::int2[], a.attnum)) into key
  from pg_index as i
  join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[])
  where i.indrelid = p_table and i.indisprimary;
  if key is null then
    raise exception 'the table % needs a primary key: the audit trail names the row by it', p_table;
  end if;
  select a.attname into account_column from pg_attribute as a
  where a.attrelid = p_table and not a.attisdropped
    and a.attname = case when p_table = to_regclass('public.broker_accounts') then 'id' else 'broker_account_id' end;
  -- Deferred to the end of the transaction: so the head of a chain is the last lock that any transaction takes, whatever
  -- it changes and in whatever order, and it is held for as long as a commit takes.
  execute format(
    'create constraint trigger z_audit after insert or delete%s on %s deferrable initially deferred '
    'for each row execute function private.audit(%L, %L, %L)',
    case when p_ignore = '{}' then ' or update' else '' end,
    p_table, coalesce(account_column, ''), key, array_to_string(p_omit, ','));
  if p_ignore <> '{}' then
    execute format(
      'create constraint trigger z_audit_update after update on %s deferrable initially deferred '
      'for each row when (to_jsonb(old) - %L::text[] is distinct from to_jsonb(new) - %2$L::text[]) execute function private.audit(%L, %L, %L)',
      p_table, p_ignore, coalesce(account_column, ''), key, array_to_string(p_omit, ','));
  end if;
  -- TRUNCATE fires no row trigger: it would be a change that nobody audits.
  execute format('create trigger z_audit_truncate before truncate on %s for each statement execute function private.forbid_change()', p_table);
end $$;
comment on function private.audit_changes(regclass, text[], text[]) is
  'Puts every change of the table into the audit trail, without the columns in p_omit (sealed secrets); an UPDATE that changes nothing but the columns in p_ignore is no change. In a migration that also writes rows: call it last, because Postgres alters no table with events that wait for the commit.';

alter table public.audit_log enable row level security;

select private.audit_changes('private.settings');
select private.audit_changes('private.actor_declarations');
