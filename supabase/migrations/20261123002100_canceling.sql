-- Orders are cancelled.

create function private.cancel_order(p_trade public.trades, p_reason text, p_at timestamptz) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
  replacement public.trades;
begin
  -- The row's lock makes it true: whoever claims, answers for, or fills this trade waits, and then sees the wish.
  trade := private.lock_trade(p_trade.id);
  if trade.id is null or private.is_final(trade.status) then
    return trade;
  end if;
  if trade.status in ('pending', 'approved') then
    update public.trades
    set status = 'canceled', refusal = 'CANCEL_REQUESTED: ' || coalesce(p_reason, ''),
        cancel_requested_at = coalesce(p_at, now()), cancel_requested_by = private.actor(), cancel_reason = coalesce(p_reason, ''),
        status_at = greatest(p_at, status_at)
    where id = trade.id returning * into trade;
  elsif trade.cancel_requested_at is null then
    -- Written first, alone: where the order works, the trigger moves it on to cancel_pending. Where its outcome is not
    -- known (submitting, unknown, replace_pending) the wish waits on the row.
    update public.trades
    set cancel_requested_at = coalesce(p_at, now()), cancel_requested_by = private.actor(), cancel_reason = coalesce(p_reason, ''),
        status_at = greatest(p_at, status_at)
    where id = trade.id;
    -- One wish: what is on its way to take this order's place is not wanted either.
    for replacement in select * from public.trades where replaces_trade_id = trade.id and not private.is_final(status) loop
      perform private.cancel_order(replacement, p_reason, p_at);
    end loop;
    select * into trade from public.trades where id = trade.id;
  end if;
  return trade;
end $$;
comment on function private.cancel_order(public.trades, text, timestamptz) is
  'Cancels one trade, whatever its state: at once where nothing was sent, cancel_pending where it works at the broker, a recorded wish where that is not known yet. A replacement that is on its way to take its place is cancelled with it; cancelling a replacement leaves the order that it would replace. Never refuses; safe to call again. Locks the trade and its replacement; whoever cancels several locks all of them first, in placed_number order.';

create function public.request_cancel(p_trade_id uuid, p_reason text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  perform private.require_trader();
  select * into trade from public.trades where id = p_trade_id
    and private.reaches(user_id);
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade of your own.', jsonb_build_object('trade', p_trade_id));
  end if;
  trade := private.cancel_order(trade, p_reason, null);
  return jsonb_build_object('trade_id', trade.id, 'status', trade.status, 'version', trade.version,
    'cancel_requested_at', trade.cancel_requested_at);
end $$;
comment on function public.request_cancel(uuid, text) is
  'Asks for a cancel: at once where nothing was sent, else `cancel_pending` until the broker says so. Where the outcome of the sending is not known yet the wish is kept and done as soon as it is. Safe to call again.';

create function public.request_cancel_all(p_account_id uuid, p_symbol text, p_reason text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  caller constant uuid := (select auth.uid());
  working uuid[];
  trade public.trades;
  asked jsonb;
begin
  if caller is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to cancel orders.');
  end if;
  perform private.require_trader();
  perform private.require_scope('trade', 'risk');
  if p_account_id is not null and not exists (select from public.broker_accounts where id = p_account_id and user_id = caller) then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a broker account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  -- All of them are locked before the first is cancelled, in the order in which everybody locks several.
  select array_agg(found.id) into working from (
    select t.id from public.trades as t
    where t.user_id = caller and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
      and (p_account_id is null or t.broker_account_id = p_account_id)
      and (p_symbol is null or exists (select from public.trade_legs as l where l.trade_id = t.id and l.symbol = p_symbol))
    order by t.placed_number for update) as found;
  for trade in select t.* from public.trades as t where t.id = any (working) order by t.placed_number loop
    perform private.cancel_order(trade, p_reason, null);
  end loop;
  select coalesce(jsonb_agg(jsonb_build_object('trade_id', t.id, 'status', t.status, 'version', t.version,
    'cancel_requested_at', t.cancel_requested_at) order by t.placed_number), '[]'::jsonb) into asked
  from public.trades as t where t.id = any (working);
  return asked;
end $$;
comment on function public.request_cancel_all(uuid, text, text) is
  'Asks for a cancel of every order of the caller''s that is not over, exits included; of one account or one symbol (as any leg) where that is said. Each as request_cancel() does, all in one transaction. Safe to call again.';

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

grant execute on function public.cancel_orders_due() to fn_execute;
grant execute on function public.request_cancel(uuid, text) to authenticated, fn_risk;
grant execute on function public.request_cancel_all(uuid, text, text) to authenticated;
