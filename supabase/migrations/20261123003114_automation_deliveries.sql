-- What outside senders send: each event is known by its signature, decided once, and becomes a trade on the road of every order.

create table public.deliveries (
  id uuid primary key default gen_random_uuid(),
  source_id uuid not null,
  user_id uuid not null,
  event_id text check (length(event_id) between 1 and 200),
  body_hash bytea not null,
  sent_at timestamptz,
  outcome text not null check (outcome in ('accepted', 'refused')),
  decided boolean not null default true,
  refusal text,
  event jsonb check (length(event::text) <= 2000),
  trade_id uuid,
  created_at timestamptz not null default now(),
  foreign key (source_id, user_id) references public.automation_sources (id, user_id) on delete restrict,
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict,
  check ((outcome = 'refused') = (refusal is not null)),
  check (outcome = 'accepted' or trade_id is null),
  check (decided or outcome = 'refused'),
  check (not decided or event_id is not null)
);
comment on table public.deliveries is 'Every event that an automation source sent, and why it was refused where it was.';
comment on column public.deliveries.id is 'Key.';
comment on column public.deliveries.source_id is 'The source.';
comment on column public.deliveries.user_id is 'Owner of the source.';
comment on column public.deliveries.event_id is 'The sender''s own id of the event; null where it gave none.';
comment on column public.deliveries.body_hash is 'SHA-256 of the body: what was sent, without keeping it.';
comment on column public.deliveries.sent_at is 'When the sender says it was sent, UTC; null where it does not say.';
comment on column public.deliveries.outcome is 'accepted or refused.';
comment on column public.deliveries.decided is
  'Whether the event was looked at: sent again it has the same end. False: not genuine, late, sent before, malformed, or too many; of these not all are kept.';
comment on column public.deliveries.refusal is 'Why it was refused, as CODE: key=value.';
comment on column public.deliveries.event is 'What was said, where no order was: {"event", "symbol", "value"}.';
comment on column public.deliveries.trade_id is 'The trade that it became.';
comment on column public.deliveries.created_at is 'When it came in, UTC.';
-- The same event is decided once; a replay is one more row, refused. The second index is about who changes the event's id,
-- which may stand beside what is signed.
create unique index deliveries_once on public.deliveries (source_id, event_id) where decided;
create unique index deliveries_signed_once on public.deliveries (source_id, body_hash, sent_at) where decided;
create index deliveries_source on public.deliveries (source_id, user_id, created_at desc);
create index deliveries_user on public.deliveries (user_id, created_at desc);
create index deliveries_trade on public.deliveries (trade_id, user_id);
select private.protect_append_only('public.deliveries');

create table public.delivery_counts (
  source_id uuid not null,
  user_id uuid not null,
  minute timestamptz not null,
  refused bigint not null,
  primary key (source_id, minute),
  foreign key (source_id, user_id) references public.automation_sources (id, user_id) on delete restrict
);
comment on table public.delivery_counts is 'How many events of a source were not looked at, by the minute, for thirty days: a flood is counted, and not kept row by row.';
comment on column public.delivery_counts.source_id is 'The source.';
comment on column public.delivery_counts.user_id is 'Owner of the source.';
comment on column public.delivery_counts.minute is 'The minute''s beginning, UTC.';
comment on column public.delivery_counts.refused is 'How many; the first twenty of them are in deliveries.';
create index delivery_counts_user on public.delivery_counts (user_id, minute desc);
create index delivery_counts_source on public.delivery_counts (source_id, user_id);

-- Who sends ----------------------------------------------------------------------------------------------------------------

create function private.sender_fault(
  p_source public.automation_sources, p_body bytea, p_timestamp text, p_signature text, p_token text, p_address text)
returns text
language plpgsql set search_path = ''
as $$
declare
  signed bytea := convert_to(coalesce(p_timestamp, '') || '.', 'UTF8') || p_body;
  shown bytea := case p_source.authentication
    when 'url_token' then convert_to(p_token, 'UTF8')
    else case when p_signature ~ '^[0-9A-Fa-f]{64}$' then decode(p_signature, 'hex') end end;
  -- A socket of both kinds writes an address of the old kind as one of the new.
  address text := regexp_replace(p_address, '^::ffff:(?=[0-9.]+$)', '', 'i');
  genuine boolean := false;
  kept record;
  expected bytea;
begin
  -- The last row is nobody's: a source that does not exist costs what one costs that does. Compared are hashes, so that how
  -- long it takes tells nothing of how much was guessed.
  for kept in
    select s.secret, s.token_hash, true as real from private.automation_secrets as s
    where s.source_id = p_source.id and (s.valid_until is null or s.valid_until > clock_timestamp())
    union all select 'nobody''s', null, false
  loop
    expected := private.hmac_sha256(convert_to(coalesce(kept.secret, ''), 'UTF8'), signed);
    genuine := genuine or (kept.real and coalesce(sha256(shown) = case p_source.authentication
      when 'url_token' then kept.token_hash when 'hmac' then sha256(expected) end, false));
  end loop;
  return case
    when not genuine then case p_source.authentication when 'url_token' then 'BAD_TOKEN' else 'BAD_SIGNATURE' end
    when cardinality(p_source.networks) > 0 and (pg_input_is_valid(address, 'inet')
      and exists (select from unnest(p_source.networks) as n where address::inet <<= n)) is not true
      then 'WRONG_NETWORK: address=' || coalesce(left(address, 64), 'unknown') end;
end $$;
comment on function private.sender_fault(public.automation_sources, bytea, text, text, text, text) is
  'Why an event is not believed to be the source''s, or null: signature or token, and where it comes from.';

-- What becomes of it -------------------------------------------------------------------------------------------------------

create function private.pass_over(
  p_source public.automation_sources, p_event_id text, p_body_hash bytea, p_sent_at timestamptz, p_refusal text) returns void
language plpgsql set search_path = ''
as $$
declare
  of_minute constant timestamptz := date_trunc('minute', clock_timestamp(), 'UTC');
  so_many bigint;
begin
  insert into public.delivery_counts as c (source_id, user_id, minute, refused) values (p_source.id, p_source.user_id, of_minute, 1)
  on conflict (source_id, minute) do update set refused = c.refused + 1 returning refused into so_many;
  if so_many = 1 then
    delete from public.delivery_counts where source_id = p_source.id and minute < of_minute - interval '30 days';
  end if;
  if so_many <= 20 then
    insert into public.deliveries (source_id, user_id, event_id, body_hash, sent_at, outcome, decided, refusal)
    values (p_source.id, p_source.user_id, p_event_id, p_body_hash, p_sent_at, 'refused', false, p_refusal);
  elsif so_many = 21 then
    perform private.alert(p_source.user_id, p_source.broker_account_id, 'AUTOMATION_FLOODED', 'warning',
      'An automation source sends more that is refused than is kept: see its deliveries, and give it a new secret if they are not its own.',
      jsonb_build_object('source', p_source.id, 'name', p_source.name), 'automation-flooded|' || p_source.id || '|' || date_trunc('day', of_minute, 'UTC'));
  end if;
end $$;
comment on function private.pass_over(public.automation_sources, text, bytea, timestamptz, text) is
  'Records an event that is not looked at: the first twenty of a minute as rows, the others by their count.';

create function private.order_by_template(p_source public.automation_sources, p_event jsonb) returns jsonb
language sql stable set search_path = ''
as $$
  select case when t.template -> 'order' ?| array['symbol', 'legs'] then t.template -> 'order'
    else t.template -> 'order' || jsonb_build_object('symbol', p_event -> 'symbol') end
  from jsonb_array_elements(p_source.templates) with ordinality as t (template, place)
  where t.template ->> 'event' = p_event ->> 'event'
    and (t.template ->> 'symbol' is null or t.template ->> 'symbol' = p_event ->> 'symbol')
    -- A template that asks for a value does not fit an event that has none.
    and (t.template ->> 'at_least' is null or coalesce((p_event ->> 'value')::numeric >= (t.template ->> 'at_least')::numeric, false))
    and (t.template ->> 'at_most' is null or coalesce((p_event ->> 'value')::numeric <= (t.template ->> 'at_most')::numeric, false))
  order by t.place limit 1
$$;
comment on function private.order_by_template(public.automation_sources, jsonb) is 'The order of the first template that fits an event, or null.';

create function private.place_for_source(p_source public.automation_sources, p_order jsonb, p_event_id text) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  legs jsonb := private.legs_of(p_order);
  strategy public.strategies;
  strange text;
begin
  select coalesce(leg ->> 'symbol', '') into strange from jsonb_array_elements(legs) as leg
  where (leg ->> 'symbol' = any (p_source.symbols)) is not true limit 1;
  if found then
    perform private.refuse(403, 'SYMBOL_NOT_ALLOWED', 'This source may not trade that; its owner says what it may.', jsonb_build_object('symbol', strange));
  end if;
  if p_order ->> 'quantity' is null or not pg_input_is_valid(p_order ->> 'quantity', 'numeric') then
    perform private.refuse(422, 'QUANTITY_NEEDED', 'Say a quantity: a source is held to one.');
  end if;
  -- What it may ask for, not what its owner may hold: an order that closes is held to it too.
  if (p_order ->> 'quantity')::numeric * (select max((leg ->> 'ratio')::integer) from jsonb_array_elements(legs) as leg) > p_source.max_quantity then
    perform private.refuse(403, 'QUANTITY_NOT_ALLOWED', 'This source may not ask for so much in one order; its owner says how much.',
      jsonb_build_object('quantity', p_order ->> 'quantity', 'max_quantity', trim_scale(p_source.max_quantity)::text));
  end if;
  if p_source.strategy_id is not null then
    -- Its gates before the strategy, as everywhere. Shared, so that stopping it waits for this: after it, nothing is opened.
    perform private.lock_scopes(p_source.user_id, p_source.broker_account_id, p_source.strategy_id);
    select * into strategy from public.strategies where id = p_source.strategy_id for share;
    if strategy.status <> 'active' and exists (select from jsonb_array_elements(legs) as leg where coalesce(leg ->> 'position_intent', '') not like '%\_to\_close') then
      perform private.refuse(409, 'STRATEGY_NOT_ACTIVE', 'The source''s strategy is not active: only orders that close are taken.',
        jsonb_build_object('strategy', strategy.id, 'status', strategy.status));
    end if;
    strategy.strategy_version := coalesce(strategy.effective_version, strategy.strategy_version);
  end if;
  return private.place(
    jsonb_build_object('reason', 'automation: ' || p_source.name)
      || (select coalesce(jsonb_object_agg(o.key, o.value), '{}') from jsonb_each(p_order) as o where o.key = any (private.automation_order_fields()))
      || jsonb_build_object('broker_account_id', p_source.broker_account_id, 'signal', concat_ws('|', 'automation', p_source.id, p_event_id)),
    p_source.user_id, 'automation', strategy);
end $$;
comment on function private.place_for_source(public.automation_sources, jsonb, text) is
  'Places the order of an event, where the source may ask for it. Call under the source''s lock.';

create function private.decide_delivery(
  p_source public.automation_sources, p_event_id text, p_body_hash bytea, p_sent_at timestamptz, p_said jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  wanted jsonb := coalesce(nullif(p_said -> 'order', 'null'), private.order_by_template(p_source, p_said -> 'event'));
  placed public.trades;
  answer jsonb := jsonb_build_object('status', 202, 'outcome', 'accepted', 'event_id', p_event_id);
  refusal text;
  seen text;
  todo text;
begin
  if wanted is not null then
    begin
      placed := private.place_for_source(p_source, wanted, p_event_id);
      -- What waits for the commit is asked now: its refusal too is to be on record.
      set constraints all immediate;
      set constraints all deferred;
    exception
      when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
        get stacked diagnostics refusal = message_text, seen = pg_exception_detail, todo = pg_exception_hint;
        answer := jsonb_build_object('status', right(sqlstate, 3)::integer, 'code', split_part(refusal, ':', 1), 'text', refusal, 'todo', todo,
          'numbers', case when pg_input_is_valid(seen, 'jsonb') then seen::jsonb end);
        placed := null;
    end;
  end if;
  insert into public.deliveries (source_id, user_id, event_id, body_hash, sent_at, outcome, refusal, event, trade_id)
  values (p_source.id, p_source.user_id, p_event_id, p_body_hash, p_sent_at, case when refusal is null then 'accepted' else 'refused' end,
    refusal, nullif(p_said -> 'event', 'null'), placed.id);
  return answer || case when refusal is null then jsonb_build_object('trade_id', placed.id, 'trade_status', placed.status) else '{}' end;
end $$;
comment on function private.decide_delivery(public.automation_sources, text, bytea, timestamptz, jsonb) is
  'Decides an event, once: its order, or the one of a template, is placed; the end is on record with the reason.';

create function public.take_delivery(
  p_source text, p_body text, p_timestamp text, p_signature text, p_token text, p_event_id text, p_address text, p_read jsonb)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  -- One answer for every sender who is not known: whether there is such a source is nobody's to learn.
  unknown constant jsonb := '{"status": 401, "code": "NOT_ACCEPTED", "text": "The event is not accepted.",
    "todo": "Check the address, the secret, the signature over timestamp and body, and where it is sent from."}';
  source public.automation_sources;
  seen bigint;
  body bytea := decode(p_body, 'base64');
  hash bytea := sha256(body);
  said jsonb;
  named text := p_event_id;
  sent timestamptz;
  known public.deliveries;
  person public.profiles;
  refusal text;
  todo text;
  status integer;
  rate jsonb;
begin
  select * into source from public.automation_sources where id = case when pg_input_is_valid(p_source, 'uuid') then p_source::uuid end;
  refusal := private.sender_fault(source, body, p_timestamp, p_signature, p_token, p_address);
  if refusal is null then
    -- One event of a source at a time, and by what its owner says now: a secret that was ended meanwhile opens nothing.
    seen := source.version;
    select * into source from public.automation_sources where id = source.id for no key update;
    if source.version <> seen then
      refusal := private.sender_fault(source, body, p_timestamp, p_signature, p_token, p_address);
    end if;
  end if;
  if refusal is not null then
    if source.id is not null then
      perform private.pass_over(source, named, hash, null, refusal);
    end if;
    return unknown;
  end if;
  -- From here on the sender is known.
  said := p_read -> source.kind;
  -- What is signed is the header; who sends only an address says it in the body.
  sent := case source.authentication
    when 'hmac' then case when p_timestamp ~ '^[0-9]{10}$' then to_timestamp(p_timestamp::bigint) end
    else case when pg_input_is_valid(said ->> 'sent_at', 'timestamptz') then (said ->> 'sent_at')::timestamptz end end;
  sent := case when private.is_readable(sent) then sent end;
  named := coalesce(named, said ->> 'event_id',
    -- A fixed template has no id of its own: what it says, the time included, is one event.
    case when source.kind = 'tradingview' then encode(hash, 'hex') end);
  select * into person from public.profiles where user_id = source.user_id;

  if (sent between clock_timestamp() - interval '5 minutes' and clock_timestamp() + interval '5 minutes') is not true then
    status := 422;
    refusal := 'OUT_OF_WINDOW: sent_at=' || coalesce(to_char(sent at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'unknown');
    todo := 'Send the event within five minutes, with its time in seconds since 1970 (signed) or in the body (by address), by a right clock.';
  elsif p_event_id <> said ->> 'event_id' then
    status := 422;
    refusal := 'EVENT_ID_CONTRADICTS';
    todo := 'Name the event once, or the same in header and body.';
  else
    select * into known from public.deliveries as d where d.source_id = source.id and d.decided
      and (d.event_id = named or (d.body_hash = hash and d.sent_at = sent)) limit 1;
  end if;
  if known.id is not null then
    if known.body_hash <> hash then
      status := 409;
      refusal := 'EVENT_ID_REUSED';
      todo := 'Another event had this id; give each its own.';
    else
      perform private.pass_over(source, named, hash, sent, 'REPLAYED: delivery=' || known.id);
      return case known.outcome
        when 'accepted' then jsonb_build_object('status', 200, 'outcome', 'replayed', 'event_id', known.event_id, 'trade_id', known.trade_id,
          'trade_status', (select t.status from public.trades as t where t.id = known.trade_id))
        else jsonb_build_object('status', 409, 'code', 'REFUSED_BEFORE', 'text', known.refusal,
          'todo', 'An event is decided once; send a new one.') end;
    end if;
  elsif refusal is null and (not source.enabled or person.disabled or person.desk_role = 'viewer') then
    status := 403;
    refusal := case when not source.enabled then 'SOURCE_DISABLED' when person.disabled then 'USER_DISABLED' else 'READ_ONLY_ROLE' end;
    todo := 'The source takes no events now; its owner can say why.';
  elsif refusal is null and said ? 'problem' then
    status := 422;
    refusal := 'MALFORMED: ' || left(concat_ws(': ', said -> 'problem' ->> 'field', said -> 'problem' ->> 'reason'), 500);
    todo := 'Send what the kind of the source takes; see docs/automation.md.';
  elsif refusal is null and coalesce(named, '') = '' then
    status := 422;
    refusal := 'EVENT_ID_NEEDED';
    todo := 'Give each event an id of its own: the same id is the same event.';
  elsif refusal is null then
    rate := public.take_rate('automation:' || source.id, source.max_per_minute, 60);
    if not (rate ->> 'allowed')::boolean then
      status := 429;
      refusal := 'TOO_MANY_EVENTS: max_per_minute=' || source.max_per_minute;
      todo := 'Send the event again in a while, within its five minutes.';
    end if;
  end if;
  if refusal is not null then
    perform private.pass_over(source, left(named, 200), hash, sent, refusal);
    return jsonb_build_object('status', status, 'code', split_part(refusal, ':', 1), 'text', refusal, 'todo', todo,
      'problem', case when status = 422 then said -> 'problem' end, 'retry_after', rate -> 'retry_after');
  end if;
  return private.decide_delivery(source, named, hash, sent, said);
end $$;
comment on function public.take_delivery(text, text, text, text, text, text, text, jsonb) is
  'Takes one event of a source: who sends it, in which five minutes, whether for the first time, what it may ask for; places its trade and records the end, in one transaction. p_body is base64; p_read is what its bytes say as each kind reads them: {kind: {"event_id", "sent_at", "order" | "event"} | {"problem"}}. Answers {"status", ...}; refused is an answer, not an error.';
grant execute on function public.take_delivery(text, text, text, text, text, text, text, jsonb) to fn_automation;

-- Who may see ----------------------------------------------------------------------------------------------------------

alter table public.deliveries enable row level security;
create policy "a user reads deliveries of their own sources" on public.deliveries for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
alter table public.delivery_counts enable row level security;
create policy "a user reads counts of their own sources" on public.delivery_counts for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.deliveries, public.delivery_counts to authenticated;
