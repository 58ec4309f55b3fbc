-- A person closes a position: an order that only reduces, on the road of every order.

create function public.close_position(p_account_id uuid, p_symbol text, p_order jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  caller constant uuid := (select auth.uid());
  key constant text := p_order ->> 'idempotency_key';
  known constant text[] := array['idempotency_key', 'strategy_id', 'quantity', 'price', 'time_in_force', 'extended_hours', 'reason'];
  strategy public.strategies;
  placed public.trades;
  owner text;
  held numeric;
  free numeric;
  wanted private.amount;
  side text;
  strange text;
begin
  if caller is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to close a position.');
  end if;
  perform private.require_scope('trade');
  perform private.require_trader();
  if coalesce(key, '') = '' then
    perform private.refuse(422, 'IDEMPOTENCY_KEY_NEEDED', 'Send an idempotency_key: with it the same position is never closed twice.');
  end if;
  select k into strange from jsonb_object_keys(p_order) as k where k <> all (known) limit 1;
  if strange is not null then
    perform private.refuse(422, 'BAD_CLOSE', 'Say quantity, price, time_in_force, extended_hours, strategy_id or reason; anything else is an order of its own.',
      jsonb_build_object('field', strange));
  end if;
  if not exists (select from public.broker_accounts where id = p_account_id and user_id = caller and status = 'active') then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  if p_order ->> 'strategy_id' is not null then
    select * into strategy from public.strategies
    where id::text = p_order ->> 'strategy_id' and user_id = caller and broker_account_id = p_account_id;
    if not found then
      perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of your own that trades on this account.',
        jsonb_build_object('strategy', p_order ->> 'strategy_id'));
    end if;
  end if;
  owner := coalesce(strategy.id::text, 'manual');
  wanted := (p_order ->> 'quantity')::numeric;

  perform private.lock_scopes(caller, p_account_id, strategy.id);
  select * into placed from public.trades where broker_account_id = p_account_id and signal = 'close|' || key;
  if found then
    -- What was held then is held no more: only what was said is compared.
    if (placed.symbol, placed.strategy_id, placed.price::numeric, placed.time_in_force)
        is distinct from (p_symbol, strategy.id, (p_order ->> 'price')::numeric, coalesce(p_order ->> 'time_in_force', 'day'))
      or (wanted is not null and not private.was_ordered(placed, wanted)) then
      perform private.refuse(409, 'SIGNAL_REUSED', 'This idempotency key belongs to another order; use a new one.',
        jsonb_build_object('signal', placed.signal, 'trade', placed.id));
    end if;
  else
    held := private.held(p_account_id, owner, p_symbol);
    if held = 0 then
      perform private.refuse(404, 'NO_SUCH_POSITION',
        case when exists (select from public.strategy_positions as o
            where o.broker_account_id = p_account_id and o.symbol = p_symbol and o.quantity <> 0)
          then 'A strategy holds it, and nobody besides: name the strategy, or deactivate it and have it flattened.'
          else 'Name a symbol that the account holds.' end,
        jsonb_build_object('account', p_account_id, 'symbol', p_symbol));
    end if;
    side := case when held > 0 then 'sell' else 'buy' end;
    -- Its owner's resting stop gives way to this order, everything else that closes it takes its room.
    select least(r.own, r.account) + least(private.working_quantity(p_account_id, p_symbol, side),
      private.yielding_quantity(p_account_id, p_symbol, side, owner)) into free
    from private.closing_rooms(p_account_id, p_symbol, owner, held) as r;
    wanted := coalesce(wanted, free);
    if wanted > abs(held) then
      perform private.refuse(422, 'MORE_THAN_HELD', 'Close at most what is held.',
        jsonb_build_object('quantity', trim_scale(wanted)::text, 'held', trim_scale(held)::text));
    end if;
    if coalesce(free, 0) <= 0 or wanted > free then
      perform private.refuse(409, 'CLOSING_ALREADY',
        'Other orders close it already, or somebody else on the account holds the other side: cancel one, or close less.',
        jsonb_build_object('held', trim_scale(held)::text, 'free', trim_scale(greatest(coalesce(free, 0), 0))::text));
    end if;
    placed := private.place(
      jsonb_strip_nulls(jsonb_build_object('price', p_order -> 'price', 'time_in_force', p_order -> 'time_in_force',
        'extended_hours', p_order -> 'extended_hours', 'reason', p_order -> 'reason'))
      || jsonb_build_object('broker_account_id', p_account_id, 'symbol', p_symbol, 'side', side, 'position_intent', side || '_to_close',
        'reduce_only', true, 'quantity', wanted::text, 'signal', 'close|' || key,
        'order_type', case when p_order ->> 'price' is null then 'market' else 'limit' end),
      caller, 'manual', strategy);
  end if;
  return jsonb_build_object('trade_id', placed.id, 'status', placed.status, 'client_order_id', placed.client_order_id, 'version', placed.version);
exception
  when data_exception or check_violation then
    perform private.refuse_malformed('BAD_CLOSE', 'Quantity and price are numbers above zero, as text.', '', '', sqlerrm);
end $$;
comment on function public.close_position(uuid, text, jsonb) is
  'Closes a position of the caller''s, or part of it: {"idempotency_key", "quantity", "price", "time_in_force", "extended_hours", "strategy_id", "reason"}, at the market where no price is said; what was traded by hand, or what the named strategy holds. Without a quantity, all of it that no other order closes. Safe to call again.';
grant execute on function public.close_position(uuid, text, jsonb) to authenticated;
