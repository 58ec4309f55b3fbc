-- How deliveries are sent: taken with a lease and signed here, told how it went, tried again later and later, given up.

insert into private.settings (name, value, comment) values
  ('webhook_backoff_first', '10 seconds', 'How long a delivery waits after its first failure; doubled with each one more, a fifth more or less by chance.'),
  ('webhook_backoff_cap', '6 hours', 'The longest wait between two attempts of a delivery.'),
  ('webhook_patience', '3 days', 'How long after its first attempt a delivery is given up.'),
  ('webhook_disable_after', '5 days', 'After how long in which nothing arrived a webhook is switched off.'),
  ('webhook_deliveries_kept', '30 days', 'How long deliveries that are over are kept.'),
  ('webhook_sends_at_once', '4', 'How many events one webhook is sent at once; one that fails, one.');

create function private.tell_of_webhook(p_webhook public.webhook_endpoints, p_code text, p_severity text, p_text text, p_numbers jsonb, p_name text)
returns void
language plpgsql set search_path = ''
as $$
declare
  said jsonb := jsonb_build_object('webhook', p_webhook.id, 'name', p_webhook.name);
begin
  -- One alert of a webhook, not one for each event of an outage; another when somebody has seen it and it goes on.
  if not exists (
      select from public.alerts
      where user_id = p_webhook.user_id and code = p_code and acknowledged_at is null and numbers @> jsonb_build_object('webhook', p_webhook.id)) then
    perform private.alert(p_webhook.user_id, null, p_code, p_severity, p_text, said || p_numbers, p_name);
  end if;
end $$;
comment on function private.tell_of_webhook(public.webhook_endpoints, text, text, text, jsonb, text) is 'Tells a webhook''s owner, once until they acknowledge it.';

create function private.bury_delivery(p_webhook public.webhook_endpoints, p_delivery_id uuid, p_attempts integer, p_error text) returns void
language plpgsql set search_path = ''
as $$
begin
  perform private.tell_of_webhook(p_webhook, 'WEBHOOK_DEAD', 'warning',
    'An event did not reach your webhook and is given up. Mend the receiver, then send it again: its deliveries say what failed.',
    jsonb_build_object('delivery', p_delivery_id, 'error', left(p_error, 200)), 'webhook-dead|' || p_delivery_id || '|' || p_attempts);
end $$;
comment on function private.bury_delivery(public.webhook_endpoints, uuid, integer, text) is 'Tells that a delivery is dead.';

create function private.give_up_deliveries(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  patience constant interval := (select value::interval from private.settings where name = 'webhook_patience');
  late record;
begin
  -- What was tried for long enough, and what waited as long for a webhook that is off or an owner who is shut out.
  for late in
    select e as webhook, d.id, d.attempts, d.last_error
    from public.webhook_deliveries as d
    join public.webhook_endpoints as e on e.id = d.endpoint_id
    join public.profiles as p on p.user_id = e.user_id
    where d.next_attempt_at <= p_now
      and (d.give_up_at <= p_now or ((not e.enabled or p.disabled) and d.created_at <= p_now - patience))
    order by d.endpoint_id, d.id limit 1000
    for no key update of d skip locked
  loop
    update public.webhook_deliveries
    set state = 'dead', next_attempt_at = null, finished_at = p_now,
        last_error = coalesce(late.last_error, 'NEVER_SENT: the webhook was off, or nobody said how the last attempt went.')
    where id = late.id;
    perform private.bury_delivery(late.webhook, late.id, late.attempts, late.last_error);
  end loop;
end $$;
comment on function private.give_up_deliveries(timestamptz) is 'Ends the deliveries whose time is over.';

create function public.claim_webhooks(
  p_owner text, p_limit integer, p_failing integer, p_lease_seconds numeric, p_now timestamptz default clock_timestamp())
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  settings constant jsonb := (select jsonb_object_agg(name, value) from private.settings where name like 'webhook\_%');
  claimed jsonb;
  due_at timestamptz;
begin
  -- One sender claims at a time: how many are on their way to a webhook is counted over all of them.
  perform pg_advisory_xact_lock(hashtextextended('webhook claim', 0));
  perform private.give_up_deliveries(p_now);
  with due as (
    select d.id, d.next_attempt_at, e.failing_since is not null as failing
    from public.webhook_endpoints as e
    join public.profiles as p on p.user_id = e.user_id and not p.disabled
    cross join lateral (
      select count(*) as sending from public.webhook_deliveries as s
      where s.endpoint_id = e.id and s.state = 'sending' and s.next_attempt_at > p_now) as now
    cross join lateral (
      select o.id, o.next_attempt_at from public.webhook_deliveries as o
      where o.endpoint_id = e.id and o.next_attempt_at <= p_now
      order by o.next_attempt_at, o.created_at
      limit greatest(0, case when e.failing_since is null then (settings ->> 'webhook_sends_at_once')::integer else 1 end - now.sending)) as d
    where e.enabled
  ), ranked as (
    select due.*, row_number() over (partition by failing order by next_attempt_at, id) as place from due
  ), chosen as (
    -- Those that answer come first, and those that do not get a share: they hold up each other and nobody else.
    select id from ranked where not failing or place <= p_failing order by failing, place limit p_limit
  ), taken as (
    update public.webhook_deliveries as d
    set state = 'sending', attempts = d.attempts + 1, claimed_by = p_owner, last_attempt_at = p_now,
        next_attempt_at = p_now + make_interval(secs => p_lease_seconds),
        give_up_at = coalesce(d.give_up_at, p_now + (settings ->> 'webhook_patience')::interval)
    from chosen
    -- Asked again of the row as it is now: another transaction may just have ended it.
    where d.id = chosen.id and d.next_attempt_at <= p_now
    returning d.*
  )
  select jsonb_agg(jsonb_build_object(
    'delivery_id', t.id, 'attempt', t.attempts, 'event_id', t.event_id, 'url', e.url, 'body', t.body,
    'failing', e.failing_since is not null, 'timestamp', at.seconds,
    'signature', encode(private.hmac_sha256(convert_to(s.secret, 'UTF8'), convert_to(at.seconds || '.' || t.body, 'UTF8')), 'hex')) order by t.id)
  into claimed
  from taken as t
  join public.webhook_endpoints as e on e.id = t.endpoint_id
  join private.webhook_secrets as s on s.endpoint_id = t.endpoint_id
  cross join (select floor(extract(epoch from p_now))::bigint::text as seconds) as at;
  select min(o.next_attempt_at) into due_at
  from public.webhook_deliveries as o join public.webhook_endpoints as e on e.id = o.endpoint_id and e.enabled
  where o.state = 'retrying' and o.next_attempt_at > p_now;
  return jsonb_build_object('deliveries', coalesce(claimed, '[]'::jsonb), 'loopback', settings ->> 'webhook_loopback' = 'yes',
    'next_in', extract(epoch from due_at - p_now));
end $$;
comment on function public.claim_webhooks(text, integer, integer, numeric, timestamptz) is
  'Takes deliveries that are due for p_owner for the lease, at most p_failing of webhooks that fail, each signed as of now: {"deliveries", "loopback", "next_in" seconds until the next retry}. Whose lease is over is taken again.';

create function public.record_webhook(
  p_delivery_id uuid, p_attempt integer, p_status integer, p_error text, p_response text, p_now timestamptz default clock_timestamp())
returns text
language plpgsql security definer set search_path = ''
as $$
declare
  settings constant jsonb := (select jsonb_object_agg(name, value) from private.settings where name like 'webhook\_%');
  webhook public.webhook_endpoints;
  delivery public.webhook_deliveries;
  failed constant boolean := p_error is not null or p_status is null or p_status not between 200 and 299;
  wait interval;
begin
  -- The webhook before the delivery, as everywhere.
  select e.* into webhook from public.webhook_endpoints as e
  where e.id = (select endpoint_id from public.webhook_deliveries where id = p_delivery_id) for no key update;
  select * into delivery from public.webhook_deliveries where id = p_delivery_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_DELIVERY', 'Name a delivery that was claimed.', jsonb_build_object('delivery', p_delivery_id));
  end if;
  -- A late answer: the attempt was given to another sender, or the webhook is gone.
  if delivery.state <> 'sending' or delivery.attempts <> p_attempt then
    return delivery.state;
  end if;
  delivery.last_status := p_status;
  delivery.last_error := left(case when failed then coalesce(p_error, 'NOT_TAKEN: the answer was not of the 200s.') end, 500);
  delivery.last_response := left(p_response, 200);
  if not failed then
    delivery.state := 'delivered';
  else
    wait := least((settings ->> 'webhook_backoff_cap')::interval,
      -- By chance, so that what failed together does not come back together.
      (settings ->> 'webhook_backoff_first')::interval * power(2, least(delivery.failures, 20)) * (0.8 + 0.4 * random()));
    -- A test says at once how it went.
    delivery.state := case when delivery.type = 'webhook.test' or p_now + wait > delivery.give_up_at or not webhook.enabled
      then 'dead' else 'retrying' end;
  end if;
  update public.webhook_deliveries
  set state = delivery.state, last_status = delivery.last_status, last_error = delivery.last_error, last_response = delivery.last_response,
      failures = case when failed then failures + 1 else 0 end,
      next_attempt_at = case when delivery.state = 'retrying' then p_now + wait end,
      finished_at = case when delivery.state <> 'retrying' then p_now end
  where id = delivery.id;
  if delivery.state = 'dead' and delivery.type <> 'webhook.test' then
    perform private.bury_delivery(webhook, delivery.id, delivery.attempts, delivery.last_error);
  end if;
  if not failed and webhook.failing_since is not null then
    update public.webhook_endpoints set failing_since = null where id = webhook.id;
  elsif failed and webhook.failing_since is null then
    update public.webhook_endpoints set failing_since = p_now where id = webhook.id;
  elsif failed and webhook.enabled and p_now - webhook.failing_since >= (settings ->> 'webhook_disable_after')::interval then
    update public.webhook_endpoints set enabled = false, disabled_reason = 'FAILING' where id = webhook.id;
    perform private.tell_of_webhook(webhook, 'WEBHOOK_DISABLED', 'critical',
      'Nothing has reached your webhook for days, and it is switched off. Mend the receiver and switch it on again; what happens meanwhile is not sent later.',
      jsonb_build_object('failing_since', webhook.failing_since, 'error', left(delivery.last_error, 200)),
      'webhook-disabled|' || webhook.id || '|' || webhook.failing_since);
  end if;
  return delivery.state;
end $$;
comment on function public.record_webhook(uuid, integer, integer, text, text, timestamptz) is
  'Says how an attempt went and returns the delivery''s state. A late word on an attempt that another sender has taken over changes nothing.';

create function public.prune_webhooks(p_limit integer default 5000) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  pruned integer;
begin
  delete from public.webhook_deliveries where id in (
    select id from public.webhook_deliveries
    where finished_at < clock_timestamp() - (select value::interval from private.settings where name = 'webhook_deliveries_kept')
    order by finished_at limit p_limit);
  get diagnostics pruned = row_count;
  return pruned;
end $$;
comment on function public.prune_webhooks(integer) is 'Removes at most p_limit deliveries that are over and were kept long enough; returns how many.';

grant execute on function public.claim_webhooks(text, integer, integer, numeric, timestamptz),
  public.record_webhook(uuid, integer, integer, text, text, timestamptz), public.prune_webhooks(integer) to fn_report;
