-- Option contracts as a feed lists them, and their latest quotes.

create table public.option_contracts (
  symbol text primary key,
  underlying text not null,
  expires_on date not null,
  option_right text not null,
  strike private.amount not null,
  open_interest bigint check (open_interest >= 0),
  open_interest_on date check (isfinite(open_interest_on)),
  close_price private.amount check (close_price >= 0),
  close_on date check (isfinite(close_on)),
  feed text not null check (feed <> ''),
  delay_seconds integer not null default 0 check (delay_seconds >= 0),
  listed_at timestamptz not null check (isfinite(listed_at)),
  recorded_at timestamptz not null default now(),
  -- The terms are repeated, so that a chain is read from one table; the key makes them the instrument's own.
  foreign key (symbol, underlying, expires_on, option_right, strike)
    references public.instruments (symbol, underlying, expires_on, option_right, strike) on delete restrict on update cascade
);
comment on table public.option_contracts is 'Listed option contracts, for chains and screens. Their terms are those of the instrument of the same symbol.';
comment on column public.option_contracts.symbol is 'Unpadded OCC symbol.';
comment on column public.option_contracts.underlying is 'What the contract is on.';
comment on column public.option_contracts.expires_on is 'Last trading day, as an exchange date.';
comment on column public.option_contracts.option_right is 'call or put.';
comment on column public.option_contracts.strike is 'Strike price, in dollars.';
comment on column public.option_contracts.open_interest is 'Open contracts; null where the feed does not say.';
comment on column public.option_contracts.open_interest_on is 'The exchange date of the open interest.';
comment on column public.option_contracts.close_price is 'Last closing price, in dollars for one unit of the underlying; null where the feed does not say.';
comment on column public.option_contracts.close_on is 'The exchange date of the closing price.';
comment on column public.option_contracts.feed is 'Which feed listed it.';
comment on column public.option_contracts.delay_seconds is 'By how much the feed is late, as declared.';
comment on column public.option_contracts.listed_at is 'When the feed said so, UTC. An older listing never takes a newer one''s place.';
comment on column public.option_contracts.recorded_at is 'When the row was last written.';
create index option_contracts_chain on public.option_contracts (underlying, expires_on, strike, option_right);
alter table public.option_contracts enable row level security;
create policy "everybody signed in reads option contracts" on public.option_contracts for select to authenticated using (true);

create table public.option_quotes_latest (
  symbol text primary key references public.option_contracts (symbol) on delete restrict,
  bid private.amount not null check (bid >= 0),
  ask private.amount not null,
  bid_size private.amount not null check (bid_size >= 0),
  ask_size private.amount not null check (ask_size >= 0),
  implied_volatility private.amount check (implied_volatility >= 0),
  delta private.amount check (delta between -1 and 1),
  gamma private.amount,
  theta private.amount,
  vega private.amount,
  rho private.amount,
  quoted_at timestamptz not null check (isfinite(quoted_at)),
  feed text not null check (feed <> ''),
  delay_seconds integer not null default 0 check (delay_seconds >= 0),
  recorded_at timestamptz not null default now(),
  constraint bid_is_not_above_ask check (bid <= ask and ask > 0)
);
comment on table public.option_quotes_latest is 'The last best bid and ask of option contracts, with the feed''s own greeks, for display and marks.';
comment on column public.option_quotes_latest.symbol is 'Unpadded OCC symbol.';
comment on column public.option_quotes_latest.bid is 'Best bid, in dollars for one unit of the underlying; zero where nobody bids.';
comment on column public.option_quotes_latest.ask is 'Best ask, in dollars for one unit of the underlying.';
comment on column public.option_quotes_latest.bid_size is 'Contracts at the bid.';
comment on column public.option_quotes_latest.ask_size is 'Contracts at the ask.';
comment on column public.option_quotes_latest.implied_volatility is 'Per year, as a fraction; null where the feed does not say.';
comment on column public.option_quotes_latest.delta is 'Change of the price for one dollar of the underlying; null where the feed does not say.';
comment on column public.option_quotes_latest.gamma is 'Change of delta for one dollar of the underlying.';
comment on column public.option_quotes_latest.theta is 'Change of the price for one day, in dollars.';
comment on column public.option_quotes_latest.vega is 'Change of the price for one percentage point of implied volatility, in dollars.';
comment on column public.option_quotes_latest.rho is 'Change of the price for one percentage point of the interest rate, in dollars.';
comment on column public.option_quotes_latest.quoted_at is 'When the exchange said so, UTC. An older quote never takes a newer one''s place.';
comment on column public.option_quotes_latest.feed is 'Which feed told it: an indicative one is no market.';
comment on column public.option_quotes_latest.delay_seconds is 'By how much the feed is late, as declared.';
comment on column public.option_quotes_latest.recorded_at is 'When the row was last written.';
alter table public.option_quotes_latest enable row level security;
create policy "everybody signed in reads option quotes" on public.option_quotes_latest for select to authenticated using (true);

create function public.record_option_data(p_contracts jsonb, p_quotes jsonb default '[]') returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  written integer;
  quoted integer;
  stranger text;
  broken_constraint text;
  broken_column text;
begin
  select d ->> 'symbol' into stranger from jsonb_array_elements(p_contracts) as d
  where not exists (select from public.instruments as i where i.symbol = d ->> 'symbol' and i.kind = 'option' and i.strike is not null) limit 1;
  if found then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'Add the option as an instrument before its listing.', jsonb_build_object('symbol', stranger));
  end if;
  insert into public.option_contracts as c (symbol, underlying, expires_on, option_right, strike, open_interest, open_interest_on,
    close_price, close_on, feed, delay_seconds, listed_at)
  select distinct on (d.symbol) d.symbol, i.underlying, i.expires_on, i.option_right, i.strike, d.open_interest, d.open_interest_on,
    d.close_price, d.close_on, d.feed, coalesce(d.delay_seconds, 0), d.listed_at
  from rows from (jsonb_to_recordset(p_contracts) as (
      symbol text, open_interest bigint, open_interest_on date, close_price numeric, close_on date, feed text, delay_seconds integer,
      listed_at timestamptz)) with ordinality
    as d (symbol, open_interest, open_interest_on, close_price, close_on, feed, delay_seconds, listed_at, place)
  join public.instruments as i on i.symbol = d.symbol
  -- In symbol order: two feeds never wait for each other in a ring.
  order by d.symbol, d.listed_at desc, d.place desc
  on conflict (symbol) do update
  set open_interest = excluded.open_interest, open_interest_on = excluded.open_interest_on, close_price = excluded.close_price,
      close_on = excluded.close_on, feed = excluded.feed, delay_seconds = excluded.delay_seconds, listed_at = excluded.listed_at,
      recorded_at = now()
  where c.listed_at < excluded.listed_at
    or (c.listed_at = excluded.listed_at
      and (c.open_interest, c.open_interest_on, c.close_price, c.close_on, c.feed, c.delay_seconds) is distinct from
          (excluded.open_interest, excluded.open_interest_on, excluded.close_price, excluded.close_on, excluded.feed, excluded.delay_seconds));
  get diagnostics written = row_count;

  select d ->> 'symbol' into stranger from jsonb_array_elements(p_quotes) as d
  where not exists (select from public.option_contracts as c where c.symbol = d ->> 'symbol') limit 1;
  if found then
    perform private.refuse(422, 'UNKNOWN_SYMBOL', 'List the contract before its quotes.', jsonb_build_object('symbol', stranger));
  end if;
  insert into public.option_quotes_latest as q (symbol, bid, ask, bid_size, ask_size, implied_volatility, delta, gamma, theta, vega, rho,
    quoted_at, feed, delay_seconds)
  select distinct on (symbol) symbol, bid, ask, bid_size, ask_size, implied_volatility, delta, gamma, theta, vega, rho, quoted_at, feed,
    coalesce(delay_seconds, 0)
  from rows from (jsonb_to_recordset(p_quotes) as (
      symbol text, bid numeric, ask numeric, bid_size numeric, ask_size numeric, implied_volatility numeric, delta numeric, gamma numeric,
      theta numeric, vega numeric, rho numeric, quoted_at timestamptz, feed text, delay_seconds integer)) with ordinality
    as d (symbol, bid, ask, bid_size, ask_size, implied_volatility, delta, gamma, theta, vega, rho, quoted_at, feed, delay_seconds, place)
  order by symbol, quoted_at desc, place desc
  on conflict (symbol) do update
  set bid = excluded.bid, ask = excluded.ask, bid_size = excluded.bid_size, ask_size = excluded.ask_size,
      implied_volatility = excluded.implied_volatility, delta = excluded.delta, gamma = excluded.gamma, theta = excluded.theta,
      vega = excluded.vega, rho = excluded.rho, quoted_at = excluded.quoted_at, feed = excluded.feed,
      delay_seconds = excluded.delay_seconds, recorded_at = now()
  where q.quoted_at < excluded.quoted_at
    or (q.quoted_at = excluded.quoted_at and (q.bid, q.ask, q.bid_size, q.ask_size, q.implied_volatility, q.delta, q.gamma, q.theta, q.vega, q.rho)
      is distinct from (excluded.bid, excluded.ask, excluded.bid_size, excluded.ask_size, excluded.implied_volatility, excluded.delta,
        excluded.gamma, excluded.theta, excluded.vega, excluded.rho));
  get diagnostics quoted = row_count;
  return written + quoted;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_OPTION_DATA',
      'A bid is zero or more and not above its ask, the rest are numbers; say feed and time. Nothing of the batch is stored.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_option_data(jsonb, jsonb) is
  'Stores listed contracts and their latest quotes; an older one never takes a newer one''s place. Returns how many rows are new or changed.';
grant execute on function public.record_option_data(jsonb, jsonb) to fn_ingest;
grant select on public.option_contracts, public.option_quotes_latest to authenticated;
