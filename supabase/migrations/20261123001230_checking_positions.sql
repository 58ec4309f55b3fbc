-- Checking: everything that is summed, recomputed from the facts.

create function public.check_positions() returns jsonb
language sql stable security definer set search_path = ''
as $$
  with pairs as (
    select broker_account_id, symbol from public.fills
    union select broker_account_id, symbol from public.position_adjustments
    union select broker_account_id, symbol from public.position_books
    union select broker_account_id, symbol from public.strategy_positions
    union select broker_account_id, symbol from public.position_lots
    union select broker_account_id, symbol from public.lot_closings
    union select broker_account_id, symbol from public.position_adjustment_shares
  ), walked as materialized (
    select p.broker_account_id, p.symbol, l.what, l.owner_key, l.opened_by, l.closed_by, l.at, l.number, l.original, l.quantity, l.cost,
      l.realised, l.proceeds, l.fees
    from pairs as p cross join lateral private.walk(p.broker_account_id, p.symbol) as l
  ), facts as (
    select broker_account_id, symbol, number, quantity_change, value_change, realised_pnl, fee, position_quantity, position_cost from public.fills
    union all
    select broker_account_id, symbol, number, quantity_change, value_change, realised_pnl, 0, position_quantity, position_cost
    from public.position_adjustments
  ), by_account as (
    select w.broker_account_id, w.symbol, w.quantity, w.cost, w.realised, w.fees, w.at, w.number, coalesce(f.fifo, 0) as fifo
    from walked as w
    left join (select broker_account_id, symbol, sum(proceeds - cost) as fifo from walked where what = 'closing' group by 1, 2) as f
      using (broker_account_id, symbol)
    where w.what = 'account'
  ), booked as (
    select broker_account_id, symbol, sum(quantity_change) as quantity, sum(value_change + realised_pnl) as cost,
      sum(realised_pnl) as realised, sum(fee) as fees
    from facts group by 1, 2
  ), running as (
    select *, sum(quantity_change) over w as quantity_then, sum(value_change + realised_pnl) over w as cost_then
    from facts window w as (partition by broker_account_id, symbol order by number)
  ), by_owner as (
    select broker_account_id, symbol, owner_key, sum(realised) as booked
    from (
      select broker_account_id, symbol, coalesce(strategy_id::text, 'manual') as owner_key, strategy_realised_pnl as realised from public.fills
      union all
      select broker_account_id, symbol, owner_key, realised_pnl from public.position_adjustment_shares) as earned
    group by 1, 2, 3
  ), by_lot as (
    select broker_account_id, symbol, opened_by, owner_key, at, number, original, quantity, cost from walked where what = 'lot'
  ), by_closing as (
    select broker_account_id, symbol, opened_by, owner_key, closed_by, sum(quantity) as quantity, sum(cost) as cost, sum(proceeds) as proceeds,
      max(at) as at
    from walked where what = 'closing' group by 1, 2, 3, 4, 5
  ), kept_closing as (
    select broker_account_id, symbol, opened_by, owner_key, closed_by, sum(quantity) as quantity, sum(cost) as cost, sum(proceeds) as proceeds,
      sum(realised_pnl) as realised, min(closed_at) as first_at, max(closed_at) as last_at
    from public.lot_closings group by 1, 2, 3, 4, 5
  ), by_share as (
    select broker_account_id, symbol, closed_by as adjustment_id, owner_key, sum(quantity) as quantity, sum(cost) as amount
    from walked where what = 'share' group by 1, 2, 3, 4
  ), kept_share as (
    select broker_account_id, symbol, adjustment_id, owner_key, sum(quantity) as quantity, sum(amount) as amount
    from public.position_adjustment_shares group by 1, 2, 3, 4
  ), executed as (
    select f.trade_id, f.leg, t.quantity, t.price
    from public.fills as f cross join lateral private.terms_of(f.id) as t where f.kind = 'fill'
  ), by_leg as (
    select l.trade_id, l.leg, l.filled_quantity, l.filled_value, t.filled_quantity as trade_filled,
      coalesce(sum(e.quantity), 0) as quantity, coalesce(sum(e.quantity * e.price), 0) as value,
      not exists (select from public.trade_legs as o where o.trade_id = l.trade_id and o.leg <> l.leg) as only_leg
    from public.trade_legs as l
    join public.trades as t on t.id = l.trade_id
    left join executed as e on e.trade_id = l.trade_id and e.leg = l.leg
    group by l.trade_id, l.leg, t.id
  ), wrong as (
    select jsonb_build_object('what', 'position', 'account', broker_account_id, 'symbol', symbol,
      'book', jsonb_build_array(b.quantity::text, b.cost_basis::text, b.realised_pnl::text, b.fifo_realised_pnl::text, b.fees::text),
      'walked', jsonb_build_array(s.quantity::text, s.cost::text, s.realised::text, s.fifo::text, s.fees::text),
      'booked', jsonb_build_array(k.quantity::text, k.cost::text, k.realised::text, k.fees::text)) as finding
    from public.position_books as b
    full join by_account as s using (broker_account_id, symbol)
    full join booked as k using (broker_account_id, symbol)
    where (coalesce(b.quantity, 0), coalesce(b.cost_basis, 0), coalesce(b.realised_pnl, 0), coalesce(b.fifo_realised_pnl, 0),
          coalesce(b.fees, 0), coalesce(b.last_event_at, '-infinity'), coalesce(b.last_number, 0))
        is distinct from (coalesce(s.quantity, 0), coalesce(s.cost, 0), coalesce(s.realised, 0), coalesce(s.fifo, 0),
          coalesce(s.fees, 0), coalesce(s.at, '-infinity'), coalesce(s.number, 0))
      or (coalesce(k.quantity, 0), coalesce(k.cost, 0), coalesce(k.realised, 0), coalesce(k.fees, 0))
        is distinct from (coalesce(s.quantity, 0), coalesce(s.cost, 0), coalesce(s.realised, 0), coalesce(s.fees, 0))
    union all
    select jsonb_build_object('what', 'position as it was', 'account', broker_account_id, 'symbol', symbol, 'number', number,
      'row', jsonb_build_array(position_quantity::text, position_cost::text), 'booked', jsonb_build_array(quantity_then::text, cost_then::text))
    from running where (position_quantity, position_cost) is distinct from (quantity_then, cost_then)
    union all
    select jsonb_build_object('what', 'strategy position', 'account', broker_account_id, 'owner', owner_key, 'symbol', symbol,
      'book', jsonb_build_array(b.quantity::text, b.cost_basis::text, b.realised_pnl::text, b.fees::text),
      'walked', jsonb_build_array(s.quantity::text, s.cost::text, s.realised::text, s.fees::text), 'booked', k.booked::text)
    from public.strategy_positions as b
    full join (select * from walked where what = 'owner') as s using (broker_account_id, symbol, owner_key)
    full join by_owner as k using (broker_account_id, symbol, owner_key)
    where (coalesce(b.quantity, 0), coalesce(b.cost_basis, 0), coalesce(b.realised_pnl, 0), coalesce(b.fees, 0))
        is distinct from (coalesce(s.quantity, 0), coalesce(s.cost, 0), coalesce(s.realised, 0), coalesce(s.fees, 0))
      or coalesce(k.booked, 0) <> coalesce(s.realised, 0)
    union all
    select jsonb_build_object('what', 'sum of strategies', 'account', broker_account_id, 'symbol', symbol,
      'account quantity', coalesce(b.quantity, 0)::text, 'strategies', coalesce(o.quantity, 0)::text)
    from public.position_books as b
    full join (select broker_account_id, symbol, sum(quantity) as quantity from public.strategy_positions group by 1, 2) as o
      using (broker_account_id, symbol)
    where coalesce(b.quantity, 0) <> coalesce(o.quantity, 0)
    union all
    select jsonb_build_object('what', 'lot', 'account', broker_account_id, 'symbol', symbol, 'opened_by', opened_by, 'owner', owner_key,
      'lot', jsonb_build_array(b.original_quantity::text, b.quantity::text, b.cost_basis::text),
      'walked', jsonb_build_array(s.original::text, s.quantity::text, s.cost::text))
    from public.position_lots as b
    full join by_lot as s using (broker_account_id, symbol, opened_by, owner_key)
    where (coalesce(b.original_quantity, 0), coalesce(b.quantity, 0), coalesce(b.cost_basis, 0))
        is distinct from (coalesce(s.original, 0), coalesce(s.quantity, 0), coalesce(s.cost, 0))
      or (b.opened_at, b.number) is distinct from (s.at, s.number) and s.at is not null
    union all
    select jsonb_build_object('what', 'closing', 'account', broker_account_id, 'symbol', symbol, 'opened_by', opened_by, 'owner', owner_key,
      'closed_by', closed_by, 'closings', jsonb_build_array(b.quantity::text, b.cost::text, b.proceeds::text),
      'walked', jsonb_build_array(s.quantity::text, s.cost::text, s.proceeds::text))
    from kept_closing as b
    full join by_closing as s using (broker_account_id, symbol, opened_by, owner_key, closed_by)
    where (coalesce(b.quantity, 0), coalesce(b.cost, 0), coalesce(b.proceeds, 0), coalesce(b.realised, 0))
        is distinct from (coalesce(s.quantity, 0), coalesce(s.cost, 0), coalesce(s.proceeds, 0), coalesce(s.proceeds - s.cost, 0))
      or (s.at is not null and (b.first_at, b.last_at) is distinct from (s.at, s.at))
    union all
    select jsonb_build_object('what', 'share', 'account', broker_account_id, 'symbol', symbol, 'adjustment', adjustment_id, 'owner', owner_key,
      'shares', jsonb_build_array(b.quantity::text, b.amount::text), 'walked', jsonb_build_array(s.quantity::text, s.amount::text))
    from kept_share as b
    full join by_share as s using (broker_account_id, symbol, adjustment_id, owner_key)
    where (coalesce(b.quantity, 0), coalesce(b.amount, 0)) is distinct from (coalesce(s.quantity, 0), coalesce(s.amount, 0))
    union all
    select jsonb_build_object('what', 'leg', 'trade', trade_id, 'leg', leg, 'counter', filled_quantity::text, 'fills', quantity::text)
    from by_leg
    where filled_quantity <> quantity or filled_value <> value or (only_leg and trade_filled <> quantity)
  )
  select jsonb_build_object('ok', not exists (select from wrong),
    'findings', coalesce((select jsonb_agg(finding) from wrong), '[]'::jsonb))
$$;
comment on function public.check_positions() is
  'Recomputes positions, strategies'' positions, lots, closings, shares of adjustments and leg counters from adjustments and fills: {"ok", "findings": [...]}.';
grant execute on function public.check_positions() to fn_report;
