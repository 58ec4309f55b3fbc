-- The catalogue of strategy kinds, configured strategies, their versions, cursors and decisions.

create table public.strategy_kinds (
  kind text primary key check (kind ~ '^[a-z][a-z0-9_]{1,62}$'),
  title text not null,
  description text not null,
  config_schema jsonb not null,
  updated_at timestamptz not null default now()
);
comment on table public.strategy_kinds is 'The catalogue of strategy plug-ins, with the JSON Schema of their configuration.';
comment on column public.strategy_kinds.kind is 'The plug-in''s name.';
comment on column public.strategy_kinds.title is 'As a person reads it.';
comment on column public.strategy_kinds.description is 'What it does, in a sentence or two.';
comment on column public.strategy_kinds.config_schema is 'JSON Schema of its configuration.';
comment on column public.strategy_kinds.updated_at is 'When the entry last changed, UTC.';

create table public.strategies (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  broker_account_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  description text not null default '' check (length(description) <= 2000),
  kind text not null references public.strategy_kinds (kind) on delete restrict,
  -- Bounded as text, because a short number such as 1e5000 is thousands of digits when it is written out.
  config jsonb not null default '{}' check (jsonb_typeof(config) = 'object' and length(config::text) <= 4000),
  symbols text[] not null check (cardinality(symbols) between 1 and 100 and array_position(symbols, null) is null
    and length(array_to_string(symbols, ',')) <= 4000),
  timeframe text not null default '1Min' check (timeframe in ('1Min', '5Min', '15Min', '1Hour', '1Day')),
  exits_by text not null default 'strategy' check (exits_by in ('strategy', 'watched')),
  status text not null default 'draft' check (status in ('draft', 'active', 'inactive', 'halted', 'deleted')),
  strategy_version integer not null default 1,
  effective_version integer,
  effective_since timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (id, user_id),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  check (effective_version between 1 and strategy_version),
  check ((effective_version is null) = (effective_since is null)),
  -- What was never found valid does not decide; while it decides, an edit changes the configuration only.
  check (status <> 'active' or effective_version is not null)
);
comment on table public.strategies is 'A configured strategy of one user on one account.';
comment on column public.strategies.id is 'Key.';
comment on column public.strategies.user_id is 'Owner.';
comment on column public.strategies.broker_account_id is 'The account it trades on: a linked account of the same owner.';
comment on column public.strategies.name is 'Unique among the owner''s strategies that are not deleted.';
comment on column public.strategies.description is 'The owner''s own words.';
comment on column public.strategies.kind is 'Which plug-in decides.';
comment on column public.strategies.config is 'Configuration of the plug-in, by its JSON Schema.';
comment on column public.strategies.symbols is 'The target symbols: what it looks at and trades.';
comment on column public.strategies.timeframe is 'The bars it decides on.';
comment on column public.strategies.exits_by is 'Who watches the planned exits of its entries: strategy, itself on each completed bar; watched, also the ledger''s exits, on quotes.';
comment on column public.strategies.status is 'draft until first activated; active decides; inactive and halted do not; deleted is gone for its owner and stays for the books.';
comment on column public.strategies.strategy_version is 'Grows with every edit of kind, configuration, symbols, timeframe or who watches its exits; every trade names it.';
comment on column public.strategies.effective_version is 'The newest version that was found valid: what the platform decides with. Null until one was. Follows from strategy_validations, whatever is written here.';
comment on column public.strategies.effective_since is 'When that version took effect, UTC: the decisions after it are its own, those before it were the version''s before it.';
comment on column public.strategies.created_at is 'When the row was written, UTC.';
comment on column public.strategies.updated_at is 'When the row last changed, UTC.';
comment on column public.strategies.version is 'Grows by one with every change of the row.';
-- A deleted strategy gives its name free.
create unique index strategies_name on public.strategies (user_id, name) where status <> 'deleted';
create index strategies_user on public.strategies (user_id);
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
  exits_by text not null default 'strategy',
  created_at timestamptz not null default now(),
  created_by text not null,
  primary key (strategy_id, strategy_version),
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict
);
comment on table public.strategy_versions is 'Every edit of a strategy, as it was.';
comment on column public.strategy_versions.strategy_id is 'The strategy.';
comment on column public.strategy_versions.strategy_version is 'Its version from created_at on.';
comment on column public.strategy_versions.user_id is 'Owner.';
comment on column public.strategy_versions.kind is 'Which plug-in decided.';
comment on column public.strategy_versions.config is 'Its configuration.';
comment on column public.strategy_versions.symbols is 'Its target symbols.';
comment on column public.strategy_versions.timeframe is 'Its bars.';
comment on column public.strategy_versions.exits_by is 'Who watched its planned exits.';
comment on column public.strategy_versions.created_at is 'When the edit was made, UTC.';
comment on column public.strategy_versions.created_by is 'Who made it.';
create index strategy_versions_user on public.strategy_versions (user_id);
select private.protect_append_only('public.strategy_versions');

create function private.version_strategy() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.strategy_version := 1;
    new.status := 'draft';
    new.effective_version := null;
    new.effective_since := null;
    return new;
  elsif old.status = 'active' and (new.kind, new.symbols, new.timeframe) is distinct from (old.kind, old.symbols, old.timeframe) then
    -- Activating checks the symbols and sets where deciding begins; the market data of everybody is fetched by them.
    perform private.refuse(409, 'STRATEGY_IS_ACTIVE', 'Deactivate the strategy, then change its symbols or timeframe.',
      jsonb_build_object('strategy', old.id));
  elsif (new.kind, new.config, new.symbols, new.timeframe, new.exits_by) is distinct from (old.kind, old.config, old.symbols, old.timeframe, old.exits_by) then
    new.strategy_version := old.strategy_version + 1;
  else
    new.strategy_version := old.strategy_version;
  end if;
  -- Never what somebody wrote here, and never back to an older version.
  new.effective_version := greatest(old.effective_version, (
    select max(v.strategy_version) from public.strategy_validations as v where v.strategy_id = old.id and v.valid));
  new.effective_since := case when new.effective_version is distinct from old.effective_version then now() else old.effective_since end;
  return new;
end $$;
comment on function private.version_strategy() is
  'A strategy starts as a draft; an edit of what it does is a new version; the newest one that was found valid is in effect.';

create function private.strategy_data(p_strategy public.strategies) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('strategy_id', p_strategy.id, 'user_id', p_strategy.user_id, 'status', p_strategy.status,
    'version', p_strategy.version, 'strategy_version', p_strategy.strategy_version,
    'effective_version', p_strategy.effective_version, 'effective_since', p_strategy.effective_since)
$$;
comment on function private.strategy_data(public.strategies) is 'What every event of a strategy says.';

create function private.keep_strategy_version() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.strategy_versions (strategy_id, strategy_version, user_id, kind, config, symbols, timeframe, exits_by, created_by)
  values (new.id, new.strategy_version, new.user_id, new.kind, new.config, new.symbols, new.timeframe, new.exits_by, private.actor())
  on conflict do nothing;
  if found then
    perform private.emit('strategy-events', 'strategy.edited', new.id::text, now(), private.strategy_data(new),
      'strategy.edited|' || new.id || '|' || new.strategy_version);
  end if;
  if tg_op = 'INSERT' then
    insert into public.trading_gates (gate_key, scope, user_id, strategy_id)
    values ('strategy:' || new.id, 'strategy', new.user_id, new.id);
  end if;
  return null;
end $$;
comment on function private.keep_strategy_version() is 'Keeps each version, and says that there is one to be validated; a new strategy gets a gate.';

create function private.guard_strategy_terms() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- For somebody else's row nothing is looked up: a refusal would tell what they have. Row-level security refuses it.
  if not private.reaches(new.user_id) then
    return new;
  end if;
  if tg_op = 'INSERT' and not exists (
      select from public.broker_accounts where id = new.broker_account_id and user_id = new.user_id and status = 'active') then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.', jsonb_build_object('account', new.broker_account_id));
  end if;
  if not exists (select from public.strategy_kinds where kind = new.kind) then
    perform private.refuse(422, 'NO_SUCH_KIND', 'Name a kind of strategy_kinds; a plug-in is taken into it when the platform starts.',
      jsonb_build_object('kind', new.kind));
  end if;
  -- What the constraints hold, with a sentence: a caller of REST is told what to do, and not the constraint's name.
  if length(new.name) not between 1 and 100 or length(new.description) > 2000 or jsonb_typeof(new.config) <> 'object'
    or length(new.config::text) > 4000 or cardinality(new.symbols) not between 1 and 100 or array_position(new.symbols, null) is not null
    or length(array_to_string(new.symbols, ',')) > 4000 then
    perform private.refuse(422, 'BAD_STRATEGY', 'Its name has 1 to 100 characters, its description up to 2000, its config is an object of up to '
      '4000 as text, its symbols are 1 to 100 of together up to 4000.', jsonb_build_object('name', left(new.name, 100),
      'config_length', length(new.config::text), 'symbols', cardinality(new.symbols)));
  end if;
  if exists (select from public.strategies where user_id = new.user_id and name = new.name and status <> 'deleted' and id <> new.id) then
    perform private.refuse(409, 'NAME_TAKEN', 'Another of your strategies has this name; give it one of its own.', jsonb_build_object('name', new.name));
  end if;
  return new;
end $$;
comment on function private.guard_strategy_terms() is
  'Says in words what a strategy may be: an account of its owner, a kind that there is, texts of some length, a name of its own. The constraints hold it.';

create function private.guard_strategy() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  unknown_symbol text;
  still_open jsonb;
begin
  if old.status = 'deleted' then
    perform private.refuse(409, 'STRATEGY_IS_DELETED', 'A deleted strategy stays as it was; create a new one.', jsonb_build_object('strategy', old.id));
  end if;
  if new.status = old.status then
    return new;
  end if;
  if new.status = 'draft' or (new.status = 'halted' and old.status <> 'active') then
    perform private.refuse(409, 'BAD_TRANSITION',
      'A strategy goes from draft to active, from active to inactive or halted, back to active, and to deleted.',
      jsonb_build_object('strategy', old.id, 'from', old.status, 'to', new.status));
  elsif new.status = 'active' then
    -- FOR SHARE: an unlinking that is under way is waited for, a later one waits and finds the strategy active.
    perform from public.broker_accounts where id = new.broker_account_id and status = 'active' for share;
    if not found then
      perform private.refuse(409, 'ACCOUNT_UNLINKED', 'Link the strategy''s broker account again, then activate it.',
        jsonb_build_object('strategy', old.id, 'account', new.broker_account_id));
    end if;
    select s into unknown_symbol from unnest(new.symbols) as s
    where not exists (select from public.instruments as i where i.symbol = s and i.tradable) limit 1;
    if unknown_symbol is not null then
      perform private.refuse(422, 'UNKNOWN_SYMBOL', 'The strategy names a symbol that is not tradable; edit its symbols.',
        jsonb_build_object('symbol', unknown_symbol));
    end if;
    perform private.require_valid(new);
    perform private.require_able(new);
  elsif new.status = 'deleted' then
    -- Whoever deletes it holds the account's lock where an order could slip in between: see delete_strategy().
    still_open := private.open_exposure(new.broker_account_id, new.id);
    if still_open <> '{}' then
      perform private.refuse(409, 'OPEN_EXPOSURE', 'Close its positions and cancel its orders, then delete the strategy.',
        jsonb_build_object('strategy', old.id) || still_open);
    end if;
  end if;
  return new;
end $$;
comment on function private.guard_strategy() is 'Which status a strategy may take, whoever sets it: a call, or an administrator in the Studio.';

create function private.tell_strategy() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  happened text := case new.status when 'active' then 'strategy.activated' when 'halted' then 'strategy.halted' else 'strategy.deactivated' end;
  happened_at timestamptz := now();
begin
  if new.status = 'active' then
    -- It decides on what ends from now on, unless activate_strategy() has said otherwise in this same transaction.
    insert into public.strategy_cursors as c (strategy_id, user_id, symbol, last_bar_at)
    select new.id, new.user_id, s, now() from unnest(new.symbols) as s
    on conflict (strategy_id, symbol) do update
    set last_bar_at = greatest(c.last_bar_at, excluded.last_bar_at), updated_at = now() where c.updated_at <> now();
    select max(last_bar_at) into happened_at from public.strategy_cursors where strategy_id = new.id and symbol = any (new.symbols);
  end if;
  if new.status in ('active', 'deleted') then
    -- What it holds is its own again; what is deleted holds nothing.
    update public.strategy_deactivations set ended_at = now() where strategy_id = new.id and ended_at is null;
  end if;
  perform private.emit('strategy-events', happened, new.id::text, happened_at, private.strategy_data(new),
    happened || '|' || new.id || '|' || new.version);
  return null;
end $$;
comment on function private.tell_strategy() is 'A strategy that starts gets its cursors, and nothing more of it is closed; every change of status is an event.';

create trigger a_touch before insert or update on public.strategies for each row execute function private.touch();
create trigger b_version before insert or update on public.strategies for each row execute function private.version_strategy();
create trigger c_guard_terms before insert or update of name, description, kind, config, symbols on public.strategies
  for each row execute function private.guard_strategy_terms();
create trigger c_guard before update on public.strategies for each row execute function private.guard_strategy();
create trigger tell_status after update of status on public.strategies
  for each row when (old.status is distinct from new.status) execute function private.tell_strategy();
create trigger keep_owner before update on public.strategies for each row execute function private.keep_owner();
create trigger keep_version after insert or update on public.strategies for each row execute function private.keep_strategy_version();
select private.audit_changes('public.strategies');
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
comment on column public.strategy_cursors.strategy_id is 'The strategy.';
comment on column public.strategy_cursors.user_id is 'Owner.';
comment on column public.strategy_cursors.symbol is 'One of its symbols.';
comment on column public.strategy_cursors.last_bar_at is 'The end of the last bar it has decided on: event time, UTC.';
comment on column public.strategy_cursors.updated_at is 'When the cursor last moved, UTC.';
create index strategy_cursors_user on public.strategy_cursors (user_id);

create table public.strategy_decisions (
  strategy_id uuid not null,
  symbol text not null,
  bar_at timestamptz not null,
  cause text not null default 'bar' check (cause in ('bar', 'quote', 'fill')),
  caused_by text not null default '',
  user_id uuid not null,
  strategy_version integer not null,
  action text not null check (action in ('stay', 'trade', 'cancel')),
  reason text not null,
  orders jsonb not null default '[]',
  cancels uuid[] not null default '{}',
  chain_taken_at timestamptz,
  refused text,
  created_at timestamptz not null default now(),
  primary key (strategy_id, symbol, bar_at, cause, caused_by),
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict
);
comment on table public.strategy_decisions is 'Every decision with its reason; decisions not to trade for as long as setting stay_decisions_kept says.';
comment on column public.strategy_decisions.strategy_id is 'The strategy.';
comment on column public.strategy_decisions.symbol is 'The symbol whose bar it decided on.';
comment on column public.strategy_decisions.bar_at is 'The end of the bar decided on, or when the quote or fill was: event time, UTC.';
comment on column public.strategy_decisions.cause is 'What woke the strategy: a completed bar, a quote, or a fill of its own.';
comment on column public.strategy_decisions.caused_by is 'Which fill, by its id; empty for a bar and a quote.';
comment on column public.strategy_decisions.user_id is 'Owner.';
comment on column public.strategy_decisions.strategy_version is 'The version that decided.';
comment on column public.strategy_decisions.action is 'stay, trade where it wanted orders, cancel where it only gave up working ones.';
comment on column public.strategy_decisions.reason is 'In the strategy''s words, also for not trading.';
comment on column public.strategy_decisions.orders is 'The orders it wanted.';
comment on column public.strategy_decisions.cancels is 'The working orders that it did not want any more.';
comment on column public.strategy_decisions.chain_taken_at is 'When the option chain was taken that it saw, UTC; null where it saw none.';
comment on column public.strategy_decisions.refused is 'Why an order of this decision was not even placed, as CODE: key=value; null when all were.';
comment on column public.strategy_decisions.created_at is 'When it was stored, UTC.';
create index strategy_decisions_user on public.strategy_decisions (user_id, bar_at desc);
-- What the pruning asks for: it is a small part of the table.
create index strategy_decisions_stays on public.strategy_decisions (created_at) where action = 'stay';

create function private.guard_decision() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  callers text;
begin
  get diagnostics callers = pg_context;
  -- A decision not to trade can be made again from history. One that acted stays for ever.
  if tg_op = 'DELETE' and old.action = 'stay' and position('function public.prune_stay_decisions(integer) line' in callers) > 0
    and old.created_at < clock_timestamp() - (select value::interval from private.settings where name = 'stay_decisions_kept') then
    return old;
  end if;
  perform private.refuse(409, 'APPEND_ONLY',
    'Decisions are never changed or deleted; those not to trade go by prune_stay_decisions() once they were kept long enough.',
    jsonb_build_object('table', 'public.strategy_decisions', 'operation', tg_op));
  return null;
end $$;
comment on function private.guard_decision() is
  'Refuses UPDATE and DELETE of decisions, but for the pruning of those not to trade that are older than setting stay_decisions_kept.';
create trigger append_only before update or delete on public.strategy_decisions for each row execute function private.guard_decision();
create trigger append_only_truncate before truncate on public.strategy_decisions for each statement execute function private.forbid_change();

insert into private.settings (name, value, comment) values
  ('stay_decisions_kept', '90 days', 'How long a strategy''s decisions not to trade are kept; those that acted are kept for ever.');

create function public.prune_stay_decisions(p_limit integer default 5000) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  removed integer;
begin
  delete from public.strategy_decisions where ctid in (
    select ctid from public.strategy_decisions
    where action = 'stay' and created_at < clock_timestamp() - (select value::interval from private.settings where name = 'stay_decisions_kept')
    order by created_at limit p_limit for update skip locked);
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function public.prune_stay_decisions(integer) is
  'Removes at most p_limit decisions not to trade that were kept longer than setting stay_decisions_kept; returns how many.';
grant execute on function public.prune_stay_decisions(integer) to fn_strategy;

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
grant select, insert (id, user_id, broker_account_id, name, description, kind, config, symbols, timeframe, exits_by),
  update (name, description, config, symbols, timeframe, exits_by) on public.strategies to authenticated;

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

select private.audit_changes('public.strategy_kinds');
