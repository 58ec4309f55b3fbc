-- Account activities: what the broker tells besides orders, kept as told and applied once.

create function private.known_symbol(p_symbol text) returns text
language plpgsql set search_path = ''
as $$
begin
  if p_symbol is null then
    perform private.refuse(422, 'BAD_ACTIVITY', 'The activity names its symbol.');
  end if;
  -- Known for booking only: whether it may be traded here is for the instrument list to say.
  insert into public.instruments (symbol, kind, multiplier, tradable, source)
  select p_symbol, case when o.is_option then 'option' else 'equity' end, case when o.is_option then 100 else 1 end, false, 'seen at the broker'
  from (select private.occ_parts(p_symbol) is not null as is_option) as o
  where not exists (select from public.instruments as i where i.symbol = p_symbol)
  on conflict do nothing;
  return p_symbol;
end $$;
comment on function private.known_symbol(text) is 'The symbol, as an instrument that is known at least for booking.';

create function private.adjust(
  p_activity public.broker_activities, p_symbol text, p_kind text, p_quantity numeric, p_amount numeric, p_owner_key text default null,
  p_numerator numeric default null, p_denominator numeric default null, p_from uuid default null)
returns uuid
language plpgsql set search_path = ''
as $$
declare
  made public.position_adjustments;
begin
  insert into public.position_adjustments (
    id, user_id, broker_account_id, activity_id, symbol, kind, owner_key, strategy_id, from_adjustment_id, quantity, amount, numerator,
    denominator, effective_at)
  values (
    private.named_uuid(concat_ws('|', 'adjustment', p_activity.id, p_kind, p_symbol)), p_activity.user_id, p_activity.broker_account_id,
    p_activity.id, private.known_symbol(p_symbol), p_kind, p_owner_key, nullif(p_owner_key, 'manual')::uuid, p_from, p_quantity, p_amount,
    p_numerator, p_denominator, p_activity.occurred_at)
  returning * into made;
  if p_kind in ('expiry', 'exercise', 'assignment', 'cash_in_lieu', 'transfer_out') and p_from is null
    and made.position_quantity * made.quantity > 0 then
    perform private.open_break(made.user_id, made.broker_account_id, 'position',
      'The broker took more out of a position than the books hold. A fill may still be missing; new entries on the account are halted until somebody has compared.',
      jsonb_build_object('adjustment', made.id, 'kind', p_kind, 'taken', made.quantity::text, 'left', made.position_quantity::text),
      'adjustment|' || made.id, made.symbol);
  end if;
  return made.id;
end $$;
comment on function private.adjust(public.broker_activities, text, text, numeric, numeric, text, numeric, numeric, uuid) is
  'Books one adjustment of an activity; taking more than there is opens a break.';

create function private.apply_kind(p_activity public.broker_activities) returns boolean
language plpgsql set search_path = ''
as $$
declare
  told jsonb := p_activity.activity;
  kind text := p_activity.kind;
  told_quantity private.amount := (told ->> 'quantity')::numeric;
  told_amount private.amount := (told ->> 'amount')::numeric;
  owner text := coalesce((told ->> 'strategy_id')::uuid::text, case when told ->> 'owner' = 'manual' then 'manual' end);
  option public.instruments;
  adjustment uuid;
  shares numeric;
begin
  if kind = 'fill' then
    perform public.record_fill(p_activity.broker_account_id,
      (told -> 'fill') || jsonb_build_object('source', 'activities', 'external_id', p_activity.external_id));
  elsif kind in ('dividend', 'interest', 'fee', 'tax', 'deposit', 'withdrawal') then
    if told_amount is null or (kind = 'deposit' and told_amount < 0) or (kind = 'withdrawal' and told_amount > 0) then
      perform private.refuse(422, 'BAD_ACTIVITY', 'Money has an amount: positive came in, negative went out.');
    end if;
    insert into public.cash_movements (id, user_id, broker_account_id, activity_id, kind, symbol, amount, occurred_at)
    values (private.named_uuid('cash|' || p_activity.id), p_activity.user_id, p_activity.broker_account_id, p_activity.id, kind,
      case when told ->> 'symbol' is not null then private.known_symbol(told ->> 'symbol') end, told_amount, p_activity.occurred_at);
  elsif kind = 'split' then
    perform private.adjust(p_activity, told ->> 'symbol', kind, 0, 0, null, (told ->> 'numerator')::numeric, (told ->> 'denominator')::numeric);
    perform private.split_exits(p_activity.broker_account_id, told ->> 'symbol', (told ->> 'numerator')::numeric, (told ->> 'denominator')::numeric);
  elsif kind in ('opening_balance', 'transfer_in') then
    perform private.known_symbol(told ->> 'symbol');
    select * into option from public.instruments where symbol = told ->> 'symbol';
    told_amount := coalesce(told_amount, private.value_of(told_quantity, (told ->> 'price')::numeric, option.multiplier));
    if told_amount is null or told_amount * told_quantity < 0 then
      perform private.refuse(422, 'BAD_ACTIVITY', 'What comes in has a signed quantity, and the amount it has cost or a price.');
    end if;
    perform private.adjust(p_activity, told ->> 'symbol', kind, told_quantity, told_amount, coalesce(owner, 'manual'));
  elsif kind = 'transfer_out' then
    perform private.adjust(p_activity, told ->> 'symbol', kind, told_quantity, 0, owner);
  elsif kind = 'cash_in_lieu' then
    perform private.adjust(p_activity, told ->> 'symbol', kind, told_quantity, -told_amount, owner);
  elsif kind = 'expiry' then
    perform private.adjust(p_activity, told ->> 'symbol', kind, coalesce(told_quantity, -(
      select b.quantity from public.position_books as b
      where b.broker_account_id = p_activity.broker_account_id and b.symbol = told ->> 'symbol'), 0), 0);
  elsif kind in ('exercise', 'assignment') then
    perform private.known_symbol(told ->> 'symbol');
    select * into option from public.instruments where symbol = told ->> 'symbol';
    if (told_quantity > 0) is not true or option.option_right is null then
      perform private.refuse(422, 'BAD_ACTIVITY', 'An exercise or assignment names an option and how many contracts.');
    end if;
    if option.settlement = 'cash' or told_amount is not null then
      if told_amount is null then
        perform private.refuse(422, 'BAD_ACTIVITY', 'An option that settles in cash is exercised for an amount.');
      end if;
      perform private.adjust(p_activity, option.symbol, kind, case kind when 'exercise' then -told_quantity else told_quantity end, -told_amount);
    else
      adjustment := private.adjust(p_activity, option.symbol, kind, case kind when 'exercise' then -told_quantity else told_quantity end, 0);
      shares := told_quantity * coalesce((told ->> 'shares_per_contract')::numeric, option.multiplier)
        * case when (kind = 'exercise') = (option.option_right = 'call') then 1 else -1 end;
      perform private.adjust(p_activity, coalesce(told ->> 'underlying', option.underlying), kind, shares,
        private.value_of(shares, coalesce((told ->> 'strike')::numeric, option.strike), 1), null, null, null, adjustment);
    end if;
  else
    return false;
  end if;
  return true;
end $$;
comment on function private.apply_kind(public.broker_activities) is 'Does what the activity says; false where its kind is not known.';

create function public.apply_activity(p_account_id uuid, p_activity jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  kept public.broker_activities;
  happened timestamptz;
  found_state text;
  found_note text := '';
begin
  if (coalesce(jsonb_typeof(p_activity), '') = 'object' and p_activity ->> 'source' <> '' and p_activity ->> 'external_id' <> ''
      and p_activity ->> 'kind' <> '' and pg_input_is_valid(p_activity ->> 'occurred_at', 'timestamptz')
      and isfinite((p_activity ->> 'occurred_at')::timestamptz)) is not true then
    perform private.refuse(422, 'BAD_ACTIVITY', 'An activity has source, external_id, kind and occurred_at.', p_activity);
  end if;
  happened := (p_activity ->> 'occurred_at')::timestamptz;
  -- A halt may follow: the account's gate is locked before the account, as every order does.
  perform from public.trading_gates where gate_key = 'account:' || p_account_id for update;
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  select * into kept from public.broker_activities
  where broker_account_id = p_account_id and source = p_activity ->> 'source' and external_id = p_activity ->> 'external_id';
  if not found then
    insert into public.broker_activities (id, user_id, broker_account_id, source, external_id, kind, symbol, occurred_at, activity, state)
    values (
      private.named_uuid(concat_ws('|', 'activity', p_account_id, p_activity ->> 'source', p_activity ->> 'external_id')), account.user_id,
      p_account_id, p_activity ->> 'source', p_activity ->> 'external_id', p_activity ->> 'kind', p_activity ->> 'symbol', happened,
      p_activity, 'unknown')
    returning * into kept;
  elsif kept.activity <> p_activity then
    perform private.open_break(account.user_id, p_account_id, 'activity',
      'The broker told one activity in two ways. The first is on record; compare with the broker.',
      jsonb_build_object('activity', kept.id, 'recorded', kept.activity, 'told', p_activity), 'activity-conflict|' || kept.id, null, false);
  end if;
  if kept.state in ('applied', 'waiting') then
    return jsonb_build_object('activity_id', kept.id, 'state', kept.state, 'applied', false, 'note', kept.note);
  end if;

  begin
    found_state := case when private.apply_kind(kept) then 'applied' else 'unknown' end;
  exception
    when sqlstate 'PT422' or data_exception or check_violation or not_null_violation or foreign_key_violation or numeric_value_out_of_range then
      found_state := 'unreadable';
      found_note := sqlerrm;
  end;
  if found_state = 'unknown' then
    found_note := 'no such kind of activity is known here';
    perform private.alert(account.user_id, p_account_id, 'UNKNOWN_ACTIVITY', 'warning',
      'The broker told of an activity that is not known here. It is kept; book what it means by hand, or ask for it to be supported.',
      jsonb_build_object('activity', kept.id, 'kind', kept.kind, 'symbol', kept.symbol), 'unknown-activity|' || kept.id);
  elsif found_state = 'unreadable' then
    perform private.open_break(account.user_id, p_account_id, 'activity',
      'An activity of the broker could not be booked. It is kept; new entries on the account are halted until somebody has looked.',
      jsonb_build_object('activity', kept.id, 'kind', kept.kind, 'because', found_note), 'unreadable-activity|' || kept.id);
  end if;
  update public.broker_activities
  set state = found_state, note = found_note, applied_at = case when found_state = 'applied' then now() end
  where id = kept.id;
  return jsonb_build_object('activity_id', kept.id, 'state', found_state, 'applied', found_state = 'applied', 'note', found_note);
end $$;
comment on function public.apply_activity(uuid, jsonb) is
  'Keeps one account activity {"source", "external_id", "kind", "occurred_at", "symbol", ...} as the broker told it and applies it once: a fill, cash, or an adjustment of a position. What is not known or cannot be read is kept and told, never lost.';
grant execute on function public.apply_activity(uuid, jsonb) to fn_execute;
