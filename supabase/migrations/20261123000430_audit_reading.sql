-- The audit trail is read, verified, and exported.

create policy "users read the audit trail of their rows" on public.audit_log
  for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]) or (user_id is null and (select private.is_administrator())));
grant select on public.audit_log to authenticated;

create function private.require_auditor() returns void
language plpgsql stable set search_path = ''
as $$
begin
  if private.calling_role() = 'authenticated' and not private.is_administrator() then
    perform private.refuse(403, 'ADMINISTRATOR_NEEDED', 'The whole audit trail is for administrators; your own rows are in audit_log.');
  end if;
end $$;
comment on function private.require_auditor() is 'Refuses a person who is not an administrator.';

create function private.broken_link(p_chain text, p_after bigint, p_until bigint) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  head private.audit_heads;
  last public.audit_log;
  start_hash bytea := decode(repeat('00', 32), 'hex');
  broken bigint;
begin
  if p_after > 0 then
    select hash into start_hash from public.audit_log where chain = p_chain and sequence = p_after;
    if not found then
      return jsonb_build_object('chain', p_chain, 'sequence', p_after, 'reason', 'the link to begin after is missing');
    end if;
  end if;
  -- Walked in the order of the primary key: nothing is sorted or kept, and the walk ends at the first broken link.
  select walked.sequence into broken
  from (
    select a.*,
      lag(a.hash, 1, start_hash) over w as expected_previous,
      lag(a.sequence, 1, p_after) over w + 1 as expected_sequence
    from public.audit_log as a
    where a.chain = p_chain and a.sequence > p_after and (p_until is null or a.sequence <= p_until)
    window w as (order by a.sequence)
  ) as walked
  where previous_hash <> expected_previous or sequence <> expected_sequence
    or hash <> sha256(previous_hash || convert_to(private.audit_content(
      chain, sequence, at, actor, action, table_name, row_id, user_id, before, after), 'UTF8'))
  limit 1;
  if broken is not null then
    return jsonb_build_object('chain', p_chain, 'sequence', broken, 'reason', 'the row does not fit its hash or its predecessor');
  end if;
  select * into head from private.audit_heads where chain = p_chain;
  if p_until < head.sequence then
    -- A part of the chain: whether something is missing at its end is for the last part to say, but not in between.
    return case when not exists (select from public.audit_log where chain = p_chain and sequence = p_until)
      then jsonb_build_object('chain', p_chain, 'sequence', p_until, 'reason', 'the link is missing') end;
  end if;
  select * into last from public.audit_log where chain = p_chain order by sequence desc limit 1;
  return case
    when head.chain is null then jsonb_build_object('chain', p_chain, 'sequence', last.sequence, 'reason', 'the head of the chain is missing')
    when last.sequence is null or last.sequence < head.sequence then
      jsonb_build_object('chain', p_chain, 'sequence', head.sequence, 'reason', 'the end of the chain is missing')
    when last.sequence > head.sequence then
      jsonb_build_object('chain', p_chain, 'sequence', head.sequence + 1, 'reason', 'the chain goes on after its head')
    when (last.hash, last.previous_hash, last.at) is distinct from (head.hash, head.previous_hash, head.at) then
      jsonb_build_object('chain', p_chain, 'sequence', head.sequence, 'reason', 'the head does not fit the last link')
  end;
end $$;
comment on function private.broken_link(text, bigint, bigint) is 'The first broken link of one chain after p_after, up to p_until or to its end: {"chain", "sequence", "reason"}, or null.';

create function private.departed_anchor(p_anchor jsonb, p_chain text) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('chain', kept.key, 'sequence', (kept.value ->> 'sequence')::bigint,
    'reason', 'the link is not the one that the anchor names')
  from jsonb_each(p_anchor) as kept
  where (p_chain is null or kept.key = p_chain)
    and not exists (select from public.audit_log as a
      where a.chain = kept.key and a.sequence = (kept.value ->> 'sequence')::bigint and encode(a.hash, 'hex') = kept.value ->> 'hash')
  order by kept.key limit 1
$$;
comment on function private.departed_anchor(jsonb, text) is 'The first chain whose link at the anchor is another one than it was, or null.';

create function public.verify_audit_chain(
  p_chain text default null, p_after bigint default 0, p_anchor jsonb default null, p_limit bigint default null)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  links bigint;
  next_chain text;
  broken jsonb;
begin
  perform private.require_auditor();
  -- STABLE: heads and links are of one moment, however much is written meanwhile.
  select count(*) into links from public.audit_log
  where (p_chain is null or chain = p_chain) and sequence > p_after and (p_limit is null or sequence <= p_after + p_limit);
  for next_chain in
    select chain from private.audit_heads where p_chain is null or chain = p_chain
    union
    select chain from public.audit_log where p_chain is null or chain = p_chain
    order by chain
  loop
    broken := private.broken_link(next_chain, p_after, p_after + p_limit);
    exit when broken is not null;
  end loop;
  if broken is null and p_chain is not null and next_chain is null then
    broken := jsonb_build_object('chain', p_chain, 'sequence', 0, 'reason', 'there is no such chain');
  end if;
  broken := coalesce(broken, private.departed_anchor(p_anchor, p_chain));
  return jsonb_build_object('ok', broken is null, 'links', links, 'first_broken', broken);
end $$;
comment on function public.verify_audit_chain(text, bigint, jsonb, bigint) is
  'Walks every chain, or one, from the beginning or after a link, and no more than p_limit links of each: {"ok", "links", "first_broken": {"chain", "sequence", "reason"} or null}. p_anchor, heads that were exported earlier, also finds a trail that was rewritten as a whole.';

create function public.audit_heads(p_chain text default null) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_auditor();
  return (
    select coalesce(jsonb_object_agg(chain, jsonb_build_object('sequence', sequence, 'hash', encode(hash, 'hex'))), '{}')
    from private.audit_heads where sequence > 0 and (p_chain is null or chain = p_chain));
end $$;
comment on function public.audit_heads(text) is
  'The newest link of every chain, or of one: {chain: {"sequence", "hash"}}. Kept outside the database it is the anchor of verify_audit_chain().';

create function public.export_audit(
  p_chain text default null, p_since timestamptz default null, p_after_chain text default '', p_after_sequence bigint default 0,
  p_limit integer default 500)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  page jsonb;
begin
  perform private.require_auditor();
  select jsonb_build_object(
    'lines', coalesce(jsonb_agg(line order by chain, sequence), '[]'),
    'next', case when count(*) = least(greatest(p_limit, 1), 1000)
      then (array_agg(jsonb_build_object('chain', chain, 'sequence', sequence) order by chain desc, sequence desc))[1] end)
  into page
  from (
    select a.chain, a.sequence,
      '{"previous_hash": "' || encode(a.previous_hash, 'hex') || '", "hash": "' || encode(a.hash, 'hex') || '", "link": '
        || private.audit_content(a.chain, a.sequence, a.at, a.actor, a.action, a.table_name, a.row_id, a.user_id, a.before, a.after)
        || '}' as line
    from public.audit_log as a
    where (a.chain, a.sequence) > (p_after_chain, p_after_sequence)
      and (p_chain is null or a.chain = p_chain)
      and (p_since is null or a.at >= p_since)
    order by a.chain, a.sequence
    limit least(greatest(p_limit, 1), 1000)) as links;
  return page;
end $$;
comment on function public.export_audit(text, timestamptz, text, bigint, integer) is
  'One page of the trail as JSON lines: {"lines": [...], "next": {"chain", "sequence"} or null}. Each line is {"previous_hash", "hash", "link"}; the text of link is what was hashed.';

grant execute on function public.verify_audit_chain(text, bigint, jsonb, bigint), public.audit_heads(text),
  public.export_audit(text, timestamptz, text, bigint, integer) to fn_report, authenticated;
