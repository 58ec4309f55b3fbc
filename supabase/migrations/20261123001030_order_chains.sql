-- Replacements: one chain of orders that together are one wish, and what of it may still fill.

create function private.lineage_filled(p_trade_id uuid, p_leg integer) returns numeric
language sql stable set search_path = ''
as $$
  with recursive lineage as (
    select t.id, t.replaces_trade_id from public.trades as t where t.id = p_trade_id
    union all
    select t.id, t.replaces_trade_id from public.trades as t join lineage as l on t.id = l.replaces_trade_id
  )
  select coalesce(sum(l.filled_quantity), 0) from public.trade_legs as l
  where l.leg = p_leg and l.trade_id in (select id from lineage)
$$;
comment on function private.lineage_filled(uuid, integer) is 'What an order and all that it replaced, one after the other, have filled of a leg.';

create function private.replaced_open(p_trade_id uuid, p_leg integer) returns numeric
language sql stable set search_path = ''
as $$
  select coalesce((
    select greatest(coalesce(l.quantity, 0) - private.lineage_filled(t.id, l.leg), 0)
    from public.trades as t join public.trade_legs as l on l.trade_id = t.id and l.leg = p_leg
    where t.id = p_trade_id and private.is_working(t.status)), 0)
$$;
comment on function private.replaced_open(uuid, integer) is 'What the order that is to be replaced may itself still fill; nothing once it is over.';

create function private.added_open(p_replaces_trade_id uuid, p_leg integer, p_quantity numeric, p_filled numeric) returns numeric
language sql stable set search_path = ''
as $$
  -- The broker works one order of the chain or the other: together they may fill the larger rest of the two, so the
  -- replacement adds only what its own rest exceeds the replaced order's by.
  select case when p_replaces_trade_id is null then greatest(coalesce(p_quantity, 0) - p_filled, 0)
    else greatest(
      greatest(coalesce(p_quantity, 0) - p_filled - private.lineage_filled(p_replaces_trade_id, p_leg), 0)
        - private.replaced_open(p_replaces_trade_id, p_leg), 0) end
$$;
comment on function private.added_open(uuid, integer, numeric, numeric) is
  'What an order of this quantity and fills may still fill, beyond what is counted already for the order that it replaces.';

create function private.worse_quantity(p_trade public.trades) returns numeric
language sql stable set search_path = ''
as $$
  -- By the leg that has most left: a unit of several legs may be filled in one and not yet in another.
  select max((private.added_open(p_trade.replaces_trade_id, l.leg, l.ratio * p_trade.quantity, l.filled_quantity)
    + case when p_trade.replaces_trade_id is null then 0 else private.replaced_open(p_trade.replaces_trade_id, l.leg) end) / l.ratio)
  from public.trade_legs as l where l.trade_id = p_trade.id
$$;
comment on function private.worse_quantity(public.trades) is
  'What may still fill of an order and the order that it replaces, at the worse of the two: shares, contracts or units of several legs; what limits count where both are left out.';

create function private.ordered_quantity(p_trade_id uuid, p_leg integer) returns numeric
language sql stable set search_path = ''
as $$
  select l.quantity - case when t.replaces_trade_id is null then 0 else private.lineage_filled(t.replaces_trade_id, l.leg) end
  from public.trades as t join public.trade_legs as l on l.trade_id = t.id
  where t.id = p_trade_id and l.leg = p_leg
$$;
comment on function private.ordered_quantity(uuid, integer) is
  'What an order itself has to fill of a leg: for a replacement the whole less what the replaced orders filled. Null for an order by notional.';

create function private.is_filled(p_trade_id uuid, p_said_quantity numeric default null) returns boolean
language sql stable set search_path = ''
as $$
  select coalesce(bool_and(l.filled_quantity > 0
    and l.filled_quantity >= coalesce(private.ordered_quantity(l.trade_id, l.leg), p_said_quantity)), false)
  from public.trade_legs as l where l.trade_id = p_trade_id
$$;
comment on function private.is_filled(uuid, numeric) is
  'Whether every leg of an order is filled. p_said_quantity is what the broker says was ordered, for an order by notional.';

create function private.filled_so_far(p_trade_id uuid, out units numeric, out price numeric)
language sql stable set search_path = ''
as $$
  select min(l.filled_quantity / l.ratio),
    case when count(*) = 1 then round(max(l.filled_value / nullif(l.filled_quantity, 0)), 10)
      -- The net price of a unit; not known before every leg has a fill.
      when bool_and(l.filled_quantity > 0) then
        round(sum(case l.side when 'buy' then 1 else -1 end * l.ratio * l.filled_value / nullif(l.filled_quantity, 0)), 10) end
  from public.trade_legs as l where l.trade_id = p_trade_id
$$;
comment on function private.filled_so_far(uuid) is 'The units that every leg of an order has filled, and the average price of a unit.';

create view private.open_legs as
select t.id as trade_id, t.user_id, t.broker_account_id, t.strategy_id, t.replaces_trade_id, t.status, t.reduce_only, t.order_type, l.leg,
  l.symbol, l.side,
  case when t.replaces_trade_id is null then greatest(coalesce(l.quantity, 0) - l.filled_quantity, 0)
    else private.added_open(t.replaces_trade_id, l.leg, l.quantity, l.filled_quantity) end as open
from public.trades as t join public.trade_legs as l on l.trade_id = t.id
where t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced') and private.is_working(t.status);
comment on column private.open_legs.replaces_trade_id is 'The order that this one replaces.';
comment on view private.open_legs is
  'What may still fill, leg by leg, shares or contracts: orders that are approved and not over. It adds up: an order and its replacement together count once, at the larger rest.';

create function private.lock_trade(p_trade_id uuid) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
  older uuid;
begin
  -- A change of one order of a chain may change its neighbours, so all are locked before anything is written: a write takes
  -- the lock of the audit chain, which comes last. The older order first, everywhere; what an order replaces never changes,
  -- so it may be read before it is locked, and nobody adds a replacement to an order that is locked.
  -- One that is over is left alone: nothing moves it any more, and a halt, which takes only what is open, may wait for it.
  select t.replaces_trade_id into older from public.trades as t where t.id = p_trade_id;
  if older is not null then
    perform from public.trades where id = older and not private.is_final(status) for update;
  end if;
  select * into trade from public.trades where id = p_trade_id for update;
  -- Most orders are replaced by none, and the walk costs more than to ask.
  if exists (select from public.trades as t where t.replaces_trade_id = p_trade_id) then
    perform from public.trades
    where id in (
        with recursive following as (
          select t.id from public.trades as t where t.replaces_trade_id = p_trade_id
          union all
          select t.id from public.trades as t join following as f on t.replaces_trade_id = f.id
        )
        select id from following)
      and not private.is_final(status)
    order by placed_number for update;
  end if;
  return trade;
end $$;
comment on function private.lock_trade(uuid) is
  'Locks a trade, before it the one that it replaces and after it those that are to replace it; null where there is none. Whoever changes several trades locks all of them before the first change.';

create function private.follow_trade() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- One trigger that asks by itself: a WHEN clause is read anew by every statement, which costs more than the call.
  -- Whatever way led here: the order is known to work now, and somebody wanted it cancelled while that was not known.
  if new.cancel_requested_at is not null and new.status in ('submitted', 'partially_filled') then
    update public.trades set status = 'cancel_pending' where id = new.id and status = new.status;
  end if;
  -- A fill that comes after its order was replaced is part of the whole that the replacement asked for: it may be what was missing.
  if new.filled_quantity is distinct from old.filled_quantity and new.status in ('replace_pending', 'replaced') then
    update public.trades set status = 'filled', status_at = greatest(new.status_at, status_at)
    where id in (
        with recursive following as (
          select t.id from public.trades as t where t.replaces_trade_id = new.id
          union all
          select t.id from public.trades as t join following as f on t.replaces_trade_id = f.id
        )
        select id from following)
      and status in ('submitted', 'partially_filled', 'cancel_pending') and private.is_filled(id);
  end if;
  if new.status is not distinct from old.status then
    return null;
  end if;
  -- What a broken limit sells is not tried again: somebody has to know.
  if new.status = 'rejected' and new.source = 'risk' and new.signal like 'limit|%' then
    perform private.alert(new.user_id, new.broker_account_id, 'LIMIT_NOT_REDUCED', 'critical',
      'A limit is broken and the order that should reduce the position was refused. Reduce it by hand, or halt the account.',
      jsonb_build_object('trade', new.id, 'symbol', new.symbol, 'quantity', trim_scale(new.quantity)::text, 'why', new.refusal),
      'limit-order-refused|' || new.id);
  end if;
  -- What can no longer be replaced: a replacement that was not sent is over.
  if new.status = 'cancel_pending' or private.is_final(new.status) then
    update public.trades
    set status = 'canceled', refusal = 'ORDER_IS_OVER: order=' || new.id || ' status=' || new.status, status_at = greatest(new.status_at, status_at)
    where replaces_trade_id = new.id and status in ('pending', 'approved');
  end if;
  if new.replaces_trade_id is not null then
    if new.status = 'rejected' or (new.status in ('expired', 'canceled') and old.status in ('submitting', 'unknown')) then
      -- The broker refused the replacement, or never had it: the order works on as it was.
      update public.trades
      set status = case when filled_quantity > 0 then 'partially_filled' else 'submitted' end, status_at = greatest(new.status_at, status_at)
      where id = new.replaces_trade_id and status = 'replace_pending';
    elsif new.status in ('partially_filled', 'filled') then
      -- The broker fills the replacement, so it has taken the order's place.
      update public.trades set status = 'replaced', status_at = greatest(new.status_at, status_at)
      where id = new.replaces_trade_id and status = 'replace_pending';
    end if;
  end if;
  return null;
end $$;
comment on function private.follow_trade() is
  'What follows from a change of an order: a cancel that was wished for goes on once the order is known to work; a late fill may fill its replacement; an order that is over takes its unsent replacement with it, a limits order that was refused is told, and a replacement that failed lets its order work on. All of them are locked before: see lock_trade().';
-- After the journal and the audit of the change that woke it, so that both keep their order.
create trigger zz_follow after update on public.trades for each row execute function private.follow_trade();
