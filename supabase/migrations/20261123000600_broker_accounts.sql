-- Linked accounts at brokers.

create table public.broker_accounts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  broker text not null check (broker in ('alpaca', 'tastytrade')),
  account_id text not null check (length(account_id) between 1 and 100),
  label text not null default '' check (length(label) <= 100),
  is_paper boolean not null default true,
  status text not null default 'active' check (status in ('active', 'unlinked')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  unique (user_id, broker, account_id, is_paper)
);
comment on table public.broker_accounts is 'A linked account at a broker. Its keys are not here: they are sealed for the execute function alone.';
comment on column public.broker_accounts.account_id is 'The broker''s own id of the account.';
comment on column public.broker_accounts.is_paper is 'A paper account never reaches a live endpoint.';
create index broker_accounts_user on public.broker_accounts (user_id);
create trigger touch before insert or update on public.broker_accounts for each row execute function private.touch();
select private.audit_changes('public.broker_accounts');
select private.protect_from_delete('public.broker_accounts');

create function private.new_broker_account() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.trading_gates (gate_key, scope, user_id, broker_account_id)
  values ('account:' || new.id, 'account', new.user_id, new.id);
  return null;
end $$;
comment on function private.new_broker_account() is 'A new account gets a gate.';
create trigger new_broker_account after insert on public.broker_accounts
  for each row execute function private.new_broker_account();

create function private.keep_owner() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.user_id is distinct from old.user_id then
    perform private.refuse(409, 'OWNER_IS_FIXED', 'A row keeps its owner.', jsonb_build_object('table', tg_table_name, 'id', old.id));
  end if;
  return new;
end $$;
comment on function private.keep_owner() is 'A row keeps its owner.';
create trigger keep_owner before update on public.broker_accounts for each row execute function private.keep_owner();

alter table public.broker_accounts enable row level security;
create policy "a user reads their own accounts" on public.broker_accounts for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
create policy "a user links accounts of their own" on public.broker_accounts for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "a user renames their own accounts" on public.broker_accounts for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, insert (user_id, broker, account_id, label, is_paper), update (label) on public.broker_accounts to authenticated;
