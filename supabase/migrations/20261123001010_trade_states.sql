-- The state machine of a trade: where it may go, that what was ordered never changes, that every step leaves a trace.

create table private.trade_arrows (
  from_status text not null,
  to_status text not null,
  why text not null,
  primary key (from_status, to_status)
);
comment on table private.trade_arrows is 'The state machine: a status change that is not a row here is refused.';
comment on column private.trade_arrows.from_status is 'The status a trade has.';
comment on column private.trade_arrows.to_status is 'A status it may take next.';
comment on column private.trade_arrows.why is 'What makes a trade go this way.';
insert into private.trade_arrows (from_status, to_status, why) values
  ('pending', 'approved', 'risk allows it'),
  ('pending', 'rejected', 'risk denies it'),
  ('pending', 'canceled', 'a cancel was asked for, or the order it would replace is over'),
  ('pending', 'expired', 'it was not judged by its good_until'),
  ('approved', 'submitting', 'a sender claims it'),
  ('approved', 'canceled', 'a cancel was asked for, or what was true at the approval no longer is'),
  ('approved', 'expired', 'it was not sent by its good_until'),
  ('submitting', 'submitted', 'the broker has it'),
  ('submitting', 'rejected', 'the broker refuses it'),
  ('submitting', 'unknown', 'the answer was lost, or its sender died'),
  ('unknown', 'submitted', 'the broker has it after all'),
  ('unknown', 'filled', 'the broker filled it'),
  ('unknown', 'rejected', 'the broker refuses it'),
  ('unknown', 'canceled', 'the broker does not have it, and a cancel was asked for'),
  ('unknown', 'expired', 'the broker does not have it, and it is too late to send'),
  ('submitted', 'partially_filled', 'a fill that leaves a rest'),
  ('submitted', 'filled', 'a fill of the whole'),
  ('submitted', 'cancel_pending', 'a cancel was asked for, here or at the broker'),
  ('submitted', 'replace_pending', 'its replacement is being sent'),
  ('submitted', 'canceled', 'the broker says so: cancelled there, or by the exchange'),
  ('submitted', 'expired', 'the broker says so: its time in force is over'),
  ('submitted', 'rejected', 'an exchange may refuse what the broker had taken'),
  ('submitted', 'replaced', 'replaced outside AgentTrader: on the broker''s own page'),
  ('partially_filled', 'filled', 'a fill of the rest'),
  ('partially_filled', 'cancel_pending', 'a cancel was asked for, here or at the broker'),
  ('partially_filled', 'replace_pending', 'its replacement is being sent'),
  ('partially_filled', 'canceled', 'the broker says so: cancelled there, or by the exchange'),
  ('partially_filled', 'expired', 'the broker says so: its time in force is over'),
  ('partially_filled', 'rejected', 'a broker may give up the rest of an order with this word'),
  ('partially_filled', 'replaced', 'replaced outside AgentTrader: on the broker''s own page'),
  ('cancel_pending', 'canceled', 'the broker says so'),
  ('cancel_pending', 'filled', 'the fill came before the cancel'),
  ('cancel_pending', 'expired', 'the session ended before the cancel came through'),
  ('cancel_pending', 'rejected', 'the exchange refuses an order that was being cancelled'),
  ('cancel_pending', 'replaced', 'a replacement that was under way came before the cancel'),
  ('replace_pending', 'replaced', 'the broker says so'),
  ('replace_pending', 'submitted', 'the replacement was refused or never arrived: the order works on'),
  ('replace_pending', 'partially_filled', 'the same, for an order that is filled in part'),
  ('replace_pending', 'filled', 'the fill came before the replacement'),
  ('replace_pending', 'canceled', 'the broker says so: cancelled there meanwhile'),
  ('replace_pending', 'expired', 'the session ended before the replacement came through'),
  ('replace_pending', 'rejected', 'the exchange refuses an order that was being replaced');

create function private.is_final(p_status text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_status in ('filled', 'canceled', 'rejected', 'expired', 'replaced') $$;
comment on function private.is_final(text) is 'Whether a trade of this status is over.';

create function private.is_working(p_status text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$
  select p_status in ('approved', 'submitting', 'submitted', 'partially_filled', 'cancel_pending', 'replace_pending', 'unknown')
$$;
comment on function private.is_working(text) is 'Whether a trade of this status can still fill: what exposure counts.';

create function private.guard_trade() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  ordered public.trades;
begin
  if tg_op = 'INSERT' then
    if new.status <> 'pending' and new.source <> 'external' then
      perform private.refuse(409, 'BAD_TRANSITION', 'A trade begins as pending.', jsonb_build_object('to', new.status));
    end if;
    if new.replaces_trade_id is not null and new.source <> 'external' and not exists (
      select from public.trades as o
      where o.id = new.replaces_trade_id and o.status in ('submitted', 'partially_filled') and o.cancel_requested_at is null
        and o.quantity is not null
        and (o.symbol, o.side, o.order_type, o.reduce_only, o.multi_leg) = (new.symbol, new.side, new.order_type, new.reduce_only, new.multi_leg)
        and o.strategy_id is not distinct from new.strategy_id) then
      perform private.refuse(409, 'NOT_REPLACEABLE', 'A replacement takes the place of a working order of the same symbol, side, type and strategy.',
        jsonb_build_object('trade', new.replaces_trade_id));
    end if;
    if new.reprices_trade_id is not null and not exists (
      select from public.trades as o
      where o.id = new.reprices_trade_id and o.status = 'expired' and o.reduce_only and new.reduce_only and o.filled_quantity = 0
        and (o.symbol, o.side) = (new.symbol, new.side) and o.quantity = new.quantity
        and o.strategy_id is not distinct from new.strategy_id) then
      perform private.refuse(409, 'NOT_AN_EXPIRED_EXIT', 'Only an exit that expired unsent is placed anew, for the same quantity.',
        jsonb_build_object('trade', new.reprices_trade_id));
    end if;
    return new;
  end if;
  -- What may happen to an order is named; everything else, new columns included, is what was ordered.
  ordered := old;
  ordered.status := new.status;
  ordered.status_at := new.status_at;
  ordered.refusal := new.refusal;
  ordered.broker_order_id := new.broker_order_id;
  ordered.filled_quantity := new.filled_quantity;
  ordered.fill_price := new.fill_price;
  ordered.executed_at := new.executed_at;
  ordered.quantity := new.quantity;
  ordered.cancel_requested_at := new.cancel_requested_at;
  ordered.cancel_requested_by := new.cancel_requested_by;
  ordered.cancel_reason := new.cancel_reason;
  ordered.created_at := new.created_at;
  ordered.updated_at := new.updated_at;
  ordered.version := new.version;
  if ordered is distinct from new
     or (new.quantity is distinct from old.quantity and (old.status <> 'pending' or new.quantity < old.quantity is not true)) then
    perform private.refuse(409, 'TRADE_IS_FIXED', 'What was ordered never changes; replace the order by a new trade.',
      jsonb_build_object('trade', old.id, 'status', old.status));
  end if;
  if new.broker_order_id is distinct from old.broker_order_id and old.broker_order_id is not null then
    perform private.refuse(409, 'BROKER_ORDER_IS_FIXED', 'A trade keeps the broker order it was given.',
      jsonb_build_object('trade', old.id, 'had', old.broker_order_id, 'given', new.broker_order_id));
  end if;
  if (new.cancel_requested_at, new.cancel_requested_by, new.cancel_reason)
       is distinct from (old.cancel_requested_at, old.cancel_requested_by, old.cancel_reason)
     and (old.cancel_requested_at is not null or private.is_final(old.status)) then
    perform private.refuse(409, 'CANCEL_IS_FIXED', 'That a cancel was asked for is written once, while the trade is open, and stays.',
      jsonb_build_object('trade', old.id, 'status', old.status));
  end if;
  if new.status is distinct from old.status
    and not exists (select from private.trade_arrows where from_status = old.status and to_status = new.status) then
    perform private.refuse(409, 'BAD_TRANSITION', 'The state machine has no such arrow.',
      jsonb_build_object('trade', old.id, 'from', old.status, 'to', new.status));
  end if;
  return new;
end $$;
comment on function private.guard_trade() is 'Keeps the state machine and what was ordered.';

create function private.guard_leg() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  ordered public.trade_legs := old;
begin
  ordered.filled_quantity := new.filled_quantity;
  ordered.filled_value := new.filled_value;
  ordered.quantity := new.quantity;
  ordered.updated_at := new.updated_at;
  if ordered is distinct from new
     or (new.quantity is distinct from old.quantity and (new.quantity < old.quantity is not true
       or not exists (select from public.trades where id = old.trade_id and status = 'pending'))) then
    perform private.refuse(409, 'TRADE_IS_FIXED', 'What was ordered never changes; replace the order by a new trade.',
      jsonb_build_object('trade', old.trade_id, 'leg', old.leg));
  end if;
  return new;
end $$;
comment on function private.guard_leg() is 'Keeps what a leg buys or sells; risk may make it smaller before it is sent.';
create trigger guard before update on public.trade_legs for each row execute function private.guard_leg();

create function private.journal_trade() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  step integer;
  event_type text;
begin
  if tg_op = 'UPDATE' and new.status is not distinct from old.status then
    return null;
  end if;
  select coalesce(max(number), 0) + 1 into step from public.trade_transitions where trade_id = new.id;
  insert into public.trade_transitions (trade_id, number, user_id, from_status, to_status, actor, reason, event_at)
  values (new.id, step, new.user_id, case when tg_op = 'UPDATE' then old.status end, new.status, private.actor(),
    coalesce(new.refusal, case when tg_op = 'INSERT' then new.reason when new.status = 'cancel_pending' then new.cancel_reason end, ''),
    new.status_at);
  event_type := case new.status
    when 'pending' then 'trade.placed'
    when 'cancel_pending' then 'trade.cancel_requested'
    when 'replace_pending' then 'trade.replace_requested'
    else 'trade.' || new.status end;
  perform private.emit(
    case when new.status = 'pending' then 'trade-signals'
         when new.status in ('cancel_pending', 'replace_pending') then 'trade-controls'
         else 'trade-events' end,
    event_type,
    case when new.status in ('cancel_pending', 'replace_pending') then new.id::text else new.broker_account_id::text end,
    new.status_at,
    jsonb_build_object('trade_id', new.id, 'user_id', new.user_id, 'broker_account_id', new.broker_account_id,
      'strategy_id', new.strategy_id, 'symbol', new.symbol, 'status', new.status, 'version', new.version),
    'trade|' || new.id || '|' || step,
    new.trace);
  return null;
end $$;
comment on function private.journal_trade() is 'Every change of status leaves a transition and an event, in the same transaction.';

create trigger a_touch before insert or update on public.trades for each row execute function private.touch();
create trigger b_guard before insert or update on public.trades for each row execute function private.guard_trade();
create trigger journal after insert or update on public.trades for each row execute function private.journal_trade();
select private.audit_changes('public.trades');

select private.audit_changes('private.trade_arrows');
