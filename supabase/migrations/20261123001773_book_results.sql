-- What the book of a trade says of profit and loss by scope, for the rules that look at it.

create function private.book_results(p_trade public.trades) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  wanted text[];
begin
  -- Reckoned only where a limit asks for it.
  select array_agg(distinct concat_ws(':', r.scope, coalesce(r.strategy_id, r.broker_account_id, r.user_id))) into wanted
  from private.limits_on(p_trade) as r where private.is_of_results(r.name);
  if wanted is null then
    return '{}';
  end if;
  return jsonb_build_object('scopes', coalesce((
    select jsonb_agg(o.said order by o.scope_key) from private.results_of(p_trade.user_id, p_trade.event_at) as o
    where o.scope_key = any (wanted)), '[]'::jsonb));
end $$;
comment on function private.book_results(public.trades) is 'Of a trade''s book: profit and loss by scope, for the rules that look at it.';
