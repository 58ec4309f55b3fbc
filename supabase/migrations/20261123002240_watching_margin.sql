-- The watch over margin: what the broker last said keeps the positions, as part of the equity, held against its limit.

create function public.watch_margin(p_at timestamptz) returns jsonb
language sql stable security definer set search_path = ''
as $$
  -- Each account within the limit's scope is measured alone: the equity of one keeps no positions of another.
  select coalesce(jsonb_agg(jsonb_build_object(
    'limit_id', l.id, 'scope', l.scope, 'broker_account_id', a.id, 'value', l.value::text, 'parameters', l.parameters,
    'state', n.happened, 'today', coalesce(n.session_date >= private.session_day(p_at), false),
    'margin_requirement', s.margin_requirement::text, 'equity', s.equity::text, 'as_of', s.as_of) order by l.id, a.id), '[]'::jsonb)
  from public.risk_limits as l
  join public.broker_accounts as a on a.id = coalesce(l.broker_account_id, a.id) and a.user_id = coalesce(l.user_id, a.user_id)
    and a.status = 'active'
  cross join lateral (
    select b.margin_requirement, b.equity, b.as_of from public.account_snapshots as b
    where b.broker_account_id = a.id and b.as_of <= p_at order by b.as_of desc limit 1) as s
  left join lateral (
    select b.happened, b.session_date from public.limit_breaches as b
    where b.limit_id = l.id and b.broker_account_id = a.id order by b.id desc limit 1) as n on true
  where l.name = 'margin_utilisation' and l.value is not null and s.margin_requirement is not null
$$;
comment on function public.watch_margin(timestamptz) is
  'The limits on margin, each with every account of its scope of which the broker says what keeps the positions: its newest word at a moment of event time. Amounts as text.';
grant execute on function public.watch_margin(timestamptz) to fn_risk;
