-- Limits that are watched after the trade: what broke them, what was done, and when they may act again.

create table public.limit_breaches (
  id bigint generated always as identity primary key,
  limit_id uuid not null references public.risk_limits (id) on delete restrict,
  user_id uuid references auth.users (id) on delete restrict,
  broker_account_id uuid,
  strategy_id uuid,
  name text not null,
  scope text not null check (scope in ('global', 'user', 'account', 'strategy')),
  happened text not null check (happened in ('warned', 'breached', 'worse', 'recovered')),
  measured private.amount not null,
  value private.amount not null,
  act text check (act in ('warn', 'block_entries', 'cancel', 'reduce', 'flatten', 'deactivate', 'roll')),
  session_date date not null,
  at timestamptz not null check (isfinite(at)),
  detail jsonb not null default '{}' check (jsonb_typeof(detail) = 'object'),
  created_at timestamptz not null default now(),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  check ((act is not null) = (happened in ('breached', 'worse')))
);
comment on table public.limit_breaches is
  'What broke a watched limit, what was done about it, and when it had recovered. Append-only: the newest row of a limit and what it was measured on says how it stands.';
comment on column public.limit_breaches.id is 'Number of the row; names what was done.';
comment on column public.limit_breaches.limit_id is 'The limit.';
comment on column public.limit_breaches.user_id is 'Owner of the limit, or of what it was measured on; null where that is everybody''s.';
comment on column public.limit_breaches.broker_account_id is 'The account that it was measured on; null: on all of the scope.';
comment on column public.limit_breaches.strategy_id is 'The strategy that it was measured on; null: on all of the scope.';
comment on column public.limit_breaches.name is 'Which limit: see risk_limit_kinds.';
comment on column public.limit_breaches.scope is 'Where the limit is set: what is done is done there; where everybody''s was measured on one account, on that account.';
comment on column public.limit_breaches.happened is
  'warned: it came near. breached: it broke, and the act was done. worse: it went on, and the act was done again. recovered: it may act again.';
comment on column public.limit_breaches.measured is 'What was measured, in the limit''s unit.';
comment on column public.limit_breaches.value is 'The limit at that time.';
comment on column public.limit_breaches.act is 'What was done; null for a warning and a recovery.';
comment on column public.limit_breaches.session_date is 'The session day that it belongs to: a new day may breach anew.';
comment on column public.limit_breaches.at is 'Event time of the measure, UTC.';
comment on column public.limit_breaches.detail is 'Further numbers of the measure, as text.';
create index limit_breaches_newest on public.limit_breaches (limit_id, broker_account_id, strategy_id, id desc);
create index limit_breaches_user on public.limit_breaches (user_id, at desc);
create index limit_breaches_account on public.limit_breaches (broker_account_id, user_id);
create index limit_breaches_strategy on public.limit_breaches (strategy_id, user_id);
select private.protect_append_only('public.limit_breaches');
alter table public.limit_breaches enable row level security;
create policy "a user reads breaches of their own limits, and everybody's" on public.limit_breaches for select to authenticated
  using (user_id is null or user_id = any ((select private.readable_users())::uuid[]));
grant select on public.limit_breaches to authenticated;

create type private.measured_limit as (
  broken public.risk_limits, kind public.risk_limit_kinds, user_id uuid, broker_account_id uuid, strategy_id uuid);
comment on type private.measured_limit is 'A limit, its kind, and what it was measured on: whose, which account, which strategy.';

create function private.measured_limit(p_limit_id uuid, p_account_id uuid, p_strategy_id uuid) returns private.measured_limit
language plpgsql stable set search_path = ''
as $$
declare
  seen private.measured_limit;
  broken public.risk_limits;
  kind public.risk_limit_kinds;
  account public.broker_accounts;
  strategy public.strategies;
begin
  select * into broken from public.risk_limits where id = p_limit_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_LIMIT', 'Name a limit that is set.', jsonb_build_object('limit', p_limit_id));
  end if;
  select * into kind from public.risk_limit_kinds where name = broken.name;
  select * into strategy from public.strategies where id = coalesce(broken.strategy_id, p_strategy_id);
  select * into account from public.broker_accounts
  where id = coalesce(broken.broker_account_id, strategy.broker_account_id, p_account_id);
  -- What it was measured on lies within the limit's scope: nobody is halted for what another did.
  if (p_strategy_id is not null and strategy.id is distinct from p_strategy_id)
    or (p_account_id is not null and account.id is distinct from p_account_id)
    or (strategy.id is not null and strategy.broker_account_id is distinct from account.id)
    or (broken.user_id is not null and coalesce(account.user_id, broken.user_id) <> broken.user_id) then
    perform private.refuse(422, 'NOT_IN_SCOPE', 'Name an account and a strategy within the scope of the limit, or none.',
      jsonb_build_object('limit', p_limit_id, 'scope', broken.scope, 'account', p_account_id, 'strategy', p_strategy_id));
  end if;
  seen.broken := broken;
  seen.kind := kind;
  seen.user_id := coalesce(broken.user_id, account.user_id);
  seen.broker_account_id := account.id;
  seen.strategy_id := strategy.id;
  return seen;
end $$;
comment on function private.measured_limit(uuid, uuid, uuid) is
  'A limit and what it was measured on; a strategy brings its account along. Refuses what lies outside of the limit''s scope.';

create function private.newest_breach(p_limit_id uuid, p_account_id uuid, p_strategy_id uuid, p_but text default '')
returns public.limit_breaches
language sql stable set search_path = ''
as $$
  select b.* from public.limit_breaches as b
  where b.limit_id = p_limit_id and b.broker_account_id is not distinct from p_account_id
    and b.strategy_id is not distinct from p_strategy_id and b.happened <> p_but
  order by b.id desc limit 1
$$;
comment on function private.newest_breach(uuid, uuid, uuid, text) is 'How a limit stands on what it was measured on: its newest row, those that happened as p_but says left out.';

create function private.gate_of(p_limit public.risk_limits, p_account_id uuid) returns text
language sql immutable set search_path = ''
as $$
  -- Nobody is halted for what a stranger's account did: everybody's limit, measured on one account, halts that account.
  select case when p_limit.scope = 'global' and p_account_id is not null then 'account:' || p_account_id
    else concat_ws(':', p_limit.scope, coalesce(p_limit.strategy_id, p_limit.broker_account_id, p_limit.user_id)) end
$$;
comment on function private.gate_of(public.risk_limits, uuid) is
  'The gate that a broken limit closes: of the scope on which it is set; of the account where everybody''s was measured on one.';

create function private.halt_mode(p_act text) returns text
language sql immutable parallel safe set search_path = ''
as $$ select case p_act when 'block_entries' then 'no_new_entries' when 'cancel' then 'cancel_working' when 'flatten' then 'flatten' end $$;
comment on function private.halt_mode(text) is 'How hard the halt is that an act of a limit engages; null where it engages none.';

create function private.breach_due(p_seen private.measured_limit, p_measured numeric, p_at timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
declare
  broken public.risk_limits := p_seen.broken;
  kind public.risk_limit_kinds := p_seen.kind;
  newest public.limit_breaches := private.newest_breach(broken.id, p_seen.broker_account_id, p_seen.strategy_id, 'warned');
  act text := coalesce(broken.act, kind.acts [1]);
  further numeric;
begin
  if newest.id is null or newest.happened = 'recovered' or newest.session_date < private.session_day(p_at)
    -- Somebody has set it anew and it is broken still.
    or (newest.value, newest.act) is distinct from (broken.value, act) then
    return 'breached';
  end if;
  -- A person who lifts the halt knows of this breach. By a tenth more, it is another.
  -- The desk acts until it is done; time that goes by makes its breach no other one.
  if kind.family = 'desk' then
    return null;
  end if;
  further := case kind.tighter when 'higher' then newest.measured - p_measured else p_measured - newest.measured end;
  if further <= greatest(abs(newest.value), abs(newest.measured)) / 10
    or exists (select from public.trading_gates as g where g.gate_key = private.gate_of(broken, p_seen.broker_account_id) and g.closed
      and private.halt_rank(g.mode) >= private.halt_rank(private.halt_mode(act))) then
    return null;
  end if;
  return 'worse';
end $$;
comment on function private.breach_due(private.measured_limit, numeric, timestamptz) is
  'breached, where this breach is new; worse, where one that stands has gone on by a tenth and its halt was lifted; null where nothing is to be done.';

create function private.hold_scope(p_limit public.risk_limits) returns void
language plpgsql set search_path = ''
as $$
begin
  if p_limit.scope = 'global' then
    -- Before everybody's, as every order does: what it may place or stop takes these too.
    perform pg_advisory_xact_lock(private.orders_key(u.user_id)) from (
      select distinct user_id from public.broker_accounts order by user_id) as u;
  end if;
  perform private.hold_orders(p_limit.user_id);
end $$;
comment on function private.hold_scope(public.risk_limits) is
  'Waits for the orders under way in a limit''s scope and keeps new ones waiting until this transaction ends.';

create function private.reduce_at_market(
  p_breach public.limit_breaches, p_account public.broker_accounts, p_symbol text, p_owner_key text, p_quantity numeric, p_part numeric)
returns uuid
language plpgsql set search_path = ''
as $$
declare
  side text := case when p_quantity > 0 then 'sell' else 'buy' end;
  strategy public.strategies;
  kind text := (select i.kind from public.instruments as i where i.symbol = p_symbol);
  wanted numeric := abs(p_quantity) * p_part;
  room record;
  placed public.trades;
  refusal text;
begin
  -- Whole ones where whole ones are held. Of what is bought in options the smaller part, so that nothing sold is uncovered.
  if p_quantity = trunc(p_quantity) then
    wanted := case when kind = 'option' and p_quantity > 0 then floor(wanted) else ceil(wanted) end;
  end if;
  if wanted = 0 then
    return null;
  end if;
  room := private.closing_rooms(p_account.id, p_symbol, p_owner_key, p_quantity);
  -- The stop that an exit has resting at the broker gives way.
  wanted := least(wanted, room.own + private.yielding_quantity(p_account.id, p_symbol, side, p_owner_key),
    room.account + private.yielding_quantity(p_account.id, p_symbol, side, p_owner_key));
  if not private.in_session(kind, p_breach.at) then
    refusal := 'the market is closed';
  elsif room.account is null then
    refusal := 'the account holds the other side of it';
  elsif wanted <= 0 then
    refusal := 'orders that work close all of it already';
  else
    select * into strategy from public.strategies as s where s.id::text = p_owner_key;
    placed := private.place(
      jsonb_build_object('broker_account_id', p_account.id, 'symbol', p_symbol, 'side', side, 'position_intent', side || '_to_close',
        'quantity', wanted::text, 'order_type', 'market', 'reduce_only', true, 'event_at', p_breach.at,
        'signal', concat_ws('|', 'limit', p_breach.id, p_symbol, p_owner_key), 'reason', 'reduced by the limit ' || p_breach.name),
      p_account.user_id, 'risk', strategy);
    return placed.id;
  end if;
  perform private.not_reduced(p_breach, p_account, p_symbol, p_owner_key, p_quantity, refusal);
  return null;
exception
  when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
    perform private.not_reduced(p_breach, p_account, p_symbol, p_owner_key, p_quantity, sqlerrm);
    return null;
end $$;
comment on function private.reduce_at_market(public.limit_breaches, public.broker_accounts, text, text, numeric, numeric) is
  'Places one order that closes a part of a position, on the road of every order: once for each breach, its symbol and owner. What cannot be placed is an alert.';

create function private.not_reduced(
  p_breach public.limit_breaches, p_account public.broker_accounts, p_symbol text, p_owner_key text, p_quantity numeric, p_why text)
returns void
language sql set search_path = ''
as $$
  select private.alert(p_account.user_id, p_account.id, 'LIMIT_NOT_REDUCED', 'critical',
    'A limit is broken and the position that it should reduce was not reduced. Reduce it by hand, or halt the account.',
    jsonb_build_object('limit', p_breach.name, 'symbol', p_symbol, 'owner', p_owner_key, 'quantity', trim_scale(p_quantity)::text, 'why', p_why),
    concat_ws('|', 'limit-not-reduced', p_breach.id, p_account.id, p_symbol, p_owner_key))
$$;
comment on function private.not_reduced(public.limit_breaches, public.broker_accounts, text, text, numeric, text) is
  'Tells that a broken limit did not reduce a position, and why.';

create function private.to_reduce(p_account public.broker_accounts, p_strategy_id uuid)
returns table (symbol text, owner_key text, quantity numeric)
language sql stable set search_path = ''
as $$
  with held as (
    select b.symbol, b.quantity,
      -- As a halt closes: by owner where that adds up to the position, else the account's net in nobody's name.
      (select bool_and(sign(o.quantity) = sign(b.quantity)) and sum(o.quantity) = b.quantity
       from public.strategy_positions as o
       where o.broker_account_id = b.broker_account_id and o.symbol = b.symbol and o.quantity <> 0) as by_owner
    from public.position_books as b where b.broker_account_id = p_account.id and b.quantity <> 0
  )
  select h.symbol, 'account', h.quantity from held as h where h.by_owner is not true and p_strategy_id is null
  union all
  select o.symbol, o.owner_key, o.quantity
  from public.strategy_positions as o left join held as h on h.symbol = o.symbol
  where o.broker_account_id = p_account.id and o.quantity <> 0
    and case when p_strategy_id is null then h.by_owner else o.strategy_id = p_strategy_id end
$$;
comment on function private.to_reduce(public.broker_accounts, uuid) is 'What an account, or one strategy on it, holds that a limit may reduce.';

create function private.reduce_scope(p_breach public.limit_breaches, p_limit public.risk_limits) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  account public.broker_accounts;
  target record;
  placed jsonb := '[]';
  -- A watch that knows how much is too much says so; else the half of it.
  part numeric := case when pg_input_is_valid(p_breach.detail ->> 'part', 'numeric') then (p_breach.detail ->> 'part')::numeric end;
begin
  part := case when part > 0 and part <= 1 then part else 0.5 end;
  for account in
    select a.* from public.broker_accounts as a
    where case when p_breach.broker_account_id is not null then a.id = p_breach.broker_account_id
      else p_limit.user_id is null or a.user_id = p_limit.user_id end
    order by a.user_id, a.id
  loop
    perform private.lock_account_scopes(account);
    -- What is sold short first, as a halt does.
    for target in
      select r.* from private.to_reduce(account, p_breach.strategy_id) as r
      where coalesce(p_limit.symbol, p_breach.detail ->> 'symbol', r.symbol) in (r.symbol, private.root_of(r.symbol))
        and private.root_of(r.symbol) = any (coalesce(string_to_array(p_breach.detail ->> 'underlyings', ' '), array[private.root_of(r.symbol)]))
      order by r.quantity > 0, r.symbol, r.owner_key
    loop
      placed := placed || coalesce(to_jsonb(private.reduce_at_market(
        p_breach, account, target.symbol, target.owner_key, target.quantity, part)), '[]');
    end loop;
  end loop;
  return placed;
end $$;
comment on function private.reduce_scope(public.limit_breaches, public.risk_limits) is
  'Reduces what is held in a broken limit''s scope by the part that detail names, else by half: reduce-only market orders. Those of one symbol, options on it too, only where the limit or detail names it; those of some underlyings where detail does.';

create function private.act_on_breach(p_breach public.limit_breaches, p_limit public.risk_limits) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  strategy_id uuid;
begin
  if exists (select from public.risk_limit_kinds as k where k.name = p_limit.name and k.family = 'desk') then
    -- The desk closes what expires, or rolls it, by orders of its own; it halts nothing.
    return '[]';
  elsif private.halt_mode(p_breach.act) is not null then
    perform private.move_gate(private.gate_of(p_limit, p_breach.broker_account_id), true, private.halt_mode(p_breach.act),
      format('LIMIT_BREACHED: limit=%s value=%s measured=%s', p_breach.name, trim_scale(p_breach.value), trim_scale(p_breach.measured)));
  elsif p_breach.act = 'reduce' then
    return private.reduce_scope(p_breach, p_limit);
  elsif p_breach.act = 'deactivate' then
    for strategy_id in
      select s.id from public.strategies as s
      where s.status = 'active' and (p_limit.user_id is null or s.user_id = p_limit.user_id)
        and s.broker_account_id = coalesce(p_breach.broker_account_id, s.broker_account_id)
        and s.id = coalesce(p_breach.strategy_id, s.id)
      order by s.user_id, s.broker_account_id, s.id
    loop
      perform public.deactivate_strategy(strategy_id, 'cancel_orders');
    end loop;
  end if;
  -- To warn is done already.
  return '[]';
end $$;
comment on function private.act_on_breach(public.limit_breaches, public.risk_limits) is
  'Does what a broken limit asks for, in the scope on which it is set or, of everybody''s, the account that it was measured on; the ids of the orders that it placed.';

create function private.tell_breach(p_breach public.limit_breaches, p_kind public.risk_limit_kinds) returns void
language plpgsql set search_path = ''
as $$
declare
  said jsonb := jsonb_build_object('limit', p_breach.name, 'scope', p_breach.scope, 'value', trim_scale(p_breach.value)::text,
    'measured', trim_scale(p_breach.measured)::text, 'unit', p_kind.unit, 'act', p_breach.act, 'happened', p_breach.happened,
    'at', p_breach.at) || p_breach.detail;
  near boolean := p_breach.happened = 'warned';
  words text := case
    when near then format('The limit %s is near. Look at what is open before it acts.', p_breach.name)
    when p_breach.act = 'warn' then format('The limit %s is broken. It only warns: decide what to do.', p_breach.name)
    when p_kind.family = 'desk' then format('The limit %s is broken and acts (%s): its orders follow, nothing is halted.', p_breach.name, p_breach.act)
    else format('The limit %s is broken and has acted (%s). Look at what is open; a halt is lifted by its owner with a second factor.',
      p_breach.name, p_breach.act) end;
begin
  perform private.alert(p_breach.user_id, case when p_breach.user_id is not null then p_breach.broker_account_id end,
    case when near then 'LIMIT_NEAR' else 'LIMIT_BREACHED' end,
    case when near or p_breach.act = 'warn' then 'warning' else 'critical' end, words, jsonb_strip_nulls(said), 'limit|' || p_breach.id);
  if p_breach.scope = 'global' and p_breach.user_id is not null and not near then
    -- Everybody's limit, broken on one account: its administrators set it.
    perform private.alert(null, null, 'LIMIT_BREACHED', 'critical', words, jsonb_strip_nulls(said), 'limit-global|' || p_breach.id);
  end if;
  if not near then
    perform private.emit('alerts', 'limit.breached', coalesce(p_breach.user_id::text, 'administrators'), p_breach.at,
      jsonb_build_object('breach_id', p_breach.id, 'limit_id', p_breach.limit_id, 'name', p_breach.name, 'scope', p_breach.scope,
        'user_id', p_breach.user_id, 'broker_account_id', p_breach.broker_account_id, 'strategy_id', p_breach.strategy_id,
        'value', trim_scale(p_breach.value)::text, 'measured', trim_scale(p_breach.measured)::text, 'act', p_breach.act),
      'limit|' || p_breach.id);
  end if;
end $$;
comment on function private.tell_breach(public.limit_breaches, public.risk_limit_kinds) is 'The alert of a breach or a warning, and the event of a breach.';

create function private.record_breach(p_seen private.measured_limit, p_happened text, p_measured numeric, p_at timestamptz, p_detail jsonb)
returns public.limit_breaches
language plpgsql set search_path = ''
as $$
declare
  broken public.risk_limits := p_seen.broken;
  kind public.risk_limit_kinds := p_seen.kind;
  written public.limit_breaches;
begin
  insert into public.limit_breaches (
    limit_id, user_id, broker_account_id, strategy_id, name, scope, happened, measured, value, act, session_date, at, detail)
  values (broken.id, p_seen.user_id, p_seen.broker_account_id, p_seen.strategy_id, broken.name, broken.scope, p_happened, p_measured,
    broken.value, case when p_happened in ('breached', 'worse') then coalesce(broken.act, kind.acts [1], 'warn') end,
    private.session_day(p_at), p_at, coalesce(p_detail, '{}'))
  returning * into written;
  return written;
end $$;
comment on function private.record_breach(private.measured_limit, text, numeric, timestamptz, jsonb) is 'Writes what happened to a limit.';

create function private.measure(p_measured text, p_at timestamptz) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  if p_at is null or not isfinite(p_at) or not pg_input_is_valid(coalesce(p_measured, ''), 'private.amount') then
    perform private.refuse(422, 'BAD_MEASURE', 'A measure is a number, seen at a moment in time.',
      jsonb_build_object('measured', p_measured, 'at', p_at));
  end if;
  return p_measured::numeric;
end $$;
comment on function private.measure(text, timestamptz) is 'A measure as a number; refuses what is none, or has no time.';

create function public.breach_limit(
  p_limit_id uuid, p_account_id uuid, p_strategy_id uuid, p_measured text, p_at timestamptz, p_detail jsonb default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  seen private.measured_limit := private.measured_limit(p_limit_id, p_account_id, p_strategy_id);
  broken public.risk_limits := seen.broken;
  measured numeric := private.measure(p_measured, p_at);
  due text;
  breach public.limit_breaches;
  placed jsonb;
begin
  -- Before any lock: a watch that sees the same breach again and again holds up no order.
  if broken.value is not null and private.breach_due(seen, measured, p_at) is not null then
    perform private.hold_scope(broken);
    -- Whoever held it before may have written the breach, or changed the limit.
    seen := private.measured_limit(p_limit_id, p_account_id, p_strategy_id);
    broken := seen.broken;
    due := private.breach_due(seen, measured, p_at);
  end if;
  if broken.value is null or due is null then
    return jsonb_build_object('status', case when broken.value is null then 'removed' else 'stands' end, 'breach_id', null,
      'act', null, 'placed', '[]'::jsonb);
  end if;
  breach := private.record_breach(seen, due, measured, p_at, p_detail);
  placed := private.act_on_breach(breach, broken);
  perform private.tell_breach(breach, seen.kind);
  return jsonb_build_object('status', due, 'breach_id', breach.id, 'act', breach.act, 'placed', placed);
end $$;
comment on function public.breach_limit(uuid, uuid, uuid, text, timestamptz, jsonb) is
  'Says that a watched limit is broken: on record, told and acted on once for each session day and what it was measured on, until rearm_limit(). Again only where it went on by a tenth and its halt was lifted. Answers {"status": breached, worse, stands or removed, "breach_id", "act", "placed"}.';

create function public.warn_of_limit(
  p_limit_id uuid, p_account_id uuid, p_strategy_id uuid, p_measured text, p_at timestamptz, p_detail jsonb default '{}') returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  seen private.measured_limit := private.measured_limit(p_limit_id, p_account_id, p_strategy_id);
  broken public.risk_limits := seen.broken;
  measured numeric := private.measure(p_measured, p_at);
  newest public.limit_breaches;
begin
  perform pg_advisory_xact_lock(hashtextextended('warning of ' || p_limit_id, 0));
  newest := private.newest_breach(broken.id, seen.broker_account_id, seen.strategy_id);
  if broken.value is null
    or (newest.id is not null and newest.happened <> 'recovered' and newest.session_date >= private.session_day(p_at)) then
    return false;
  end if;
  perform private.tell_breach(private.record_breach(seen, 'warned', measured, p_at, p_detail), seen.kind);
  return true;
end $$;
comment on function public.warn_of_limit(uuid, uuid, uuid, text, timestamptz, jsonb) is
  'Says that a watched limit is near: told once for each session day and what it was measured on, until rearm_limit(). True the first time.';

create function public.rearm_limit(p_limit_id uuid, p_account_id uuid, p_strategy_id uuid, p_measured text, p_at timestamptz) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  seen private.measured_limit := private.measured_limit(p_limit_id, p_account_id, p_strategy_id);
  broken public.risk_limits := seen.broken;
  measured numeric := private.measure(p_measured, p_at);
  newest public.limit_breaches := private.newest_breach(p_limit_id, seen.broker_account_id, seen.strategy_id);
begin
  if broken.value is null or coalesce(newest.happened, 'recovered') = 'recovered' then
    return false;
  end if;
  perform private.hold_scope(broken);
  newest := private.newest_breach(p_limit_id, seen.broker_account_id, seen.strategy_id);
  -- A measure from before the breach says nothing about it.
  if newest.happened = 'recovered' or p_at < newest.at then
    return false;
  end if;
  perform private.record_breach(seen, 'recovered', measured, p_at, '{}');
  return true;
end $$;
comment on function public.rearm_limit(uuid, uuid, uuid, text, timestamptz) is
  'Says that what a watched limit measures has recovered: it may warn and act again. True where it had to. A halt that it engaged stays a person''s to lift.';

grant execute on function public.breach_limit(uuid, uuid, uuid, text, timestamptz, jsonb),
  public.warn_of_limit(uuid, uuid, uuid, text, timestamptz, jsonb), public.rearm_limit(uuid, uuid, uuid, text, timestamptz) to fn_risk;
