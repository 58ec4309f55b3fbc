-- Option chains: which are needed, what is listed, and the chain as of the end of an underlying's bar.

insert into private.settings (name, value, comment) values
  ('option_chains_kept', '30 days', 'How long chain snapshots are kept, by event time.'),
  ('risk_free_rate', '0.04', 'A year''s interest as a fraction, for the greeks that a feed does not say. Written on each chain: a change counts from the next one on.');

create function private.risk_free_rate() returns numeric
language sql stable set search_path = ''
as $$
  select case when pg_input_is_valid(value, 'private.amount') and abs(value::numeric) < 1 then value::numeric end
  from private.settings where name = 'risk_free_rate'
$$;
comment on function private.risk_free_rate() is 'The setting risk_free_rate; null where it is no fraction.';

-- Which contracts a source listed for a day is known by when it listed them: a contract that is no longer listed keeps its row.
create table private.option_chain_lists (
  underlying text primary key,
  listed_on date not null check (isfinite(listed_on)),
  until date not null check (isfinite(until)),
  began_at timestamptz not null check (isfinite(began_at)),
  feed text not null check (feed <> ''),
  contracts integer not null check (contracts >= 0),
  recorded_at timestamptz not null default now()
);
comment on table private.option_chain_lists is 'The newest whole list of an underlying''s contracts that a source gave.';
comment on column private.option_chain_lists.underlying is 'What the contracts are on.';
comment on column private.option_chain_lists.listed_on is 'The exchange date of the list.';
comment on column private.option_chain_lists.until is 'The last expiry that was asked for, as an exchange date.';
comment on column private.option_chain_lists.began_at is 'When the list was asked for, UTC: what was listed before is no longer listed.';
comment on column private.option_chain_lists.feed is 'Which feed listed them.';
comment on column private.option_chain_lists.contracts is 'How many contracts it listed.';

create table public.option_chain_snapshots (
  underlying text not null references public.instruments (symbol) on delete restrict,
  bar_at timestamptz not null check (isfinite(bar_at)),
  taken_at timestamptz not null check (isfinite(taken_at)),
  feed text not null check (feed <> ''),
  delay_seconds integer not null default 0 check (delay_seconds >= 0),
  spot private.amount not null check (spot > 0),
  rate private.amount default private.risk_free_rate() check (abs(rate) < 1),
  quotes jsonb not null check (jsonb_typeof(quotes) = 'array' and jsonb_array_length(quotes) between 1 and 4000),
  asked integer not null check (asked >= 0),
  dropped jsonb not null default '{}' check (jsonb_typeof(dropped) = 'object' and length(dropped::text) <= 1000),
  recorded_at timestamptz not null default now(),
  primary key (underlying, bar_at)
);
comment on table public.option_chain_snapshots is
  'The option chain of an underlying as of the end of one of its bars, where an active strategy needs it. Written once, never changed.';
comment on column public.option_chain_snapshots.underlying is 'What the contracts are on.';
comment on column public.option_chain_snapshots.bar_at is 'The end of the underlying''s bar: event time, UTC.';
comment on column public.option_chain_snapshots.taken_at is 'When the feed was asked, UTC.';
comment on column public.option_chain_snapshots.feed is 'Which feed told it: an indicative one is no market.';
comment on column public.option_chain_snapshots.delay_seconds is 'By how much the feed is late, as declared.';
comment on column public.option_chain_snapshots.spot is 'The close of the underlying''s bar, in dollars.';
comment on column public.option_chain_snapshots.rate is 'A year''s interest as a fraction: with it greeks are computed where the feed says none. Null where nobody said it.';
comment on column public.option_chain_snapshots.quotes is
  'The contracts with a usable market, by expiry, strike and right: [{"symbol", "expiry", "right", "strike", "multiplier", "bid", "ask", "bid_size", "ask_size", "quoted_at", "implied_volatility", "delta", "gamma", "theta", "vega", "open_interest"}]; null where the feed does not say.';
comment on column public.option_chain_snapshots.asked is 'How many contracts were asked for.';
comment on column public.option_chain_snapshots.dropped is 'How many quotes could not be used, by reason: {"NO_ASK": 3}.';
create index option_chain_snapshots_age on public.option_chain_snapshots (bar_at);
alter table public.option_chain_snapshots enable row level security;
create policy "everybody signed in reads option chains" on public.option_chain_snapshots for select to authenticated using (true);

create function private.active_chain_inputs() returns table (timeframe text, underlying text, days_from integer, days_to integer, width numeric)
language sql stable set search_path = ''
as $$
  select v.inputs ->> 'timeframe', c ->> 'underlying', (c ->> 'days_from')::integer, (c ->> 'days_to')::integer, (c ->> 'width')::numeric
  from public.strategies as s
  join public.strategy_validations as v on v.strategy_id = s.id and v.strategy_version = s.effective_version
  cross join jsonb_array_elements(coalesce(v.inputs -> 'chains', '[]'::jsonb)) as c
  where s.status = 'active'
$$;
comment on function private.active_chain_inputs() is 'The chains that active strategies declare, one row each, with the bars that they decide on.';

create function public.chains_needed(p_symbol text default null, p_timeframe text default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with needed as (select * from private.active_chain_inputs())
  select coalesce(jsonb_agg(distinct jsonb_build_object('underlying', n.underlying, 'days_from', n.days_from, 'days_to', n.days_to,
    'width', trim_scale(n.width)::text)), '[]'::jsonb)
  from needed as n
  where (p_symbol is null or n.underlying = p_symbol)
    -- Bars of two timeframes may end together: their snapshot is one, and has what each of them needs.
    and (p_timeframe is null or exists (select from needed as o where o.underlying = n.underlying and o.timeframe = p_timeframe))
$$;
comment on function public.chains_needed(text, text) is
  'The windows [{"underlying", "days_from", "days_to", "width"}] that active strategies need of the chain of p_symbol (of any where absent), where one of them decides on bars of p_timeframe (of any where absent); [] where none does.';

create function public.chains_to_list(p_now timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('underlying', n.underlying, 'until', n.until) order by n.underlying), '[]'::jsonb)
  from (
    select c.underlying, s.session_date, max(s.session_date + c.days_to) as until
    from private.active_chain_inputs() as c
    join public.market_calendar as s
      on s.session_date = (p_now at time zone 'America/New_York')::date and p_now < s.closes_at
    group by c.underlying, s.session_date) as n
  left join private.option_chain_lists as l on l.underlying = n.underlying
  where l.underlying is null or l.listed_on < n.session_date or l.until < n.until
$$;
comment on function public.chains_to_list(timestamptz) is
  'The underlyings [{"underlying", "until"}] whose contracts, expiring up to until, are needed and not listed yet on the exchange''s day; [] after its session and on days without one.';

create function public.record_chain_list(p_underlying text, p_contracts jsonb, p_feed text, p_began_at timestamptz, p_until date default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  today date := (p_began_at at time zone 'America/New_York')::date;
  strange jsonb;
  told jsonb;
  found_contracts integer;
begin
  if p_until is not null and p_until < today then
    perform private.refuse(422, 'BAD_OPTION_DATA', 'A list reaches to a day that is not over.', jsonb_build_object('until', p_until));
  end if;
  -- What was traded keeps its terms: with other ones it is another contract, and no market of it.
  select coalesce(jsonb_agg(d ->> 'symbol' order by d ->> 'symbol'), '[]') into strange
  from jsonb_array_elements(p_contracts) as d
  join public.instruments as i on i.symbol = d ->> 'symbol'
  where i.kind <> 'option' or (i.multiplier <> (d ->> 'multiplier')::numeric and exists (select from public.trade_legs as l where l.symbol = i.symbol));
  select coalesce(jsonb_agg(d || jsonb_build_object('kind', 'option', 'underlying', p_underlying, 'feed', p_feed, 'listed_at', p_began_at)), '[]')
  into told
  from jsonb_array_elements(p_contracts) as d where not coalesce(strange ? (d ->> 'symbol'), false);
  perform public.upsert_instruments(told, p_feed, today);
  perform public.record_option_data(told);
  if p_until is not null then
    select count(*) into found_contracts from public.option_contracts as c
    where c.underlying = p_underlying and c.listed_at >= p_began_at and c.expires_on between today and p_until;
    insert into private.option_chain_lists as l (underlying, listed_on, until, began_at, feed, contracts)
    values (p_underlying, today, p_until, p_began_at, p_feed, found_contracts)
    on conflict (underlying) do update
    set listed_on = excluded.listed_on, until = excluded.until, began_at = excluded.began_at, feed = excluded.feed,
        contracts = excluded.contracts, recorded_at = now()
    where l.began_at <= excluded.began_at;
  end if;
  return jsonb_build_object('left_out', strange);
exception
  when data_exception or not_null_violation then
    perform private.refuse(422, 'BAD_OPTION_DATA', 'Give each contract its symbol and multiplier. Nothing of the batch is stored.',
      jsonb_build_object('underlying', p_underlying, 'because', sqlerrm));
end $$;
comment on function public.record_chain_list(text, jsonb, text, timestamptz, date) is
  'Stores a part of a source''s list of contracts [{"symbol", "multiplier", "ticks", "style", "tradable", "open_interest", ...}]; the last part says until which expiry it is whole. Returns {"left_out": [symbols whose terms contradict what was traded]}.';

create function public.listed_contracts(p_underlying text, p_on date, p_from date, p_to date, p_low numeric, p_high numeric) returns jsonb
language sql stable security definer set search_path = ''
as $$
  -- Null where the day's list is not there, or does not reach far enough: an empty list is another answer.
  select (
    select coalesce(jsonb_agg(jsonb_build_object('symbol', c.symbol, 'expiry', c.expires_on, 'strike', trim_scale(c.strike)::text,
      'open_interest', c.open_interest) order by c.expires_on, c.strike, c.option_right), '[]'::jsonb)
    from public.option_contracts as c
    join public.instruments as i on i.symbol = c.symbol and i.tradable
    where c.underlying = l.underlying and c.listed_at >= l.began_at and c.expires_on between p_from and p_to and c.strike between p_low and p_high)
  from private.option_chain_lists as l
  where l.underlying = p_underlying and l.listed_on = p_on and l.until >= p_to
$$;
comment on function public.listed_contracts(text, date, date, date, numeric, numeric) is
  'The tradable contracts that the list of the exchange date p_on has between two expiries and two strikes; null where there is no such list.';

create function private.chain_said(p_chain public.option_chain_snapshots) returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object('underlying', p_chain.underlying, 'bar_at', p_chain.bar_at, 'taken_at', p_chain.taken_at, 'feed', p_chain.feed,
    'delay_seconds', p_chain.delay_seconds, 'contracts', jsonb_array_length(p_chain.quotes))
$$;
comment on function private.chain_said(public.option_chain_snapshots) is 'A chain without its quotes: what its event says.';

create function public.chain_taken(p_underlying text, p_bar_at timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$ select private.chain_said(c) from public.option_chain_snapshots as c where c.underlying = p_underlying and c.bar_at = p_bar_at $$;
comment on function public.chain_taken(text, timestamptz) is
  'What is stored of the chain at the end of this bar: {"underlying", "bar_at", "taken_at", "feed", "delay_seconds", "contracts"}; null where none is.';

create function public.record_chain(p_chain jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  quotes jsonb;
  stored public.option_chain_snapshots;
  broken_constraint text;
  broken_column text;
begin
  perform private.refuse_unknown_symbols(jsonb_build_array(jsonb_build_object('symbol', p_chain ->> 'underlying')));
  -- A feed may say the open interest with its quotes; it counts for the day. In symbol order, and before the quotes, as
  -- record_option_data() does it: two callers never wait for each other in a ring.
  perform from public.option_contracts as c
  where c.symbol in (select d ->> 'symbol' from jsonb_array_elements(p_chain -> 'quotes') as d where d ->> 'open_interest' is not null)
  order by c.symbol for no key update;
  update public.option_contracts as c
  set open_interest = d.open_interest, open_interest_on = (p_chain ->> 'bar_at')::timestamptz at time zone 'America/New_York', recorded_at = now()
  from (select distinct on (symbol) symbol, open_interest from jsonb_to_recordset(p_chain -> 'quotes') as (symbol text, open_interest bigint)
    where open_interest is not null order by symbol) as d
  where c.symbol = d.symbol and c.open_interest is distinct from d.open_interest;
  -- Refuses what is not listed. An older quote changes nothing there, and is part of its own moment's chain all the same.
  perform public.record_option_data('[]', p_chain -> 'quotes');

  -- The terms are the instrument's: no quote can contradict them.
  select coalesce(jsonb_agg(jsonb_build_object(
      'symbol', q.symbol, 'expiry', i.expires_on, 'right', i.option_right, 'strike', trim_scale(i.strike)::text,
      'multiplier', trim_scale(i.multiplier)::text, 'bid', trim_scale(q.bid)::text, 'ask', trim_scale(q.ask)::text,
      'bid_size', trim_scale(q.bid_size)::text, 'ask_size', trim_scale(q.ask_size)::text, 'quoted_at', q.quoted_at,
      'implied_volatility', trim_scale(q.implied_volatility)::text, 'delta', trim_scale(q.delta)::text, 'gamma', trim_scale(q.gamma)::text,
      'theta', trim_scale(q.theta)::text, 'vega', trim_scale(q.vega)::text, 'open_interest', coalesce(q.open_interest, c.open_interest))
    order by i.expires_on, i.strike, i.option_right), '[]')
  into quotes
  from (
    select distinct on (symbol) * from jsonb_to_recordset(p_chain -> 'quotes') as (symbol text, bid private.amount, ask private.amount,
      bid_size private.amount, ask_size private.amount, quoted_at timestamptz, implied_volatility private.amount, delta private.amount,
      gamma private.amount, theta private.amount, vega private.amount, open_interest bigint)
    order by symbol, quoted_at desc) as q
  join public.instruments as i on i.symbol = q.symbol
  join public.option_contracts as c on c.symbol = q.symbol
  where i.underlying = p_chain ->> 'underlying';
  if jsonb_array_length(quotes) <> (select count(distinct d ->> 'symbol') from jsonb_array_elements(p_chain -> 'quotes') as d) then
    perform private.refuse(422, 'BAD_OPTION_DATA', 'Every quote of a chain is of a contract on its underlying. Nothing of the chain is stored.',
      jsonb_build_object('underlying', p_chain ->> 'underlying'));
  end if;

  insert into public.option_chain_snapshots (underlying, bar_at, taken_at, feed, delay_seconds, spot, quotes, asked, dropped)
  select d.underlying, d.bar_at, d.taken_at, d.feed, coalesce(d.delay_seconds, 0), d.spot, quotes, d.asked, coalesce(d.dropped, '{}')
  from jsonb_to_record(p_chain) as d (underlying text, bar_at timestamptz, taken_at timestamptz, feed text, delay_seconds integer,
    spot numeric, asked integer, dropped jsonb)
  on conflict (underlying, bar_at) do nothing;
  select * into stored from public.option_chain_snapshots
  where underlying = p_chain ->> 'underlying' and bar_at = (p_chain ->> 'bar_at')::timestamptz;
  return private.chain_said(stored);
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_OPTION_DATA',
      'A chain has an underlying, a bar, a price above zero, a feed, and 1 to 4000 quotes with a market. Nothing of it is stored.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_chain(jsonb) is
  'Stores a chain {"underlying", "bar_at", "taken_at", "feed", "delay_seconds", "spot", "asked", "dropped", "quotes": [...]} with the latest quotes and open interest of its contracts, in one transaction. The first word on a bar stays. Returns what is stored, as chain_taken() does.';

create function public.chain_at(p_underlying text, p_bar_at timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('underlying', c.underlying, 'bar_at', c.bar_at, 'taken_at', c.taken_at, 'feed', c.feed,
    'delay_seconds', c.delay_seconds, 'spot', trim_scale(c.spot)::text,
    'rate', trim_scale(c.rate)::text, 'quotes', c.quotes)
  from public.option_chain_snapshots as c where c.underlying = p_underlying and c.bar_at = p_bar_at
$$;
comment on function public.chain_at(text, timestamptz) is
  'The chain as of the end of this bar: {"underlying", "bar_at", "taken_at", "feed", "delay_seconds", "spot", "rate", "quotes"}; null where none was taken.';

create function public.prune_option_chains(p_now timestamptz, p_limit integer default 2000) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  removed integer;
begin
  delete from public.option_chain_snapshots where (underlying, bar_at) in (
    select underlying, bar_at from public.option_chain_snapshots
    where bar_at < p_now - (select value::interval from private.settings where name = 'option_chains_kept')
    order by bar_at limit p_limit);
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function public.prune_option_chains(timestamptz, integer) is
  'Removes at most p_limit chains older than the setting option_chains_kept; returns how many. Call it until it returns less.';

grant execute on function public.chains_needed(text, text), public.chains_to_list(timestamptz),
  public.record_chain_list(text, jsonb, text, timestamptz, date), public.listed_contracts(text, date, date, date, numeric, numeric),
  public.chain_taken(text, timestamptz), public.record_chain(jsonb), public.prune_option_chains(timestamptz, integer) to fn_ingest;
grant execute on function public.chain_at(text, timestamptz) to fn_strategy;
grant select on public.option_chain_snapshots to authenticated;
