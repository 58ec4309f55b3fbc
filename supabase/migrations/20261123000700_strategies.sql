-- The catalogue of strategy kinds, configured strategies, their versions, cursors and decisions.

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

alter table public.strategy_kinds enable row level security;
create policy "everybody signed in reads the catalogue" on public.strategy_kinds for select to authenticated using (true);
grant select on public.strategy_kinds to authenticated;

alter table public.strategies enable row level security;
create policy "a user reads their own strategies" on public.strategies for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
create policy "a user creates strategies of their own" on public.strategies for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "a user edits their own strategies" on public.strategies for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, insert (user_id, broker_account_id, name, description, kind, config, symbols, timeframe),
  update (name, description, config, symbols, timeframe) on public.strategies to authenticated;

alter table public.strategy_versions enable row level security;
create policy "a user reads versions of their own strategies" on public.strategy_versions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.strategy_versions to authenticated;

alter table public.strategy_cursors enable row level security;
create policy "a user reads cursors of their own strategies" on public.strategy_cursors for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.strategy_cursors to authenticated;

alter table public.strategy_decisions enable row level security;
create policy "a user reads decisions of their own strategies" on public.strategy_decisions for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.strategy_decisions to authenticated;
