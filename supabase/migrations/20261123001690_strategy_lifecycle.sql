-- Strategies are activated, deactivated and deleted; what becomes of what a stopped one has open.

insert into private.settings (name, value, comment) values
  ('market_clock', 'machine', 'What the market''s time is: machine, the clock''s; or tape, where the market is replayed, so that whoever starts a strategy says from which moment of the tape.');

create function private.own_strategy(p_strategy_id uuid) returns public.strategies
language plpgsql set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  select * into strategy from public.strategies where id = p_strategy_id and status <> 'deleted'
    and private.reaches(user_id) for no key update;
  if not found then
    perform private.refuse(404, 'NO_SUCH_STRATEGY', 'Name a strategy of your own.', jsonb_build_object('strategy', p_strategy_id));
  end if;
  return strategy;
end $$;
comment on function private.own_strategy(uuid) is 'The caller''s strategy, locked; a stranger''s is not found.';

create function private.own_strategy_under_scopes(p_strategy_id uuid) returns public.strategies
language plpgsql set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  -- Whose it is, before its gates are locked: a stranger's calls would keep its owner's halt waiting. Its gates and account
  -- before the strategy, as everywhere: no order slips in, and the account is not unlinked, while this runs.
  select * into strategy from public.strategies where id = p_strategy_id and private.reaches(user_id);
  if found then
    perform private.lock_scopes(strategy.user_id, strategy.broker_account_id, strategy.id);
  end if;
  return private.own_strategy(p_strategy_id);
end $$;
comment on function private.own_strategy_under_scopes(uuid) is 'The caller''s strategy, locked with what an order of it locks; a stranger''s is not found.';

create function private.warm_up_stored(p_inputs jsonb, p_until timestamptz) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('symbol', n.symbol, 'timeframe', n.timeframe, 'needed', n.needed, 'stored',
    jsonb_array_length(public.bars_until(n.symbol, n.timeframe, p_until, n.needed))) order by n.symbol, n.timeframe), '[]'::jsonb)
  from (
    select s.symbol, t.timeframe, max(t.needed) as needed
    from jsonb_array_elements_text(p_inputs -> 'symbols') as s (symbol)
    cross join (
      select p_inputs ->> 'timeframe' as timeframe, (p_inputs ->> 'warm_up')::integer as needed
      union all
      select key, value::integer from jsonb_each_text(coalesce(p_inputs -> 'context', '{}'))) as t
    group by s.symbol, t.timeframe) as n
$$;
comment on function private.warm_up_stored(jsonb, timestamptz) is
  'How many bars a strategy needs of each symbol and timeframe before it decides, and how many of them are stored: [{"symbol", "timeframe", "needed", "stored"}].';

create function private.activation_warnings(p_strategy public.strategies, p_warm_up jsonb) returns jsonb
language sql stable set search_path = ''
as $$
  -- None of these keeps it from starting; each says what will not happen, so that nobody has to wonder why.
  select coalesce(jsonb_agg(jsonb_build_object('code', w.code, 'text', w.text) order by w.place), '[]'::jsonb) from (
    select 1 as place, 'WARM_UP_MISSING' as code, 'It does not decide before its warm-up is there: ' || string_agg(
      format('%s %s has %s of %s bars', b ->> 'symbol', b ->> 'timeframe', b ->> 'stored', b ->> 'needed'), ', ')
      || '. What is missing of the days before is fetched: see its backfills.' as text
    from jsonb_array_elements(p_warm_up) as b where (b ->> 'stored')::integer < (b ->> 'needed')::integer having count(*) > 0
    union all
    select 2, 'GATE_CLOSED', 'Trading is halted (' || gate || '): its entries are refused until the halt is lifted.'
    from private.closed_gate(p_strategy.user_id, p_strategy.broker_account_id, p_strategy.id) as gate where gate is not null
    union all
    select 3, 'LIVE_NOT_CONFIRMED', 'Live trading on this account is not confirmed: its entries are refused until you confirm it.'
    where private.live_refusal(p_strategy.broker_account_id) is not null
    union all
    select 4, 'NO_CREDENTIAL', 'No trading credential is entered: none of its orders is sent.'
    from public.broker_accounts where id = p_strategy.broker_account_id and trading_entered_at is null
    union all
    select 5, 'NO_LIMIT', 'No ' || string_agg(n.name, ', ' order by n.place) || ' is set for it, its account, its owner or everybody.'
    from (values (1, 'position_limit'), (2, 'capital_limit'), (3, 'max_loss_per_trade')) as n (place, name)
    where not exists (
      select from public.risk_limits as l where l.name = n.name and l.value is not null
        and (l.scope = 'global' or (l.scope = 'user' and l.user_id = p_strategy.user_id)
          or (l.scope = 'account' and l.broker_account_id = p_strategy.broker_account_id)
          or (l.scope = 'strategy' and l.strategy_id = p_strategy.id)))
    having count(*) > 0) as w
$$;
comment on function private.activation_warnings(public.strategies, jsonb) is 'What a person should know who starts a strategy: [{"code", "text"}].';

create function public.activate_strategy(p_strategy_id uuid, p_from timestamptz default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy_under_scopes(p_strategy_id);
  start_at timestamptz := coalesce(p_from, now());
  warm_up jsonb;
  starts boolean := strategy.status <> 'active';
begin
  if not private.is_readable(start_at) then
    perform private.refuse(422, 'BAD_START', 'A strategy starts at a moment in time.', jsonb_build_object('from', start_at));
  elsif p_from is not null and private.calling_role() = 'authenticated'
    and (select value from private.settings where name = 'market_clock') is distinct from 'tape' then
    -- From a moment that is over it would decide on bars that nobody can trade at any more.
    perform private.refuse(422, 'BAD_START', 'Leave the moment out: a strategy starts now. Another one is named only where the market is replayed from a tape.',
      jsonb_build_object('from', p_from));
  end if;
  if starts then
    insert into public.strategy_cursors as c (strategy_id, user_id, symbol, last_bar_at)
    select strategy.id, strategy.user_id, s, start_at from unnest(strategy.symbols) as s
    on conflict (strategy_id, symbol) do update
    set last_bar_at = greatest(c.last_bar_at, excluded.last_bar_at), updated_at = now();
    -- What must be there is asked by guard_strategy(), so that no way of starting leads around it.
    update public.strategies set status = 'active' where id = strategy.id returning * into strategy;
  end if;
  select private.warm_up_stored(v.inputs, start_at) into warm_up from public.strategy_validations as v
  where v.strategy_id = strategy.id and v.strategy_version = strategy.effective_version;
  if starts and p_from is null and private.calling_role() = 'authenticated' then
    -- Up to the day's begin: what is of the day, the stream brings. So starting twice on one day asks once. A replay has its tape.
    perform private.request_warm_up(strategy.user_id, warm_up, date_trunc('day', start_at, 'UTC'));
  end if;
  return jsonb_build_object('strategy_id', strategy.id, 'status', strategy.status, 'version', strategy.version,
    'strategy_version', strategy.strategy_version, 'effective_version', strategy.effective_version,
    'effective_since', strategy.effective_since, 'decides_after', (
      select max(last_bar_at) from public.strategy_cursors where strategy_id = strategy.id and symbol = any (strategy.symbols)),
    'warm_up', warm_up, 'warnings', private.activation_warnings(strategy, warm_up));
end $$;
comment on function public.activate_strategy(uuid, timestamptz) is
  'Starts a strategy: it decides on bars that end after p_from (event time; now where absent, and for a person always, except where setting market_clock is tape). Refused while its newest version is not found valid, its account is not verified or no market data can come. Where a person starts it, the history that its warm-up lacks is asked for. Answers from when on it decides, the warm-up that is stored, and warnings. Safe to call again.';

-- Stopping, and what becomes of what is open ------------------------------------------------------------------------------

create table public.strategy_deactivations (
  id bigint generated always as identity primary key,
  strategy_id uuid not null,
  user_id uuid not null,
  broker_account_id uuid not null,
  then_do text not null check (then_do in ('cancel_orders', 'flatten')),
  asked_by text not null,
  asked_at timestamptz not null default clock_timestamp(),
  waiting_for text check (waiting_for in ('session', 'other_side', 'cover')),
  done_at timestamptz,
  ended_at timestamptz,
  foreign key (strategy_id, user_id) references public.strategies (id, user_id) on delete restrict,
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict
);
comment on table public.strategy_deactivations is
  'What becomes of what a stopped strategy has open, where it is not left as it is. In force until the strategy is activated or deleted: what fills late is closed too.';
comment on column public.strategy_deactivations.id is 'Number of the row; names its closing orders.';
comment on column public.strategy_deactivations.strategy_id is 'The strategy.';
comment on column public.strategy_deactivations.user_id is 'Owner.';
comment on column public.strategy_deactivations.broker_account_id is 'The account that it trades on.';
comment on column public.strategy_deactivations.then_do is 'cancel_orders: its entries are cancelled, its exits go on protecting. flatten: besides, all that it holds is closed, and then its exits are cancelled. Only ever made harder.';
comment on column public.strategy_deactivations.asked_by is 'Who asked.';
comment on column public.strategy_deactivations.asked_at is 'When, UTC.';
comment on column public.strategy_deactivations.waiting_for is 'What the last round of closing could not do something about: session, the market is closed; other_side, the account holds the other side of it, so it cannot be closed alone; cover, it covers something sold that is not to be closed with it. Null otherwise.';
comment on column public.strategy_deactivations.done_at is 'When all of it was done, UTC; null until then, and again where something was filled late.';
comment on column public.strategy_deactivations.ended_at is 'When the strategy was activated or deleted, UTC: nothing more follows from this. Null while in force.';
create unique index strategy_deactivations_in_force on public.strategy_deactivations (strategy_id) where ended_at is null;
create index strategy_deactivations_strategy on public.strategy_deactivations (strategy_id, user_id);
create index strategy_deactivations_account on public.strategy_deactivations (broker_account_id, user_id);
create index strategy_deactivations_user on public.strategy_deactivations (user_id);
select private.protect_from_delete('public.strategy_deactivations');
alter table public.strategy_deactivations enable row level security;
create policy "a user reads deactivations of their own strategies" on public.strategy_deactivations for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.strategy_deactivations to authenticated;

create function private.guard_deactivation() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    -- What every order takes, before the strategy: no entry slips in. FOR SHARE: a start that is under way is waited for.
    perform private.lock_scopes(new.user_id, new.broker_account_id, new.strategy_id);
    perform from public.strategies where id = new.strategy_id and broker_account_id = new.broker_account_id and status <> 'active' for share;
    if not found then
      perform private.refuse(409, 'STRATEGY_IS_ACTIVE', 'Deactivate the strategy; what it holds is closed in the same call.',
        jsonb_build_object('strategy', new.strategy_id));
    end if;
    return new;
  end if;
  if old.ended_at is not null
    or (new.id, new.strategy_id, new.user_id, new.broker_account_id, new.asked_by, new.asked_at)
      is distinct from (old.id, old.strategy_id, old.user_id, old.broker_account_id, old.asked_by, old.asked_at)
    or (old.then_do = 'flatten' and new.then_do <> 'flatten') then
    perform private.refuse(409, 'DEACTIVATION_IS_FIXED', 'A deactivation is only made harder, and ends when its strategy is activated or deleted.',
      jsonb_build_object('strategy', old.strategy_id, 'then', old.then_do));
  end if;
  return new;
end $$;
comment on function private.guard_deactivation() is 'Nothing is closed of an active strategy; a deactivation is only made harder, and what is over stays as it was.';
create trigger guard before insert or update on public.strategy_deactivations for each row execute function private.guard_deactivation();

create function private.act_on_deactivation() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  if tg_op = 'UPDATE' and new.then_do = old.then_do then
    return null;
  end if;
  select * into strategy from public.strategies where id = new.strategy_id;
  perform private.emit('strategy-events', 'strategy.deactivated', new.strategy_id::text, now(),
    private.strategy_data(strategy) || jsonb_build_object('then', new.then_do),
    concat_ws('|', 'strategy.deactivated', 'then', new.id, new.then_do));
  -- Exits are spared here also where all is to be closed: a protection goes when what it protects can be closed.
  perform private.cancel_in_scope('strategy', new.strategy_id, true, 'DEACTIVATED: strategy=' || new.strategy_id);
  return null;
end $$;
comment on function private.act_on_deactivation() is
  'What follows from a deactivation, in its own transaction: the event, and the cancels of entries. Closing is continue_halt()''s.';
create trigger act after insert or update on public.strategy_deactivations for each row execute function private.act_on_deactivation();
select private.audit_changes('public.strategy_deactivations', p_ignore => '{waiting_for}');

create function public.deactivate_strategy(p_strategy_id uuid, p_then text default 'leave') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies;
begin
  if (p_then in ('leave', 'cancel_orders', 'flatten')) is not true then
    perform private.refuse(422, 'BAD_THEN', 'Say what becomes of what is open: leave, cancel_orders or flatten.', jsonb_build_object('then', p_then));
  end if;
  if p_then = 'leave' then
    strategy := private.own_strategy(p_strategy_id);
  else
    -- It cancels and closes, as orders do: a program's key needs more than to edit strategies.
    perform private.require_scope('trade', 'risk');
    strategy := private.own_strategy_under_scopes(p_strategy_id);
  end if;
  if strategy.status = 'active' then
    update public.strategies set status = 'inactive' where id = strategy.id returning * into strategy;
  end if;
  if p_then <> 'leave' and strategy.status <> 'draft' then
    insert into public.strategy_deactivations as d (strategy_id, user_id, broker_account_id, then_do, asked_by)
    values (strategy.id, strategy.user_id, strategy.broker_account_id, p_then, private.actor())
    on conflict (strategy_id) where ended_at is null do update set then_do = excluded.then_do
    where d.then_do = 'cancel_orders' and excluded.then_do = 'flatten';
  end if;
  return jsonb_build_object('strategy_id', strategy.id, 'status', strategy.status, 'version', strategy.version,
    'then', coalesce((select then_do from public.strategy_deactivations where strategy_id = strategy.id and ended_at is null), 'leave'),
    'open', private.open_exposure(strategy.broker_account_id, strategy.id));
end $$;
comment on function public.deactivate_strategy(uuid, text) is
  'Stops a strategy from deciding, and says what becomes of what it has open: leave; cancel_orders, its entries; or flatten, close it. Also for one that is stopped already, and only ever harder until it is activated again. Answers what is in force, and what is still open: deactivation_progress says how far it is.';

create function private.open_exposure(p_account_id uuid, p_strategy_id uuid default null) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'positions', case when p_strategy_id is null then (
        select string_agg(trim_scale(b.quantity) || ' ' || b.symbol, ', ' order by b.symbol) from public.position_books as b
        where b.broker_account_id = p_account_id and b.quantity <> 0)
      else (
        select string_agg(trim_scale(p.quantity) || ' ' || p.symbol, ', ' order by p.symbol) from public.strategy_positions as p
        where p.broker_account_id = p_account_id and p.strategy_id = p_strategy_id and p.quantity <> 0) end,
    'orders', (
      select string_agg(concat_ws(' ', t.side, trim_scale(t.quantity), t.symbol, t.status), ', ' order by t.placed_number)
      from public.trades as t
      where t.broker_account_id = p_account_id and (p_strategy_id is null or t.strategy_id = p_strategy_id)
        and t.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced'))));
end $$;
comment on function private.open_exposure(uuid, uuid) is
  'What is open on an account, or of one strategy on it: {"positions": "100 SPY", "orders": "buy 10 IWM submitted"}, {} where nothing is. Call under the account''s lock.';

create function public.delete_strategy(p_strategy_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  strategy public.strategies := private.own_strategy_under_scopes(p_strategy_id);
begin
  update public.strategies set status = 'deleted' where id = strategy.id;
end $$;
comment on function public.delete_strategy(uuid) is
  'Deletes a strategy for its owner: it stops deciding and gives its name free; its history stays. Refused while it has positions or working orders.';
grant execute on function public.activate_strategy(uuid, timestamptz), public.deactivate_strategy(uuid, text), public.delete_strategy(uuid)
  to authenticated;
