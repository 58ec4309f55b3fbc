-- What covers a sold option is not let go before it: the rule `uncovers` says so of an order (functions/risk/uncovering.py). Here is what
-- the ledger does about it afterwards: a refused order is not placed for ever, and one that counted on a buy-back is not sent without it.

create function private.root_of(p_symbol text) returns text
language sql immutable set search_path = ''
as $$ select coalesce((private.occ_parts(p_symbol))[1], p_symbol) $$;
comment on function private.root_of(text) is 'The root of an option''s symbol; of anything else the symbol.';

create function private.cover_is_needed(p_refused public.trades, p_round integer, p_at timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  -- Nothing of its root has been traded since, nothing buys back what is sold, and the pause of 2, 4, 8 ... 60 minutes is not over.
  select p_refused.status = 'rejected' and p_refused.refusal like 'LEAVES\_UNCOVERED:%'
    and p_at < p_refused.event_at + least(power(2, least(p_round, 6)), 60) * interval '1 minute'
    and not exists (select from public.position_books as b
      where b.broker_account_id = p_refused.broker_account_id and b.updated_at > p_refused.updated_at
        and private.root_of(b.symbol) = private.root_of(p_refused.symbol))
    and not exists (select from public.trades as t join public.trade_legs as l on l.trade_id = t.id
      where t.broker_account_id = p_refused.broker_account_id and t.placed_number > p_refused.placed_number
        and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
        and t.source = 'risk' and t.reduce_only and t.order_type = 'market' and l.side = 'buy'
        and private.root_of(l.symbol) = private.root_of(p_refused.symbol))
$$;
comment on function private.cover_is_needed(public.trades, integer, timestamptz) is
  'Whether an order that closes something would be refused as it was in its last round, because what it closes covers something that is sold.';

create function private.lacks_cover(p_account_id uuid, p_root text, p_right text, p_from text, p_symbol text, p_less numeric) returns numeric
language sql stable set search_path = ''
as $$
  -- As lacking() of functions/risk/covering.py: what is bought covers what expires on the same day or before.
  with held as (
    select o.occ[2] as expires, sum(q.quantity) as quantity
    from (
      select b.symbol, b.quantity from public.position_books as b where b.broker_account_id = p_account_id and b.quantity <> 0
      union all select p_symbol, -p_less) as q
    cross join lateral (select private.occ_parts(q.symbol) as occ) as o
    where o.occ[1] = p_root and o.occ[3] = p_right and o.occ[2] >= p_from
    group by 1
  )
  select greatest(coalesce(max(s.lacks), 0), 0) from (select -sum(h.quantity) over (order by h.expires desc) as lacks from held as h) as s
$$;
comment on function private.lacks_cover(uuid, text, text, text, text, numeric) is
  'How many sold calls (C) or puts (P) of a root no bought one covers on an account, with p_less fewer of a symbol. Those that expired before p_from (YYMMDD) are over.';

create function private.would_uncover(p_account_id uuid, p_symbol text, p_closed numeric, p_added numeric default 0) returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  root constant text := private.root_of(p_symbol);
  of_shares constant boolean := root = p_symbol;
  -- By the time of its mark, because a replay's clock is not known here.
  since constant text := coalesce((select to_char(m.marked_at at time zone 'America/New_York', 'YYMMDD') from public.position_marks as m
    where m.symbol = p_symbol), '000000');
  units numeric;
  shares numeric;
  more numeric;
  cash numeric;
  permitted boolean;
begin
  select max(i.multiplier) filter (where i.symbol <> root), min(i.strike) filter (where i.option_right = 'put') into units, cash
  from public.position_books as b join public.instruments as i on i.symbol = b.symbol
  where b.broker_account_id = p_account_id and b.quantity < 0 and private.root_of(b.symbol) = root;
  if units is null then
    return false; -- Nothing of it is sold.
  end if;
  shares := coalesce((select b.quantity from public.position_books as b where b.broker_account_id = p_account_id and b.symbol = root), 0);
  more := greatest(private.lacks_cover(p_account_id, root, 'C', since, p_symbol, p_closed - p_added) * units
      - greatest(shares - case when of_shares then p_closed - p_added else 0 end, 0), 0)
    - greatest(private.lacks_cover(p_account_id, root, 'C', since, p_symbol, -p_added) * units
      - greatest(shares + case when of_shares then p_added else 0 end, 0), 0);
  if more <= 0 then
    more := private.lacks_cover(p_account_id, root, 'P', since, p_symbol, p_closed - p_added);
    -- Where the account's cash may pay the puts, the rule decides when the exit fires.
    more := case when more > private.lacks_cover(p_account_id, root, 'P', since, p_symbol, -p_added)
        and (more * cash * units <= (select s.cash from public.account_snapshots as s
          where s.broker_account_id = p_account_id order by s.as_of desc limit 1)) is not true then more else 0 end;
  end if;
  if more <= 0 then
    return false;
  end if;
  select min(r.value) >= 1 into permitted from public.risk_limits as r
  where r.broker_account_id = p_account_id and r.name = 'undefined_risk' and r.value is not null;
  return permitted is not true;
end $$;
comment on function private.would_uncover(uuid, text, numeric, numeric) is
  'Whether closing so much of a symbol, p_added of it bought before, surely leaves something that is sold on the account without cover. The rule `uncovers` has the last word when the order is judged.';

create function private.cover_refusal(p_trade public.trades) returns text
language sql stable set search_path = ''
as $$
  -- The rule has written down how much was to remain sold when what is bought back is taken for done.
  select 'COVER_IS_NEEDED: symbol=' || c.symbol || ' sold=' || trim_scale(n.sold) || ' bought_back=' || trim_scale(n.bought)
  from public.risk_decisions as d
    cross join lateral string_to_table(d.numbers ->> 'bought_back', ' ') as p (part)
    cross join lateral (select split_part(p.part, '=', 1) as symbol, split_part(p.part, '=', 2)::numeric as remains) as c
    cross join lateral (
      select greatest(-coalesce((select b.quantity from public.position_books as b
          where b.broker_account_id = p_trade.broker_account_id and b.symbol = c.symbol), 0), 0) as sold,
        coalesce((select w.open from private.buying_back(p_trade) as w where w.symbol = c.symbol), 0) as bought) as n
  where d.trade_id = p_trade.id and d.rule = 'LEAVES_UNCOVERED' and d.numbers ? 'bought_back' and n.sold - n.bought > c.remains
  limit 1
$$;
comment on function private.cover_refusal(public.trades) is
  'Why an approved order that lets go what covers something must not be sent: what was to be bought back first is not, and nothing buys it back any more; else null.';
