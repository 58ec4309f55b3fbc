-- Consent to live trading: explicit, by account, recent, and able to be withdrawn.

insert into private.settings (name, value, comment)
values ('live_confirmation_days', '30', 'For how many days a confirmation of live trading counts');

create table public.live_confirmations (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  action text not null check (action in ('confirmed', 'withdrawn')),
  by_whom text not null,
  at timestamptz not null default clock_timestamp(),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.live_confirmations is 'Who agreed to live trading on which account and when, and who withdrew it; the newest row counts. Append-only.';
comment on column public.live_confirmations.id is 'Grows; the newest row of an account counts.';
comment on column public.live_confirmations.user_id is 'Owner of the account.';
comment on column public.live_confirmations.broker_account_id is 'The live account.';
comment on column public.live_confirmations.action is 'confirmed: entries may be sent for some days. withdrawn: from now on none.';
comment on column public.live_confirmations.by_whom is 'Who did it.';
comment on column public.live_confirmations.at is 'When, by the database''s own clock: consent ends in real time, whatever time a replay shows.';
create index live_confirmations_account on public.live_confirmations (broker_account_id, user_id, id desc);
create index live_confirmations_user on public.live_confirmations (user_id);
select private.audit_changes('public.live_confirmations');
select private.protect_append_only('public.live_confirmations');

alter table public.live_confirmations enable row level security;
create policy "a user reads their own confirmations" on public.live_confirmations for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.live_confirmations to authenticated;

create function private.live_refusal(p_account_id uuid) returns text
language plpgsql stable set search_path = ''
as $$
declare
  account public.broker_accounts;
  newest public.live_confirmations;
  days integer := (select value::integer from private.settings where name = 'live_confirmation_days');
begin
  select * into account from public.broker_accounts where id = p_account_id;
  if account.is_paper then
    return null;
  end if;
  select * into newest from public.live_confirmations where broker_account_id = p_account_id order by id desc limit 1;
  if newest.action = 'confirmed' and newest.at > now() - make_interval(days => coalesce(days, 0)) then
    return null;
  end if;
  return 'LIVE_NOT_CONFIRMED: account=' || p_account_id;
end $$;
comment on function private.live_refusal(uuid) is
  'Why no entry may be placed or sent on a live account now, or null. Call under the account''s lock; exits need not ask.';

create function private.require_live_consent(p_account_id uuid) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if private.live_refusal(p_account_id) is not null then
    perform private.refuse(403, 'LIVE_NOT_CONFIRMED', 'Confirm live trading on this account with confirm_live(); closing positions needs no confirmation.',
      jsonb_build_object('account', p_account_id));
  end if;
end $$;
comment on function private.require_live_consent(uuid) is 'Refuses an entry on a live account without a recent confirmation.';

create function public.confirm_live(p_account_id uuid, p_phrase text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
  confirmed public.live_confirmations;
begin
  -- The account's lock: an entry is placed before this or after it, never half-way.
  select * into account from public.broker_accounts
  where id = p_account_id and user_id = (select auth.uid()) and status = 'active' for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.', jsonb_build_object('account', p_account_id));
  elsif account.is_paper then
    perform private.refuse(422, 'PAPER_ACCOUNT', 'A paper account needs no confirmation.', jsonb_build_object('account', p_account_id));
  elsif coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'aal', 'aal1') <> 'aal2' then
    perform private.refuse(403, 'SECOND_FACTOR_NEEDED', 'Confirming live trading needs a second factor: sign in with it and try again.');
  elsif p_phrase is distinct from account.account_id then
    perform private.refuse(422, 'WRONG_PHRASE', 'Type the broker''s number of the account whose money is at stake.',
      jsonb_build_object('account', p_account_id));
  end if;
  insert into public.live_confirmations (user_id, broker_account_id, action, by_whom)
  values (account.user_id, account.id, 'confirmed', private.actor()) returning * into confirmed;
  return jsonb_build_object('at', confirmed.at, 'until',
    confirmed.at + make_interval(days => (select value::integer from private.settings where name = 'live_confirmation_days')));
end $$;
comment on function public.confirm_live(uuid, text) is
  'The owner agrees to live trading on an account, with a second factor and its number typed out. Counts for some days (setting live_confirmation_days).';

create function private.withdraw_live_consent(p_account public.broker_accounts) returns void
language sql set search_path = ''
as $$
  insert into public.live_confirmations (user_id, broker_account_id, action, by_whom)
  select p_account.user_id, p_account.id, 'withdrawn', private.actor()
  where (select action from public.live_confirmations where broker_account_id = p_account.id order by id desc limit 1) = 'confirmed'
$$;
comment on function private.withdraw_live_consent(public.broker_accounts) is 'Ends a confirmation that counts; does nothing where there is none.';

create function public.withdraw_live(p_account_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  account public.broker_accounts;
begin
  select * into account from public.broker_accounts where id = p_account_id and user_id = (select auth.uid()) for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name a broker account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  perform private.withdraw_live_consent(account);
end $$;
comment on function public.withdraw_live(uuid) is 'No more entries on this live account from now on; needs no second factor. Exits still pass.';

grant execute on function public.confirm_live(uuid, text), public.withdraw_live(uuid) to authenticated;
