-- Who trades, where, and by which strategies.

-- Profiles -------------------------------------------------------------------------------------------------------------

create table public.profiles (
  user_id uuid primary key references auth.users (id) on delete restrict,
  display_name text not null default '' check (length(display_name) <= 200),
  time_zone text not null default 'America/New_York',
  desk_role text not null default 'trader' check (desk_role in ('trader', 'viewer', 'administrator')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1
);
comment on table public.profiles is 'One row for each signed-up user.';
comment on column public.profiles.time_zone is 'IANA name; only for showing times, which are kept in UTC.';
create trigger touch before insert or update on public.profiles for each row execute function private.touch();
select private.protect_from_delete('public.profiles');

-- Trading gates: one permanent row per scope, so that engaging a halt and placing an order always meet on a lock. ------

create table public.trading_gates (
  gate_key text primary key,
  scope text not null check (scope in ('global', 'user', 'account', 'strategy')),
  user_id uuid references auth.users (id) on delete restrict,
  broker_account_id uuid,
  strategy_id uuid,
  closed boolean not null default false,
  mode text not null default 'no_new_entries' check (mode in ('no_new_entries', 'cancel_working', 'flatten')),
  reason text not null default '',
  changed_by text not null default '',
  changed_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  check ((scope = 'global') = (user_id is null)),
  check ((scope = 'account') = (broker_account_id is not null)),
  check ((scope = 'strategy') = (strategy_id is not null))
);
comment on table public.trading_gates is 'The kill switch: one row per scope, locked by every order. Closed: no new entries; exits and cancels always pass.';
create index trading_gates_user on public.trading_gates (user_id);
create trigger touch before insert or update on public.trading_gates for each row execute function private.touch();
create trigger audit after insert or update on public.trading_gates for each row execute function private.audit();
select private.protect_from_delete('public.trading_gates');
insert into public.trading_gates (gate_key, scope) values ('global', 'global');

create table public.trading_halts (
  id bigint generated always as identity primary key,
  gate_key text not null references public.trading_gates (gate_key) on delete restrict,
  user_id uuid references auth.users (id) on delete restrict,
  action text not null check (action in ('engaged', 'lifted')),
  mode text not null,
  reason text not null,
  by_whom text not null,
  at timestamptz not null default now()
);
comment on table public.trading_halts is 'The history of what closed and opened the gates, by whom and why.';
create index trading_halts_gate on public.trading_halts (gate_key);
create index trading_halts_user on public.trading_halts (user_id);
select private.protect_append_only('public.trading_halts');

create function private.new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.profiles (user_id, display_name)
  values (new.id, coalesce(left(new.raw_user_meta_data ->> 'display_name', 200), ''));
  insert into public.trading_gates (gate_key, scope, user_id) values ('user:' || new.id, 'user', new.id);
  return null;
end $$;
comment on function private.new_user() is 'A new user gets a profile and a gate.';
create trigger new_user after insert on auth.users for each row execute function private.new_user();

-- Broker accounts ------------------------------------------------------------------------------------------------------

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
create trigger audit after insert or update on public.broker_accounts for each row execute function private.audit();
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

-- Strategies -----------------------------------------------------------------------------------------------------------

create table public.strategy_kinds (
  kind text primary key check (kind ~ '^[a-z][a-z0-9_]{1,62}$'),
  title text not null,
  description text not null,
  config_schema jsonb not null,
  updated_at timestamptz not null default now()
);
comment on table public.strategy_kinds is 'The catalogue of strategy plug-ins, with the JSON Schema of their configuration.';

create table public.strategies (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  broker_account_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  description text not null default '' check (length(description) <= 2000),
  kind text not null references public.strategy_kinds (kind) on delete restrict,
  -- Bounded as text, because a short number such as 1e5000 is thousands of digits when it is written out.
  config jsonb not null default '{}' check (jsonb_typeof(config) = 'object' and length(config::text) <= 4000),
  symbols text[] not null check (cardinality(symbols) between 1 and 100 and array_position(symbols, null) is null),
  timeframe text not null default '1Min' check (timeframe in ('1Min', '5Min', '15Min', '1Hour', '1Day')),
  status text not null default 'draft' check (status in ('draft', 'active', 'inactive', 'halted')),
  strategy_version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  unique (user_id, name),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.strategies is 'A configured strategy of one user on one account.';
comment on column public.strategies.strategy_version is 'Grows with every edit of kind, configuration, symbols or timeframe; every trade names it.';
create index strategies_account on public.strategies (broker_account_id, user_id);
create index strategies_kind on public.strategies (kind);
create index strategies_symbols on public.strategies using gin (symbols) where status = 'active';

create table public.strategy_versions (
  strategy_id uuid not null,
  strategy_version integer not null,
  user_id uuid not null,
  kind text not null,
  config jsonb not null,
  symbols text[] not null,
  timeframe text not null,
  created_at timestamptz not null default now(),
  created_by text not null,
  primary key (strategy_id, strategy_version),
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict
);
comment on table public.strategy_versions is 'Every edit of a strategy, as it was.';
create index strategy_versions_user on public.strategy_versions (user_id);
select private.protect_append_only('public.strategy_versions');

create function private.version_strategy() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.strategy_version := 1;
    new.status := 'draft';
  elsif old.status = 'active' and (new.kind, new.symbols, new.timeframe) is distinct from (old.kind, old.symbols, old.timeframe) then
    -- Activating checks the symbols and sets where deciding begins; the market data of everybody is fetched by them.
    perform private.refuse(409, 'STRATEGY_IS_ACTIVE', 'Deactivate the strategy, then change its symbols or timeframe.',
      jsonb_build_object('strategy', old.id));
  elsif (new.kind, new.config, new.symbols, new.timeframe) is distinct from (old.kind, old.config, old.symbols, old.timeframe) then
    new.strategy_version := old.strategy_version + 1;
  else
    new.strategy_version := old.strategy_version;
  end if;
  return new;
end $$;
comment on function private.version_strategy() is 'A strategy starts as a draft; an edit of what it does is a new version.';

create function private.keep_strategy_version() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.strategy_versions (strategy_id, strategy_version, user_id, kind, config, symbols, timeframe, created_by)
  values (new.id, new.strategy_version, new.user_id, new.kind, new.config, new.symbols, new.timeframe, private.actor())
  on conflict do nothing;
  if tg_op = 'INSERT' then
    insert into public.trading_gates (gate_key, scope, user_id, strategy_id)
    values ('strategy:' || new.id, 'strategy', new.user_id, new.id);
  end if;
  return null;
end $$;
comment on function private.keep_strategy_version() is 'Keeps each version; a new strategy gets a gate.';

create trigger a_touch before insert or update on public.strategies for each row execute function private.touch();
create trigger b_version before insert or update on public.strategies for each row execute function private.version_strategy();
create trigger keep_owner before update on public.strategies for each row execute function private.keep_owner();
create trigger keep_version after insert or update on public.strategies for each row execute function private.keep_strategy_version();
create trigger audit after insert or update on public.strategies for each row execute function private.audit();
select private.protect_from_delete('public.strategies');

create table public.strategy_cursors (
  strategy_id uuid not null,
  user_id uuid not null,
  symbol text not null,
  last_bar_at timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (strategy_id, symbol),
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict
);
comment on table public.strategy_cursors is 'The end of the last bar each strategy has decided on: what comes after it is still to do.';
create index strategy_cursors_user on public.strategy_cursors (user_id);

create table public.strategy_decisions (
  strategy_id uuid not null,
  symbol text not null,
  bar_at timestamptz not null,
  user_id uuid not null,
  strategy_version integer not null,
  action text not null check (action in ('stay', 'trade')),
  reason text not null,
  orders jsonb not null default '[]',
  refused text,
  created_at timestamptz not null default now(),
  primary key (strategy_id, symbol, bar_at),
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict
);
comment on table public.strategy_decisions is 'Every decision with its reason, also the decision not to trade.';
comment on column public.strategy_decisions.bar_at is 'The end of the bar decided on: event time.';
comment on column public.strategy_decisions.refused is 'Why an order of this decision was not even placed, as CODE: key=value; null when all were.';
create index strategy_decisions_user on public.strategy_decisions (user_id, bar_at desc);
select private.protect_append_only('public.strategy_decisions');

-- Who may see and do ---------------------------------------------------------------------------------------------------

alter table public.profiles enable row level security;
create policy "a user reads their own profile" on public.profiles for select to authenticated
  using (user_id = (select auth.uid()));
create policy "a user edits their own profile" on public.profiles for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, update (display_name, time_zone) on public.profiles to authenticated;

alter table public.trading_gates enable row level security;
create policy "a user reads the global gate and their own" on public.trading_gates for select to authenticated
  using (scope = 'global' or user_id = (select auth.uid()));
grant select on public.trading_gates to authenticated;

alter table public.trading_halts enable row level security;
create policy "a user reads global halts and their own" on public.trading_halts for select to authenticated
  using (user_id is null or user_id = (select auth.uid()));
grant select on public.trading_halts to authenticated;

alter table public.broker_accounts enable row level security;
create policy "a user reads their own accounts" on public.broker_accounts for select to authenticated
  using (user_id = (select auth.uid()));
create policy "a user links accounts of their own" on public.broker_accounts for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "a user renames their own accounts" on public.broker_accounts for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, insert (user_id, broker, account_id, label, is_paper), update (label) on public.broker_accounts to authenticated;

alter table public.strategy_kinds enable row level security;
create policy "everybody signed in reads the catalogue" on public.strategy_kinds for select to authenticated using (true);
grant select on public.strategy_kinds to authenticated;

alter table public.strategies enable row level security;
create policy "a user reads their own strategies" on public.strategies for select to authenticated
  using (user_id = (select auth.uid()));
create policy "a user creates strategies of their own" on public.strategies for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "a user edits their own strategies" on public.strategies for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, insert (user_id, broker_account_id, name, description, kind, config, symbols, timeframe),
  update (name, description, config, symbols, timeframe) on public.strategies to authenticated;

alter table public.strategy_versions enable row level security;
create policy "a user reads versions of their own strategies" on public.strategy_versions for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.strategy_versions to authenticated;

alter table public.strategy_cursors enable row level security;
create policy "a user reads cursors of their own strategies" on public.strategy_cursors for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.strategy_cursors to authenticated;

alter table public.strategy_decisions enable row level security;
create policy "a user reads decisions of their own strategies" on public.strategy_decisions for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.strategy_decisions to authenticated;
