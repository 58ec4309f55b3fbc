-- Halts, and deactivations of strategies, that flatten: every open position in their scope is closed, round by round, until nothing is open.

create view public.halt_progress with (security_invoker = true) as
select g.gate_key, g.scope, g.user_id, g.broker_account_id, g.strategy_id, g.mode, g.spare_exits, g.reason, g.changed_by as engaged_by,
  g.changed_at as engaged_at, w.entries as working_entries, w.exits as working_exits, p.positions as open_positions,
  case g.mode when 'no_new_entries' then true when 'cancel_working' then w.entries = 0 and (g.spare_exits or w.exits = 0)
    else w.entries = 0 and p.positions = 0 end as complete,
  (select max(h.at) from public.trading_halts as h
    where h.gate_key = g.gate_key and h.action = 'flat' and h.at >= g.changed_at) as flat_at
from public.trading_gates as g
cross join lateral (
  select count(*) filter (where private.opens(t)) as entries, count(*) filter (where not private.opens(t)) as exits
  from public.trades as t
  where t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
    and case g.scope when 'global' then true when 'user' then t.user_id = g.user_id
      when 'account' then t.broker_account_id = g.broker_account_id else t.strategy_id = g.strategy_id end) as w
cross join lateral (
  select case when g.scope = 'strategy' then (
      select count(*) from public.strategy_positions as s where s.strategy_id = g.strategy_id and s.quantity <> 0)
    else (
      select count(*) from public.position_books as b
      where b.quantity <> 0 and case g.scope when 'global' then true when 'user' then b.user_id = g.user_id
        else b.broker_account_id = g.broker_account_id end) end as positions) as p
where g.closed;
comment on view public.halt_progress is
  'The halts in force, and what is still open behind each, of the rows that the reader may see: complete says that the halt has done what its mode asks.';
comment on column public.halt_progress.gate_key is 'The closed gate.';
comment on column public.halt_progress.scope is 'Whose orders are halted.';
comment on column public.halt_progress.user_id is 'Owner of the gate; null for the global one.';
comment on column public.halt_progress.broker_account_id is 'The account, where the gate is an account''s.';
comment on column public.halt_progress.strategy_id is 'The strategy, where the gate is a strategy''s.';
comment on column public.halt_progress.mode is 'What the halt asks for: as in trading_gates.';
comment on column public.halt_progress.spare_exits is 'Whether cancelling leaves exits alone.';
comment on column public.halt_progress.reason is 'Why.';
comment on column public.halt_progress.engaged_by is 'Who engaged it, or made it harder last.';
comment on column public.halt_progress.engaged_at is 'When, UTC.';
comment on column public.halt_progress.complete is 'Whether everything is done that its mode asks for.';
comment on column public.halt_progress.working_entries is 'Orders that may open something and are not over.';
comment on column public.halt_progress.working_exits is 'Orders that only reduce and are not over.';
comment on column public.halt_progress.open_positions is 'Positions that are not zero.';
comment on column public.halt_progress.flat_at is 'When a flattening halt had closed everything, UTC; a late fill may have opened something since.';
grant select on public.halt_progress to authenticated;
grant execute on function private.opens(public.trades) to authenticated;

create view public.deactivation_progress with (security_invoker = true) as
select p.*, case when p.complete then null when p.open_positions > 0 then coalesce(p.waiting, 'orders') else 'orders' end as waiting_for
from (
  select d.id, d.strategy_id, d.user_id, d.broker_account_id, d.then_do, d.asked_by, d.asked_at, d.done_at,
    w.entries as working_entries, w.exits as working_exits, h.positions as open_positions,
    w.entries = 0 and (d.then_do = 'cancel_orders' or (w.exits = 0 and h.positions = 0)) as complete, d.waiting_for as waiting
  from public.strategy_deactivations as d
  cross join lateral (
    select count(*) filter (where private.opens(t)) as entries, count(*) filter (where not private.opens(t)) as exits
    from public.trades as t
    where t.strategy_id = d.strategy_id and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')) as w
  cross join lateral (
    select count(*) as positions from public.strategy_positions as s where s.strategy_id = d.strategy_id and s.quantity <> 0) as h
  where d.ended_at is null) as p;
comment on view public.deactivation_progress is
  'Deactivations that are in force, and what is still open behind each, of the rows that the reader may see.';
comment on column public.deactivation_progress.id is 'The deactivation.';
comment on column public.deactivation_progress.strategy_id is 'The stopped strategy.';
comment on column public.deactivation_progress.user_id is 'Owner.';
comment on column public.deactivation_progress.broker_account_id is 'The account that it trades on.';
comment on column public.deactivation_progress.then_do is 'What is done: as in strategy_deactivations.';
comment on column public.deactivation_progress.asked_by is 'Who asked.';
comment on column public.deactivation_progress.asked_at is 'When, UTC.';
comment on column public.deactivation_progress.done_at is 'When all of it was found done, UTC.';
comment on column public.deactivation_progress.working_entries is 'Orders that may open something and are not over.';
comment on column public.deactivation_progress.working_exits is 'Orders that only reduce and are not over.';
comment on column public.deactivation_progress.open_positions is 'Positions of the strategy that are not zero.';
comment on column public.deactivation_progress.complete is 'Whether everything is done that was asked.';
comment on column public.deactivation_progress.waiting is 'What the last round of closing could not do something about; null where it could.';
comment on column public.deactivation_progress.waiting_for is 'What it waits for: session, the market to open; other_side, the account to hold what the strategy holds; cover, what the strategy covers to be bought back; orders, the ends of orders that work. Null where it is complete.';
grant select on public.deactivation_progress to authenticated;

create function private.in_session(p_kind text, p_at timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  select p_kind = 'crypto' or exists (
    select from public.market_calendar as c where c.opens_at <= p_at and c.closes_at > p_at)
$$;
comment on function private.in_session(text, timestamptz) is
  'Whether an instrument of this kind trades at this moment: in the regular session, its closing moment excluded; crypto always.';

create function private.flattening_gates(p_account public.broker_accounts) returns setof public.trading_gates
language sql stable set search_path = ''
as $$
  select g.* from public.trading_gates as g
  where g.closed and g.mode = 'flatten'
    and (g.gate_key in ('global', 'user:' || p_account.user_id, 'account:' || p_account.id)
      or g.strategy_id in (select s.id from public.strategies as s where s.broker_account_id = p_account.id))
  order by array_position(array['global', 'user', 'account', 'strategy'], g.scope), g.gate_key
$$;
comment on function private.flattening_gates(public.broker_accounts) is 'The closed gates that ask for an account, or a strategy on it, to be flat; the widest first.';

create function private.to_flatten(p_account public.broker_accounts)
returns table (gate_key text, symbol text, owner_key text, strategy_id uuid, quantity numeric)
language sql stable set search_path = ''
as $$
  with gates as (
    select g.gate_key, g.scope, g.strategy_id from private.flattening_gates(p_account) as g
    union all
    -- As a halt of the strategy alone, which its owner ends by activating it.
    select 'deactivation:' || d.id, 'strategy', d.strategy_id from public.strategy_deactivations as d
    where d.broker_account_id = p_account.id and d.ended_at is null and d.then_do = 'flatten'
  ), whole as (
    select g.gate_key from gates as g where g.scope <> 'strategy' limit 1
  ), held as (
    select b.symbol, b.quantity,
      -- Where all owners hold it the same way round and together hold it all, each closes what is theirs, and their books
      -- end flat too. Where they stand against each other, the account's net is closed, in nobody's name.
      (select bool_and(sign(o.quantity) = sign(b.quantity)) and sum(o.quantity) = b.quantity
       from public.strategy_positions as o
       where o.broker_account_id = b.broker_account_id and o.symbol = b.symbol and o.quantity <> 0) as by_owner
    from public.position_books as b where b.broker_account_id = p_account.id and b.quantity <> 0
  )
  select w.gate_key, h.symbol, 'account', null::uuid, h.quantity from whole as w cross join held as h where h.by_owner is not true
  union all
  select w.gate_key, h.symbol, o.owner_key, o.strategy_id, o.quantity
  from whole as w cross join held as h
  join public.strategy_positions as o on o.broker_account_id = p_account.id and o.symbol = h.symbol and o.quantity <> 0
  where h.by_owner
  union all
  select g.gate_key, o.symbol, o.owner_key, o.strategy_id, o.quantity
  from gates as g join public.strategy_positions as o
    on o.broker_account_id = p_account.id and o.strategy_id = g.strategy_id and o.quantity <> 0
  where not exists (select from whole)
$$;
comment on function private.to_flatten(public.broker_accounts) is
  'What the flattening halts and deactivations of an account have still to close: by owner where that adds up to the position, else the account''s net. gate_key is deactivation:<id> where it is one.';

create function private.exits_of_nothing(p_account_id uuid) returns setof uuid
language sql stable set search_path = ''
as $$
  select t.id from public.strategy_deactivations as d join public.trades as t on t.strategy_id = d.strategy_id
  where d.broker_account_id = p_account_id and d.ended_at is null and d.then_do = 'flatten'
    and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
    and t.order_type <> 'market' and t.cancel_requested_at is null and not private.opens(t)
    and not exists (select from public.strategy_positions as p where p.strategy_id = d.strategy_id and p.quantity <> 0)
$$;
comment on function private.exits_of_nothing(uuid) is 'Exits that still rest for a flattened strategy that holds nothing any more: filled, they would open something.';

create function private.lock_account_scopes(p_account public.broker_accounts) returns void
language plpgsql set search_path = ''
as $$
begin
  -- As lock_scopes(), for every order that the account may place.
  perform pg_advisory_xact_lock(private.orders_key(p_account.user_id));
  perform pg_advisory_xact_lock_shared(private.orders_key(null));
  perform from public.trading_gates
  where gate_key in ('global', 'user:' || p_account.user_id, 'account:' || p_account.id)
    or strategy_id in (select s.id from public.strategies as s where s.broker_account_id = p_account.id)
  order by array_position(array['global', 'user', 'account', 'strategy'], scope), gate_key for share;
  perform from public.profiles where user_id = p_account.user_id for no key update;
  perform from public.broker_accounts where id = p_account.id for no key update;
end $$;
comment on function private.lock_account_scopes(public.broker_accounts) is 'lock_scopes() for every strategy of an account at once, in the same order.';

create function private.tell_of_halt(p_halt public.halt_progress) returns void
language plpgsql set search_path = ''
as $$
declare
  name constant text := 'halt-not-done|' || p_halt.gate_key || '|' || p_halt.engaged_at;
  numbers constant jsonb := jsonb_build_object('gate', p_halt.gate_key, 'mode', p_halt.mode, 'working_entries', p_halt.working_entries,
    'working_exits', p_halt.working_exits, 'open_positions', p_halt.open_positions);
begin
  if not p_halt.complete and p_halt.engaged_at < clock_timestamp() - interval '1 minute' then
    perform private.alert(p_halt.user_id, p_halt.broker_account_id, 'HALT_NOT_DONE', 'critical',
      'A halt is not done after a minute: the broker does not answer or refuses, or the market is closed. It goes on; look at the broker''s page too.',
      numbers, name);
  elsif p_halt.complete and exists (select from public.alerts where id = private.named_uuid('alert|' || name)) then
    perform private.alert(p_halt.user_id, p_halt.broker_account_id, 'HALT_DONE', 'info',
      'The halt that was not done in time is done.', numbers, 'halt-done|' || p_halt.gate_key || '|' || p_halt.engaged_at);
  end if;
end $$;
comment on function private.tell_of_halt(public.halt_progress) is
  'Alerts where a halt that cancels or flattens is not done after a minute, and again when it is: each once for a halt.';

create function public.halts_to_continue() returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  halt public.halt_progress;
  last_action text;
begin
  -- One at a time tells how far the halts are. An edit in the Studio may take several gates, in whatever order: it waits.
  perform pg_advisory_xact_lock_shared(private.orders_key(null));
  perform pg_advisory_xact_lock(hashtextextended('how far the halts are', 0));
  for halt in select * from public.halt_progress where mode <> 'no_new_entries' order by gate_key loop
    -- Held, so that it is not lifted before this is written.
    perform from public.trading_gates where gate_key = halt.gate_key and closed and mode = halt.mode for share;
    continue when not found;
    perform private.tell_of_halt(halt);
    continue when halt.mode <> 'flatten';
    select action into last_action from public.trading_halts where gate_key = halt.gate_key order by id desc limit 1;
    if halt.complete <> (last_action = 'flat') then
      insert into public.trading_halts (gate_key, user_id, action, mode, spare_exits, reason, by_whom)
      values (halt.gate_key, halt.user_id, case when halt.complete then 'flat' else 'open_again' end, halt.mode, halt.spare_exits,
        format('%s positions and %s working entries are open', halt.open_positions, halt.working_entries), private.actor());
    end if;
  end loop;
  update public.strategy_deactivations as d set done_at = case when p.complete then clock_timestamp() end
  from public.deactivation_progress as p where p.id = d.id and d.ended_at is null and p.complete <> (d.done_at is not null);
  return coalesce((
    select jsonb_agg(a.id order by a.id) from public.broker_accounts as a
    where (exists (select from public.halt_progress as h where h.mode = 'flatten') and exists (select from private.to_flatten(a)))
      or (exists (select from public.strategy_deactivations as d
          where d.broker_account_id = a.id and d.ended_at is null and d.then_do = 'flatten')
        and (exists (select from private.to_flatten(a)) or exists (select from private.exits_of_nothing(a.id))))), '[]'::jsonb);
end $$;
comment on function public.halts_to_continue() is
  'The ids of the accounts that a flattening halt or deactivation has still to close something of; writes on record which have become flat.';

create function private.closing_rooms(p_account_id uuid, p_symbol text, p_owner_key text, p_quantity numeric, out own numeric, out account numeric)
language sql stable set search_path = ''
as $$
  with closing as (
    -- Judged or not yet: what is pending would be placed twice.
    select w.strategy_id, w.open from private.open_legs as w
    where w.broker_account_id = p_account_id and w.symbol = p_symbol and w.side = case when p_quantity > 0 then 'sell' else 'buy' end
    union all
    select t.strategy_id, l.quantity from public.trades as t join public.trade_legs as l on l.trade_id = t.id
    where t.broker_account_id = p_account_id and l.symbol = p_symbol and l.side = case when p_quantity > 0 then 'sell' else 'buy' end
      and t.status = 'pending' and t.reduce_only
  )
  select abs(p_quantity) - coalesce(sum(c.open) filter (where p_owner_key in ('account', coalesce(c.strategy_id::text, 'manual'))), 0),
    (select abs(b.quantity) from public.position_books as b
     where b.broker_account_id = p_account_id and b.symbol = p_symbol and sign(b.quantity) = sign(p_quantity)) - coalesce(sum(c.open), 0)
  from closing as c
$$;
comment on function private.closing_rooms(uuid, text, text, numeric) is
  'How much of a position nothing closes yet: of its owner, and of the account (null where the account does not hold that side). Call under the account''s lock.';

create function private.not_flat(p_gate_key text) returns text
language sql immutable parallel safe set search_path = ''
as $$ select case when p_gate_key like 'deactivation:%' then 'DEACTIVATION_NOT_FLAT' else 'HALT_NOT_FLAT' end $$;
comment on function private.not_flat(text) is 'The code of the alert that a halt, or a deactivation, cannot close something.';

create function private.closing_cause(p_gate_key text) returns text
language sql stable set search_path = ''
as $$
  select case when p_gate_key like 'deactivation:%' then replace(p_gate_key, ':', '|')
    else 'halt|' || (select max(h.id) from public.trading_halts as h where h.gate_key = p_gate_key and h.action = 'engaged') end
$$;
comment on function private.closing_cause(text) is 'What the signals of the orders begin with that a halt, or a deactivation, closes by.';

create function private.closing_rounds(p_account_id uuid, p_gate_key text, p_symbol text, p_owner_key text, out rounds integer, out last public.trades)
language plpgsql stable set search_path = ''
as $$
declare
  cause text := private.closing_cause(p_gate_key);
  found_trade public.trades;
begin
  rounds := 0;
  loop
    select * into found_trade from public.trades as t
    where t.broker_account_id = p_account_id and t.signal = concat_ws('|', cause, p_symbol, p_owner_key, rounds + 1);
    exit when not found;
    rounds := rounds + 1;
    last := found_trade;
  end loop;
end $$;
comment on function private.closing_rounds(uuid, text, text, text) is
  'How often a halt or a deactivation has placed an order to close a position of an owner, and its last one.';

create function private.cover_stays(
  p_account public.broker_accounts, p_gate_key text, p_symbol text, p_owner_key text, p_quantity numeric, p_now timestamptz)
returns boolean
language plpgsql set search_path = ''
as $$
declare
  before record;
begin
  before := private.closing_rounds(p_account.id, p_gate_key, p_symbol, p_owner_key);
  if private.cover_is_needed(before.last, before.rounds, p_now) is not true then
    return false;
  end if;
  perform private.alert(p_account.user_id, p_account.id, private.not_flat(p_gate_key), 'critical',
    'A position cannot be closed, because it covers an option that is sold on the account and is not to be closed with it. Buy that one back, or halt the account; it goes on when that has changed, and asks again now and then.',
    jsonb_build_object('gate', p_gate_key, 'symbol', p_symbol, 'quantity', trim_scale(p_quantity)::text, 'waiting_for', 'cover',
      'refusal', (before.last).refusal),
    concat_ws('|', 'halt-cover', private.closing_cause(p_gate_key), p_account.id, p_symbol, p_owner_key));
  return true;
end $$;
comment on function private.cover_stays(public.broker_accounts, text, text, text, numeric, timestamptz) is
  'Whether a position of a halt or a deactivation is left for now, because risk has refused to let it go: it covers something that is sold. Told once.';

create function private.close_at_market(
  p_account public.broker_accounts, p_gate_key text, p_symbol text, p_owner_key text, p_quantity numeric, p_room numeric, p_now timestamptz)
returns uuid
language plpgsql set search_path = ''
as $$
declare
  most_rounds constant integer := 5;
  side text := case when p_quantity > 0 then 'sell' else 'buy' end;
  strategy public.strategies;
  placed public.trades;
  of_deactivation boolean := p_gate_key like 'deactivation:%';
  cause text := private.closing_cause(p_gate_key);
  round integer := (private.closing_rounds(p_account.id, p_gate_key, p_symbol, p_owner_key)).rounds + 1;
begin
  if round = most_rounds then
    perform private.alert(p_account.user_id, p_account.id, private.not_flat(p_gate_key), 'critical',
      'Closing a position goes on and it has not become flat. Look at its orders, or close it at the broker.',
      jsonb_build_object('gate', p_gate_key, 'symbol', p_symbol, 'quantity', trim_scale(p_quantity)::text, 'rounds', round),
      concat_ws('|', 'halt-rounds', cause, p_account.id, p_symbol));
  end if;
  select * into strategy from public.strategies as s where s.id::text = p_owner_key;
  placed := private.place(
    jsonb_build_object('broker_account_id', p_account.id, 'symbol', p_symbol, 'side', side, 'position_intent', side || '_to_close',
      'quantity', p_room::text, 'order_type', 'market', 'reduce_only', true, 'event_at', p_now, 'signal', concat_ws('|', cause, p_symbol, p_owner_key, round),
      'reason', case when of_deactivation then 'flattened: its strategy was deactivated' else 'flattened by the halt of ' || p_gate_key end),
    p_account.user_id, 'risk', strategy);
  return placed.id;
exception
  when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
    perform private.alert(p_account.user_id, p_account.id, private.not_flat(p_gate_key), 'critical',
      'The order that closes a position could not be placed. Close it at the broker.',
      jsonb_build_object('gate', p_gate_key, 'symbol', p_symbol, 'quantity', trim_scale(p_quantity)::text, 'refusal', sqlerrm),
      concat_ws('|', 'halt-refused', cause, p_account.id, p_symbol));
    return null;
end $$;
comment on function private.close_at_market(public.broker_accounts, text, text, text, numeric, numeric, timestamptz) is
  'Places one closing order of a halt or a deactivation on the road of every order: once for each, its symbol, owner and round. A refusal is an alert.';

create function public.continue_halt(p_account_id uuid, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  target record;
  room record;
  resting uuid[];
  entries uuid[];
  in_the_way public.trades;
  placed jsonb := '[]';
  canceled jsonb := '[]';
  opposed uuid[] := '{}';
  covering uuid[] := '{}';
begin
  select * into account from public.broker_accounts where id = p_account_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  -- Under these locks nothing else is placed, approved or claimed on the account, and no gate of it moves. Every order
  -- that may be cancelled is locked before the first row that takes the audit's lock.
  perform private.lock_account_scopes(account);
  select array_agg(found.id) filter (where not found.opens), array_agg(found.id) filter (where found.opens) into resting, entries from (
    select t.id, private.opens(t) as opens from public.trades as t
    where t.broker_account_id = account.id and (t.order_type <> 'market' or private.opens(t))
      and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
    order by t.placed_number for update) as found;

  for target in
    select f.*, case when f.quantity > 0 then 'sell' else 'buy' end as side from private.to_flatten(account) as f
    join public.instruments as i on i.symbol = f.symbol
    -- A protection is taken away only while what it protects can be closed.
    -- What is sold short first: its cover, let go before it, would be refused by the broker or leave it without a bound.
    where private.in_session(i.kind, p_now) order by f.quantity > 0, f.symbol, f.owner_key
  loop
    room := private.closing_rooms(account.id, target.symbol, target.owner_key, target.quantity);
    if room.account is null then
      opposed := opposed || target.strategy_id;
      perform private.alert(account.user_id, account.id, private.not_flat(target.gate_key), 'critical',
        'A strategy''s position cannot be closed alone, because the account holds the other side of it. Halt the account, or close it by hand.',
        jsonb_build_object('gate', target.gate_key, 'symbol', target.symbol, 'quantity', trim_scale(target.quantity)::text),
        concat_ws('|', 'halt-opposed', target.gate_key, account.id, target.symbol));
      continue;
    end if;
    if private.cover_stays(account, target.gate_key, target.symbol, target.owner_key, target.quantity, p_now) then
      covering := covering || target.strategy_id;
      continue;
    end if;
    -- A broker may refuse it while anything of the account rests against it: what is to be closed goes before what is to be opened.
    for in_the_way in
      select t.* from public.trades as t
      where t.id = any (entries) and t.id in (select private.rests_against(
        (private.closing_rounds(account.id, target.gate_key, target.symbol, target.owner_key)).last, target.symbol, target.side))
      order by t.placed_number
    loop
      perform private.cancel_order(in_the_way, 'HALT: the broker refuses to close at the market against it', p_now);
      canceled := canceled || to_jsonb(in_the_way.id);
    end loop;
    -- A resting exit holds the shares that are to be sold now: its owner's own, and others' where the account has no more.
    for in_the_way in
      select t.* from public.trades as t
      where t.id = any (resting) and t.cancel_requested_at is null
        and exists (select from public.trade_legs as l where l.trade_id = t.id and l.symbol = target.symbol and l.side = target.side)
        and (target.owner_key in ('account', coalesce(t.strategy_id::text, 'manual')) or room.account < room.own)
      order by t.placed_number
    loop
      perform private.cancel_order(in_the_way, 'HALT: it stands in the way of closing at the market', p_now);
      resting := array_remove(resting, in_the_way.id);
      canceled := canceled || to_jsonb(in_the_way.id);
    end loop;
    -- What was not sent yet is gone at once; what works at the broker is closed in a later round, when the broker says so.
    room := private.closing_rooms(account.id, target.symbol, target.owner_key, target.quantity);
    if least(room.own, room.account) > 0 then
      placed := placed || coalesce(to_jsonb(private.close_at_market(
        account, target.gate_key, target.symbol, target.owner_key, target.quantity, least(room.own, room.account), p_now)), '[]');
    end if;
  end loop;
  for in_the_way in
    select t.* from public.trades as t
    where t.id = any (resting) and t.id in (select private.exits_of_nothing(account.id)) order by t.placed_number
  loop
    perform private.cancel_order(in_the_way, 'DEACTIVATED: there is nothing left to close', p_now);
    canceled := canceled || to_jsonb(in_the_way.id);
  end loop;
  -- Said on the row, because nobody else knows the time of a replay.
  update public.strategy_deactivations as d set waiting_for = w.waiting_for
  from (
    select o.id, case
      when o.strategy_id = any (opposed) then 'other_side'
      when o.strategy_id = any (covering) then 'cover'
      when exists (select from private.to_flatten(account) as f join public.instruments as i on i.symbol = f.symbol
        where f.strategy_id = o.strategy_id and not private.in_session(i.kind, p_now)) then 'session' end as waiting_for
    from public.strategy_deactivations as o
    where o.broker_account_id = account.id and o.ended_at is null and o.then_do = 'flatten') as w
  where w.id = d.id and d.waiting_for is distinct from w.waiting_for;
  return jsonb_build_object('placed', placed, 'canceled', canceled);
end $$;
comment on function public.continue_halt(uuid, timestamptz) is
  'One round of flattening an account: asks the exits that stand in the way to be cancelled and places reduce-only market orders for what nothing closes yet, where the market is open at p_now. Safe to call again.';
grant execute on function public.halts_to_continue(), public.continue_halt(uuid, timestamptz) to fn_risk;

create function private.unflattened() returns bigint
language sql stable set search_path = ''
as $$
  -- By the time of the newest mark, because a replay's clock is not known here.
  select count(*) from public.broker_accounts as a
  cross join lateral private.to_flatten(a) as f
  join public.instruments as i on i.symbol = f.symbol and i.tradable
  join public.position_marks as m on m.symbol = f.symbol
  where (exists (select from public.trading_gates as g where g.closed and g.mode = 'flatten')
      or exists (select from public.strategy_deactivations as d
        where d.broker_account_id = a.id and d.ended_at is null and d.then_do = 'flatten'))
    and private.in_session(i.kind, m.marked_at)
    and not exists (select from public.trades as t join public.trade_legs as l on l.trade_id = t.id
      where t.broker_account_id = a.id and l.symbol = f.symbol and not private.opens(t)
        and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced'))
$$;
comment on function private.unflattened() is 'Positions that a halt or a deactivation has to close and for which no closing order works.';
