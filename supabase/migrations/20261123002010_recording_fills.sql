-- Executions, as the broker reports them: each counted once, none refused.

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
    ordered := coalesce(private.ordered_quantity(trade.id, leg_row.leg), (p_fill ->> 'ordered_quantity')::numeric);

    update public.trades
    set filled_quantity = so_far.units,
        fill_price = so_far.price,
        executed_at = greatest(executed, trade.executed_at),
        status = case
          when private.is_final(status) then status
          when private.is_filled(id, (p_fill ->> 'ordered_quantity')::numeric) then 'filled'
          when status = 'submitted' then 'partially_filled'
          else status end,
        status_at = greatest(executed, trade.status_at)
    from private.filled_so_far(trade.id) as so_far
    where id = trade.id returning trades.* into trade;
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

grant execute on function public.record_fill(uuid, jsonb, jsonb), public.unrecorded_fills(uuid, jsonb) to fn_execute;
