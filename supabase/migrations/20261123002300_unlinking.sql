-- Unlinking an account: soft, refused while anything is open on it, and the end of its credentials.

create function private.unlinking_exposure(p_account_id uuid) returns jsonb
language sql stable set search_path = ''
as $$
  select private.open_exposure(p_account_id) || jsonb_strip_nulls(jsonb_build_object(
    'strategies', (select string_agg(name, ', ' order by name) from public.strategies
      where broker_account_id = p_account_id and status = 'active'),
    'strays', (select string_agg(broker_order_id, ', ' order by broker_order_id) from private.stray_orders
      where broker_account_id = p_account_id and ended_at is null)))
$$;
comment on function private.unlinking_exposure(uuid) is
  'What keeps an account from being unlinked: positions, orders, active strategies, stray orders. Call under the account''s lock: placing and activating take it too.';

create function private.unlink() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  exposure jsonb;
begin
  if new.status = 'unlinked' and old.status <> 'unlinked' then
    exposure := private.unlinking_exposure(old.id);
    if exposure <> '{}' then
      perform private.refuse(409, 'OPEN_EXPOSURE', 'Close the positions, cancel the orders and deactivate the strategies of this account first.',
        jsonb_build_object('account', old.id) || exposure);
    end if;
    new.unlinked_at := now();
    new.unlinked_reason := coalesce(new.unlinked_reason, '');
    new.trading_entered_at := null;
    new.data_entered_at := null;
  elsif new.status = 'active' and old.status = 'unlinked' then
    new.unlinked_at := null;
    new.unlinked_reason := null;
  end if;
  return new;
end $$;
comment on function private.unlink() is 'An account with anything open is not unlinked, whoever asks: a trader, a function, or an edit by hand.';
create trigger unlink before update of status on public.broker_accounts for each row execute function private.unlink();

create function private.wipe_account(p_account public.broker_accounts) returns void
language sql set search_path = ''
as $$
  delete from private.broker_credentials where broker_account_id = p_account.id;
  select private.withdraw_live_consent(p_account)
$$;
comment on function private.wipe_account(public.broker_accounts) is
  'Ends an account''s credentials and its consent to live trading. Call under the account''s lock, where nothing is open on it.';

create function private.wipe_credentials() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.wipe_account(new);
  return null;
end $$;
comment on function private.wipe_credentials() is 'An unlinked account keeps no credential and no consent to live trading.';
create trigger wipe_credentials after update of status on public.broker_accounts for each row
  when (new.status = 'unlinked' and old.status <> 'unlinked') execute function private.wipe_credentials();

create function private.require_active_account() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- FOR SHARE waits for an unlinking that is under way, and makes a later one wait and see this row.
  perform from public.broker_accounts where id = new.broker_account_id and status = 'active' for share;
  if not found then
    perform private.refuse(409, 'ACCOUNT_UNLINKED', 'Link the account again, or name another.', jsonb_build_object('account', new.broker_account_id));
  end if;
  return new;
end $$;
comment on function private.require_active_account() is 'Nothing begins on an unlinked account; what the broker reports of it is still recorded.';
create trigger require_active_account before insert on public.trades for each row
  when (new.status = 'pending') execute function private.require_active_account();

create function public.unlink_account(p_account_id uuid, p_reason text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  if coalesce(trim(p_reason), '') = '' then
    perform private.refuse(422, 'REASON_NEEDED', 'Say why the account is unlinked.');
  end if;
  if not exists (select from public.broker_accounts where id = p_account_id and user_id = (select auth.uid())) then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a broker account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  -- Gates, user, account: an order that is being placed is finished first, and seen.
  perform private.lock_scopes((select auth.uid()), p_account_id, null);
  update public.broker_accounts set status = 'unlinked', unlinked_reason = trim(p_reason)
  where id = p_account_id and status <> 'unlinked';
end $$;
comment on function public.unlink_account(uuid, text) is
  'The owner ends the use of an account: refused while anything is open on it; its credentials are wiped, its history stays. Safe to repeat.';

create function public.relink_account(p_account_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update public.broker_accounts set status = 'active' where id = p_account_id and user_id = (select auth.uid()) and status = 'unlinked';
  if not found and not exists (select from public.broker_accounts where id = p_account_id and user_id = (select auth.uid())) then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a broker account of your own.', jsonb_build_object('account', p_account_id));
  end if;
end $$;
comment on function public.relink_account(uuid) is 'The owner uses an unlinked account again: its credentials are to be entered anew, live trading to be confirmed anew.';

grant execute on function public.unlink_account(uuid, text), public.relink_account(uuid) to authenticated;
