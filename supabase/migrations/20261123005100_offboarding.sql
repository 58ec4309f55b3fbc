-- A user is shut out, and let in again. Setting profiles.disabled does it, whoever sets it: the functions, the Studio.

create table private.disablements (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete restrict,
  disabled_at timestamptz not null default now(),
  disabled_by text not null,
  reason text not null,
  gate_was_closed boolean not null,
  deactivated_strategies uuid[] not null,
  canceled_trades uuid[] not null,
  enabled_at timestamptz,
  enabled_by text
);
comment on table private.disablements is 'Each time a user was shut out: by whom, why, and what it stopped, so that it can be undone.';
comment on column private.disablements.id is 'Number.';
comment on column private.disablements.user_id is 'Who was shut out.';
comment on column private.disablements.disabled_at is 'Since when.';
comment on column private.disablements.disabled_by is 'By whom.';
comment on column private.disablements.reason is 'Why.';
comment on column private.disablements.gate_was_closed is 'Whether the user was halted already; such a halt stays when the user is let in again.';
comment on column private.disablements.deactivated_strategies is 'Strategies that were active and were stopped; the user starts them again.';
comment on column private.disablements.canceled_trades is 'Orders to open that were working and whose cancel was asked for.';
comment on column private.disablements.enabled_at is 'When the user was let in again; null: not yet.';
comment on column private.disablements.enabled_by is 'By whom.';
create unique index disablements_current on private.disablements (user_id) where enabled_at is null;
create index disablements_user on private.disablements (user_id);
select private.audit_changes('private.disablements');
select private.protect_from_delete('private.disablements');

create function private.lock_users_gates() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Before a profile's row is locked: the orders under way, then the gates, then profiles; in this order everywhere.
  if coalesce(current_setting('app.orders_held', true), '') = '' then
    perform private.hold_orders(null);
  end if;
  perform from public.trading_gates where scope = 'user' order by gate_key for update;
  return null;
end $$;
comment on function private.lock_users_gates() is 'Takes what shutting a user out locks, before the profiles.';
create trigger a_lock_gates before update of disabled on public.profiles
  for each statement execute function private.lock_users_gates();

create function private.guard_profile() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.desk_role = 'viewer' and old.desk_role <> 'viewer'
    and exists (select from public.strategies as s where s.user_id = new.user_id and s.status = 'active') then
    perform private.refuse(409, 'STILL_TRADES', 'Deactivate the user''s strategies first: a viewer has none at work.',
      jsonb_build_object('user', new.user_id));
  end if;
  if new.disabled = old.disabled then
    new.disabled_at := old.disabled_at;
    new.disabled_by := old.disabled_by;
    return new;
  end if;
  if not new.disabled then
    new.disabled_reason := null;
    new.disabled_at := null;
    new.disabled_by := null;
    return new;
  end if;
  if coalesce(trim(new.disabled_reason), '') = '' then
    perform private.refuse(422, 'REASON_NEEDED', 'Say why, in disabled_reason.', jsonb_build_object('user', new.user_id));
  end if;
  if private.is_current_administrator(new.user_id) then
    perform private.refuse(409, 'IS_ADMINISTRATOR', 'Revoke the administrator first, then disable the user.',
      jsonb_build_object('user', new.user_id));
  end if;
  new.disabled_at := now();
  new.disabled_by := private.actor();
  return new;
end $$;
comment on function private.guard_profile() is 'Shutting out needs a reason and is not for administrators; a viewer has no strategy at work.';
create trigger guard before update on public.profiles for each row execute function private.guard_profile();

create function private.wipe_idle_accounts(p_user_id uuid) returns void
language plpgsql set search_path = ''
as $$
declare
  account public.broker_accounts;
begin
  for account in select * from public.broker_accounts where user_id = p_user_id order by id for no key update loop
    if private.unlinking_exposure(account.id) = '{}' then
      perform private.wipe_account(account);
    end if;
  end loop;
end $$;
comment on function private.wipe_idle_accounts(uuid) is
  'Wipes the credentials of a user''s accounts on which nothing is open. Where something is, its exits need them still.';

create function private.shut_out() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  gate public.trading_gates;
  stopped uuid[];
  canceled uuid[];
  trade public.trades;
begin
  -- The accounts before the orders, as everywhere: their credentials are wiped at the end.
  perform from public.broker_accounts where user_id = new.user_id order by id for no key update;
  -- Exits and stops go on: what is held must still be able to be closed. All orders are locked before the first is
  -- cancelled: what is cancelled takes the audit's lock, and nobody who holds that may wait for a trade.
  select coalesce(array_agg(found.id order by found.placed_number), '{}') into canceled from (
    select t.id, t.placed_number from public.trades as t
    where t.user_id = new.user_id and not private.is_final(t.status) and t.cancel_requested_at is null and private.opens(t)
    order by t.placed_number for update) as found;
  select * into gate from public.trading_gates where gate_key = 'user:' || new.user_id;
  perform private.move_gate(gate.gate_key, true, 'cancel_working', 'USER_DISABLED: ' || new.disabled_reason);
  for trade in select t.* from public.trades as t where t.id = any (canceled) order by t.placed_number loop
    perform private.cancel_order(trade, 'USER_DISABLED', null);
  end loop;
  with halted as (
    update public.strategies set status = 'inactive' where user_id = new.user_id and status = 'active' returning id)
  select coalesce(array_agg(id), '{}') into stopped from halted;
  insert into private.disablements (user_id, disabled_by, reason, gate_was_closed, deactivated_strategies, canceled_trades)
  values (new.user_id, new.disabled_by, new.disabled_reason, gate.closed, stopped, canceled);
  perform private.wipe_idle_accounts(new.user_id);
  -- Auth refuses whom it finds banned, at sign-in and at every renewal of a token. A far date: Auth does not read "infinity".
  update auth.users set banned_until = now() + interval '100 years' where id = new.user_id;
  delete from auth.refresh_tokens where user_id::text = new.user_id::text;
  delete from auth.sessions where user_id = new.user_id;
  return null;
end $$;
comment on function private.shut_out() is
  'Closes the user''s gate, stops their strategies, cancels their orders to open, wipes the credentials of accounts on which nothing is open, ends their sessions and bans sign-in. Exits go on; what happened stays on record.';
create trigger shut_out after update of disabled on public.profiles for each row
  when (new.disabled and not old.disabled) execute function private.shut_out();

create function private.let_in() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  ended private.disablements;
begin
  update private.disablements set enabled_at = now(), enabled_by = private.actor()
  where user_id = new.user_id and enabled_at is null returning * into ended;
  if not coalesce(ended.gate_was_closed, false) then
    perform private.move_gate('user:' || new.user_id, false, 'no_new_entries', 'user enabled');
  end if;
  update auth.users set banned_until = null where id = new.user_id;
  return null;
end $$;
comment on function private.let_in() is
  'Lifts the ban and the halt that shutting out had made. Strategies stay stopped: the user starts them.';
create trigger let_in after update of disabled on public.profiles for each row
  when (old.disabled and not new.disabled) execute function private.let_in();

create function public.disable_user(p_user text, p_reason text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  person uuid;
begin
  perform private.require_administrator();
  person := private.user_named(p_user);
  update public.profiles set disabled = true, disabled_reason = p_reason where user_id = person and not disabled;
  -- Called again, it wipes what has become flat meanwhile.
  perform private.wipe_idle_accounts(person);
  return (select jsonb_build_object('user_id', d.user_id, 'disabled_at', d.disabled_at, 'disabled_by', d.disabled_by,
      'deactivated_strategies', to_jsonb(d.deactivated_strategies), 'canceled_trades', to_jsonb(d.canceled_trades),
      'accounts_with_credentials', (select coalesce(jsonb_agg(distinct c.broker_account_id), '[]') from private.broker_credentials as c
        where c.user_id = person))
    from private.disablements as d where d.user_id = person and d.enabled_at is null);
end $$;
comment on function public.disable_user(text, text) is
  'Shuts a user (email or id) out at once, their live tokens included; says what it stopped, and which accounts keep their credentials because something is open on them: called again, those that are flat by then are wiped too. Undone by enable_user(), but for the credentials.';

create function public.enable_user(p_user text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  person uuid;
begin
  perform private.require_administrator();
  person := private.user_named(p_user);
  update public.profiles set disabled = false where user_id = person and disabled;
  return jsonb_build_object('user_id', person, 'disabled', false);
end $$;
comment on function public.enable_user(text) is 'Lets a user (email or id) in again. Their strategies stay stopped until they start them.';
grant execute on function public.disable_user(text, text), public.enable_user(text) to authenticated;
