-- From an approved trade to its submission, crash or no crash.

create function public.trading_accounts() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'broker_account_id', a.id, 'user_id', a.user_id, 'broker', a.broker, 'account_id', a.account_id, 'is_paper', a.is_paper,
    'trading_entered_at', a.trading_entered_at, 'link_state', a.link_state, 'link_code', a.link_code, 'link_reason', a.link_reason,
    'verify_due', a.trading_entered_at is not null and a.link_state = 'unverified' and coalesce(a.link_next_at <= clock_timestamp(), true),
    'working', exists (select from public.trades as t where t.broker_account_id = a.id
      and t.status in ('submitting', 'submitted', 'partially_filled', 'cancel_pending', 'replace_pending', 'unknown')))
    order by a.id), '[]'::jsonb)
  from public.broker_accounts as a where a.status = 'active'
$$;
comment on function public.trading_accounts() is 'The active accounts, whether their credential is verified or due to be, and whether anything may be working at their broker.';

create function public.approved_trades(p_account_id uuid default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', id, 'broker_account_id', broker_account_id, 'reduce_only', reduce_only)
    order by placed_number), '[]'::jsonb)
  from public.trades as t
  where status = 'approved' and (p_account_id is null or broker_account_id = p_account_id)
    -- Decisions of one moment are all judged before the first is sent: what is judged second must not depend on how
    -- quickly the first was filled.
    and not exists (select from public.trades as p
      where p.broker_account_id = t.broker_account_id and p.status = 'pending' and p.event_at = t.event_at
        -- One that waits for an option's quote may wait until it expires: it holds up no other.
        and not private.awaits_quote(p))
$$;
comment on function public.approved_trades(uuid) is 'Trades to send, in the order they were placed; those of a moment that is still being judged wait.';

create function private.order_of(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'trade_id', p_trade.id, 'user_id', p_trade.user_id, 'broker_account_id', p_trade.broker_account_id,
    'client_order_id', p_trade.client_order_id, 'symbol', p_trade.symbol, 'side', p_trade.side,
    'order_type', p_trade.order_type, 'time_in_force', p_trade.time_in_force,
    -- To the broker the whole of a replacement is the order that it replaces and the rest; what came before that one is over.
    'quantity', (p_trade.quantity - coalesce((select min(private.lineage_filled(o.replaces_trade_id, l.leg) / l.ratio)
      from public.trades as o join public.trade_legs as l on l.trade_id = o.id
      where o.id = p_trade.replaces_trade_id and o.replaces_trade_id is not null), 0))::text, 'notional', p_trade.notional::text, 'price', p_trade.price::text,
    'stop_price', p_trade.stop_price::text, 'trail_price', p_trade.trail_price::text, 'trail_percent', p_trade.trail_percent::text,
    'position_intent', (select position_intent from public.trade_legs where trade_id = p_trade.id and leg = 0),
    'extended_hours', p_trade.extended_hours, 'multi_leg', p_trade.multi_leg,
    'legs', (select jsonb_agg(jsonb_build_object('symbol', l.symbol, 'side', l.side, 'position_intent', l.position_intent,
      'ratio', l.ratio) order by l.leg) from public.trade_legs as l where l.trade_id = p_trade.id),
    'replaces_trade_id', p_trade.replaces_trade_id,
    'replaces_broker_order_id', (select broker_order_id from public.trades where id = p_trade.replaces_trade_id),
    'good_until', p_trade.good_until, 'status', p_trade.status, 'version', p_trade.version)
$$;
comment on function private.order_of(public.trades) is 'What is sent to the broker, with every leg; amounts as text.';

create function private.sending_refusal(p_trade public.trades) returns text
language plpgsql stable set search_path = ''
as $$
declare
  gate text := private.closed_gate(p_trade.user_id, p_trade.broker_account_id, p_trade.strategy_id);
  reducing boolean := private.reduces(p_trade);
  old public.trades;
begin
  if p_trade.replaces_trade_id is not null then
    select * into old from public.trades where id = p_trade.replaces_trade_id;
    -- Approved: the order still works. Unknown: it is still marked as being replaced by this one.
    if old.status not in ('submitted', 'partially_filled', 'replace_pending') or (p_trade.status = 'unknown' and old.status <> 'replace_pending')
      or old.cancel_requested_at is not null then
      return 'ORDER_IS_OVER: order=' || old.id || ' status=' || old.status;
    elsif exists (select from public.trade_legs as l where l.trade_id = p_trade.id
      and l.quantity <= private.lineage_filled(p_trade.replaces_trade_id, l.leg)) then
      return 'NOTHING_LEFT: quantity=' || trim_scale(p_trade.quantity);
    end if;
  end if;
  -- What was true when it was approved may not be true any more.
  if p_trade.cancel_requested_at is not null then
    return 'CANCEL_REQUESTED: ' || p_trade.cancel_reason;
  elsif p_trade.reduce_only and not reducing then
    return 'WOULD_NOT_REDUCE: quantity=' || trim_scale(p_trade.quantity);
  elsif gate is not null and not reducing then
    return 'GATE_CLOSED: gate=' || gate;
  end if;
  return coalesce(
    case when not reducing then coalesce(private.link_refusal(p_trade.broker_account_id), private.live_refusal(p_trade.broker_account_id)) end,
    private.cover_refusal(p_trade));
end $$;
comment on function private.sending_refusal(public.trades) is
  'Why an approved order must not be sent now, or null. Call under lock_scopes() and lock_trade().';

create function private.waits_for(p_trade public.trades) returns uuid
language sql stable set search_path = ''
as $$
  select o.id
  from public.trade_legs as mine
    join public.trade_legs as theirs on theirs.symbol = mine.symbol
    join public.trades as o on o.id = theirs.trade_id
    join public.broker_accounts as a on a.id = o.broker_account_id
  where mine.trade_id = p_trade.id and o.id <> p_trade.id and o.broker_account_id = p_trade.broker_account_id
    and (o.status = 'unknown' or (o.status = 'submitting' and exists (
      select from public.order_attempts as s where s.trade_id = o.id and s.outcome is null and s.lease_until < clock_timestamp())))
    -- Where a name is taken once the unknown order cannot come twice, and an exit is not kept waiting. Elsewhere whatever
    -- is sent beside it may double it, an exit of the same symbol too.
    and (not private.takes_an_id_once(a.broker) or not private.reduces(p_trade))
  order by o.placed_number limit 1
$$;
comment on function private.waits_for(public.trades) is
  'The order of the same account and symbol whose outcome nobody knows, and that this one has to wait for; null where there is none.';

create function public.claim_trade(p_trade_id uuid, p_owner text, p_now timestamptz, p_lease_seconds numeric) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  successor public.trades;
  refused text;
  next_attempt integer;
  unknown_trade uuid;
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  trade := private.lock_trade(p_trade_id);
  if trade.status <> 'approved' then
    return jsonb_build_object('claimed', false, 'status', trade.status);
  end if;
  if p_now > trade.good_until then
    successor := private.expire(trade, 'TOO_LATE: good_until=' || trade.good_until || ' now=' || p_now, p_now);
    return jsonb_build_object('claimed', false, 'status', 'expired', 'placed_anew', successor.id);
  end if;
  refused := private.sending_refusal(trade);
  if refused is not null then
    update public.trades set status = 'canceled', status_at = greatest(p_now, trade.status_at), refusal = refused where id = trade.id;
    return jsonb_build_object('claimed', false, 'status', 'canceled');
  end if;
  unknown_trade := private.waits_for(trade);
  if unknown_trade is not null then
    perform private.alert(trade.user_id, trade.broker_account_id, case when trade.reduce_only then 'EXIT_WAITS' else 'ORDER_WAITS' end,
      case when trade.reduce_only then 'critical' else 'warning' end,
      'It is not known whether the broker has an earlier order of this symbol. Until it is, this order is not sent: beside the other it might double it.',
      jsonb_build_object('trade', trade.id, 'symbol', trade.symbol, 'waits_for', unknown_trade), 'order-waits|' || trade.id);
    return jsonb_build_object('claimed', false, 'status', 'approved', 'waits_for', unknown_trade);
  end if;
  if trade.replaces_trade_id is not null then
    update public.trades set status = 'replace_pending', status_at = greatest(p_now, status_at) where id = trade.replaces_trade_id;
  end if;
  update public.trades set status = 'submitting', status_at = greatest(p_now, trade.status_at) where id = trade.id returning * into trade;
  select coalesce(max(attempt), 0) + 1 into next_attempt from public.order_attempts where trade_id = trade.id;
  insert into public.order_attempts (trade_id, attempt, user_id, broker_account_id, client_order_id, claimed_by, lease_until)
  values (trade.id, next_attempt, trade.user_id, trade.broker_account_id, trade.client_order_id, p_owner,
    clock_timestamp() + make_interval(secs => p_lease_seconds));
  return private.order_of(trade) || jsonb_build_object('claimed', true, 'attempt', next_attempt);
end $$;
comment on function public.claim_trade(uuid, text, timestamptz, numeric) is
  'Takes an approved trade for sending: `submitting`, an attempt and a lease are on record before the broker is called. Past good_until it expires instead, and an exit is placed anew at a price of now. What a replacement replaces becomes replace_pending. While the outcome of an order of the same symbol is unknown it stays approved and waits.';

create function private.begin_look(p_trade public.trades, p_owner text, p_lease_seconds numeric) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  sent public.order_attempts;
  next_attempt integer;
begin
  select * into sent from public.order_attempts as a where a.trade_id = p_trade.id and a.kind = 'send' order by a.attempt desc limit 1;
  select coalesce(max(a.attempt), 0) + 1 into next_attempt from public.order_attempts as a where a.trade_id = p_trade.id;
  insert into public.order_attempts (trade_id, attempt, user_id, broker_account_id, client_order_id, kind, claimed_by, lease_until)
  values (p_trade.id, next_attempt, p_trade.user_id, p_trade.broker_account_id, coalesce(sent.client_order_id, p_trade.client_order_id), 'look',
    p_owner, clock_timestamp() + make_interval(secs => p_lease_seconds));
  return private.order_of(p_trade) || jsonb_build_object('attempt', next_attempt,
    'client_order_id', coalesce(sent.client_order_id, p_trade.client_order_id),
    'sent_as', (select jsonb_agg(distinct a.client_order_id) from public.order_attempts as a where a.trade_id = p_trade.id));
end $$;
comment on function private.begin_look(public.trades, text, numeric) is
  'Writes that the broker is asked for an order, and answers with the order and every name that it was sent under.';

create function private.look_due(p_trade_id uuid, p_first_seconds numeric, p_longest_seconds numeric) returns boolean
language sql stable set search_path = ''
as $$
  select coalesce(bool_and(clock_timestamp() >= newest.answered_at + make_interval(secs => least(
    p_first_seconds * 2 ^ least((select count(*) from public.order_attempts as l
      where l.trade_id = p_trade_id and l.kind = 'look' and l.attempt > (
        select max(s.attempt) from public.order_attempts as s where s.trade_id = p_trade_id and s.kind = 'send')), 20),
    p_longest_seconds))), true)
  from (select a.answered_at from public.order_attempts as a where a.trade_id = p_trade_id order by a.attempt desc limit 1) as newest
$$;
comment on function private.look_due(uuid, numeric, numeric) is
  'Whether it is time to ask for an order again: after the first wait, and after twice as long each time.';

create function public.claim_unresolved(
  p_owner text, p_lease_seconds numeric, p_account_id uuid default null, p_first_seconds numeric default 0, p_longest_seconds numeric default 0)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  attempt public.order_attempts;
  trade public.trades;
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
      claimed := claimed || jsonb_build_array(private.begin_look(trade, p_owner, p_lease_seconds));
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
    continue when exists (select from public.order_attempts as a where a.trade_id = trade.id and a.outcome is null)
      or not private.look_due(trade.id, p_first_seconds, p_longest_seconds);
    claimed := claimed || jsonb_build_array(private.begin_look(trade, p_owner, p_lease_seconds));
  end loop;
  return claimed;
end $$;
comment on function public.claim_unresolved(text, numeric, uuid, numeric, numeric) is
  'Takes the trades whose outcome at the broker is unknown and that it is time to look for, each with a new attempt and lease, to be asked for by client order id. Looks come p_first_seconds after the answer was lost, then after twice as long each time, at most p_longest_seconds.';

create function public.claim_resend(
  p_trade_id uuid, p_attempt integer, p_now timestamptz, p_owner text default '', p_lease_seconds numeric default 30,
  p_settle_seconds numeric default 0, p_patience_seconds numeric default 0, p_gap_seconds numeric default 0)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  sent public.order_attempts;
  own_name text;
  first_clean timestamptz;
  broken_at integer;
  read_at timestamptz;
  refused text;
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  trade := private.lock_trade(p_trade_id);
  refused := case
    when trade.status <> 'unknown' or trade.broker_order_id is not null then 'NOT_UNKNOWN: status=' || trade.status
    when p_attempt <> (select max(attempt) from public.order_attempts where trade_id = p_trade_id) then 'NOT_NEWEST: attempt=' || p_attempt end;
  if refused is not null then
    return jsonb_build_object('send', false, 'refusal', refused, 'look_again', false);
  end if;
  select * into sent from public.order_attempts as a where a.trade_id = p_trade_id and a.kind = 'send' order by a.attempt desc limit 1;
  -- Evidence is a row of clean reads, this one the last, that nothing interrupted. Those made while the request may still
  -- have been under way say nothing. What a slow broker answers may be as old as the question: a read counts from there.
  select a.claimed_at into read_at from public.order_attempts as a where a.trade_id = p_trade_id and a.attempt = p_attempt;
  select coalesce(max(a.attempt), sent.attempt) into broken_at from public.order_attempts as a
  where a.trade_id = p_trade_id and a.attempt > sent.attempt and a.attempt < p_attempt and a.outcome <> 'not_seen';
  select min(a.claimed_at) into first_clean from public.order_attempts as a
  where a.trade_id = p_trade_id and a.attempt > broken_at and a.attempt < p_attempt
    and a.claimed_at >= sent.answered_at + make_interval(secs => p_settle_seconds);
  if read_at < sent.answered_at + make_interval(secs => p_patience_seconds)
    or (p_gap_seconds > 0 and (read_at >= first_clean + make_interval(secs => p_gap_seconds)) is not true) then
    perform private.complete_attempt(p_trade_id, p_attempt, 'not_seen', null, 'not seen at ' || read_at);
    return jsonb_build_object('send', false, 'refusal', null, 'look_again', true);
  end if;
  refused := case
    when p_now > trade.good_until then 'TOO_LATE: good_until=' || trade.good_until || ' now=' || p_now
    else private.sending_refusal(trade) end;
  if refused is not null then
    return jsonb_build_object('send', false, 'refusal', refused, 'look_again', false);
  end if;
  perform private.complete_attempt(p_trade_id, p_attempt, 'not_seen', null, 'not seen at ' || read_at);
  -- Where the broker takes a name once, the same name keeps it from taking the order twice. Where it does not, a name of
  -- its own tells this sending from the first, should that one appear after all.
  own_name := trade.client_order_id || case when private.takes_an_id_once(
      (select broker from public.broker_accounts where id = trade.broker_account_id)) then ''
    else '-' || (select count(*) + 1 from public.order_attempts as a where a.trade_id = p_trade_id and a.kind = 'send') end;
  insert into public.order_attempts (trade_id, attempt, user_id, broker_account_id, client_order_id, claimed_by, lease_until)
  values (trade.id, p_attempt + 1, trade.user_id, trade.broker_account_id, own_name, p_owner, clock_timestamp() + make_interval(secs => p_lease_seconds));
  return jsonb_build_object('send', true, 'refusal', null, 'look_again', false,
    'order', private.order_of(trade) || jsonb_build_object('attempt', p_attempt + 1, 'client_order_id', own_name));
end $$;
comment on function public.claim_resend(uuid, integer, timestamptz, text, numeric, numeric, numeric, numeric) is
  'The broker did not show an order when it was looked for. Whether that is believed: asked p_patience_seconds after its sending ended, and where p_gap_seconds is above zero in a row of clean reads over that time, begun p_settle_seconds after the sending. Believed, it may be sent again, as a new attempt: still unknown, in time, through open gates, still reducing.';

create function private.complete_attempt(p_trade_id uuid, p_attempt integer, p_outcome text, p_broker_order_id text, p_detail text)
returns void
language sql set search_path = ''
as $$
  update public.order_attempts
  set outcome = p_outcome, broker_order_id = p_broker_order_id, detail = p_detail, answered_at = clock_timestamp()
  where trade_id = p_trade_id and attempt = p_attempt and outcome is null
$$;
comment on function private.complete_attempt(uuid, integer, text, text, text) is 'Writes the outcome of an attempt that has none.';

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
  if p_outcome = 'not_placed' then
    -- An exit that was not sent is placed anew, which takes the locks of an order, before the trade's.
    select * into trade from public.trades where id = p_trade_id;
    perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  end if;
  trade := private.lock_trade(p_trade_id);
  if trade.id is null then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.complete_attempt(p_trade_id, p_attempt, p_outcome, null, p_detail);
  -- Evidence of the order (a broker order id, a fill) outweighs an answer that came late, and only the newest sending
  -- speaks for the trade: an older one may have been refused because of its own twin.
  if trade.status in ('submitting', 'unknown') and trade.status <> next_status and trade.broker_order_id is null
    and p_attempt = (select max(attempt) from public.order_attempts where trade_id = p_trade_id) then
    if next_status = 'expired' and trade.status = 'submitting' then
      update public.trades set status = 'unknown' where id = p_trade_id returning * into trade;
    end if;
    if next_status = 'expired' and trade.cancel_requested_at is not null then
      -- It was not sent because somebody did not want it any more.
      next_status := 'canceled';
    end if;
    if next_status = 'expired' then
      perform private.expire(trade, p_detail, p_at);
      select * into trade from public.trades where id = p_trade_id;
    else
      update public.trades
      set status = next_status, refusal = case when next_status = 'unknown' then refusal else p_detail end,
          status_at = greatest(p_at, trade.status_at)
      where id = p_trade_id returning * into trade;
    end if;
  end if;
  return jsonb_build_object('status', trade.status);
end $$;
comment on function public.record_attempt(uuid, integer, text, text, timestamptz) is
  'The sending ended as rejected (final), unknown (ask the broker), or not_placed (the broker has no such order and it is too late to send).';

grant execute on function public.trading_accounts(), public.approved_trades(uuid), public.claim_trade(uuid, text, timestamptz, numeric),
  public.claim_unresolved(text, numeric, uuid, numeric, numeric),
  public.claim_resend(uuid, integer, timestamptz, text, numeric, numeric, numeric, numeric),
  public.record_attempt(uuid, integer, text, text, timestamptz) to fn_execute;
