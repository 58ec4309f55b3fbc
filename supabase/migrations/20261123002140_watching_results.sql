-- The watch over results: what is held is marked, how far each scope has come is recorded, and measured against its limits.

create function private.watched_results(p_user_id uuid, p_at timestamptz) returns jsonb
language sql stable set search_path = ''
as $$
  with limits as (
    select r.*, concat_ws(':', r.scope, coalesce(r.strategy_id, r.broker_account_id, r.user_id)) as scope_key
    from public.risk_limits as r
    where r.user_id = p_user_id and r.value is not null and private.is_of_results(r.name)
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'limit_id', l.id, 'name', l.name, 'scope', l.scope, 'broker_account_id', l.broker_account_id, 'strategy_id', l.strategy_id,
    'value', l.value::text, 'parameters', l.parameters, 'state', n.happened,
    'today', coalesce(n.session_date >= private.session_day(p_at), false), 'on', o.said) order by l.scope_key, l.name), '[]'::jsonb)
  from limits as l join private.results_of(p_user_id, p_at) as o on o.scope_key = l.scope_key
  left join lateral (
    select b.happened, b.session_date from public.limit_breaches as b where b.limit_id = l.id order by b.id desc limit 1) as n on true
$$;
comment on function private.watched_results(uuid, timestamptz) is
  'The limits of a user on results, each with what its scope has won or lost now and with what happened to it last; amounts as text.';

create function private.watched_of(p_users uuid[], p_at timestamptz) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(w.found order by u.place, w.place), '[]'::jsonb)
  from unnest(p_users) with ordinality as u (user_id, place)
  cross join lateral jsonb_array_elements(private.watched_results(u.user_id, p_at)) with ordinality as w (found, place)
$$;
comment on function private.watched_of(uuid[], timestamptz) is 'The watched limits of several users.';

create function public.watch_quote(p_symbol text, p_mark text, p_at timestamptz, p_source text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  users uuid[];
  recorded uuid[] := '{}';
  one uuid;
begin
  -- Nearly every quote is of something that nobody holds.
  select array_agg(distinct b.user_id order by b.user_id) into users from public.position_books as b
  where b.symbol = p_symbol and b.quantity <> 0;
  if users is null then
    return null;
  end if;
  -- Before the open and after the close quotes are thin: what is held keeps its last price.
  if p_mark is not null and private.in_session((select i.kind from public.instruments as i where i.symbol = p_symbol), p_at) then
    perform private.mark_by_quote(p_symbol, p_mark, p_at, p_source);
  end if;
  foreach one in array users loop
    if private.record_results(one, p_at, '1 second') > 0 then
      recorded := recorded || one;
    end if;
  end loop;
  return private.watched_of(recorded, p_at);
end $$;
comment on function public.watch_quote(text, text, timestamptz, text) is
  'A quote of something: where it is held, its mark moves forward (null: it is marked already) and the results of who holds it are recorded, at most once a second of event time. Answers the limits to measure then; null where nobody holds it.';

create function private.mark_by_quote(p_symbol text, p_mark text, p_at timestamptz, p_source text) returns void
language plpgsql set search_path = ''
as $$
begin
  if not pg_input_is_valid(p_mark, 'private.amount') or p_mark::numeric <= 0 or p_at is null or not isfinite(p_at) then
    perform private.refuse(422, 'BAD_MARK', 'A mark is a price above zero, seen at a moment in time, from a named source.',
      jsonb_build_object('symbol', p_symbol, 'mark', p_mark, 'at', p_at));
  end if;
  -- At one moment the bar's close has the last word, whoever comes first.
  if not exists (select from public.position_marks as m where m.symbol = p_symbol and m.marked_at >= p_at) then
    perform private.move_marks(jsonb_build_array(
      jsonb_build_object('symbol', p_symbol, 'mark', p_mark, 'marked_at', p_at, 'source', p_source)));
  end if;
end $$;
comment on function private.mark_by_quote(text, text, timestamptz, text) is 'Moves the mark of what is held to a newer quote.';

create function public.watch_results(p_at timestamptz, p_account_id uuid default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  users uuid[];
  one uuid;
begin
  if p_at is null or not isfinite(p_at) then
    perform private.refuse(422, 'BAD_MEASURE', 'Results are recorded at a moment in time.', jsonb_build_object('at', p_at));
  end if;
  if p_account_id is not null then
    users := array(select a.user_id from public.broker_accounts as a where a.id = p_account_id);
  else
    users := array(select distinct b.user_id from public.position_books as b order by b.user_id);
  end if;
  foreach one in array users loop
    perform private.record_results(one, p_at);
  end loop;
  return private.watched_of(users, p_at);
end $$;
comment on function public.watch_results(timestamptz, uuid) is
  'Records the results of everybody, or of an account''s owner, at a moment of event time. Answers the limits to measure.';

create function public.tell_blind(
  p_limit_id uuid, p_account_id uuid, p_strategy_id uuid, p_at timestamptz, p_detail jsonb) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  seen private.measured_limit := private.measured_limit(p_limit_id, p_account_id, p_strategy_id);
  broken public.risk_limits := seen.broken;
  name text := concat_ws('|', 'watch-blind', p_limit_id, private.session_day(p_at));
begin
  if broken.value is null or exists (select from public.alerts where id = private.named_uuid('alert|' || name)) then
    return false;
  end if;
  perform private.alert(seen.user_id, seen.broker_account_id, 'WATCH_BLIND', 'critical',
    format('The limit %s cannot be watched: what is open has no price, or only an old one. Entries are refused. Look at the market data, or at the positions.',
      broken.name),
    jsonb_build_object('limit', broken.name, 'scope', broken.scope, 'at', p_at) || coalesce(p_detail, '{}'), name);
  return true;
end $$;
comment on function public.tell_blind(uuid, uuid, uuid, timestamptz, jsonb) is
  'Tells that a limit on results cannot be measured; once for each limit and session day. True the first time.';

grant execute on function public.watch_quote(text, text, timestamptz, text), public.watch_results(timestamptz, uuid),
  public.tell_blind(uuid, uuid, uuid, timestamptz, jsonb) to fn_risk;
