-- Splits and dividends: what makes the prices of before comparable with those of today.

create table public.corporate_actions (
  symbol text not null references public.instruments (symbol) on delete restrict,
  kind text not null check (kind in ('split', 'cash_dividend')),
  ex_date date not null check (isfinite(ex_date)),
  special boolean not null default false,
  ratio private.amount check (ratio > 0 and ratio <> 1),
  amount private.amount check (amount > 0),
  record_date date,
  payable_date date,
  source text not null check (source <> ''),
  source_id text,
  withdrawn_at timestamptz,
  recorded_at timestamptz not null default now(),
  primary key (symbol, kind, ex_date, special),
  constraint says_its_number check (case kind when 'split' then num_nonnulls(ratio) = 1 and amount is null and not special
    else num_nonnulls(amount) = 1 and ratio is null end)
);
comment on table public.corporate_actions is
  'Splits (stock dividends too) and cash dividends of shares. Nothing is deleted: what its source takes back is marked as withdrawn.';
comment on column public.corporate_actions.symbol is 'The share.';
comment on column public.corporate_actions.kind is 'split or cash_dividend. A stock dividend is a split.';
comment on column public.corporate_actions.ex_date is 'First exchange date on which it trades without what is given: prices before it are of another unit.';
comment on column public.corporate_actions.special is 'Of a dividend: paid beside the regular ones; a regular and a special one may share a date.';
comment on column public.corporate_actions.ratio is 'Of a split: new shares for each old one, 2 for two for one, 0.1 for one for ten.';
comment on column public.corporate_actions.amount is 'Of a dividend: dollars for each share of the ex-date.';
comment on column public.corporate_actions.record_date is 'Who holds it then gets it; null where the source does not say.';
comment on column public.corporate_actions.payable_date is 'When it is paid; null where the source does not say.';
comment on column public.corporate_actions.source is 'Who said so.';
comment on column public.corporate_actions.source_id is 'The source''s own id of it; null where it has none.';
comment on column public.corporate_actions.withdrawn_at is 'Since when the source no longer lists it; null while it does.';
comment on column public.corporate_actions.recorded_at is 'When the row was last written.';
alter table public.corporate_actions enable row level security;
create policy "everybody signed in reads corporate actions" on public.corporate_actions for select to authenticated using (true);

create function public.record_corporate_actions(p_symbol text, p_actions jsonb, p_source text, p_from date, p_to date) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  written integer;
  withdrawn integer;
  broken_constraint text;
  broken_column text;
begin
  perform private.refuse_unknown_symbols(jsonb_build_array(jsonb_build_object('symbol', p_symbol)));
  if exists (select from jsonb_array_elements(p_actions) as a
      where (a ->> 'ex_date')::date is null or not (a ->> 'ex_date')::date between p_from and p_to) then
    perform private.refuse(422, 'BAD_CORPORATE_ACTIONS', 'Name the range that was asked for: each ex-date lies within it.',
      jsonb_build_object('because', 'ex_date'));
  end if;
  insert into public.corporate_actions as c (symbol, kind, ex_date, special, ratio, amount, record_date, payable_date, source, source_id)
  -- Two dividends of one date are paid both; the same one told twice is one, and so is a split.
  select p_symbol, kind, ex_date, special, (array_agg(ratio order by place desc))[1], sum(amount), max(record_date), max(payable_date), p_source, min(source_id)
  from (
    select distinct on (kind, ex_date, coalesce(special, false), coalesce(source_id, place::text))
      kind, ex_date, coalesce(special, false) as special, ratio, amount, record_date, payable_date, source_id, place
    from rows from (jsonb_to_recordset(p_actions) as (kind text, ex_date date, special boolean, ratio numeric, amount numeric,
        record_date date, payable_date date, source_id text)) with ordinality
      as d (kind, ex_date, special, ratio, amount, record_date, payable_date, source_id, place)
    order by kind, ex_date, coalesce(special, false), coalesce(source_id, place::text), place desc) as told
  group by kind, ex_date, special
  order by kind, ex_date, special
  on conflict (symbol, kind, ex_date, special) do update
  set ratio = excluded.ratio, amount = excluded.amount, record_date = excluded.record_date, payable_date = excluded.payable_date,
      source = excluded.source, source_id = excluded.source_id, withdrawn_at = null, recorded_at = now()
  where (c.ratio, c.amount, c.record_date, c.payable_date, c.source, c.source_id, c.withdrawn_at) is distinct from
        (excluded.ratio, excluded.amount, excluded.record_date, excluded.payable_date, excluded.source, excluded.source_id, null);
  get diagnostics written = row_count;
  update public.corporate_actions as c set withdrawn_at = now(), recorded_at = now()
  where c.symbol = p_symbol and c.source = p_source and c.ex_date between p_from and p_to and c.withdrawn_at is null
    and not exists (select from jsonb_to_recordset(p_actions) as d (kind text, ex_date date, special boolean)
      where d.kind = c.kind and d.ex_date = c.ex_date and coalesce(d.special, false) = c.special);
  get diagnostics withdrawn = row_count;
  if written + withdrawn > 0 then
    update public.instruments as i set ex_dividend_dates = known.dates
    from (select coalesce(array_agg(distinct c.ex_date order by c.ex_date), '{}') as dates from public.corporate_actions as c
      where c.symbol = p_symbol and c.kind = 'cash_dividend' and c.withdrawn_at is null) as known
    where i.symbol = p_symbol and i.ex_dividend_dates is distinct from known.dates;
  end if;
  return written + withdrawn;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_CORPORATE_ACTIONS',
      'A split has a ratio above zero that is not one, a dividend an amount above zero, and each its ex-date. Nothing of the list is stored.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.record_corporate_actions(text, jsonb, text, date, date) is
  'Writes all that a source lists of a share with ex-dates in [p_from, p_to]; what it does not list any more is withdrawn. Keeps the instrument''s ex-dividend dates. Returns how many changed.';

create function public.corporate_actions_of(p_symbol text, p_until date) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'ex_date', c.ex_date, 'special', c.special,
    'ratio', trim_scale(c.ratio)::text, 'amount', trim_scale(c.amount)::text) order by c.ex_date, c.kind, c.special), '[]'::jsonb)
  from public.corporate_actions as c where c.symbol = p_symbol and c.ex_date <= p_until and c.withdrawn_at is null
$$;
comment on function public.corporate_actions_of(text, date) is
  'The splits and dividends of a share with ex-dates up to p_until, oldest first: [{"kind", "ex_date", "special", "ratio", "amount"}].';

grant execute on function public.record_corporate_actions(text, jsonb, text, date, date) to fn_ingest;
grant execute on function public.corporate_actions_of(text, date) to fn_ingest, fn_strategy, fn_report;
grant select on public.corporate_actions to authenticated;
