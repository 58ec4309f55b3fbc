-- From a pending trade to an approved or rejected one.

create function private.record_verdicts(p_trade public.trades, p_decisions jsonb) returns void
language sql set search_path = ''
as $$
  insert into public.risk_decisions (trade_id, number, user_id, rule, verdict, numbers)
  select p_trade.id, (select coalesce(max(number), 0) from public.risk_decisions where trade_id = p_trade.id) + d.ordinality::integer,
    p_trade.user_id, d.value ->> 'rule', d.value ->> 'verdict', coalesce(d.value -> 'numbers', '{}'::jsonb)
  from jsonb_array_elements(p_decisions) with ordinality as d
$$;
comment on function private.record_verdicts(public.trades, jsonb) is 'Keeps the verdicts of the rules on one trade.';

create function private.lets_cover_go(p_trade public.trades) returns boolean
language sql stable set search_path = ''
as $$
  select exists (select from public.trade_legs as l where l.trade_id = p_trade.id and l.side = 'sell')
    and (exists (select from public.position_books as b
        where b.broker_account_id = p_trade.broker_account_id and b.quantity < 0 and private.occ_parts(b.symbol) is not null)
      or exists (select from private.open_legs as o
        where o.broker_account_id = p_trade.broker_account_id and o.side = 'sell' and not o.reduce_only and private.occ_parts(o.symbol) is not null))
$$;
comment on function private.lets_cover_go(public.trades) is
  'Whether the order sells something on an account that has sold options, or is selling some: it may be what covers them.';

create function public.approve_trade(p_trade_id uuid, p_decisions jsonb, p_marks jsonb, p_quantity text default null, p_seen text default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
  gate text;
  refused jsonb;
  reducing boolean;
  -- A mark that is no price is no mark: it stands as null, so that no older one takes its place.
  marks jsonb := coalesce((select jsonb_object_agg(m.key, case when m.value::numeric > 0 and m.value::numeric <> 'NaN' then m.value end)
    from jsonb_each_text(p_marks) as m), '{}');
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id, true);
  select * into trade from public.trades where id = p_trade_id for update;
  if trade.status <> 'pending' then
    return jsonb_build_object('status', trade.status, 'changed', false);
  end if;
  -- What was approved since the book was read has taken room that the rules did not see. Nothing that only reduces needs any,
  -- but for what covers something: two that are sold at once may leave uncovered what either alone does not.
  if (not trade.reduce_only or private.lets_cover_go(trade)) and p_seen <> private.book_seen(trade) then
    return jsonb_build_object('status', trade.status, 'changed', false, 'judge_again', true);
  end if;
  if p_quantity is not null then
    if p_quantity::numeric > trade.quantity then
      perform private.refuse(422, 'ONLY_SMALLER', 'Risk may reduce an order, never enlarge it.', jsonb_build_object('asked', p_quantity, 'ordered', trade.quantity));
    end if;
    update public.trades set quantity = p_quantity::numeric where id = trade.id returning * into trade;
    update public.trade_legs set quantity = ratio * trade.quantity where trade_id = trade.id;
  end if;
  reducing := private.reduces(trade);
  gate := private.closed_gate(trade.user_id, trade.broker_account_id, trade.strategy_id);
  if not reducing then
    refused := case
      when gate is not null then jsonb_build_object('code', 'GATE_CLOSED', 'gate', gate)
      when private.link_refusal(trade.broker_account_id) is not null
        then jsonb_build_object('code', 'ACCOUNT_NOT_VERIFIED', 'account', trade.broker_account_id)
      when private.restriction_refusal(trade.broker_account_id) is not null then private.restriction_refusal(trade.broker_account_id)
      when trade.quantity is null then jsonb_build_object('code', 'NOTIONAL_NOT_JUDGED', 'notional', trade.notional::text)
      when trade.reduce_only then jsonb_build_object('code', 'WOULD_NOT_REDUCE', 'quantity', trade.quantity::text)
      else coalesce(private.package_refusal(trade), private.exposure_refusal(trade, private.worse_quantity(trade), marks)) end;
  end if;
  perform private.record_verdicts(trade, p_decisions || case when refused is null then '[]'::jsonb
    else jsonb_build_array(jsonb_build_object('rule', refused ->> 'code', 'verdict', 'deny', 'numbers', refused - 'code')) end);
  if refused is not null then
    update public.trades set status = 'rejected', refusal = (refused ->> 'code') || ': ' || (
        select string_agg(key || '=' || value, ' ') from jsonb_each_text(refused - 'code')), status_at = event_at
    where id = trade.id;
    return jsonb_build_object('status', 'rejected', 'changed', true, 'refusal', refused);
  end if;
  update public.trades set status = 'approved' where id = trade.id;
  insert into private.order_rounds as o (user_id, approved) values (trade.user_id, 1)
  on conflict (user_id) do update set approved = o.approved + 1;
  return jsonb_build_object('status', 'approved', 'changed', true);
end $$;
comment on function public.approve_trade(uuid, jsonb, jsonb, text, text) is
  'Approves a pending trade after re-checking gates and hard limits under lock; rejects it where they refuse. p_marks values each symbol ordered: {"SPY": "271.5"}. p_seen is the book''s: where orders were approved or limits set since, it writes nothing and answers judge_again. Safe to call again.';

create function public.reject_trade(p_trade_id uuid, p_decisions jsonb, p_refusal text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades where id = p_trade_id for update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  if trade.status <> 'pending' then
    return jsonb_build_object('status', trade.status, 'changed', false);
  end if;
  perform private.record_verdicts(trade, p_decisions);
  update public.trades set status = 'rejected', refusal = p_refusal where id = trade.id;
  return jsonb_build_object('status', 'rejected', 'changed', true);
end $$;
comment on function public.reject_trade(uuid, jsonb, text) is 'Rejects a pending trade with the rule''s reason. Safe to call again.';

create function public.expire_trade(p_trade_id uuid, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  trade public.trades;
begin
  select * into trade from public.trades where id = p_trade_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade that exists.', jsonb_build_object('trade', p_trade_id));
  end if;
  -- An exit is placed anew, which takes the locks of an order, before the trade's.
  perform private.lock_scopes(trade.user_id, trade.broker_account_id, trade.strategy_id);
  select * into trade from public.trades where id = p_trade_id for update;
  if trade.status in ('pending', 'approved') and p_now > trade.good_until then
    perform private.expire(trade, 'TOO_LATE: good_until=' || trade.good_until || ' now=' || p_now, p_now);
    select * into trade from public.trades where id = p_trade_id;
  end if;
  return jsonb_build_object('status', trade.status);
end $$;
comment on function public.expire_trade(uuid, timestamptz) is 'Expires a trade that was not sent in time; an exit is placed anew at a price of now. Safe to call again.';

grant execute on function public.expire_trade(uuid, timestamptz), public.approve_trade(uuid, jsonb, jsonb, text, text), public.reject_trade(uuid, jsonb, text)
  to fn_risk;
