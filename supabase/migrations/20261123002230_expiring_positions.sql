-- What expires: until when it can be traded, what becomes of it if nobody does anything, and what that brings, takes and needs.

create function private.exercise_of(p_root text, out style text, out settlement text, out settled_at text)
language sql immutable parallel safe set search_path = ''
as $$
  -- As functions/core/options/expiry.py has it, by the exchanges' specifications.
  select case when r.at_open or r.at_close then 'european' else 'american' end,
    case when r.at_open or r.at_close or p_root = 'OEX' then 'cash' else 'physical' end,
    case when r.at_open then 'open' else 'close' end
  from (select p_root in ('SPX', 'NDX', 'RUT', 'DJX', 'VIX', 'VIXW') as at_open,
    p_root in ('SPXW', 'NDXP', 'RUTW', 'XSP', 'XND', 'MRUT', 'XEO') as at_close) as r
$$;
comment on function private.exercise_of(text) is
  'How options of a root are exercised and settled, and at which end of their day of expiry; all but known indices deliver shares at the close.';

create function private.expiry_of(
  p_expires_on date, p_settled_at text, out trades_from timestamptz, out trades_until timestamptz, out settles_at timestamptz,
  out warned_from timestamptz)
language sql stable set search_path = ''
as $$
  -- The session of the day of expiry, or the last before it. Where the calendar does not reach that day nothing is said.
  with sessions as (
    select c.opens_at, c.closes_at, row_number() over (order by c.session_date desc) as number from (
      select s.session_date, s.opens_at, s.closes_at from public.market_calendar as s
      where s.session_date <= p_expires_on and exists (select from public.market_calendar as r where r.session_date >= p_expires_on)
      order by s.session_date desc limit 3) as c
  ), last_traded as (
    select case p_settled_at when 'open' then 2 else 1 end as number
  )
  select t.opens_at, t.closes_at, case p_settled_at when 'open' then e.opens_at else e.closes_at end, b.opens_at
  from last_traded as l
  join sessions as e on e.number = 1
  join sessions as t on t.number = l.number
  left join sessions as b on b.number = l.number + 1
$$;
comment on function private.expiry_of(date, text) is
  'Of options that expire on a date: the last session in which they are traded, the moment whose price decides what they pay, and the open of the session before. Half days count; null where the calendar does not reach.';

create function private.at_expiry(
  p_right text, p_strike numeric, p_quantity numeric, p_multiplier numeric, p_settlement text, p_spot numeric,
  out in_the_money numeric, out outcome text, out shares numeric, out cash numeric)
language sql immutable parallel safe set search_path = ''
as $$
  -- Exercise by exception: a cent in the money or more, the OCC's rule 805. A long call and a short put take shares.
  select g.gain,
    case when g.gain < 0.01 then 'expires' when g.gain is not null then case when p_quantity > 0 then 'exercised' else 'assigned' end end,
    case when g.gain < 0.01 or (p_settlement = 'cash' and g.gain is not null) then 0
      when g.gain is not null then p_quantity * p_multiplier * g.sign end,
    case when g.gain < 0.01 then 0 when g.gain is not null then
      p_quantity * p_multiplier * case p_settlement when 'cash' then g.gain else -g.sign * p_strike end end
  from (select s.sign, (p_spot - p_strike) * s.sign as gain from (select case p_right when 'call' then 1 else -1 end as sign) as s) as g
$$;
comment on function private.at_expiry(text, numeric, numeric, numeric, text, numeric) is
  'What becomes of options at a price of their underlying: how far they are in the money, dollars a share; expires, exercised or assigned; the shares and dollars that come (negative: go). All null where there is no price.';

create function private.next_dividend(p_symbol text, p_after date, p_until date, out ex_date date, out dividend numeric)
language sql stable set search_path = ''
as $$
  select x.ex_date, (select sum(c.amount) from public.corporate_actions as c
    where c.symbol = p_symbol and c.kind = 'cash_dividend' and c.ex_date = x.ex_date and c.withdrawn_at is null)
  from (
    select c.ex_date from public.corporate_actions as c
    where c.symbol = p_symbol and c.kind = 'cash_dividend' and c.withdrawn_at is null
    union
    select unnest(i.ex_dividend_dates) from public.instruments as i where i.symbol = p_symbol) as x
  where x.ex_date > p_after and x.ex_date <= p_until order by x.ex_date limit 1
$$;
comment on function private.next_dividend(text, date, date) is
  'The next ex-dividend date of a share after one day and by another, and what is paid for it, dollars a share: null where nobody has said how much.';
grant execute on function private.exercise_of(text), private.expiry_of(date, text), private.occ_parts(text), private.next_dividend(text, date, date),
  private.at_expiry(text, numeric, numeric, numeric, text, numeric) to authenticated;

create view public.expiring_positions with (security_invoker = true) as
select p.user_id, p.broker_account_id, p.owner_key, p.strategy_id, p.symbol, i.underlying, i.option_right, i.strike,
  k.style, k.settlement, p.quantity, p.multiplier, i.expires_on,
  i.expires_on - (now() at time zone 'America/New_York')::date as days_to_expiry, e.trades_from, e.trades_until, e.settles_at, e.warned_from,
  m.mark, m.marked_at, u.mark as underlying_mark, u.marked_at as underlying_marked_at, s.in_the_money, s.outcome as if_left, s.shares, s.cash,
  coalesce(h.quantity, 0)::numeric as shares_held, a.cash as account_cash, a.buying_power as account_buying_power, a.as_of as account_as_of,
  round(abs(u.mark - i.strike) * 100 / i.strike, 4) as distance_percent, m.mark - greatest(s.in_the_money, 0) as time_value,
  d.ex_date as next_ex_date, d.dividend
from public.strategy_positions as p
join public.instruments as i on i.symbol = p.symbol and i.kind = 'option' and num_nonnulls(i.option_right, i.strike, i.expires_on) = 3
cross join lateral (
  select coalesce(i.style, r.style) as style, case when 'cash' in (i.settlement, r.settlement) then 'cash' else 'physical' end as settlement,
    r.settled_at
  from private.exercise_of((private.occ_parts(i.symbol))[1]) as r) as k
left join lateral private.expiry_of(i.expires_on, k.settled_at) as e on true
left join public.position_marks as m on m.symbol = p.symbol
left join public.position_marks as u on u.symbol = i.underlying
cross join lateral private.at_expiry(i.option_right, i.strike, p.quantity, p.multiplier, k.settlement, u.mark) as s
left join public.position_books as h on h.broker_account_id = p.broker_account_id and h.symbol = i.underlying
left join lateral (
  select n.cash, n.buying_power, n.as_of from public.account_snapshots as n
  where n.broker_account_id = p.broker_account_id order by n.as_of desc limit 1) as a on true
-- Whoever is exercised on the day before it delivers the dividend too.
left join lateral private.next_dividend(i.underlying, (now() at time zone 'America/New_York')::date, i.expires_on) as d on true
where p.quantity <> 0;
comment on view public.expiring_positions is
  'Open positions in options, by account and owner: until when they can be traded, and what becomes of them at the latest mark if nothing is done. What needs a mark is null without one. Owners are shown apart, the broker settles the account''s net. See docs/expiry.md.';
comment on column public.expiring_positions.user_id is 'Owner of the account.';
comment on column public.expiring_positions.broker_account_id is 'The account.';
comment on column public.expiring_positions.owner_key is 'Whose: a strategy''s id, or manual.';
comment on column public.expiring_positions.strategy_id is 'The strategy; null for manual.';
comment on column public.expiring_positions.symbol is 'The option.';
comment on column public.expiring_positions.underlying is 'What it is on.';
comment on column public.expiring_positions.option_right is 'call or put.';
comment on column public.expiring_positions.strike is 'Strike price, in dollars.';
comment on column public.expiring_positions.style is 'american: it may be exercised at any time; european: at expiry only.';
comment on column public.expiring_positions.settlement is 'physical: shares change hands; cash: the gain is paid.';
comment on column public.expiring_positions.quantity is 'Contracts, negative where sold.';
comment on column public.expiring_positions.multiplier is 'Shares of one contract.';
comment on column public.expiring_positions.expires_on is 'Day of expiry, an exchange date.';
comment on column public.expiring_positions.days_to_expiry is 'Calendar days until then, by the exchange''s date now; negative where it is over and not booked yet.';
comment on column public.expiring_positions.trades_from is 'When the last session opens in which it is traded, UTC.';
comment on column public.expiring_positions.trades_until is
  'The cut-off: the close of that session, UTC; the early one on half days, of what is settled at the opening the close of the day before. Null where the calendar does not reach. Brokers may take no orders some time before.';
comment on column public.expiring_positions.settles_at is 'The moment whose price decides what it pays, UTC.';
comment on column public.expiring_positions.warned_from is 'When the session before the last one opens, UTC: the first warning.';
comment on column public.expiring_positions.mark is 'Latest mark of the option, dollars a share; null where there is none.';
comment on column public.expiring_positions.marked_at is 'When that was seen, UTC.';
comment on column public.expiring_positions.underlying_mark is 'Latest mark of the underlying, dollars; null where there is none.';
comment on column public.expiring_positions.underlying_marked_at is 'When that was seen, UTC.';
comment on column public.expiring_positions.in_the_money is 'Dollars a share that it is in the money at that mark; negative where it is out of the money.';
comment on column public.expiring_positions.if_left is
  'What becomes of it at that mark if nothing is done: expires (worthless), exercised (by exception, a cent in the money or more: OCC rule 805), assigned.';
comment on column public.expiring_positions.shares is 'Shares of the underlying that this brings; negative: takes.';
comment on column public.expiring_positions.cash is 'Dollars that it brings; negative: needs.';
comment on column public.expiring_positions.shares_held is 'Shares of the underlying that the account holds now.';
comment on column public.expiring_positions.account_cash is 'The account''s cash by the broker''s last word, dollars; null before the first.';
comment on column public.expiring_positions.account_buying_power is 'Its buying power, dollars; null where the broker does not say.';
comment on column public.expiring_positions.account_as_of is 'When the broker said so, UTC.';
comment on column public.expiring_positions.distance_percent is 'How far the underlying is from the strike, percent of the strike.';
comment on column public.expiring_positions.time_value is 'The mark less what exercise brings, dollars a share: what a holder gives up by exercising early.';
comment on column public.expiring_positions.next_ex_date is 'The next ex-dividend date of the underlying up to the expiry; null where none is known.';
comment on column public.expiring_positions.dividend is 'What is paid for it, dollars a share; null where nobody has said.';
grant select on public.expiring_positions to authenticated;

create function public.desks_to_watch(p_now timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(a.id order by a.id), '[]'::jsonb) from public.broker_accounts as a
  where exists (select from public.strategy_positions as p join public.instruments as i on i.symbol = p.symbol and i.kind = 'option'
      where p.broker_account_id = a.id and p.quantity <> 0 and i.expires_on >= (p_now at time zone 'America/New_York')::date)
    or exists (select from public.position_adjustments as d
      where d.broker_account_id = a.id and d.from_adjustment_id is not null and d.effective_at > p_now - interval '5 days')
$$;
comment on function public.desks_to_watch(timestamptz) is
  'The ids of the accounts that hold options, or that shares came to by exercise or assignment in the last five days.';

create function private.delivered_shares(p_account_id uuid, p_now timestamptz)
returns table (adjustment_id uuid, kind text, option_symbol text, contracts numeric, symbol text, owner_key text, strategy_id uuid,
  shares numeric, cash numeric, price numeric, effective_at timestamptz, held numeric, closed numeric)
language sql stable set search_path = ''
as $$
  select d.id, d.kind, o.symbol, abs(o.quantity)::numeric, d.symbol, s.owner_key, nullif(s.owner_key, 'manual')::uuid, sum(s.quantity)::numeric,
    -sum(s.amount)::numeric, round(d.amount / d.quantity, 10)::numeric, d.effective_at, private.held(d.broker_account_id, s.owner_key, d.symbol),
    coalesce((select sum(t.filled_quantity) from public.trades as t
      where t.broker_account_id = d.broker_account_id and t.source = 'risk'
        and starts_with(t.signal, 'desk|assigned|' || d.id || '|' || s.owner_key || '|')), 0)::numeric
  from public.position_adjustments as d
  join public.position_adjustments as o on o.id = d.from_adjustment_id
  join public.position_adjustment_shares as s on s.adjustment_id = d.id
  where d.broker_account_id = p_account_id and d.effective_at > p_now - interval '5 days'
  group by d.id, o.id, s.owner_key having sum(s.quantity) <> 0
$$;
comment on function private.delivered_shares(uuid, timestamptz) is
  'Shares that came (negative: went) by exercise or assignment in the last five days, by who gave the options: how many, for what, what the owner holds now, and what the desk has closed of them.';

create function public.desk_book(p_account_id uuid, p_now timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'session', (select jsonb_build_object('date', c.session_date, 'opens_at', c.opens_at, 'closes_at', c.closes_at)
      from public.market_calendar as c where c.opens_at <= p_now and c.closes_at > p_now),
    'next_session', (select jsonb_build_object('date', c.session_date, 'opens_at', c.opens_at, 'closes_at', c.closes_at)
      from public.market_calendar as c where c.opens_at > p_now order by c.opens_at limit 1),
    'limits', coalesce((
      select jsonb_agg(jsonb_build_object('limit_id', l.id, 'scope', l.scope, 'strategy_id', l.strategy_id, 'name', l.name,
        'value', l.value::text, 'act', l.act, 'parameters', l.parameters) order by l.id)
      from public.risk_limits as l join public.risk_limit_kinds as k on k.name = l.name and k.family = 'desk'
      where l.value is not null and (l.scope = 'global' or (l.scope = 'user' and l.user_id = a.user_id) or l.broker_account_id = a.id
        or l.strategy_id in (select s.id from public.strategies as s where s.broker_account_id = a.id))), '[]'),
    'positions', coalesce((
      select jsonb_agg(jsonb_build_object('owner_key', e.owner_key, 'strategy_id', e.strategy_id, 'symbol', e.symbol,
        'underlying', e.underlying, 'option_right', e.option_right, 'strike', e.strike::text, 'style', e.style, 'settlement', e.settlement,
        'quantity', e.quantity::text, 'expires_on', e.expires_on, 'trades_from', e.trades_from, 'trades_until', e.trades_until,
        'warned_from', e.warned_from, 'mark', e.mark::text, 'marked_at', e.marked_at, 'underlying_mark', e.underlying_mark::text,
        'underlying_marked_at', e.underlying_marked_at, 'in_the_money', e.in_the_money::text, 'if_left', e.if_left,
        'shares', e.shares::text, 'cash', e.cash::text, 'shares_held', e.shares_held::text, 'account_cash', e.account_cash::text,
        'account_buying_power', e.account_buying_power::text, 'distance_percent', e.distance_percent::text,
        'time_value', e.time_value::text, 'next_ex_date', d.ex_date, 'dividend', d.dividend::text)
        order by e.owner_key, e.underlying, e.expires_on, e.symbol)
      from public.expiring_positions as e
      left join lateral private.next_dividend(e.underlying, (p_now at time zone 'America/New_York')::date, e.expires_on) as d on true
      where e.broker_account_id = a.id and e.expires_on >= (p_now at time zone 'America/New_York')::date), '[]'),
    'delivered', coalesce((
      select jsonb_agg(jsonb_build_object('adjustment_id', d.adjustment_id, 'kind', d.kind, 'option_symbol', d.option_symbol,
        'contracts', d.contracts::text, 'symbol', d.symbol, 'owner_key', d.owner_key, 'strategy_id', d.strategy_id,
        'shares', d.shares::text, 'cash', d.cash::text, 'price', d.price::text, 'effective_at', d.effective_at, 'held', d.held::text,
        'closed', d.closed::text, 'account_cash', (select n.cash::text from public.account_snapshots as n
          where n.broker_account_id = a.id order by n.as_of desc limit 1))
        order by d.effective_at, d.adjustment_id, d.owner_key)
      from private.delivered_shares(a.id, p_now) as d), '[]'))
  from public.broker_accounts as a where a.id = p_account_id
$$;
comment on function public.desk_book(uuid, timestamptz) is
  'What the desk looks at for one account as of a moment: its options with what becomes of them, the shares that were delivered, the desk''s limits and the sessions; amounts as text.';
grant execute on function public.desks_to_watch(timestamptz), public.desk_book(uuid, timestamptz) to fn_risk;
