-- Orders are cancelled.

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

grant execute on function public.cancel_orders_due() to fn_execute;
grant execute on function public.request_cancel(uuid, text) to authenticated, fn_risk, fn_api;
