-- Linked accounts at brokers.

create table public.broker_accounts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  broker text not null check (broker in ('alpaca', 'tastytrade')),
  account_id text not null check (length(account_id) between 1 and 100),
  label text not null default '' check (length(label) <= 100),
  is_paper boolean not null default true,
  status text not null default 'active' check (status in ('active', 'unlinked')),
  trading_entered_at timestamptz,
  data_entered_at timestamptz,
  link_state text not null default 'unverified' check (link_state in ('unverified', 'verified', 'refused')),
  link_entered_at timestamptz,
  link_code text check (link_code <> ''),
  link_reason text check (link_reason <> ''),
  link_checked_at timestamptz,
  link_failures integer not null default 0 check (link_failures >= 0),
  link_next_at timestamptz,
  unlinked_at timestamptz,
  unlinked_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  unique (user_id, broker, account_id, is_paper),
  -- A verdict is of the credential that is there: one of older keys can never stand beside newer ones.
  check (case when link_state = 'unverified' then link_entered_at is null else coalesce(link_entered_at = trading_entered_at, false) end),
  check (link_state <> 'refused' or (link_code is not null and link_reason is not null))
);
comment on table public.broker_accounts is 'A linked account at a broker. Its keys are not here: they are sealed for the execute function alone.';
comment on column public.broker_accounts.id is 'The account''s id here; it is sealed into its credentials.';
comment on column public.broker_accounts.user_id is 'Its owner, for ever.';
comment on column public.broker_accounts.broker is 'alpaca or tastytrade; fixed once linked.';
comment on column public.broker_accounts.account_id is 'The broker''s own number of the account, as its statements print it; fixed once linked.';
comment on column public.broker_accounts.label is 'The owner''s name for it.';
comment on column public.broker_accounts.is_paper is 'A paper account never reaches a live endpoint; fixed once linked.';
comment on column public.broker_accounts.status is 'unlinked: nothing is placed or sent, its credentials are wiped, its history stays.';
comment on column public.broker_accounts.trading_entered_at is 'When the trading credential was entered; null while there is none.';
comment on column public.broker_accounts.data_entered_at is 'When the data credential was entered; null while there is none.';
comment on column public.broker_accounts.link_state is 'Whether the broker was asked with the trading credential that is there: unverified (not yet, or it did not answer), verified, or refused. Entering again makes it unverified.';
comment on column public.broker_accounts.link_entered_at is 'Which entered credential was verified or refused: its trading_entered_at; null while unverified.';
comment on column public.broker_accounts.link_code is 'Why refused or not verified yet, or how the broker restricts a verified account; null where there is nothing to say.';
comment on column public.broker_accounts.link_reason is 'The same as a sentence that says what to do.';
comment on column public.broker_accounts.link_checked_at is 'When the broker was last asked, or was to be asked, UTC.';
comment on column public.broker_accounts.link_failures is 'How often in a row it could not be asked.';
comment on column public.broker_accounts.link_next_at is 'Machine time before which the sweep does not ask again; null where nothing holds it back.';
comment on column public.broker_accounts.unlinked_at is 'When it was unlinked; null while active.';
comment on column public.broker_accounts.unlinked_reason is 'Why it was unlinked.';
comment on column public.broker_accounts.created_at is 'When it was linked first.';
comment on column public.broker_accounts.updated_at is 'When the row was last changed.';
comment on column public.broker_accounts.version is 'Grows with every change.';
create index broker_accounts_user on public.broker_accounts (user_id);
create trigger touch before insert or update on public.broker_accounts for each row execute function private.touch();
-- That the broker could not be asked once more is no change of the account.
select private.audit_changes('public.broker_accounts', p_ignore => '{link_checked_at,link_failures,link_next_at}');
select private.protect_from_delete('public.broker_accounts');

create function private.guard_new_account() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  linked public.broker_accounts;
begin
  -- Of somebody else's nothing is looked up: a refusal would tell what they have. Row-level security refuses it.
  if not private.reaches(new.user_id) then
    return new;
  end if;
  select * into linked from public.broker_accounts
  where user_id = new.user_id and broker = new.broker and account_id = new.account_id and is_paper = new.is_paper;
  if found then
    perform private.refuse(409, 'ACCOUNT_IS_LINKED', case linked.status when 'active' then 'You have linked this account; enter a credential of it.'
        else 'You had linked this account: use relink_account(), then enter a credential of it.' end,
      jsonb_build_object('account', linked.id, 'status', linked.status));
  end if;
  return new;
end $$;
comment on function private.guard_new_account() is 'Says which account it is, where one is linked a second time; the constraint holds it.';
create trigger guard_new before insert on public.broker_accounts for each row execute function private.guard_new_account();

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

create function private.keep_account() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Credentials are sealed for one account in one environment, and consent to live trading is given for it.
  if (new.id, new.broker, new.account_id, new.is_paper) is distinct from (old.id, old.broker, old.account_id, old.is_paper) then
    perform private.refuse(409, 'ACCOUNT_IS_FIXED', 'Link the other account as a new one; a linked account keeps its broker, its number and its environment.',
      jsonb_build_object('account', old.id));
  end if;
  return new;
end $$;
comment on function private.keep_account() is 'A linked account keeps its broker, its number and its environment: a paper account never becomes a live one.';
create trigger keep_account before update on public.broker_accounts for each row execute function private.keep_account();

create function private.names_executions(p_broker text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_broker = 'tastytrade' $$;
comment on function private.names_executions(text) is
  'Whether the broker has one id for an execution on every path; else the filled quantity after it is what is the same. Capabilities.fills_named_by of the adapter.';

create function private.takes_an_id_once(p_broker text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select p_broker = 'alpaca' $$;
comment on function private.takes_an_id_once(text) is
  'Whether the broker takes a client order id once, so that sending an order again is safe. Capabilities.deduplicates of the adapter.';

alter table public.broker_accounts enable row level security;
create policy "a user reads their own accounts" on public.broker_accounts for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
create policy "a user links accounts of their own" on public.broker_accounts for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "a user renames their own accounts" on public.broker_accounts for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, insert (id, user_id, broker, account_id, label, is_paper), update (label) on public.broker_accounts to authenticated;
