-- From an approved trade to its end at the broker. The broker is the witness: what it reports is never refused.

create table private.stream_cursors (
  worker text not null,
  stream text not null,
  position timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (worker, stream)
);
comment on table private.stream_cursors is 'How far each worker has handled each stream: the event time of the last message whose effects are committed.';

create function private.move_cursor(p_worker text, p_stream text, p_position timestamptz) returns void
language sql set search_path = ''
as $$
  insert into private.stream_cursors as c (worker, stream, position) values (p_worker, p_stream, p_position)
  on conflict (worker, stream) do update set position = excluded.position, updated_at = now()
  where c.position < excluded.position
$$;
comment on function private.move_cursor(text, text, timestamptz) is 'Moves a cursor forward, never back.';

create function public.record_stream_position(p_worker text, p_stream text, p_position timestamptz) returns void
language sql security definer set search_path = ''
as $$ select private.move_cursor(p_worker, p_stream, p_position) $$;
comment on function public.record_stream_position(text, text, timestamptz) is 'A worker says that everything up to this event time is handled.';

create function public.stream_position(p_worker text, p_stream text) returns timestamptz
language sql stable security definer set search_path = ''
as $$ select position from private.stream_cursors where worker = p_worker and stream = p_stream $$;
comment on function public.stream_position(text, text) is 'How far a worker had got; null where it never began.';
grant execute on function public.record_stream_position(text, text, timestamptz), public.stream_position(text, text) to fn_ingest, fn_execute;

create table public.account_snapshots (
  broker_account_id uuid not null,
  as_of timestamptz not null,
  user_id uuid not null,
  cash private.amount not null,
  equity private.amount not null,
  buying_power private.amount,
  recorded_at timestamptz not null default now(),
  primary key (broker_account_id, as_of),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.account_snapshots is 'What the broker said of an account: cash, equity and buying power in dollars, as of event time.';
create index account_snapshots_user on public.account_snapshots (user_id, as_of desc);
select private.protect_append_only('public.account_snapshots');

create function public.trading_accounts() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'broker_account_id', a.id, 'user_id', a.user_id, 'broker', a.broker, 'account_id', a.account_id, 'is_paper', a.is_paper,
    'working', exists (select from public.trades as t where t.broker_account_id = a.id
      and t.status in ('submitting', 'submitted', 'partially_filled', 'cancel_pending', 'replace_pending', 'unknown')))
    order by a.id), '[]'::jsonb)
  from public.broker_accounts as a where a.status = 'active'
$$;
comment on function public.trading_accounts() is 'The active accounts, and whether anything may be working at their broker.';

create function public.approved_trades(p_account_id uuid default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', id, 'broker_account_id', broker_account_id) order by placed_number), '[]'::jsonb)
  from public.trades as t
  where status = 'approved' and (p_account_id is null or broker_account_id = p_account_id)
    -- Decisions of one moment are all judged before the first is sent: what is judged second must not depend on how
    -- quickly the first was filled.
    and not exists (select from public.trades as p
      where p.broker_account_id = t.broker_account_id and p.status = 'pending' and p.event_at = t.event_at)
$$;
comment on function public.approved_trades(uuid) is 'Trades to send, in the order they were placed; those of a moment that is still being judged wait.';

create function private.order_of(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'trade_id', p_trade.id, 'user_id', p_trade.user_id, 'broker_account_id', p_trade.broker_account_id,
    'client_order_id', p_trade.client_order_id, 'symbol', p_trade.symbol, 'side', p_trade.side,
    'order_type', p_trade.order_type, 'time_in_force', p_trade.time_in_force,
    'quantity', p_trade.quantity::text, 'notional', p_trade.notional::text, 'price', p_trade.price::text,
    'stop_price', p_trade.stop_price::text, 'trail_price', p_trade.trail_price::text, 'trail_percent', p_trade.trail_percent::text,
    'position_intent', (select position_intent from public.trade_legs where trade_id = p_trade.id and leg = 0),
    'good_until', p_trade.good_until, 'status', p_trade.status, 'version', p_trade.version)
$$;
comment on function private.order_of(public.trades) is 'What is sent to the broker; amounts as text.';

create function private.sending_refusal(p_trade public.trades) returns text
language plpgsql stable set search_path = ''
as $$
declare
  gate text := private.closed_gate(p_trade.user_id, p_trade.broker_account_id, p_trade.strategy_id);
  reducing boolean := private.reduces(p_trade);
begin
  -- What was true when it was approved may not be true any more.
  if p_trade.reduce_only and not reducing then
    return 'WOULD_NOT_REDUCE: quantity=' || trim_scale(p_trade.quantity);
  elsif gate is not null and not reducing then
    return 'GATE_CLOSED: gate=' || gate;
  end if;
  return null;
end $$;
comment on function private.sending_refusal(public.trades) is
  'Why an approved order must not be sent now, or null. Call under lock_scopes().';

create table private.stray_orders (
  broker_account_id uuid not null references public.broker_accounts (id) on delete restrict,
  broker_order_id text not null,
  trade_id uuid not null references public.trades (id) on delete restrict,
  found_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (broker_account_id, broker_order_id)
);
create index stray_orders_trade on private.stray_orders (trade_id);
comment on table private.stray_orders is
  'Orders that live at the broker although their trade is over, or has another order: cancelled until the broker says that they are.';

create function private.stray(p_trade public.trades, p_broker_order_id text) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into private.stray_orders (broker_account_id, broker_order_id, trade_id)
  values (p_trade.broker_account_id, p_broker_order_id, p_trade.id) on conflict do nothing;
  if found then
    perform private.alert(p_trade.user_id, p_trade.broker_account_id, 'STRAY_ORDER', 'critical',
      'The broker has an order that no open trade stands for. It is being cancelled, and new entries on the account are halted; compare with the broker before lifting.',
      jsonb_build_object('trade', p_trade.id, 'status', p_trade.status, 'broker_order', p_broker_order_id),
      'stray-order|' || p_trade.broker_account_id || '|' || p_broker_order_id);
    perform private.move_gate('account:' || p_trade.broker_account_id, true, 'no_new_entries', 'STRAY_ORDER: broker_order=' || p_broker_order_id);
  end if;
end $$;
comment on function private.stray(public.trades, text) is 'Remembers, tells of, and halts for an order that should not live.';

create function public.claim_trade(p_trade_id uuid, p_owner text, p_now timestamptz, p_lease_seconds numeric) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  refused text;
  next_attempt integer;
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  select * into trade from public.trades where id = p_trade_id for update;
  if trade.status <> 'approved' then
    return jsonb_build_object('claimed', false, 'status', trade.status);
  end if;
  if p_now > trade.good_until then
    update public.trades set status = 'expired', status_at = p_now,
      refusal = 'TOO_LATE: good_until=' || trade.good_until || ' now=' || p_now where id = trade.id;
    return jsonb_build_object('claimed', false, 'status', 'expired');
  end if;
  refused := private.sending_refusal(trade);
  if refused is not null then
    update public.trades set status = 'canceled', status_at = greatest(p_now, trade.status_at), refusal = refused where id = trade.id;
    return jsonb_build_object('claimed', false, 'status', 'canceled');
  end if;
  update public.trades set status = 'submitting', status_at = greatest(p_now, trade.status_at) where id = trade.id returning * into trade;
  select coalesce(max(attempt), 0) + 1 into next_attempt from public.order_attempts where trade_id = trade.id;
  insert into public.order_attempts (trade_id, attempt, user_id, broker_account_id, client_order_id, claimed_by, lease_until)
  values (trade.id, next_attempt, trade.user_id, trade.broker_account_id, trade.client_order_id, p_owner,
    clock_timestamp() + make_interval(secs => p_lease_seconds));
  return private.order_of(trade) || jsonb_build_object('claimed', true, 'attempt', next_attempt);
end $$;
comment on function public.claim_trade(uuid, text, timestamptz, numeric) is
  'Takes an approved trade for sending: `submitting`, an attempt and a lease are on record before the broker is called. Past good_until it expires instead.';

create function public.claim_unresolved(p_owner text, p_lease_seconds numeric, p_account_id uuid default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  attempt public.order_attempts;
  trade public.trades;
  next_attempt integer;
  claimed jsonb := '[]';
begin
  -- An attempt without an answer whose lease is over: its sender died or lost the broker. Ask the broker, then decide.
  for attempt in
    select a.* from public.order_attempts as a
    where a.outcome is null and a.lease_until < clock_timestamp()
      and (p_account_id is null or a.broker_account_id = p_account_id)
    order by a.claimed_at
  loop
    -- The trade first, as everywhere; one that is being answered at this moment is left alone.
    select * into trade from public.trades where id = attempt.trade_id for update skip locked;
    continue when not found;
    update public.order_attempts set outcome = 'unknown', answered_at = clock_timestamp(), detail = 'no answer within the lease'
    where trade_id = attempt.trade_id and order_attempts.attempt = attempt.attempt and outcome is null;
    continue when not found;
    if trade.status = 'submitting' then
      update public.trades set status = 'unknown' where id = trade.id returning * into trade;
    end if;
    if trade.status = 'unknown' then
      select max(a.attempt) + 1 into next_attempt from public.order_attempts as a where a.trade_id = trade.id;
      insert into public.order_attempts (trade_id, attempt, user_id, broker_account_id, client_order_id, claimed_by, lease_until)
      values (trade.id, next_attempt, trade.user_id, trade.broker_account_id, trade.client_order_id, p_owner,
        clock_timestamp() + make_interval(secs => p_lease_seconds));
      claimed := claimed || jsonb_build_array(private.order_of(trade) || jsonb_build_object('attempt', next_attempt));
    end if;
  end loop;
  -- A trade whose attempt was answered "unknown" by a living sender has no open attempt: it is to be resolved as well.
  for trade in
    select t.* from public.trades as t
    where t.status = 'unknown' and (p_account_id is null or t.broker_account_id = p_account_id)
      and not exists (select from public.order_attempts as a where a.trade_id = t.id and a.outcome is null)
    order by t.placed_number for update skip locked
  loop
    -- Asked anew under the lock: another resolver may have taken it since this loop began.
    continue when exists (select from public.order_attempts as a where a.trade_id = trade.id and a.outcome is null);
    select coalesce(max(a.attempt), 0) + 1 into next_attempt from public.order_attempts as a where a.trade_id = trade.id;
    insert into public.order_attempts (trade_id, attempt, user_id, broker_account_id, client_order_id, claimed_by, lease_until)
    values (trade.id, next_attempt, trade.user_id, trade.broker_account_id, trade.client_order_id, p_owner,
      clock_timestamp() + make_interval(secs => p_lease_seconds));
    claimed := claimed || jsonb_build_array(private.order_of(trade) || jsonb_build_object('attempt', next_attempt));
  end loop;
  return claimed;
end $$;
comment on function public.claim_unresolved(text, numeric, uuid) is
  'Takes the trades whose outcome at the broker is unknown, each with a new attempt and lease, to be asked for by client order id.';

create function public.claim_resend(p_trade_id uuid, p_attempt integer, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  refused text;
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  select * into trade from public.trades where id = p_trade_id for update;
  refused := case
    when trade.status <> 'unknown' or trade.broker_order_id is not null then 'NOT_UNKNOWN: status=' || trade.status
    when p_attempt <> (select max(attempt) from public.order_attempts where trade_id = p_trade_id) then 'NOT_NEWEST: attempt=' || p_attempt
    when p_now > trade.good_until then 'TOO_LATE: good_until=' || trade.good_until || ' now=' || p_now
    else private.sending_refusal(trade) end;
  return jsonb_build_object('send', refused is null, 'refusal', refused);
end $$;
comment on function public.claim_resend(uuid, integer, timestamptz) is
  'Whether an order that the broker does not have may be sent again: still unknown, in time, through open gates, still reducing.';

create function private.complete_attempt(p_trade_id uuid, p_attempt integer, p_outcome text, p_broker_order_id text, p_detail text)
returns void
language sql set search_path = ''
as $$
  update public.order_attempts
  set outcome = p_outcome, broker_order_id = p_broker_order_id, detail = p_detail, answered_at = clock_timestamp()
  where trade_id = p_trade_id and attempt = p_attempt and outcome is null
$$;
comment on function private.complete_attempt(uuid, integer, text, text, text) is 'Writes the outcome of an attempt that has none.';

create function private.witness_order(p_trade public.trades, p_broker_order_id text, p_at timestamptz) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades := p_trade;
begin
  -- The broker speaks of this order, so it was placed, whatever our own call has answered so far.
  if trade.broker_order_id is null then
    if private.is_final(trade.status) then
      perform private.stray(trade, p_broker_order_id);
    end if;
    update public.trades set broker_order_id = p_broker_order_id where id = trade.id returning * into trade;
  elsif trade.broker_order_id <> p_broker_order_id then
    perform private.stray(trade, p_broker_order_id);
  end if;
  if trade.status in ('pending', 'approved') then
    -- The ledger knows less than the broker, as after a restore from backup. It must not be sent a second time.
    perform private.alert(trade.user_id, trade.broker_account_id, 'UNSENT_ORDER', 'critical',
      'The broker has an order that the ledger had not sent. It is on record now; compare the account with the broker.',
      jsonb_build_object('trade', trade.id, 'status', trade.status, 'broker_order', p_broker_order_id), 'unsent|' || trade.id);
    update public.trades set status = 'approved' where id = trade.id and status = 'pending';
    update public.trades set status = 'submitting' where id = trade.id returning * into trade;
  end if;
  if trade.status in ('submitting', 'unknown') then
    update public.trades set status = 'submitted', status_at = greatest(p_at, trade.status_at) where id = trade.id returning * into trade;
  end if;
  return trade;
end $$;
comment on function private.witness_order(public.trades, text, timestamptz) is 'Takes the broker''s word that the order exists.';

create function public.record_submission(
  p_trade_id uuid, p_attempt integer, p_broker_order_id text, p_at timestamptz, p_adopted boolean default false)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  -- A stray order closes the account's gate: its lock comes before the trade's, as for every order.
  perform from public.trading_gates
  where gate_key = 'account:' || (select broker_account_id from public.trades where id = p_trade_id) for update;
  select * into trade from public.trades where id = p_trade_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.complete_attempt(p_trade_id, p_attempt, case when p_adopted then 'adopted' else 'accepted' end, p_broker_order_id, '');
  trade := private.witness_order(trade, p_broker_order_id, p_at);
  return jsonb_build_object('status', trade.status);
end $$;
comment on function public.record_submission(uuid, integer, text, timestamptz, boolean) is
  'The broker has the order. Safe to call again, and after a fill has come first.';

create function public.record_attempt(
  p_trade_id uuid, p_attempt integer, p_outcome text, p_detail text, p_at timestamptz)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  next_status text := case p_outcome when 'rejected' then 'rejected' when 'unknown' then 'unknown' when 'not_placed' then 'expired' end;
begin
  if next_status is null then
    perform private.refuse(422, 'BAD_OUTCOME', 'An outcome is rejected, unknown or not_placed.', jsonb_build_object('outcome', p_outcome));
  end if;
  select * into trade from public.trades where id = p_trade_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.complete_attempt(p_trade_id, p_attempt, p_outcome, null, p_detail);
  -- Evidence of the order (a broker order id, a fill) outweighs an answer that came late, and only the newest sending
  -- speaks for the trade: an older one may have been refused because of its own twin.
  if trade.status in ('submitting', 'unknown') and trade.status <> next_status and trade.broker_order_id is null
    and p_attempt = (select max(attempt) from public.order_attempts where trade_id = p_trade_id) then
    if next_status = 'expired' and trade.status = 'submitting' then
      update public.trades set status = 'unknown' where id = p_trade_id;
    end if;
    update public.trades
    set status = next_status, refusal = case when next_status = 'unknown' then refusal else p_detail end,
        status_at = greatest(p_at, trade.status_at)
    where id = p_trade_id returning * into trade;
  end if;
  return jsonb_build_object('status', trade.status);
end $$;
comment on function public.record_attempt(uuid, integer, text, text, timestamptz) is
  'The sending ended as rejected (final), unknown (ask the broker), or not_placed (the broker has no such order and it is too late to send).';

create function private.find_trade(p_account_id uuid, p_broker_order_id text, p_client_order_id text) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades
  where broker_account_id = p_account_id
    and (broker_order_id = p_broker_order_id or (broker_order_id is null and client_order_id = p_client_order_id))
  order by broker_order_id is null limit 1 for update;
  return trade;
end $$;
comment on function private.find_trade(uuid, text, text) is 'The trade of a broker''s order, by its id or by our client order id; locked.';

create function private.adopt_external(p_account public.broker_accounts, p_order jsonb) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
  -- Whatever the broker calls it, and however much it says of it: a fill is never refused for its order's type.
  order_type text := case
    when p_order ->> 'order_type' = 'limit' and p_order ->> 'limit_price' is not null then 'limit'
    when p_order ->> 'order_type' = 'stop' and p_order ->> 'stop_price' is not null then 'stop'
    when p_order ->> 'order_type' = 'stop_limit' and p_order ->> 'limit_price' is not null and p_order ->> 'stop_price' is not null
      then 'stop_limit'
    else 'market' end;
  given_id text := p_order ->> 'client_order_id';
begin
  if p_order ->> 'symbol' is null or coalesce(p_order ->> 'side', '') not in ('buy', 'sell') then
    perform private.refuse(422, 'BAD_FILL', 'A fill of an order that is not on record says its symbol and side.', p_order);
  end if;
  if given_id is null or exists (
    select from public.trades as t where t.broker_account_id = p_account.id and t.client_order_id = given_id) then
    given_id := 'external-' || (p_order ->> 'broker_order_id');
  end if;
  -- Known for booking only: whether it may be traded here is for the instrument list to say.
  insert into public.instruments (symbol, kind, multiplier, tradable, source)
  select p_order ->> 'symbol', case when is_option then 'option' else 'equity' end, case when is_option then 100 else 1 end, false,
    'seen at the broker'
  from (select p_order ->> 'symbol' ~ '^[A-Z]{1,6}[0-9]{6}[CP][0-9]{8}$' as is_option) as told
  on conflict do nothing;
  insert into public.trades (
    id, user_id, broker_account_id, source, signal, symbol, side, order_type, time_in_force, quantity, price, stop_price,
    trail_price, status, reason, client_order_id, broker_order_id, event_at, status_at, good_until)
  values (
    private.named_uuid('external|' || p_account.id || '|' || (p_order ->> 'broker_order_id')),
    p_account.user_id, p_account.id, 'external', 'external|' || (p_order ->> 'broker_order_id'), p_order ->> 'symbol',
    p_order ->> 'side', order_type, 'day',
    greatest((p_order ->> 'quantity')::numeric, (p_order ->> 'cumulative_quantity')::numeric),
    case when order_type in ('limit', 'stop_limit') then (p_order ->> 'limit_price')::numeric end,
    case when order_type in ('stop', 'stop_limit') then (p_order ->> 'stop_price')::numeric end,
    null, 'submitted', 'placed outside AgentTrader', given_id,
    p_order ->> 'broker_order_id', (p_order ->> 'executed_at')::timestamptz, (p_order ->> 'executed_at')::timestamptz,
    (p_order ->> 'executed_at')::timestamptz)
  returning * into trade;
  insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, quantity)
  values (trade.id, 0, trade.user_id, trade.symbol, trade.side, trade.side || coalesce(
    (select case when (b.quantity > 0 and trade.side = 'sell') or (b.quantity < 0 and trade.side = 'buy') then '_to_close' else '_to_open' end
     from public.position_books as b where b.broker_account_id = p_account.id and b.symbol = trade.symbol), '_to_open'), trade.quantity);
  return trade;
end $$;
comment on function private.adopt_external(public.broker_accounts, jsonb) is 'An order that was placed outside becomes a trade of source external.';

create function public.record_fill(p_account_id uuid, p_fill jsonb, p_cursor jsonb default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  trade public.trades;
  leg_row public.trade_legs;
  fill_id uuid;
  known public.fills;
  executed timestamptz;
  filled private.amount;
  paid private.amount;
  cumulative private.amount;
  charged private.amount;
  ordered numeric;
  multiplier numeric;
  counted boolean := false;
begin
  begin
    executed := (p_fill ->> 'executed_at')::timestamptz;
    filled := (p_fill ->> 'quantity')::numeric;
    paid := (p_fill ->> 'price')::numeric;
    cumulative := (p_fill ->> 'cumulative_quantity')::numeric;
    charged := coalesce((p_fill ->> 'fee')::numeric, 0);
  exception
    when data_exception or check_violation then
      perform private.refuse_malformed('BAD_FILL', 'Times and amounts of a fill are written as such.', '', '', sqlerrm);
  end;
  if (executed is not null and filled > 0 and paid > 0 and cumulative > 0 and p_fill ->> 'broker_order_id' <> '') is not true then
    perform private.refuse(422, 'BAD_FILL',
      'A fill has broker_order_id, executed_at, and quantity, cumulative_quantity and price above zero.', p_fill);
  end if;
  -- An excess closes the account's gate: its lock is taken before the account's, as every order does.
  perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
  -- The account's lock puts the fills of an account in one order: what makes "counted once" true.
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  trade := private.find_trade(p_account_id, p_fill ->> 'broker_order_id', p_fill ->> 'client_order_id');
  if trade.id is null then
    trade := private.adopt_external(account, p_fill);
  end if;
  trade := private.witness_order(trade, p_fill ->> 'broker_order_id', executed);

  select id into fill_id from public.fills
  where broker_account_id = p_account_id and broker_order_id = p_fill ->> 'broker_order_id' and leg = coalesce((p_fill ->> 'leg')::integer, 0)
    and cumulative_quantity = cumulative;
  if fill_id is null and p_fill ->> 'external_id' is not null then
    select a.fill_id into fill_id from public.fill_aliases as a
    where a.broker_account_id = p_account_id and a.source = p_fill ->> 'source' and a.external_id = p_fill ->> 'external_id';
  end if;
  if fill_id is not null then
    select * into known from public.fills where id = fill_id;
    if (known.quantity, known.price) is distinct from ((p_fill ->> 'quantity')::numeric, (p_fill ->> 'price')::numeric) then
      perform private.alert(account.user_id, p_account_id, 'FILL_CONFLICT', 'critical',
        'The broker reported one execution in two ways. The first is on record, and new entries on the account are halted; compare with the broker before lifting.',
        jsonb_build_object('fill', fill_id, 'recorded', trim_scale(known.quantity) || '@' || trim_scale(known.price),
          'reported', (p_fill ->> 'quantity') || '@' || (p_fill ->> 'price')), 'fill-conflict|' || fill_id);
      perform private.move_gate('account:' || p_account_id, true, 'no_new_entries', 'FILL_CONFLICT: fill=' || fill_id);
    end if;
  end if;
  if fill_id is null then
    counted := true;
    fill_id := private.named_uuid(concat_ws('|', 'fill', p_account_id, p_fill ->> 'broker_order_id',
      coalesce(p_fill ->> 'leg', '0'), trim_scale(cumulative)));
    select * into leg_row from public.trade_legs where trade_id = trade.id and leg = coalesce((p_fill ->> 'leg')::integer, 0);
    select i.multiplier into multiplier from public.instruments as i where i.symbol = leg_row.symbol;
    insert into public.fills (
      id, user_id, broker_account_id, trade_id, leg, strategy_id, broker_order_id, cumulative_quantity, symbol, side, quantity,
      price, fee, multiplier, executed_at, source, realised_pnl, strategy_realised_pnl, position_quantity, position_cost)
    values (
      fill_id, trade.user_id, p_account_id, trade.id, leg_row.leg, trade.strategy_id, p_fill ->> 'broker_order_id',
      cumulative, leg_row.symbol, leg_row.side, filled,
      paid, charged, multiplier, executed, p_fill ->> 'source', 0, 0, 0, 0);
    select * into leg_row from public.trade_legs where trade_id = trade.id and leg = leg_row.leg;
    select coalesce(quantity, (p_fill ->> 'ordered_quantity')::numeric) into ordered from public.trade_legs
    where trade_id = trade.id and leg = leg_row.leg;

    update public.trades
    set filled_quantity = leg_row.filled_quantity,
        fill_price = round(leg_row.filled_value / leg_row.filled_quantity, 10),
        executed_at = greatest(executed, trade.executed_at),
        status = case
          when private.is_final(status) then status
          when leg_row.filled_quantity >= ordered then 'filled'
          when status = 'submitted' then 'partially_filled'
          else status end,
        status_at = greatest(executed, trade.status_at)
    where id = trade.id returning * into trade;
    if leg_row.filled_quantity > ordered then
      perform private.alert(trade.user_id, p_account_id, 'EXCESS_FILL', 'critical',
        'The broker filled more than was ordered. New entries on the account are halted; compare with the broker before lifting.',
        jsonb_build_object('trade', trade.id, 'ordered', ordered::text, 'filled', leg_row.filled_quantity::text), 'excess|' || trade.id);
      perform private.move_gate('account:' || p_account_id, true, 'no_new_entries', 'EXCESS_FILL: trade=' || trade.id);
    end if;
  end if;
  if p_fill ->> 'external_id' is not null then
    insert into public.fill_aliases (broker_account_id, source, external_id, fill_id, user_id)
    values (p_account_id, p_fill ->> 'source', p_fill ->> 'external_id', fill_id, account.user_id) on conflict do nothing;
  end if;
  if p_cursor is not null then
    perform private.move_cursor(p_cursor ->> 'worker', p_cursor ->> 'stream', (p_cursor ->> 'position')::timestamptz);
  end if;
  return jsonb_build_object('fill_id', fill_id, 'counted', counted, 'trade_id', trade.id, 'status', trade.status);
end $$;
comment on function public.record_fill(uuid, jsonb, jsonb) is
  'Records one execution {"broker_order_id", "client_order_id", "leg", "cumulative_quantity", "quantity", "price", "executed_at", "source", "external_id", ...}; never refused, counted once. An unknown order is adopted as external; an excess halts the account.';

create function public.unrecorded_fills(p_account_id uuid, p_fills jsonb) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'index', f.ordinality - 1,
    'order_known', exists (select from public.trades as t
      where t.broker_account_id = p_account_id and t.broker_order_id = f.value ->> 'broker_order_id'))
    order by f.ordinality), '[]'::jsonb)
  from jsonb_array_elements(p_fills) with ordinality as f
  where not exists (select from public.fills as x
    where x.broker_account_id = p_account_id and x.broker_order_id = f.value ->> 'broker_order_id' and x.leg = 0
      and x.cumulative_quantity = (f.value ->> 'cumulative_quantity')::numeric)
$$;
comment on function public.unrecorded_fills(uuid, jsonb) is
  'Which of the broker''s executions [{"broker_order_id", "cumulative_quantity"}] are not on record, and whether a trade knows their order.';

create function public.record_broker_update(p_account_id uuid, p_update jsonb, p_cursor jsonb default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  wanted text := p_update ->> 'status';
  seen_at timestamptz := (p_update ->> 'at')::timestamptz;
begin
  -- A stray order closes the account's gate: its lock comes first, as for every order.
  perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
  perform from public.broker_accounts where id = p_account_id for no key update;
  trade := private.find_trade(p_account_id, p_update ->> 'broker_order_id', p_update ->> 'client_order_id');
  if trade.id is not null then
    trade := private.witness_order(trade, p_update ->> 'broker_order_id', seen_at);
    if wanted in ('canceled', 'expired', 'rejected', 'replaced', 'cancel_pending') and wanted <> trade.status
      and exists (select from private.trade_arrows where from_status = trade.status and to_status = wanted) then
      update public.trades
      set status = wanted, status_at = greatest(seen_at, trade.status_at),
          refusal = case when wanted = 'rejected' then coalesce(p_update ->> 'reason', 'BROKER_REJECTED') else refusal end
      where id = trade.id returning * into trade;
    end if;
  end if;
  if wanted in ('canceled', 'expired', 'rejected', 'replaced') then
    update private.stray_orders set ended_at = now()
    where broker_account_id = p_account_id and broker_order_id = p_update ->> 'broker_order_id' and ended_at is null;
  end if;
  if p_cursor is not null then
    perform private.move_cursor(p_cursor ->> 'worker', p_cursor ->> 'stream', (p_cursor ->> 'position')::timestamptz);
  end if;
  return jsonb_build_object('trade_id', trade.id, 'status', trade.status);
end $$;
comment on function public.record_broker_update(uuid, jsonb, jsonb) is
  'The broker''s word on an order {"broker_order_id", "client_order_id", "status", "at", "reason"}. A fill never comes this way; an update that comes late changes nothing.';

create function public.working_orders(p_account_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', id, 'client_order_id', client_order_id, 'broker_order_id', broker_order_id,
    'status', status, 'filled_quantity', filled_quantity::text) order by placed_number), '[]'::jsonb)
  from (
    select t.id, t.client_order_id, t.broker_order_id, t.status, t.filled_quantity, t.placed_number from public.trades as t
    where t.broker_account_id = p_account_id and t.status in ('submitted', 'partially_filled', 'cancel_pending', 'replace_pending')
    union all
    select t.id, t.client_order_id, s.broker_order_id, 'stray', t.filled_quantity, t.placed_number
    from private.stray_orders as s join public.trades as t on t.id = s.trade_id
    where s.broker_account_id = p_account_id and s.ended_at is null) as open_orders
$$;
comment on function public.working_orders(uuid) is 'Trades that should be working at the broker: what order sync compares.';

create function public.request_cancel(p_trade_id uuid, p_reason text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades where id = p_trade_id
    and (private.calling_role() <> 'authenticated' or user_id = (select auth.uid())) for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade of your own.', jsonb_build_object('trade', p_trade_id));
  end if;
  if trade.status in ('pending', 'approved') then
    update public.trades set status = 'canceled', refusal = 'CANCEL_REQUESTED: ' || p_reason where id = p_trade_id returning * into trade;
  elsif trade.status in ('submitted', 'partially_filled') then
    update public.trades set status = 'cancel_pending' where id = p_trade_id returning * into trade;
  elsif trade.status in ('submitting', 'unknown') then
    perform private.refuse(409, 'OUTCOME_UNKNOWN', 'The broker has not answered yet; ask again in a moment.',
      jsonb_build_object('trade', trade.id, 'status', trade.status));
  end if;
  return jsonb_build_object('trade_id', trade.id, 'status', trade.status, 'version', trade.version);
end $$;
comment on function public.request_cancel(uuid, text) is
  'Asks for a cancel: at once where nothing was sent, else `cancel_pending` until the broker says so. Safe to call again.';

create function public.cancel_orders_due() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', id, 'broker_account_id', broker_account_id,
    'broker_order_id', broker_order_id) order by placed_number), '[]'::jsonb)
  from (
    select t.id, t.broker_account_id, t.broker_order_id, t.placed_number from public.trades as t
    where t.status = 'cancel_pending' and t.broker_order_id is not null
    union all
    select t.id, s.broker_account_id, s.broker_order_id, t.placed_number
    from private.stray_orders as s join public.trades as t on t.id = s.trade_id where s.ended_at is null) as due
$$;
comment on function public.cancel_orders_due() is 'Orders that the broker still has to be asked to cancel.';

create function public.record_account_snapshot(
  p_account_id uuid, p_as_of timestamptz, p_cash text, p_equity text, p_buying_power text default null) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  newest public.account_snapshots;
  broken_constraint text;
  broken_column text;
begin
  if not exists (select from public.broker_accounts where id = p_account_id) then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  select * into newest from public.account_snapshots where broker_account_id = p_account_id order by as_of desc limit 1;
  if (newest.cash, newest.equity, newest.buying_power) is not distinct from (p_cash::numeric, p_equity::numeric, p_buying_power::numeric) then
    return false;
  end if;
  insert into public.account_snapshots (broker_account_id, as_of, user_id, cash, equity, buying_power)
  select a.id, p_as_of, a.user_id, p_cash::numeric, p_equity::numeric, p_buying_power::numeric
  from public.broker_accounts as a where a.id = p_account_id
  on conflict do nothing;
  return found;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_SNAPSHOT', 'Cash, equity and buying power are dollars, as text.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_account_snapshot(uuid, timestamptz, text, text, text) is 'Keeps what the broker said of an account, where it changed.';

grant execute on function public.trading_accounts(), public.approved_trades(uuid), public.claim_trade(uuid, text, timestamptz, numeric),
  public.claim_unresolved(text, numeric, uuid), public.claim_resend(uuid, integer, timestamptz), public.record_submission(uuid, integer, text, timestamptz, boolean),
  public.record_attempt(uuid, integer, text, text, timestamptz), public.record_fill(uuid, jsonb, jsonb),
  public.unrecorded_fills(uuid, jsonb),
  public.record_broker_update(uuid, jsonb, jsonb), public.working_orders(uuid), public.cancel_orders_due(),
  public.record_account_snapshot(uuid, timestamptz, text, text, text) to fn_execute;
grant execute on function public.request_cancel(uuid, text) to authenticated, fn_risk, fn_api;

alter table public.account_snapshots enable row level security;
create policy "a user reads snapshots of their own accounts" on public.account_snapshots for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.account_snapshots to authenticated;
