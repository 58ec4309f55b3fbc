-- What a trader does with webhooks: enter, change, rotate the secret, test, send again, remove.

create function private.own_webhook(p_webhook_id uuid) returns public.webhook_endpoints
language plpgsql set search_path = ''
as $$
declare
  webhook public.webhook_endpoints;
begin
  -- What leaves in one's name is a person's to decide: no scope of a key is enough.
  perform private.require_scope('person');
  select * into webhook from public.webhook_endpoints
  where id = p_webhook_id and private.reaches(user_id) and removed_at is null for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_WEBHOOK', 'Name a webhook of your own.', jsonb_build_object('webhook', p_webhook_id));
  end if;
  return webhook;
end $$;
comment on function private.own_webhook(uuid) is 'A webhook of the caller''s, locked.';

create function private.refuse_bad_webhook_url(p_url text) returns void
language plpgsql stable set search_path = ''
as $$
declare
  -- Where it points to is looked at when it is sent: a name may point elsewhere by then.
  form constant text := '://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?[.]?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?][!-~]*)?$';
  loopback constant boolean := (select value = 'yes' from private.settings where name = 'webhook_loopback');
begin
  if p_url is null or length(p_url) > 2000 or strpos(p_url, '#') > 0
    or not (p_url ~ ('^https' || form) or (loopback and p_url ~ ('^http' || form)))
    or substring(p_url from '^https?://[^/?]*:([0-9]{1,5})(?:[/?]|$)')::integer not between 1 and 65535 then
    perform private.refuse(422, 'BAD_WEBHOOK_URL',
      'A webhook is an https address of at most 2000 characters, without name and password before the host and without a fragment.',
      jsonb_build_object('url', left(p_url, 200)));
  end if;
end $$;
comment on function private.refuse_bad_webhook_url(text) is 'Refuses an address that no webhook has.';

create function private.new_webhook_secret(p_webhook_id uuid) returns text
language sql set search_path = ''
as $$
  -- Two random uuids are 244 bits of the operating system's randomness.
  insert into private.webhook_secrets as s (endpoint_id, secret)
  values (p_webhook_id, 'whsec_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''))
  on conflict (endpoint_id) do update set secret = excluded.secret
  returning s.secret
$$;
comment on function private.new_webhook_secret(uuid) is 'Gives a webhook a new secret; the one before signs nothing from now on.';

create function public.create_webhook(p_name text, p_url text, p_events text[], p_id uuid default gen_random_uuid()) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  owner constant uuid := (select auth.uid());
  kept public.webhook_endpoints;
  most constant integer := (select value::integer from private.settings where name = 'webhooks_per_user');
  broken_constraint text;
  broken_column text;
begin
  perform private.require_scope('person');
  if owner is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to have webhooks.');
  end if;
  perform private.refuse_reader();
  perform private.refuse_bad_webhook_url(p_url);
  perform pg_advisory_xact_lock(hashtextextended('webhooks of ' || owner, 0));
  select * into kept from public.webhook_endpoints where id = p_id for no key update;
  if found and (kept.user_id <> owner or kept.removed_at is not null) then
    perform private.refuse(404, 'NO_SUCH_WEBHOOK', 'Enter it under another id.', jsonb_build_object('webhook', p_id));
  end if;
  -- Entered again under its id, it is the same one: the answer with the secret was lost, so there is a new secret.
  if kept.id is null then
    if (select count(*) from public.webhook_endpoints where user_id = owner and removed_at is null) >= most then
      perform private.refuse(409, 'TOO_MANY_WEBHOOKS', 'Remove a webhook before you enter another.', jsonb_build_object('most', most));
    end if;
    insert into public.webhook_endpoints (id, user_id, name, url, events) values (p_id, owner, p_name, p_url, p_events);
  else
    update public.webhook_endpoints set secret_rotated_at = now() where id = p_id;
  end if;
  return jsonb_build_object('webhook_id', p_id, 'secret', private.new_webhook_secret(p_id));
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_WEBHOOK', 'A webhook has a name of at most 100 characters and at least one type of event.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.create_webhook(text, text, text[], uuid) is
  'Enters an address for the caller''s events: {"webhook_id", "secret"}. The secret is shown this once. Safe to call again under the same id.';

create function public.set_webhook(p_webhook_id uuid, p_name text, p_url text, p_events text[], p_enabled boolean, p_version bigint default null)
returns bigint
language plpgsql security definer set search_path = ''
as $$
declare
  webhook public.webhook_endpoints := private.own_webhook(p_webhook_id);
  broken_constraint text;
  broken_column text;
begin
  if webhook.version <> p_version then
    perform private.refuse(412, 'CHANGED_MEANWHILE', 'Read the webhook again and decide anew.',
      jsonb_build_object('webhook', p_webhook_id, 'seen', p_version, 'now', webhook.version));
  end if;
  perform private.refuse_bad_webhook_url(p_url);
  update public.webhook_endpoints
  set name = p_name, url = p_url, events = p_events, enabled = p_enabled,
      -- Switched on again, or sent elsewhere, it starts anew.
      disabled_reason = case when p_enabled then null else disabled_reason end,
      failing_since = case when (p_enabled and not enabled) or p_url <> url then null else failing_since end
  where id = p_webhook_id returning version into webhook.version;
  return webhook.version;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_WEBHOOK', 'A webhook has a name of at most 100 characters, at least one type of event, and is on or off.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.set_webhook(uuid, text, text, text[], boolean, bigint) is
  'Changes a webhook; returns its version. With p_version: only what is still at that version.';

create function public.rotate_webhook(p_webhook_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  webhook public.webhook_endpoints := private.own_webhook(p_webhook_id);
begin
  update public.webhook_endpoints set secret_rotated_at = now() where id = webhook.id;
  return jsonb_build_object('webhook_id', webhook.id, 'secret', private.new_webhook_secret(webhook.id));
end $$;
comment on function public.rotate_webhook(uuid) is 'Gives a webhook a new secret and shows it once: {"webhook_id", "secret"}. What is sent from now on is signed with it.';

create function public.remove_webhook(p_webhook_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  webhook public.webhook_endpoints := private.own_webhook(p_webhook_id);
begin
  update public.webhook_endpoints set removed_at = now(), enabled = false, disabled_reason = null where id = webhook.id;
  delete from private.webhook_secrets where endpoint_id = webhook.id;
  update public.webhook_deliveries
  set state = 'dead', next_attempt_at = null, finished_at = now(), last_error = 'REMOVED: its owner removed the webhook.'
  where endpoint_id = webhook.id and next_attempt_at is not null;
  return true;
end $$;
comment on function public.remove_webhook(uuid) is 'Ends a webhook and what is still to be sent to it. Its row stays, marked.';

create function public.test_webhook(p_webhook_id uuid, p_event_id uuid default gen_random_uuid()) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  webhook public.webhook_endpoints := private.own_webhook(p_webhook_id);
  most constant integer := (select value::integer from private.settings where name = 'webhook_tests_per_hour');
  delivery uuid;
begin
  select id into delivery from public.webhook_deliveries where endpoint_id = webhook.id and event_id = p_event_id and type = 'webhook.test';
  if found then
    return delivery;
  end if;
  if not webhook.enabled then
    perform private.refuse(409, 'WEBHOOK_IS_OFF', 'Switch the webhook on first.', jsonb_build_object('webhook', webhook.id));
  end if;
  if (select count(*) from public.webhook_deliveries
      where endpoint_id = webhook.id and type = 'webhook.test' and created_at > now() - interval '1 hour') >= most then
    perform private.refuse(429, 'TOO_MANY_TESTS', 'Wait an hour before you test this webhook again.', jsonb_build_object('most', most));
  end if;
  insert into public.webhook_deliveries (endpoint_id, user_id, event_id, type, occurred_at, body)
  values (webhook.id, webhook.user_id, p_event_id, 'webhook.test', now(), private.webhook_body(p_event_id, 'webhook.test', now(),
    jsonb_build_object('webhook_id', webhook.id)))
  returning id into delivery;
  perform private.wake_webhooks(webhook.user_id, 'test|' || delivery);
  return delivery;
end $$;
comment on function public.test_webhook(uuid, uuid) is
  'Sends a webhook an event of type webhook.test, once and without trying again; returns its delivery. The same p_event_id is the same test.';

create function public.redeliver_webhook(p_webhook_id uuid, p_delivery_id uuid) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  webhook public.webhook_endpoints := private.own_webhook(p_webhook_id);
  delivery public.webhook_deliveries;
begin
  select * into delivery from public.webhook_deliveries where id = p_delivery_id and endpoint_id = webhook.id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_DELIVERY', 'Name a delivery of this webhook.', jsonb_build_object('delivery', p_delivery_id));
  end if;
  if not webhook.enabled then
    perform private.refuse(409, 'WEBHOOK_IS_OFF', 'Switch the webhook on first.', jsonb_build_object('webhook', webhook.id));
  end if;
  -- What waits or is on its way is sent anyhow.
  if delivery.state in ('queued', 'sending') then
    return delivery.id;
  end if;
  update public.webhook_deliveries
  set state = 'queued', next_attempt_at = now(), give_up_at = null, finished_at = null, failures = 0 where id = delivery.id;
  perform private.wake_webhooks(webhook.user_id, 'again|' || delivery.id || '|' || delivery.attempts);
  return delivery.id;
end $$;
comment on function public.redeliver_webhook(uuid, uuid) is
  'Sends an event again, dead or delivered, with all its attempts before it is given up; one that waits to be tried again, at once. The receiver gets it under the same id.';

grant execute on function public.create_webhook(text, text, text[], uuid), public.set_webhook(uuid, text, text, text[], boolean, bigint),
  public.rotate_webhook(uuid), public.remove_webhook(uuid), public.test_webhook(uuid, uuid), public.redeliver_webhook(uuid, uuid) to authenticated;
