-- A working order is replaced: the new one is a trade of its own, through the same risk.

create function public.request_replace(p_trade_id uuid, p_change jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  old public.trades;
  placed public.trades;
  strategy public.strategies;
  wanted jsonb;
  changeable constant text[] := array['quantity', 'price', 'stop_price', 'trail_price', 'trail_percent', 'time_in_force'];
  by_person boolean := private.calling_role() = 'authenticated';
  key text := p_change ->> 'idempotency_key';
  strange text;
begin
  perform private.require_trader();
  perform private.require_scope('trade');
  if coalesce(key, '') = '' then
    perform private.refuse(422, 'IDEMPOTENCY_KEY_NEEDED', 'Send an idempotency_key: with it the same replacement is never made twice.');
  end if;
  select * into old from public.trades where id = p_trade_id and private.reaches(user_id);
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade of your own.', jsonb_build_object('trade', p_trade_id));
  end if;
  select k into strange from jsonb_object_keys(p_change) as k
  where k <> all (changeable || array['idempotency_key', 'reason', 'event_at', 'trace', 'version']) limit 1;
  if strange is not null then
    perform private.refuse(422, 'NOT_CHANGEABLE', 'Change quantity, price, stop_price, trail_price, trail_percent or time_in_force; anything else is a new order.',
      jsonb_build_object('field', strange));
  end if;
  perform private.lock_scopes(old.user_id, old.broker_account_id, old.strategy_id);
  old := private.lock_trade(p_trade_id);

  wanted := to_jsonb(old) || jsonb_strip_nulls(p_change);
  select * into placed from public.trades where broker_account_id = old.broker_account_id and signal = 'replace|' || key;
  if found then
    if placed.replaces_trade_id is distinct from old.id
      or not private.was_ordered(placed, (wanted ->> 'quantity')::numeric)
      or (placed.price, placed.stop_price, placed.trail_price, placed.trail_percent, placed.time_in_force) is distinct from (
        (wanted ->> 'price')::numeric, (wanted ->> 'stop_price')::numeric, (wanted ->> 'trail_price')::numeric,
        (wanted ->> 'trail_percent')::numeric, wanted ->> 'time_in_force') then
      perform private.refuse(409, 'SIGNAL_REUSED', 'This idempotency key belongs to another order; use a new one.',
        jsonb_build_object('signal', placed.signal, 'trade', placed.id));
    end if;
    return jsonb_build_object('trade_id', placed.id, 'replaces_trade_id', old.id, 'status', placed.status,
      'client_order_id', placed.client_order_id, 'version', placed.version);
  end if;

  if (p_change ->> 'version')::bigint <> old.version then
    perform private.refuse(412, 'CHANGED_MEANWHILE', 'The order is no longer as you saw it; read it again and decide anew.',
      jsonb_build_object('trade', old.id, 'seen', p_change ->> 'version', 'version', old.version, 'status', old.status));
  end if;
  if old.status not in ('submitted', 'partially_filled') or old.source = 'external' or old.quantity is null or old.cancel_requested_at is not null then
    perform private.refuse(409, 'NOT_REPLACEABLE',
      'An order is replaced while it works at the broker, was placed here, names a quantity, and nobody wants it cancelled.',
      jsonb_build_object('trade', old.id, 'status', old.status));
  end if;
  select * into placed from public.trades where replaces_trade_id = old.id and not private.is_final(status);
  if found then
    perform private.refuse(409, 'REPLACE_IN_PROGRESS', 'Another replacement of this order is on its way; wait for its end, or cancel it.',
      jsonb_build_object('trade', old.id, 'replacement', placed.id));
  end if;
  if (wanted ->> 'quantity')::numeric <= private.lineage_filled(old.id, 0) / (select ratio from public.trade_legs where trade_id = old.id and leg = 0) then
    perform private.refuse(422, 'QUANTITY_IS_FILLED',
      'The quantity of a replacement is that of the whole order, what is filled already included; it must be more than that.',
      jsonb_build_object('quantity', wanted ->> 'quantity', 'filled', trim_scale(private.lineage_filled(old.id, 0))::text));
  end if;
  if (wanted ->> 'quantity')::numeric = old.quantity
    and ((wanted ->> 'price')::numeric, (wanted ->> 'stop_price')::numeric, (wanted ->> 'trail_price')::numeric,
      (wanted ->> 'trail_percent')::numeric, wanted ->> 'time_in_force')
      is not distinct from (old.price::numeric, old.stop_price::numeric, old.trail_price::numeric, old.trail_percent::numeric, old.time_in_force) then
    perform private.refuse(422, 'NOTHING_CHANGED', 'Say what is to be different: quantity, a price, or time_in_force.',
      jsonb_build_object('trade', old.id));
  end if;
  if wanted ->> 'time_in_force' <> old.time_in_force and wanted ->> 'time_in_force' not in ('day', 'gtc') then
    -- What works cannot be sent to an auction, or be filled at once, by a change.
    perform private.refuse(422, 'BAD_TIME_IN_FORCE', 'A replacement may change to day or gtc.',
      jsonb_build_object('order_type', old.order_type, 'time_in_force', wanted ->> 'time_in_force'));
  end if;
  if old.strategy_id is not null then
    select * into strategy from public.strategies where id = old.strategy_id;
    strategy.strategy_version := old.strategy_version;
  end if;
  placed := private.place(
    wanted
      - array['event_at', 'good_until', 'legs', 'notional'] - case when old.multi_leg then array['symbol', 'side'] else array[]::text[] end
      || case when by_person then '{}'::jsonb else jsonb_strip_nulls(jsonb_build_object('event_at', p_change -> 'event_at')) end
      || jsonb_build_object('signal', 'replace|' || key, 'reason', coalesce(p_change ->> 'reason', ''),
        'trace', case when by_person then null else p_change ->> 'trace' end)
      || case when old.multi_leg then (
          select jsonb_build_object('legs', jsonb_agg(jsonb_build_object('symbol', l.symbol, 'side', l.side,
            'position_intent', l.position_intent, 'ratio', l.ratio) order by l.leg))
          from public.trade_legs as l where l.trade_id = old.id)
        else (select jsonb_build_object('position_intent', l.position_intent) from public.trade_legs as l where l.trade_id = old.id and l.leg = 0) end,
    old.user_id, old.source, strategy, p_replaces_trade_id => old.id);
  return jsonb_build_object('trade_id', placed.id, 'replaces_trade_id', old.id, 'status', placed.status,
    'client_order_id', placed.client_order_id, 'version', placed.version);
exception
  when data_exception or check_violation then
    perform private.refuse_malformed('BAD_CHANGE', 'Quantity and prices are numbers, as text.', '', '', sqlerrm);
end $$;
comment on function public.request_replace(uuid, jsonb) is
  'Asks to replace a working order: {"idempotency_key", "quantity", "price", "stop_price", "trail_price", "trail_percent", "time_in_force"}, what is left out stays; "version" is that of the order as it was seen, where only that one is to be replaced. Quantity is the whole order, what is filled included. Makes a pending trade that names the old one; the old one ends `replaced` only when the broker says so. Safe to call again.';
grant execute on function public.request_replace(uuid, jsonb) to authenticated, fn_risk;
