-- The hard limits, reckoned once more under lock: what options and packages may lose, and what is open in each scope.

create function private.trigger_price(p_trade public.trades, p_mark numeric) returns numeric
language sql immutable set search_path = ''
as $$
  -- As ProposedOrder.trigger_price() has it. A trailing stop only ever comes nearer, so that it is worst where it begins.
  select case when stop is null or p_mark is null then p_mark when p_trade.side = 'buy' then greatest(stop, p_mark) else least(stop, p_mark) end
  from (select case when p_trade.order_type = 'trailing_stop'
      then greatest(p_mark + case p_trade.side when 'buy' then 1 else -1 end * coalesce(p_trade.trail_price, p_mark * p_trade.trail_percent / 100), 0)
      else p_trade.stop_price end as stop) as s
$$;
comment on function private.trigger_price(public.trades, numeric) is
  'Where an order of one symbol meets the market: at the mark, or at its stop where that is worse. Null without a mark.';

create function private.least_worth(p_options jsonb, p_beyond boolean)
returns table (piece text, root text, sold_until date, sold_calls numeric, worth numeric)
language sql immutable set search_path = ''
as $$
  -- The least that options of one piece and root are worth at expiry lies at nothing, at a strike, or beyond the highest
  -- one: twice that with p_beyond. What is held covers what is sold and expires on the same day or before; of several expiries
  -- the last, so that none is counted twice. As functions/core/options/payoff.py has it.
  with parts as (
    select o ->> 'piece' as piece, p.occ[1] as root, ('20' || p.occ[2])::date as expires_on, p.occ[3] as option_right,
      p.occ[4]::numeric / 1000 as strike, sum((o ->> 'units')::numeric) as units
    from jsonb_array_elements(p_options) as o, lateral (select private.occ_parts(o ->> 'symbol') as occ) as p
    group by 1, 2, 3, 4, 5 having sum((o ->> 'units')::numeric) <> 0
  ), sets as (
    select a.*, coalesce((select max(s.expires_on) from parts as s
      where s.piece = a.piece and s.root = a.root and s.units < 0 and s.expires_on <= a.expires_on), a.expires_on) as until
    from parts as a
  ), prices as (
    select distinct s.piece, s.root, s.until, p.price
    from sets as s, lateral (values (0::numeric), (s.strike),
      (case when p_beyond then 2 * (select max(m.strike) from sets as m where (m.piece, m.root, m.until) = (s.piece, s.root, s.until)) end)) as p (price)
    where p.price is not null
  ), worths as (
    select p.piece, p.root, p.until, p.price,
      sum(s.units * greatest(case s.option_right when 'C' then p.price - s.strike else s.strike - p.price end, 0)) as worth
    from prices as p join sets as s on (s.piece, s.root, s.until) = (p.piece, p.root, p.until)
    group by p.piece, p.root, p.until, p.price
  )
  select w.piece, w.root, w.until,
    (select greatest(-sum(s.units), 0) from sets as s where (s.piece, s.root, s.until) = (w.piece, w.root, w.until) and s.option_right = 'C'),
    min(w.worth)
  from worths as w group by w.piece, w.root, w.until
$$;
comment on function private.least_worth(jsonb, boolean) is
  'What options [{"piece", "symbol", "units"}] are worth at expiry at the least, dollars, and the units of calls that nothing covers: by piece, root and the expiry of what is sold.';

create function private.calls_alone(p_contracts jsonb) returns table (symbol text, quantity numeric)
language plpgsql immutable set search_path = ''
as $$
declare
  sold record;
  cover record;
  free jsonb := '{}';
begin
  -- As _alone() of functions/risk/covering.py: the last and highest first, each bought one covers the nearest that it can.
  for sold in
    select c.key as symbol, -c.value::numeric as quantity, o.occ
    from jsonb_each_text(p_contracts) as c, lateral (select private.occ_parts(c.key) as occ) as o
    where o.occ[3] = 'C' and c.value::numeric < 0 order by o.occ[2] desc, o.occ[4] desc
  loop
    for cover in
      select c.key as symbol, coalesce(free ->> c.key, c.value)::numeric as quantity
      from jsonb_each_text(p_contracts) as c, lateral (select private.occ_parts(c.key) as occ) as o
      where o.occ[3] = 'C' and o.occ[1] = sold.occ[1] and o.occ[2] >= sold.occ[2] and c.value::numeric > 0
      order by o.occ[2], abs(o.occ[4]::numeric - sold.occ[4]::numeric), c.key collate "C"
    loop
      free := free || jsonb_build_object(cover.symbol, cover.quantity - least(sold.quantity, cover.quantity));
      sold.quantity := sold.quantity - least(sold.quantity, cover.quantity);
    end loop;
    if sold.quantity > 0 then
      symbol := sold.symbol;
      quantity := sold.quantity;
      return next;
    end if;
  end loop;
end $$;
comment on function private.calls_alone(jsonb) is
  'How many of each sold call of {symbol: signed contracts} are left when each bought one covers the one nearest to it that it can cover.';

create function private.options_capital(
  p_scope text, p_trade public.trades, p_quantity numeric, p_marks jsonb, p_symbol text) returns numeric
language sql stable set search_path = ''
as $$
  -- What an account holds of one root counts together, with the order and without it, and each as it is left by the orders
  -- that close something, the worst of the four; each order that may open something counts apart. Calls that shares cover
  -- are left out, first those that nothing bought covers, the soonest and lowest first: what is being sold covers nothing,
  -- and no share covers two calls.
  with open_now as (
    select e.*, private.occ_parts(e.symbol) is not null as is_option from private.exposure(p_scope, p_trade) as e
  ), exposed as (
    select e.broker_account_id as account, e.symbol, e.quantity, e.to_buy - e.to_sell as working from open_now as e where e.is_option
  ), shares as (
    select e.broker_account_id as account, e.symbol as root, e.quantity - e.to_sell as free,
      case when e.broker_account_id = p_trade.broker_account_id then coalesce((select sum(l.ratio * p_quantity)
        from public.trade_legs as l where l.trade_id = p_trade.id and l.symbol = e.symbol and l.side = 'sell'), 0) else 0 end as ordered
    from open_now as e where not e.is_option
  ), waiting as (
    select t.broker_account_id as account, w.* from private.working_options(p_scope, p_trade) as w join public.trades as t on t.id = w.trade_id
  ), opening as (
    select w.account, w.symbol, sum(w.quantity) as quantity from waiting as w group by 1, 2
  ), held as (
    select m.moment, e.account, e.symbol,
      e.quantity + case when m.moment in ('left', 'after_left') then e.working - coalesce(o.quantity, 0) else 0 end as quantity
    from exposed as e left join opening as o on (o.account, o.symbol) = (e.account, e.symbol),
      unnest(array['before', 'left', 'after', 'after_left']) as m (moment)
  ), rows as (
    select h.moment, h.account, h.account as piece, h.symbol, h.quantity from held as h
    union all
    select m.moment, p_trade.broker_account_id, p_trade.broker_account_id, l.symbol, l.ratio * p_quantity * case l.side when 'buy' then 1 else -1 end
    from public.trade_legs as l, unnest(array['after', 'after_left']) as m (moment)
    where l.trade_id = p_trade.id and private.occ_parts(l.symbol) is not null
    union all
    select 'working', w.account, w.trade_id, w.symbol, w.quantity from waiting as w
  ), pieces as (
    select r.moment, r.account, r.piece, r.symbol, sum(r.quantity) as quantity from rows as r
    where p_symbol is null or r.symbol = p_symbol group by r.moment, r.account, r.piece, r.symbol having sum(r.quantity) <> 0
  ), calls as (
    select p.moment, p.piece, p.account, p.symbol, -p.quantity as quantity, i.multiplier, o.occ
    from pieces as p join public.instruments as i on i.symbol = p.symbol, lateral (select private.occ_parts(p.symbol) as occ) as o
    where p.quantity < 0 and o.occ[3] = 'C' and exists (select from shares as h where h.account = p.account and h.root = o.occ[1])
  ), alone as (
    select g.moment, g.piece, a.symbol, a.quantity
    from (select p.moment, p.piece, jsonb_object_agg(p.symbol, p.quantity) as contracts from pieces as p
        where (p.moment, p.piece) in (select c.moment, c.piece from calls as c) group by p.moment, p.piece) as g,
      lateral private.calls_alone(g.contracts) as a
  ), turns as (
    select c.moment, c.piece, c.account, c.symbol, c.multiplier, c.occ, t.turn, t.quantity
    from calls as c left join alone as a on (a.moment, a.piece, a.symbol) = (c.moment, c.piece, c.symbol),
      lateral (values (1, coalesce(a.quantity, 0)), (2, c.quantity - coalesce(a.quantity, 0))) as t (turn, quantity)
    where t.quantity > 0
  ), sold as (
    select t.moment, t.piece, t.account, t.symbol, t.quantity, t.multiplier, t.occ[1] as root,
      coalesce(sum(t.quantity * t.multiplier) over (partition by t.moment, t.account, t.occ[1]
        order by t.piece, t.turn, t.occ[2], t.occ[4] rows between unbounded preceding and 1 preceding), 0) as earlier
    from turns as t
  ), needed as (
    select s.account, s.root, s.moment, sum(s.quantity * s.multiplier) as units from sold as s group by s.account, s.root, s.moment
  ), covered as (
    select s.moment, s.piece, s.symbol, sum(least(s.quantity, floor(greatest(c.free - s.earlier - case s.moment
        when 'after' then c.ordered when 'after_left' then c.ordered
        when 'working' then (select max(coalesce(n.units, 0) + case when m.moment in ('after', 'after_left') then c.ordered else 0 end)
          from unnest(array['before', 'left', 'after', 'after_left']) as m (moment)
            left join needed as n on n.moment = m.moment and n.account = c.account and n.root = c.root)
        else 0 end, 0) / s.multiplier))) as quantity
    from sold as s join shares as c on c.account = s.account and c.root = s.root group by s.moment, s.piece, s.symbol
  ), valued as (
    select p.moment || '|' || p.piece as piece, p.symbol, (p.quantity + coalesce(c.quantity, 0)) * i.multiplier as units,
      case when p_marks ? p.symbol then (p_marks ->> p.symbol)::numeric else m.mark end as mark
    from pieces as p join public.instruments as i on i.symbol = p.symbol left join public.position_marks as m on m.symbol = p.symbol
      left join covered as c on (c.moment, c.piece, c.symbol) = (p.moment, p.piece, p.symbol)
    where p.quantity + coalesce(c.quantity, 0) <> 0
  ), worths as (
    select * from private.least_worth((select coalesce(jsonb_agg(to_jsonb(v)), '[]') from valued as v), true)
  ), sets as (
    -- Each option is valued in the set that it is looked at with: the last sold expiry that it covers, else its own.
    select v.piece, w.root, w.sold_until, w.worth, sum(v.units * v.mark) as value, bool_or(v.mark is null) as unknown
    from valued as v join worths as w on w.piece = v.piece and w.root = (private.occ_parts(v.symbol))[1]
      and w.sold_until = (select max(x.sold_until) from worths as x
        where x.piece = v.piece and x.root = w.root and x.sold_until <= ('20' || (private.occ_parts(v.symbol))[2])::date)
    group by v.piece, w.root, w.sold_until, w.worth
  ), by_piece as (
    select regexp_replace(s.piece, '^[a-z_]+\|', '') as piece, s.root, split_part(s.piece, '|', 1) as moment,
      case when bool_or(s.unknown) then 'infinity'::numeric else sum(greatest(s.value - s.worth, 0)) end as capital
    from sets as s group by s.piece, s.root
  ), worse as (
    -- Root by root: what closes one may fill while what closes another does not.
    select max(b.capital) as capital from by_piece as b group by b.piece, b.root
  )
  select coalesce(sum(w.capital), 0) from worse as w
$$;
comment on function private.options_capital(text, public.trades, numeric, jsonb, text) is
  'The capital that options keep at work in a scope after the trade, dollars: what they could lose from the marks on; infinity where a mark is missing.';

create function private.net_mark(p_trade public.trades, p_marks jsonb) returns numeric
language sql stable set search_path = ''
as $$
  select case when bool_and(p_marks ->> l.symbol is not null) then
    sum(case l.side when 'buy' then 1 else -1 end * l.ratio * (p_marks ->> l.symbol)::numeric) end
  from public.trade_legs as l where l.trade_id = p_trade.id
$$;
comment on function private.net_mark(public.trades, jsonb) is
  'What a unit of the order is worth at the marks, net: positive pays. Null where a mark is missing.';

create function private.loss_at_expiry(p_trade public.trades, p_quantity numeric, p_with_shares boolean) returns numeric
language sql stable set search_path = ''
as $$
  -- Shares cover what calls that are sold already, or being sold, and not covered by bought ones leave of them; what is being
  -- sold itself covers nothing.
  with legs as (
    select l.symbol, case l.side when 'buy' then 1 else -1 end * l.ratio * p_quantity as quantity, i.multiplier, private.occ_parts(l.symbol) as occ
    from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol where l.trade_id = p_trade.id
  ), open_now as (
    select e.*, private.occ_parts(e.symbol) as occ from private.exposure('account', p_trade) as e where p_with_shares
  ), calls as (
    select 'held' as piece, o.occ[1] as root, o.occ[2] as expiry,
      case when o.quantity > 0 then greatest(o.quantity - o.to_sell, 0) else o.quantity end * o.multiplier as units
    from open_now as o where o.occ[3] = 'C'
    union all
    select w.trade_id::text, x.occ[1], x.occ[2], w.quantity * i.multiplier
    from private.working_options('account', p_trade) as w join public.instruments as i on i.symbol = w.symbol,
      lateral (select private.occ_parts(w.symbol) as occ) as x
    where p_with_shares and x.occ[3] = 'C'
  ), balance as (
    -- What is bought covers what is sold and expires on the same day or before: of those that expire from some day on at
    -- least the difference lacks cover. Each working order is covered by itself or not at all.
    select c.piece, c.root, -sum(sum(c.units)) over (partition by c.piece, c.root order by c.expiry desc) as lacking
    from calls as c group by c.piece, c.root, c.expiry
  ), needed as (
    select b.piece, b.root, greatest(max(b.lacking), 0) as units from balance as b group by b.piece, b.root
  ), free as (
    select g.root, sum(g.units) as units from (
      select o.symbol as root, o.quantity - o.to_sell as units from open_now as o where o.occ is null
      union all
      select n.root, -n.units from needed as n) as g
    group by g.root
  ), sold as (
    select l.symbol, least(-l.quantity, floor(greatest(f.units - coalesce(sum(-l.quantity * l.multiplier) over (
        order by l.occ[2], l.occ[4] rows between unbounded preceding and 1 preceding), 0), 0) / l.multiplier)) as covered
    from legs as l join free as f on f.root = l.occ[1] where l.quantity < 0 and l.occ[3] = 'C'
  ), units as (
    select 'order' as piece, l.symbol, (l.quantity + coalesce(s.covered, 0)) * l.multiplier as units, l.occ is not null as is_option
    from legs as l left join sold as s on s.symbol = l.symbol
  )
  select case when bool_and(u.is_option) then (
    select case when bool_or(w.sold_calls > 0) is not true then coalesce(-sum(w.worth), 0) end
    from private.least_worth(jsonb_agg(to_jsonb(u)), false) as w) end
  from units as u
$$;
comment on function private.loss_at_expiry(public.trades, numeric, boolean) is
  'The largest loss of a trade in options at expiry, without what was paid or received, dollars; null where it has no bound. With shares: those that the account holds and nothing else needs cover calls.';

create function private.loss_refusal(p_trade public.trades, p_quantity numeric, p_marks jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  l public.risk_limits;
  unit_price numeric := coalesce(p_trade.price, case when p_trade.multi_leg then private.net_mark(p_trade, p_marks)
    else private.trigger_price(p_trade, (p_marks ->> p_trade.symbol)::numeric) end);
  size numeric;
  distance numeric;
  loss numeric;
begin
  -- What the rule max_loss_per_trade says, said once more where nothing can change in between.
  select * into l from private.limits_on(p_trade) as r where r.name = 'max_loss_per_trade' order by r.value, r.scope limit 1;
  if not found then
    return null;
  end if;
  if unit_price is null then
    return jsonb_build_object('code', 'MISSING_MARK', 'symbol', p_trade.symbol);
  end if;
  select p_quantity * i.multiplier into size from public.instruments as i where i.symbol = p_trade.symbol;
  if p_trade.multi_leg or (p_trade.planned_stop is null and p_trade.side = 'sell') then
    -- At expiry, with what was paid or received. Null, without a bound, where a share or an uncovered call is sold.
    loss := coalesce(private.loss_at_expiry(p_trade, p_quantity, false), private.loss_at_expiry(p_trade, p_quantity, true));
    if loss is null then
      return jsonb_build_object('code', 'MISSING_STOP', 'loss', 'unbounded', 'scope', l.scope, 'limit', trim_scale(l.value)::text);
    end if;
    loss := greatest(loss + case when p_trade.multi_leg then unit_price else -unit_price end * size, 0);
  else
    distance := case when p_trade.planned_stop is null then unit_price
      when p_trade.side = 'buy' then unit_price - p_trade.planned_stop else p_trade.planned_stop - unit_price end;
    if distance <= 0 then
      return jsonb_build_object('code', 'STOP_ON_WRONG_SIDE', 'price', trim_scale(unit_price)::text, 'stop', trim_scale(p_trade.planned_stop)::text);
    end if;
    loss := size * distance;
  end if;
  if loss > l.value then
    return jsonb_build_object('code', 'MAX_LOSS_PER_TRADE', 'scope', l.scope, 'limit', trim_scale(l.value)::text,
      'after', trim_scale(loss)::text, 'unit', l.unit);
  end if;
  return null;
end $$;
comment on function private.loss_refusal(public.trades, numeric, jsonb) is
  'Why the trade could lose more than a limit allows, or null: quantity, to the planned stop or at expiry, in dollars.';

create function private.package_refusal(p_trade public.trades) returns jsonb
language sql stable set search_path = ''
as $$
  select case
    when count(*) <> count(private.occ_parts(l.symbol)) or count(distinct (private.occ_parts(l.symbol))[1]) > 1
      or count(distinct i.multiplier) > 1
    then jsonb_build_object('code', 'MULTI_LEG_NOT_JUDGED', 'symbols', string_agg(l.symbol, ',' order by l.leg))
    -- One leg opens, so the whole is an entry: what another says to close is held to what is there all the same.
    when count(*) filter (where l.position_intent like '%\_to\_close' and not coalesce((
        select ((b.quantity > 0 and l.side = 'sell') or (b.quantity < 0 and l.side = 'buy'))
          and private.added_open(p_trade.replaces_trade_id, l.leg, l.quantity, l.filled_quantity)
            <= abs(b.quantity) - private.working_quantity(p_trade.broker_account_id, l.symbol, l.side, p_trade.id)
        from public.position_books as b
        where b.broker_account_id = p_trade.broker_account_id and b.symbol = l.symbol), false)) > 0
    then jsonb_build_object('code', 'WOULD_NOT_REDUCE', 'quantity', trim_scale(p_trade.quantity)::text) end
  from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol
  where l.trade_id = p_trade.id having count(*) > 1
$$;
comment on function private.package_refusal(public.trades) is
  'Why an order of several legs cannot be judged as one, or null: its legs are options of one root and one multiplier, and those that are said to close do.';

create function private.exposure_refusal(p_trade public.trades, p_quantity numeric, p_marks jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  l public.risk_limits;
  after_trade numeric;
begin
  -- Each limit is held against the exposure of its own scope, working orders at their worse side. A long position of one
  -- account does not lessen a short one of another: each may be closed alone.
  for l in
    select * from private.limits_on(p_trade) as r where r.name in ('position_limit', 'capital_limit') order by r.value, r.scope
  loop
    with ordered as (
      select o.symbol, o.side, o.ratio * p_quantity as quantity, i.multiplier
      from public.trade_legs as o join public.instruments as i on i.symbol = o.symbol where o.trade_id = p_trade.id
    ), together as (
      select e.broker_account_id, e.symbol, e.quantity, e.to_buy, e.to_sell, e.multiplier from private.exposure(l.scope, p_trade) as e
      union all
      select p_trade.broker_account_id, o.symbol, 0, case when o.side = 'buy' then o.quantity else 0 end,
        case when o.side = 'sell' then o.quantity else 0 end, o.multiplier from ordered as o
    ), by_account as (
      select g.symbol, max(g.multiplier) as multiplier,
        greatest(abs(sum(g.quantity) + sum(g.to_buy)), abs(sum(g.quantity) - sum(g.to_sell))) as quantity
      from together as g where l.symbol is null or g.symbol = l.symbol group by g.broker_account_id, g.symbol
    ), worst as (
      select a.symbol, max(a.multiplier) as multiplier, sum(a.quantity) as quantity from by_account as a group by a.symbol
    ), valued as (
      select w.*, case when not w.symbol in (select o.symbol from ordered as o) then m.mark
        else greatest((p_marks ->> w.symbol)::numeric, private.trigger_price(p_trade, (p_marks ->> w.symbol)::numeric)) end as mark,
        private.occ_parts(w.symbol) is not null as is_option
      from worst as w left join public.position_marks as m on m.symbol = w.symbol
    )
    select case l.name
      when 'position_limit' then max(v.quantity) filter (where v.symbol in (select o.symbol from ordered as o))
      -- A position without a mark makes the sum unknown, and unknown is never small. Options count by what they could lose.
      else case when bool_or(v.mark is null and v.quantity <> 0 and not v.is_option) then 'infinity'::numeric
        else coalesce(sum(v.quantity * v.multiplier * coalesce(v.mark, 0)) filter (where not v.is_option), 0)
          + private.options_capital(l.scope, p_trade, p_quantity, p_marks, l.symbol) end
      end
    into after_trade from valued as v;
    if after_trade > l.value then
      -- What strangers hold together is not this trader's to read.
      return jsonb_build_object('code', upper(l.name), 'scope', l.scope, 'limit', trim_scale(l.value)::text, 'unit', l.unit)
        || case when l.scope = 'global' then '{}' else jsonb_build_object('after', trim_scale(after_trade)::text) end;
    end if;
  end loop;
  return private.loss_refusal(p_trade, p_quantity, p_marks);
end $$;
comment on function private.exposure_refusal(public.trades, numeric, jsonb) is 'The first hard limit that the trade would break, or null. Call under lock_scopes().';
