-- Whether an account is what its owner says: the broker is asked with the credential that was entered.

insert into private.settings (name, value, comment) values
  ('link_retry_first', '2 seconds', 'How long an account waits to be verified again after its broker did not answer; doubled with each time more.'),
  ('link_retry_cap', '5 minutes', 'The longest wait between two attempts to verify an account.');

create function private.forget_verification() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.trading_entered_at is distinct from old.trading_entered_at then
    new.link_state := 'unverified';
    new.link_entered_at := null;
    new.link_code := null;
    new.link_reason := null;
    new.link_checked_at := null;
    new.link_failures := 0;
    new.link_next_at := null;
  end if;
  return new;
end $$;
comment on function private.forget_verification() is 'Another credential, or none, is not verified: what was known was of the one before.';
-- After `unlink`, which takes the credential away: triggers run in the order of their names.
create trigger z_forget_verification before update on public.broker_accounts
  for each row execute function private.forget_verification();

create function private.ask_for_verification() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.emit('account-events', 'account.credentials_entered', new.id::text, new.trading_entered_at,
    jsonb_build_object('broker_account_id', new.id, 'user_id', new.user_id, 'entered_at', new.trading_entered_at),
    'credentials-entered|' || new.id || '|' || to_char(new.trading_entered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'));
  return null;
end $$;
comment on function private.ask_for_verification() is 'An entered trading credential wakes whoever verifies it.';
create trigger ask_for_verification after update on public.broker_accounts
  for each row when (new.trading_entered_at is distinct from old.trading_entered_at and new.trading_entered_at is not null)
  execute function private.ask_for_verification();

create function private.being_verified(p_account public.broker_accounts) returns boolean
language sql stable set search_path = ''
as $$
  select p_account.status = 'active' and p_account.trading_entered_at is not null and p_account.link_state = 'unverified'
    -- A broker that has been silent for this long is down, and nothing is under way.
    and p_account.link_failures < 4
$$;
comment on function private.being_verified(public.broker_accounts) is 'Whether the verdict on an account is to be expected soon.';

create function private.link_refusal(p_account_id uuid) returns text
language sql stable set search_path = ''
as $$
  select 'ACCOUNT_NOT_VERIFIED: account=' || id || ' state=' || link_state || coalesce(' because=' || link_code, '')
  from public.broker_accounts
  -- Where nothing was entered nothing can be sent, and nothing has to be verified.
  where id = p_account_id and trading_entered_at is not null and link_state <> 'verified'
$$;
comment on function private.link_refusal(uuid) is
  'Why no entry may be placed, approved or sent before the credential of the account is verified, or null. Call under the account''s lock; exits need not ask.';

create function private.require_verified(p_account_id uuid) returns void
language plpgsql stable set search_path = ''
as $$
declare
  account public.broker_accounts;
begin
  if private.link_refusal(p_account_id) is not null then
    select * into account from public.broker_accounts where id = p_account_id;
    perform private.refuse(409, 'ACCOUNT_NOT_VERIFIED', case account.link_state
        when 'refused' then account.link_reason
        else 'The broker is being asked whether this credential is of this account; place the order again once it is verified. Closing positions is not held up.' end,
      jsonb_strip_nulls(jsonb_build_object('account', account.id, 'state', account.link_state, 'because', account.link_code)));
  end if;
end $$;
comment on function private.require_verified(uuid) is 'Refuses an entry on an account whose entered credential is not verified.';

create function public.record_account_verification(
  p_account_id uuid, p_entered_at timestamptz, p_state text, p_code text default null, p_reason text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  first_wait interval := (select value::interval from private.settings where name = 'link_retry_first');
  longest_wait interval := (select value::interval from private.settings where name = 'link_retry_cap');
begin
  if (p_state in ('verified', 'refused', 'unverified')) is not true
    or (p_state <> 'verified' and (coalesce(p_code, '') = '' or coalesce(p_reason, '') = '')) then
    perform private.refuse(422, 'BAD_VERDICT', 'A verdict is verified, refused or unverified; what is not verified has a code and a sentence.',
      jsonb_build_object('state', p_state, 'code', p_code));
  end if;
  -- The account's lock: an entry is placed, approved or sent before this or after it, never half-way.
  select * into account from public.broker_accounts where id = p_account_id for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a linked broker account.', jsonb_build_object('account', p_account_id));
  end if;
  -- Compare and set: what was asked with other keys says nothing of those that are there. The first verdict stands: whoever
  -- wants another one enters the credential again, or calls ask_verification().
  if (account.trading_entered_at = p_entered_at and account.link_state = 'unverified') is not true then
    return jsonb_build_object('recorded', false, 'state', account.link_state, 'code', account.link_code, 'reason', account.link_reason);
  end if;
  update public.broker_accounts set
    link_state = p_state, link_code = nullif(p_code, ''), link_reason = nullif(p_reason, ''), link_checked_at = clock_timestamp(),
    link_entered_at = case when p_state <> 'unverified' then p_entered_at end,
    link_failures = case when p_state = 'unverified' then account.link_failures + 1 else 0 end,
    link_next_at = case when p_state = 'unverified'
      then clock_timestamp() + least(first_wait * 2.0 ^ least(account.link_failures, 20), longest_wait) end
  where id = p_account_id;
  if p_state = 'refused' then
    perform private.alert(account.user_id, p_account_id, 'ACCOUNT_REFUSED', 'critical', p_reason,
      jsonb_build_object('account', p_account_id, 'because', p_code), 'account-refused|' || p_account_id || '|' || p_entered_at);
  end if;
  return jsonb_build_object('recorded', true, 'state', p_state, 'code', nullif(p_code, ''), 'reason', nullif(p_reason, ''));
end $$;
comment on function public.record_account_verification(uuid, timestamptz, text, text, text) is
  'What the broker said to the credential that was entered at p_entered_at: verified, refused, or unverified where it could not be asked, which is tried again later. Once for each credential; a word on an older one changes nothing. Safe to call again.';
grant execute on function public.record_account_verification(uuid, timestamptz, text, text, text) to fn_execute;

create function public.ask_verification(p_account_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  rate jsonb;
begin
  select * into account from public.broker_accounts
  where id = p_account_id and user_id = (select auth.uid()) and status = 'active' for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.', jsonb_build_object('account', p_account_id));
  elsif account.trading_entered_at is null then
    perform private.refuse(409, 'NO_CREDENTIAL', 'Enter a trading credential of this account; it is verified then.', jsonb_build_object('account', p_account_id));
  end if;
  -- What is verified stays so. One that is refused may be in order by now, because something was changed at the broker.
  if account.link_state <> 'verified' then
    rate := public.take_rate('user:' || account.user_id || ':credentials',
      (select value::integer from private.settings where name = 'credential_entries_per_hour'), 3600);
    if not (rate ->> 'allowed')::boolean then
      perform private.refuse(409, 'TOO_MANY_CREDENTIALS', 'Wait before you have the broker asked again: brokers lock out who logs in wrongly too often.',
        jsonb_build_object('limit', rate -> 'limit', 'retry_after_seconds', ceil((rate ->> 'retry_after')::numeric)));
    end if;
    update public.broker_accounts set link_state = 'unverified', link_entered_at = null, link_code = null, link_reason = null,
      link_failures = 0, link_next_at = null
    where id = account.id returning * into account;
    perform private.emit('account-events', 'account.credentials_entered', account.id::text, account.trading_entered_at,
      jsonb_build_object('broker_account_id', account.id, 'user_id', account.user_id, 'entered_at', account.trading_entered_at),
      'verification-asked|' || account.id || '|' || account.version);
  end if;
  return jsonb_build_object('state', account.link_state, 'code', account.link_code, 'reason', account.link_reason);
end $$;
comment on function public.ask_verification(uuid) is
  'The owner has the broker asked again with the credential that is there: one that was refused, or not answered. What is verified stays. Counts as entering a credential.';
grant execute on function public.ask_verification(uuid) to authenticated;
