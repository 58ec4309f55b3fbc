-- The audit trail: append-only, hash-chained per account.

create table public.audit_log (
  chain text not null,
  sequence bigint not null,
  at timestamptz not null default clock_timestamp(),
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
);
comment on table public.audit_log is 'Every change of what matters: by whom, before, after; append-only and hash-chained per account.';
comment on column public.audit_log.chain is 'The broker account''s id, else user:<id>, else global.';
comment on column public.audit_log.hash is 'SHA-256 over the previous hash and this row''s content: a changed, missing or added row breaks the chain.';
create index audit_log_user on public.audit_log (user_id, at desc);
create index audit_log_row on public.audit_log (table_name, row_id);
select private.protect_append_only('public.audit_log');

create table private.audit_heads (
  chain text primary key,
  sequence bigint not null,
  hash bytea not null
);
comment on table private.audit_heads is 'The end of each chain; its row lock puts concurrent changes in one order.';

create function private.audit_hash(
  p_previous bytea, p_chain text, p_sequence bigint, p_at timestamptz, p_actor text, p_action text, p_table text,
  p_row_id text, p_user_id uuid, p_before jsonb, p_after jsonb)
returns bytea
language sql immutable set search_path = ''
as $$
  select sha256(p_previous || convert_to(jsonb_build_array(
    p_chain, p_sequence, extract(epoch from p_at)::text, p_actor, p_action, p_table, p_row_id, p_user_id, p_before,
    p_after)::text, 'UTF8'))
$$;
comment on function private.audit_hash(bytea, text, bigint, timestamptz, text, text, text, text, uuid, jsonb, jsonb) is 'One link of the chain.';

create function private.audit() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  row_before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  row_after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  image jsonb := coalesce(row_after, row_before);
  link public.audit_log;
  head private.audit_heads;
begin
  link.chain := coalesce(
    case when tg_table_name = 'broker_accounts' then image ->> 'id' else image ->> 'broker_account_id' end,
    'user:' || (image ->> 'user_id'),
    'global');
  insert into private.audit_heads (chain, sequence, hash) values (link.chain, 0, '\x') on conflict do nothing;
  select * into head from private.audit_heads where chain = link.chain for update;
  link.sequence := head.sequence + 1;
  link.at := clock_timestamp();
  link.actor := private.actor();
  link.action := tg_op;
  link.table_name := tg_table_name;
  link.row_id := coalesce(image ->> 'id', image ->> 'gate_key', image ->> 'user_id', image ->> 'name');
  link.user_id := (image ->> 'user_id')::uuid;
  link.before := row_before;
  link.after := row_after;
  link.previous_hash := head.hash;
  link.hash := private.audit_hash(
    head.hash, link.chain, link.sequence, link.at, link.actor, link.action, link.table_name, link.row_id, link.user_id,
    link.before, link.after);
  insert into public.audit_log values (link.*);
  update private.audit_heads set sequence = link.sequence, hash = link.hash where chain = link.chain;
  return null;
end $$;
comment on function private.audit() is 'Writes one link of the audit chain for one changed row.';

create function public.verify_audit_chain() returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  broken jsonb;
  links bigint;
begin
  select count(*) into links from public.audit_log;
  with walked as (
    select a.*,
      lag(a.hash, 1, '\x'::bytea) over (partition by a.chain order by a.sequence) as expected_previous,
      lag(a.sequence, 1, 0::bigint) over (partition by a.chain order by a.sequence) + 1 as expected_sequence
    from public.audit_log as a
  ), faulty as (
    select chain, sequence, 'the row does not fit its hash or its predecessor' as reason
    from walked
    where previous_hash <> expected_previous or sequence <> expected_sequence
      or hash <> private.audit_hash(
        previous_hash, chain, sequence, at, actor, action, table_name, row_id, user_id, before, after)
    union all
    select h.chain, h.sequence, 'the end of the chain is missing'
    from private.audit_heads as h
    left join lateral (
      select a.sequence, a.hash from public.audit_log as a where a.chain = h.chain order by a.sequence desc limit 1) as last on true
    where coalesce(last.sequence, 0) <> h.sequence or coalesce(last.hash, '\x'::bytea) <> h.hash
    union all
    select a.chain, max(a.sequence), 'the head of the chain is missing'
    from public.audit_log as a
    where not exists (select from private.audit_heads as h where h.chain = a.chain) group by a.chain
  )
  select jsonb_build_object('chain', chain, 'sequence', sequence, 'reason', reason)
  into broken from faulty order by chain, sequence limit 1;
  return jsonb_build_object('ok', broken is null, 'links', links, 'first_broken', broken);
end $$;
comment on function public.verify_audit_chain() is 'Walks every chain: {"ok", "links", "first_broken": {"chain", "sequence", "reason"} or null}.';
grant execute on function public.verify_audit_chain() to fn_report;

alter table public.audit_log enable row level security;
create policy "a user reads the audit trail of their own rows" on public.audit_log for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.audit_log to authenticated;
