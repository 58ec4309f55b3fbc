-- Executions, as the broker reports them, takes them back and corrects them: each counted once, none refused.

create function private.count_trade(p_trade public.trades, p_leg integer, p_said_quantity numeric, p_at timestamptz) returns public.trades
language plpgsql set search_path = ''
as $$
declare
  trade public.trades;
  filled numeric;
  value numeric;
  ordered numeric;
  is_filled boolean;
  units numeric;
  unit_price numeric;
begin
  select l.filled_quantity, l.filled_value, l.quantity into filled, value, ordered
  from public.trade_legs as l where l.trade_id = p_trade.id and l.leg = p_leg;
  if not p_trade.multi_leg and p_trade.replaces_trade_id is null then
    ordered := coalesce(ordered, p_said_quantity);
    is_filled := filled > 0 and filled >= ordered;
    units := filled;
    unit_price := private.portion(value, 1, nullif(filled, 0));
  else
    ordered := coalesce(private.ordered_quantity(p_trade.id, p_leg), p_said_quantity);
    is_filled := private.is_filled(p_trade.id, p_said_quantity);
    select s.units, s.price into units, unit_price from private.filled_so_far(p_trade.id) as s;
  end if;
  update public.trades
  set filled_quantity = units,
      fill_price = unit_price,
      executed_at = greatest(p_at, executed_at),
      status = case
        when private.is_final(status) then status
        when is_filled then 'filled'
        when status = 'submitted' then 'partially_filled'
        else status end,
      status_at = greatest(p_at, status_at)
  where id = p_trade.id returning * into trade;
  if filled > ordered then
    -- By its size too: a further excess is another break, also where the first was explained and its halt lifted.
    perform private.open_break(trade.user_id, trade.broker_account_id, 'excess_fill',
      'The broker filled more than was ordered. The fill is on record, and new entries on the account are halted; compare with the broker before lifting.',
      jsonb_build_object('trade', trade.id, 'ordered', ordered::text, 'filled', filled::text), 'excess|' || trade.id || '|' || trim_scale(filled), trade.symbol);
  end if;
  return trade;
end $$;
comment on function private.count_trade(public.trades, integer, numeric, timestamptz) is
  'Takes the trade''s counters from its legs. A final status is frozen, quantities are not; an excess opens a break, which halts the account.';

create function private.find_fill(p_account_id uuid, p_told jsonb) returns uuid
language sql stable set search_path = ''
as $$
  select coalesce(
    (select f.id from public.fills as f
     where f.broker_account_id = p_account_id and f.kind = 'fill' and f.execution_id = p_told ->> 'corrects_external_id'
       and (p_told ->> 'broker_order_id' is null or f.broker_order_id = p_told ->> 'broker_order_id')
     order by f.leg = coalesce((p_told ->> 'leg')::integer, 0) desc limit 1),
    (select coalesce(f.corrects_fill_id, f.id)
     from public.fill_aliases as a join public.fills as f on f.id = a.fill_id
     where a.broker_account_id = p_account_id and a.source in ('stream', 'activities', 'order')
       and a.external_id = p_told ->> 'corrects_external_id' limit 1),
    (select f.id from public.fills as f
     where f.broker_account_id = p_account_id and f.broker_order_id = p_told ->> 'broker_order_id' and f.kind = 'fill'
       and f.execution_id is null and f.leg = coalesce((p_told ->> 'leg')::integer, 0) and f.cumulative_quantity = (p_told ->> 'cumulative_quantity')::numeric
     order by f.occurrence desc limit 1))
$$;
comment on function private.find_fill(uuid, jsonb) is 'The fill that a bust or correction speaks of: by its broker''s name on any path, else by order and cumulative quantity.';

create function private.keep_waiting(p_account public.broker_accounts, p_told jsonb, p_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  name text := coalesce(p_told ->> 'external_id', (p_told ->> 'kind') || ' of ' || concat_ws(' ', p_told ->> 'corrects_external_id',
    p_told ->> 'broker_order_id', p_told ->> 'leg', p_told ->> 'cumulative_quantity', p_told ->> 'quantity', p_told ->> 'price'));
begin
  insert into public.broker_activities (id, user_id, broker_account_id, source, external_id, kind, symbol, occurred_at, activity, state, note)
  values (private.named_uuid(concat_ws('|', 'activity', p_account.id, p_told ->> 'source', name)), p_account.user_id, p_account.id,
    p_told ->> 'source', name, 'fill_' || (p_told ->> 'kind'), p_told ->> 'symbol', p_at, p_told, 'waiting', 'the fill that it speaks of is not on record')
  on conflict do nothing;
  perform private.open_break(p_account.user_id, p_account.id, 'unknown_fill',
    'The broker took back or corrected a fill that is not on record. It is applied as soon as the fill is told; new entries on the account are halted until somebody has compared.',
    p_told, 'unknown-fill|' || (p_told ->> 'source') || '|' || name);
end $$;
comment on function private.keep_waiting(public.broker_accounts, jsonb, timestamptz) is 'Keeps a bust or correction whose fill is not on record, tells of it, and halts the account.';

create function private.record_fill_change(p_account public.broker_accounts, p_told jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  fill_kind text := p_told ->> 'kind';
  happened timestamptz;
  corrected_quantity private.amount;
  corrected_price private.amount;
  first public.fills;
  terms private.effective_terms;
  trade public.trades;
  known uuid;
  corrections integer;
  counted boolean := false;
begin
  begin
    happened := (p_told ->> 'executed_at')::timestamptz;
    corrected_quantity := (p_told ->> 'quantity')::numeric;
    corrected_price := (p_told ->> 'price')::numeric;
    perform (p_told ->> 'cumulative_quantity')::numeric, (p_told ->> 'leg')::integer;
  exception
    when data_exception or check_violation then
      perform private.refuse_malformed('BAD_FILL', 'Times and amounts of a fill are written as such.', '', '', sqlerrm);
  end;
  if (happened is not null and p_told ->> 'source' in ('stream', 'activities', 'order')
      and (p_told ->> 'corrects_external_id' <> '' or (p_told ->> 'broker_order_id' <> '' and p_told ->> 'cumulative_quantity' <> ''))
      and (fill_kind = 'bust' or (fill_kind = 'correction' and corrected_quantity > 0 and corrected_price > 0))) is not true then
    perform private.refuse(422, 'BAD_FILL',
      'A bust or correction has kind, executed_at, source, and names its fill by corrects_external_id or by broker_order_id and cumulative_quantity; a correction has quantity and price above zero.', p_told);
  end if;
  if p_told ->> 'external_id' is not null then
    -- A change under the name of the very fill that it speaks of is a change all the same.
    select a.fill_id into known from public.fill_aliases as a join public.fills as f on f.id = a.fill_id
    where a.broker_account_id = p_account.id and a.source = p_told ->> 'source' and a.external_id = p_told ->> 'external_id'
      and f.kind = fill_kind;
  end if;
  -- Asked once: as part of the condition it may be asked for every fill on record, where the statistics are old.
  select * into first from public.fills where id = coalesce(
    (select coalesce(f.corrects_fill_id, f.id) from public.fills as f where f.id = known), (select private.find_fill(p_account.id, p_told)));
  if first.id is null then
    perform private.keep_waiting(p_account, p_told, happened);
    return jsonb_build_object('fill_id', null, 'counted', false, 'waiting', true, 'trade_id', null, 'status', null);
  end if;
  trade := private.lock_trade(first.trade_id);
  terms := private.terms_of(first.id);
  -- The same bust or correction by another path or under another name is one.
  if known is null then
    select id into known from public.fills
    where corrects_fill_id = first.id and kind = fill_kind
      and (kind = 'bust' or (quantity, price, executed_at) = (corrected_quantity, corrected_price, happened))
    limit 1;
  end if;
  if known is null then
    select count(*) filter (where kind = 'correction') into corrections from public.fills where corrects_fill_id = first.id;
    known := private.named_uuid(fill_kind || '|' || first.id || case when fill_kind = 'correction' then '|' || corrections else '' end);
    insert into public.fills (
      id, user_id, broker_account_id, trade_id, leg, strategy_id, kind, corrects_fill_id, broker_order_id, cumulative_quantity, occurrence,
      symbol, side, quantity, price, fee, multiplier, executed_at, source)
    values (
      known, first.user_id, first.broker_account_id, first.trade_id, first.leg, first.strategy_id, fill_kind, first.id,
      first.broker_order_id, first.cumulative_quantity, first.occurrence, first.symbol, first.side,
      case fill_kind when 'bust' then terms.quantity else corrected_quantity end,
      case fill_kind when 'bust' then terms.price else corrected_price end,
      case fill_kind when 'bust' then -first.fee else 0 end,
      first.multiplier, happened, p_told ->> 'source');
    trade := private.count_trade(trade, first.leg, null, happened);
    perform private.alert(first.user_id, p_account.id, case fill_kind when 'bust' then 'FILL_BUSTED' else 'FILL_CORRECTED' end, 'warning',
      case fill_kind when 'bust' then 'The broker took a fill back. Positions and profit follow it.'
        else 'The broker corrected a fill. Positions and profit follow it.' end,
      jsonb_build_object('fill', first.id, 'trade', first.trade_id, 'symbol', first.symbol,
        'was', trim_scale(terms.quantity) || '@' || trim_scale(terms.price),
        'is', case fill_kind when 'bust' then '0' else trim_scale(corrected_quantity) || '@' || trim_scale(corrected_price) end),
      'fill-change|' || known);
    counted := true;
  end if;
  perform private.name_fill(p_account, p_told, known);
  return jsonb_build_object('fill_id', known, 'counted', counted, 'trade_id', trade.id, 'status', trade.status);
end $$;
comment on function private.record_fill_change(public.broker_accounts, jsonb) is
  'Records a bust or correction, counted once whatever path and name; the caller holds the account''s lock.';

create function private.name_fill(p_account public.broker_accounts, p_told jsonb, p_fill_id uuid) returns void
language plpgsql set search_path = ''
as $$
begin
  if p_told ->> 'external_id' is not null then
    insert into public.fill_aliases (broker_account_id, source, external_id, fill_id, user_id)
    values (p_account.id, p_told ->> 'source', p_told ->> 'external_id', p_fill_id, p_account.user_id) on conflict do nothing;
  end if;
end $$;
comment on function private.name_fill(public.broker_accounts, jsonb, uuid) is 'Keeps the name that a path has for a fill.';

create function private.apply_waiting(p_account public.broker_accounts) returns void
language plpgsql set search_path = ''
as $$
declare
  told public.broker_activities;
begin
  for told in
    select * from public.broker_activities where broker_account_id = p_account.id and state = 'waiting' order by occurred_at, id
  loop
    if private.find_fill(p_account.id, told.activity) is not null then
      perform private.record_fill_change(p_account, told.activity);
      update public.broker_activities set state = 'applied', note = '', applied_at = now() where id = told.id;
    end if;
  end loop;
end $$;
comment on function private.apply_waiting(public.broker_accounts) is 'Applies the busts and corrections that waited for a fill which has come.';

create function public.record_fill(p_account_id uuid, p_fill jsonb, p_cursor jsonb default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  trade public.trades;
  fill_id uuid;
  known public.fills;
  terms private.effective_terms;
  executed timestamptz;
  filled private.amount;
  paid private.amount;
  cumulative private.amount;
  charged private.amount;
  fill_leg integer;
  told_leg integer;
  named text;
  again integer := 0;
  counted boolean := false;
  answer jsonb;
begin
  if coalesce(p_fill ->> 'kind', 'fill') <> 'fill' then
    -- A halt may follow: the account's gate is locked before the account, as every order does.
    perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
    select * into account from public.broker_accounts where id = p_account_id for no key update;
    if not found then
      perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
    end if;
    answer := private.record_fill_change(account, p_fill);
    -- It may be what a further change waited for: that one names this one.
    perform private.apply_waiting(account);
    if p_cursor is not null then
      perform private.move_cursor(p_cursor ->> 'worker', p_cursor ->> 'stream', (p_cursor ->> 'position')::timestamptz);
    end if;
    return answer;
  end if;
  begin
    executed := (p_fill ->> 'executed_at')::timestamptz;
    filled := (p_fill ->> 'quantity')::numeric;
    paid := (p_fill ->> 'price')::numeric;
    cumulative := (p_fill ->> 'cumulative_quantity')::numeric;
    charged := coalesce((p_fill ->> 'fee')::numeric, 0);
    fill_leg := coalesce((p_fill ->> 'leg')::integer, 0);
  exception
    when data_exception or check_violation then
      perform private.refuse_malformed('BAD_FILL', 'Times and amounts of a fill are written as such.', '', '', sqlerrm);
  end;
  -- What is worthless is sold at zero: an option, alone or as a leg. A share at zero was misread.
  if (executed is not null and filled > 0 and (paid > 0 or (paid = 0 and private.occ_parts(p_fill ->> 'symbol') is not null))
      and p_fill ->> 'broker_order_id' <> '') is not true then
    perform private.refuse(422, 'BAD_FILL',
      'A fill has broker_order_id, executed_at, and quantity, cumulative_quantity and price above zero; an option''s price may be zero.', p_fill);
  end if;
  -- An excess closes the account's gate: its lock is taken before the account's, as every order does.
  perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
  -- The account's lock puts the fills of an account in one order: what makes "counted once" true.
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  if private.names_executions(account.broker) then
    -- The broker's own id of the execution names it on every path; its running total is whatever that path made of it.
    named := nullif(p_fill ->> 'external_id', '');
    cumulative := greatest(cumulative, filled);
  end if;
  if (case when private.names_executions(account.broker) then named is not null else cumulative > 0 end) is not true then
    perform private.refuse(422, 'BAD_FILL',
      'What names the execution is missing: external_id at a broker that numbers them, else a cumulative_quantity above zero.', p_fill);
  end if;
  trade := private.find_trade(p_account_id, p_fill ->> 'broker_order_id', p_fill ->> 'client_order_id', p_fill ->> 'replaces');
  if trade.id is null then
    trade := private.adopt_external(account, p_fill);
  end if;
  trade := private.witness_order(trade, p_fill ->> 'broker_order_id', executed);
  if p_fill ->> 'symbol' is not null and (trade.multi_leg or trade.source = 'external') then
    -- Paths count legs differently, but no symbol is in an order twice.
    select l.leg into told_leg from public.trade_legs as l where l.trade_id = trade.id and l.symbol = p_fill ->> 'symbol';
    if not found and trade.source = 'external' and p_fill ->> 'side' in ('buy', 'sell') then
      select max(l.leg) + 1 into told_leg from public.trade_legs as l where l.trade_id = trade.id;
      perform private.add_told_leg(trade, told_leg, p_fill, null, 1);
    end if;
    fill_leg := coalesce(told_leg, fill_leg);
  end if;

  if named is not null then
    select * into known from public.fills
    where broker_account_id = p_account_id and broker_order_id = p_fill ->> 'broker_order_id' and leg = fill_leg
      and execution_id = named and kind = 'fill';
  else
    select * into known from public.fills
    where broker_account_id = p_account_id and broker_order_id = p_fill ->> 'broker_order_id' and leg = fill_leg
      and cumulative_quantity = cumulative and kind = 'fill' and execution_id is null
    order by occurrence desc limit 1;
  end if;
  if named is not null then
    null; -- Its name is all there is to know.
  elsif not found and p_fill ->> 'external_id' is not null then
    select f.* into known from public.fill_aliases as a join public.fills as f on f.id = a.fill_id
    where a.broker_account_id = p_account_id and a.source = p_fill ->> 'source' and a.external_id = p_fill ->> 'external_id';
  elsif found and exists (
      select from public.fills as b where b.corrects_fill_id = known.id and b.kind = 'bust' and b.executed_at < executed)
    and not exists (select from public.fill_aliases as a where a.broker_account_id = p_account_id and a.source = p_fill ->> 'source'
      and a.external_id = p_fill ->> 'external_id') then
    -- Executed after the bust of the one that had its name: the quantity was filled anew.
    again := known.occurrence + 1;
    known := null;
  end if;
  if known.id is not null then
    fill_id := known.id;
    terms := private.terms_of(known.id);
    if (known.quantity, known.price) is distinct from (filled, paid) and (terms.quantity, terms.price) is distinct from (filled, paid) then
      perform private.open_break(account.user_id, p_account_id, 'fill_conflict',
        'The broker reported one execution in two ways. The first is on record, and new entries on the account are halted; compare with the broker before lifting.',
        jsonb_build_object('fill', fill_id, 'recorded', trim_scale(known.quantity) || '@' || trim_scale(known.price),
          'reported', (p_fill ->> 'quantity') || '@' || (p_fill ->> 'price')),
        -- By what was told too: another story is another break, also where the first was explained and its halt lifted.
        concat_ws('|', 'fill-conflict', fill_id, trim_scale(filled) || '@' || trim_scale(paid)), known.symbol);
    end if;
  else
    counted := true;
    fill_id := private.named_uuid(concat_ws('|', 'fill', p_account_id, p_fill ->> 'broker_order_id', fill_leg,
      coalesce('execution:' || named, trim_scale(cumulative)::text), nullif(again, 0)));
    insert into public.fills (
      id, user_id, broker_account_id, trade_id, leg, strategy_id, broker_order_id, cumulative_quantity, occurrence, execution_id,
      symbol, side, quantity, price, fee, multiplier, executed_at, source)
    select fill_id, trade.user_id, p_account_id, trade.id, l.leg, trade.strategy_id, p_fill ->> 'broker_order_id', cumulative, again,
      named, l.symbol, l.side, filled, paid, charged, i.multiplier, executed, p_fill ->> 'source'
    from public.trade_legs as l join public.instruments as i on i.symbol = l.symbol
    where l.trade_id = trade.id and l.leg = fill_leg;
    if not found then
      perform private.refuse(422, 'BAD_FILL', 'The order has no such leg.', p_fill);
    end if;
    trade := private.count_trade(trade, fill_leg, (p_fill ->> 'ordered_quantity')::numeric, executed);
    if trade.exit_plan is not null then
      perform private.arm_exit(trade, executed);
    end if;
  end if;
  perform private.name_fill(account, p_fill, fill_id);
  if exists (select from public.broker_activities where broker_account_id = p_account_id and state = 'waiting') then
    perform private.apply_waiting(account);
  end if;
  if p_cursor is not null then
    perform private.move_cursor(p_cursor ->> 'worker', p_cursor ->> 'stream', (p_cursor ->> 'position')::timestamptz);
  end if;
  return jsonb_build_object('fill_id', fill_id, 'counted', counted, 'trade_id', trade.id, 'status', trade.status);
end $$;
comment on function public.record_fill(uuid, jsonb, jsonb) is
  'Records one execution {"broker_order_id", "client_order_id", "leg", "cumulative_quantity", "quantity", "price", "executed_at", "source", "external_id", ...}; never refused, counted once by what its broker names executions with. An unknown order is adopted as external; an excess halts the account. With "kind": "bust" or "correction" it takes back or corrects the fill named by "corrects_external_id", or by order and cumulative quantity.';

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
    where x.broker_account_id = p_account_id and x.broker_order_id = f.value ->> 'broker_order_id' and x.kind = 'fill'
      and case when f.value ->> 'symbol' is null then x.leg = 0 else x.symbol = f.value ->> 'symbol' end
      and case when x.execution_id is null then x.cumulative_quantity = (f.value ->> 'cumulative_quantity')::numeric
        else x.execution_id = f.value ->> 'external_id' end
      -- What took the place of a busted fill has its name: record_fill() tells them apart.
      and (x.execution_id is not null
        or not exists (select from public.fills as b where b.corrects_fill_id = x.id and b.kind = 'bust')))
$$;
comment on function public.unrecorded_fills(uuid, jsonb) is
  'Which of the broker''s executions [{"broker_order_id", "symbol", "cumulative_quantity", "external_id"}] may not be on record, and whether a trade knows their order.';

grant execute on function public.record_fill(uuid, jsonb, jsonb), public.unrecorded_fills(uuid, jsonb) to fn_execute;
