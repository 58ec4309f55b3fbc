-- Instruments with their terms, and the market calendar.

create function private.are_ticks(p_ticks jsonb) returns boolean
language plpgsql immutable set search_path = ''
as $$
declare
  step jsonb;
  from_price numeric;
  tick numeric;
  before numeric := -1;
begin
  if jsonb_typeof(p_ticks) is distinct from 'array' or jsonb_array_length(p_ticks) = 0 then
    return false;
  end if;
  for step in select s from jsonb_array_elements(p_ticks) as s loop
    if not pg_input_is_valid(coalesce(step ->> 'from', ''), 'private.amount')
      or not pg_input_is_valid(coalesce(step ->> 'tick', ''), 'private.amount') then
      return false;
    end if;
    from_price := (step ->> 'from')::private.amount;
    tick := (step ->> 'tick')::private.amount;
    -- The first step begins at zero, the thresholds rise, and each threshold lies on its own step.
    if (before < 0 and from_price <> 0) or from_price <= before or tick <= 0 or from_price % tick <> 0 then
      return false;
    end if;
    before := from_price;
  end loop;
  return true;
end $$;
comment on function private.are_ticks(jsonb) is 'Whether this is a tick table: [{"from": price, "tick": step}, ...], rising from zero, each threshold on its own step.';

create function private.tick_of(p_ticks jsonb, p_price numeric) returns numeric
language sql immutable set search_path = ''
as $$
  select (s ->> 'tick')::numeric from jsonb_array_elements(p_ticks) as s
  where (s ->> 'from')::numeric <= abs(p_price)
  order by (s ->> 'from')::numeric desc limit 1
$$;
comment on function private.tick_of(jsonb, numeric) is 'The step of a tick table at a price; the net price of an order of several legs may be negative.';

create function private.usual_ticks(p_kind text) returns jsonb
language sql immutable set search_path = ''
as $$
  select case p_kind
    -- SEC rule 612: a hundredth of a cent below one dollar, a cent from there.
    when 'equity' then '[{"from": "0", "tick": "0.0001"}, {"from": "1", "tick": "0.01"}]'
    -- Where nobody has said the contract's class, the step of the finest one: the exchange refuses the rest.
    when 'option' then '[{"from": "0", "tick": "0.01"}]'
    else '[{"from": "0", "tick": "0.01"}]'
  end::jsonb
$$;
comment on function private.usual_ticks(text) is 'The tick table of a kind of instrument where its source gives none.';

create table public.instruments (
  symbol text primary key check (symbol ~ '^[A-Z0-9][A-Z0-9./]{0,31}$'),
  kind text not null check (kind in ('equity', 'option', 'crypto', 'future')),
  name text not null default '',
  multiplier private.amount not null default 1 check (multiplier > 0),
  ticks jsonb not null check (private.are_ticks(ticks)),
  tick private.amount not null check (tick > 0),
  lot private.amount not null default 1 check (lot > 0),
  underlying text,
  option_right text check (option_right in ('call', 'put')),
  strike private.amount check (strike > 0),
  style text check (style in ('american', 'european')),
  expires_on date check (isfinite(expires_on)),
  settlement text not null default 'physical' check (settlement in ('physical', 'cash')),
  sector text,
  ex_dividend_dates date[] not null default '{}',
  tradable boolean not null default true,
  shortable boolean,
  source text not null check (source <> ''),
  as_of date not null default (now() at time zone 'America/New_York')::date check (isfinite(as_of)),
  updated_at timestamptz not null default now(),
  constraint option_terms unique (symbol, underlying, expires_on, option_right, strike),
  -- What is only booked may be as strange as the broker says it; what is ordered has all its terms.
  constraint an_option_has_its_terms check (
    case when kind = 'option' then not tradable or num_nonnulls(underlying, option_right, strike, expires_on) = 4
      else num_nonnulls(option_right, strike, style) = 0 end)
);
comment on table public.instruments is 'What can be traded: unit, ticks, lot, multiplier and terms, with where that was learnt and when.';
comment on column public.instruments.symbol is 'Canonical: SPY, BRK.B, an unpadded OCC symbol, BTC/USD, ESZ6.';
comment on column public.instruments.kind is 'equity, option, crypto or future.';
comment on column public.instruments.name is 'As the source names it.';
comment on column public.instruments.multiplier is 'Units of the underlying for one share, contract or coin: 100 for a standard option.';
comment on column public.instruments.ticks is 'Price steps by price: [{"from": "0", "tick": "0.0001"}, {"from": "1", "tick": "0.01"}], in dollars. private.tick_at() reads it.';
comment on column public.instruments.tick is 'The step at one dollar, taken from the tick table: it follows `ticks` and is not written by hand.';
comment on column public.instruments.lot is 'Smallest quantity step, in shares or contracts.';
comment on column public.instruments.underlying is 'What an option or a future is on. Of an option whose source does not say: the root of its symbol.';
comment on column public.instruments.option_right is 'call or put; null for what is no option.';
comment on column public.instruments.strike is 'Strike price of an option, in dollars.';
comment on column public.instruments.style is 'How an option is exercised: american or european; null where the source does not say.';
comment on column public.instruments.expires_on is 'Last day of an option or a future, as an exchange date.';
comment on column public.instruments.settlement is 'What is delivered at expiry or exercise: the underlying (physical) or money (cash).';
comment on column public.instruments.sector is 'Sector of a share, as the source names it; null where unknown.';
comment on column public.instruments.ex_dividend_dates is 'Known ex-dividend dates, rising: from that day on a buyer gets no dividend, and short calls are exercised before it.';
comment on column public.instruments.tradable is 'Whether an order may name it. What was only seen at the broker is booked, not ordered.';
comment on column public.instruments.shortable is 'Whether the source says that it may be sold short; null where it does not say.';
comment on column public.instruments.source is 'Who said so: the seed, a broker''s list, the broker''s books.';
comment on column public.instruments.as_of is 'The exchange date of which the source said so.';
comment on column public.instruments.updated_at is 'When the row was last written.';
-- Expiry and assignment look contracts up by underlying.
create index instruments_underlying on public.instruments (underlying, expires_on) where underlying is not null;

create function private.occ_parts(p_symbol text) returns text[]
language sql immutable set search_path = ''
as $$
  select parts from regexp_match(p_symbol, '^([A-Z][A-Z0-9]{0,5})([0-9]{6})([CP])([0-9]{8})$') as parts
  where pg_input_is_valid('20' || parts[2], 'date') and parts[4]::numeric > 0
$$;
comment on function private.occ_parts(text) is
  'Root, YYMMDD, C or P, and strike in thousandths of an unpadded OCC symbol; null for what is no option symbol.';

create function private.complete_instrument() returns trigger
language plpgsql set search_path = ''
as $$
declare
  occ text[] := private.occ_parts(new.symbol);
begin
  if tg_op = 'UPDATE' and new.tick is distinct from old.tick and new.ticks is not distinct from old.ticks then
    perform private.refuse(422, 'TICK_FOLLOWS_TABLE', 'Change the tick table `ticks`; `tick` is taken from it.',
      jsonb_build_object('symbol', new.symbol, 'tick', new.tick));
  end if;
  if tg_op = 'UPDATE' and (new.kind, new.multiplier) is distinct from (old.kind, old.multiplier)
    and exists (select from public.trade_legs as l where l.symbol = new.symbol) then
    -- What was traded is counted by them: another multiplier would change the worth of every open position.
    perform private.refuse(409, 'TERMS_ARE_FIXED', 'Orders name this instrument; its kind and multiplier stay. What has other terms has another symbol.',
      jsonb_build_object('symbol', new.symbol, 'kind', new.kind, 'multiplier', trim_scale(new.multiplier)));
  end if;
  if new.ticks is null then
    new.ticks := case when new.tick is null then private.usual_ticks(new.kind)
      else jsonb_build_array(jsonb_build_object('from', '0', 'tick', trim_scale(new.tick)::text)) end;
  end if;
  if private.are_ticks(new.ticks) then -- Else the check on the table refuses it.
    new.tick := private.tick_of(new.ticks, 1);
  end if;
  if new.kind = 'option' and occ is not null then
    -- An OCC symbol says its own terms; a row cannot contradict its name.
    new.underlying := coalesce(new.underlying, occ[1]);
    new.expires_on := ('20' || occ[2])::date;
    new.option_right := case occ[3] when 'C' then 'call' else 'put' end;
    new.strike := occ[4]::numeric / 1000;
  end if;
  new.updated_at := now();
  return new;
end $$;
comment on function private.complete_instrument() is 'Gives an instrument its usual tick table, and an option the terms that its OCC symbol says.';
create trigger complete_instrument before insert or update on public.instruments
  for each row execute function private.complete_instrument();

create function private.tick_at(p_symbol text, p_price numeric) returns numeric
language sql stable set search_path = ''
as $$ select private.tick_of(i.ticks, p_price) from public.instruments as i where i.symbol = p_symbol $$;
comment on function private.tick_at(text, numeric) is
  'The price step of a symbol at a price, its sign ignored: a price fits where price % step = 0. Null where symbol or price is unknown.';

create function public.upsert_instruments(p_instruments jsonb, p_source text, p_as_of date) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  written integer;
  broken_constraint text;
  broken_column text;
begin
  -- What the source does not say stays as it was known. In symbol order: two lists at once never wait for each other in a ring.
  insert into public.instruments as i (symbol, kind, name, multiplier, ticks, lot, underlying, option_right, strike, style, expires_on,
    settlement, sector, ex_dividend_dates, tradable, shortable, source, as_of)
  select distinct on (d.symbol) d.symbol, coalesce(d.kind, k.kind), coalesce(d.name, k.name, ''),
    coalesce(d.multiplier, k.multiplier, case when d.kind = 'option' then 100 else 1 end), coalesce(d.ticks, k.ticks),
    coalesce(d.lot, k.lot, 1), coalesce(d.underlying, k.underlying), coalesce(d.option_right, k.option_right),
    coalesce(d.strike, k.strike), coalesce(d.style, k.style), coalesce(d.expires_on, k.expires_on),
    coalesce(d.settlement, k.settlement, 'physical'), coalesce(d.sector, k.sector),
    coalesce(d.ex_dividend_dates, k.ex_dividend_dates, '{}'), coalesce(d.tradable, k.tradable, true), coalesce(d.shortable, k.shortable), p_source, p_as_of
  from rows from (jsonb_to_recordset(p_instruments) as (
      symbol text, kind text, name text, multiplier numeric, ticks jsonb, lot numeric, underlying text, option_right text, strike numeric,
      style text, expires_on date, settlement text, sector text, ex_dividend_dates date[], tradable boolean, shortable boolean)) with ordinality
    as d (symbol, kind, name, multiplier, ticks, lot, underlying, option_right, strike, style, expires_on, settlement, sector,
      ex_dividend_dates, tradable, shortable, place)
  left join public.instruments as k on k.symbol = d.symbol
  order by d.symbol, d.place desc
  on conflict (symbol) do update
  set kind = excluded.kind, name = excluded.name, multiplier = excluded.multiplier, ticks = excluded.ticks, lot = excluded.lot,
      underlying = excluded.underlying, option_right = excluded.option_right, strike = excluded.strike, style = excluded.style,
      expires_on = excluded.expires_on, settlement = excluded.settlement, sector = excluded.sector,
      ex_dividend_dates = excluded.ex_dividend_dates, tradable = excluded.tradable, shortable = excluded.shortable, source = excluded.source, as_of = excluded.as_of
  -- An older list never takes a newer one's place; the same list again writes nothing.
  where i.as_of <= excluded.as_of
    and (i.kind, i.name, i.multiplier, i.ticks, i.lot, i.underlying, i.option_right, i.strike, i.style, i.expires_on, i.settlement, i.sector,
      i.ex_dividend_dates, i.tradable, i.shortable, i.source, i.as_of) is distinct from
      (excluded.kind, excluded.name, excluded.multiplier, excluded.ticks, excluded.lot, excluded.underlying, excluded.option_right,
      excluded.strike, excluded.style, excluded.expires_on, excluded.settlement, excluded.sector, excluded.ex_dividend_dates,
      excluded.tradable, excluded.shortable, excluded.source, excluded.as_of);
  get diagnostics written = row_count;
  return written;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_INSTRUMENT',
      'Give each its symbol and kind; multiplier, lot, strike and ticks are above zero; a tick table begins at zero. Nothing of the list is stored.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.upsert_instruments(jsonb, text, date) is
  'Writes a source''s list [{"symbol", "kind", "name", "multiplier", "ticks", ...}] of the day p_as_of; what it leaves out stays. Returns how many changed.';

create table public.market_calendar (
  session_date date primary key,
  opens_at timestamptz not null,
  closes_at timestamptz not null,
  half_day boolean generated always as (closes_at - opens_at < interval '6 hours') stored,
  source text not null check (source <> ''),
  updated_at timestamptz not null default now(),
  -- So that no session overlaps another, and none is stored a day or a time zone off.
  constraint opens_and_closes_on_its_date check (opens_at < closes_at
    and (opens_at at time zone 'America/New_York')::date = session_date
    and (closes_at at time zone 'America/New_York')::date = session_date)
);
comment on table public.market_calendar is 'Regular sessions of the US equity market, half days included. A date without a row is not a session.';
comment on column public.market_calendar.session_date is 'Exchange date of the session.';
comment on column public.market_calendar.opens_at is 'When the regular session opens, UTC.';
comment on column public.market_calendar.closes_at is 'When the regular session closes, UTC: at one in New York on a half day.';
comment on column public.market_calendar.half_day is 'Whether the session ends early: it lasts less than six hours.';
comment on column public.market_calendar.source is 'Who said so.';
comment on column public.market_calendar.updated_at is 'When the row was last written.';
create index market_calendar_closes on public.market_calendar (closes_at);

create function public.upsert_calendar(p_sessions jsonb, p_source text) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  written integer;
  broken_constraint text;
  broken_column text;
begin
  insert into public.market_calendar as c (session_date, opens_at, closes_at, source)
  select distinct on (date) date, opens_at, closes_at, p_source
  from rows from (jsonb_to_recordset(p_sessions) as (date date, opens_at timestamptz, closes_at timestamptz)) with ordinality
    as s (date, opens_at, closes_at, place)
  order by date, place desc
  on conflict (session_date) do update
  set opens_at = excluded.opens_at, closes_at = excluded.closes_at, source = excluded.source, updated_at = now()
  where (c.opens_at, c.closes_at) is distinct from (excluded.opens_at, excluded.closes_at);
  get diagnostics written = row_count;
  return written;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_CALENDAR',
      'A session opens before it closes, both on its date in New York. Nothing of the list is stored.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.upsert_calendar(jsonb, text) is 'Writes sessions [{"date", "opens_at", "closes_at"}]; returns how many changed.';
grant execute on function public.upsert_instruments(jsonb, text, date), public.upsert_calendar(jsonb, text) to fn_ingest;

alter table public.instruments enable row level security;
create policy "everybody signed in reads instruments" on public.instruments for select to authenticated using (true);
alter table public.market_calendar enable row level security;
create policy "everybody signed in reads the calendar" on public.market_calendar for select to authenticated using (true);
grant select on public.instruments, public.market_calendar to authenticated;
