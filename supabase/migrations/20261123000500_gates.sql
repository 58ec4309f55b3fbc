-- Trading gates: one permanent row per scope, so that engaging a halt and placing an order always meet on a lock.

create table public.trading_gates (
  gate_key text primary key,
  scope text not null check (scope in ('global', 'user', 'account', 'strategy')),
  user_id uuid references auth.users (id) on delete restrict,
  broker_account_id uuid,
  strategy_id uuid,
  closed boolean not null default false,
  mode text not null default 'no_new_entries' check (mode in ('no_new_entries', 'cancel_working', 'flatten')),
  spare_exits boolean not null default true,
  reason text not null default '' check (length(reason) <= 2000),
  needs_administrator boolean not null default false,
  changed_by text not null default '',
  changed_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  check ((scope = 'global') = (user_id is null)),
  check ((scope = 'account') = (broker_account_id is not null)),
  check ((scope = 'strategy') = (strategy_id is not null)),
  check (gate_key = concat_ws(':', scope, coalesce(strategy_id, broker_account_id, user_id)))
);
comment on table public.trading_gates is
  'The kill switch: one row per scope, locked by every order. Closed: no new entries; exits and cancels always pass. An administrator may edit closed, mode, spare_exits and reason here: it takes effect as close_gate() and open_gate() do.';
comment on column public.trading_gates.gate_key is 'global, user:<id>, account:<id> or strategy:<id>.';
comment on column public.trading_gates.scope is 'Whose orders pass here.';
comment on column public.trading_gates.user_id is 'Owner; null for the global gate.';
comment on column public.trading_gates.broker_account_id is 'The account, where the gate is an account''s.';
comment on column public.trading_gates.strategy_id is 'The strategy, where the gate is a strategy''s.';
comment on column public.trading_gates.closed is 'Set it to halt. Unset it, with a reason, to lift the halt.';
comment on column public.trading_gates.mode is
  'How hard the halt is: no_new_entries; cancel_working also cancels working entries; flatten also closes every position. A halt that is engaged is only made harder.';
comment on column public.trading_gates.spare_exits is
  'Whether cancelling leaves orders alone that only reduce: protective exits. A flattening round cancels those that stand in its way.';
comment on column public.trading_gates.reason is 'Why it is closed; empty while it is open. Why it was lifted is in trading_halts.';
comment on column public.trading_gates.needs_administrator is
  'An administrator has engaged it, so only an administrator lifts it. False: its owner may lift it with a second factor.';
comment on column public.trading_gates.changed_by is 'Who closed or opened it last; written by trigger.';
comment on column public.trading_gates.changed_at is 'When, UTC; written by trigger.';
comment on column public.trading_gates.created_at is 'When the row was made, UTC.';
comment on column public.trading_gates.updated_at is 'When the row last changed, UTC.';
comment on column public.trading_gates.version is 'Grows by one with every change of the row.';
create index trading_gates_user on public.trading_gates (user_id);
create index trading_gates_account on public.trading_gates (broker_account_id, user_id);
create index trading_gates_strategy on public.trading_gates (strategy_id, user_id);

create table public.trading_halts (
  id bigint generated always as identity primary key,
  gate_key text not null references public.trading_gates (gate_key) on delete restrict,
  user_id uuid references auth.users (id) on delete restrict,
  action text not null check (action in ('engaged', 'flat', 'open_again', 'lifted')),
  mode text not null,
  spare_exits boolean not null default true,
  reason text not null,
  by_whom text not null,
  at timestamptz not null default clock_timestamp()
);
comment on table public.trading_halts is 'The history of what closed and opened the gates, by whom and why, and of how flattening went.';
comment on column public.trading_halts.id is 'Number of the row.';
comment on column public.trading_halts.gate_key is 'Which gate.';
comment on column public.trading_halts.user_id is 'Owner of the gate; null for the global one.';
comment on column public.trading_halts.action is
  'engaged (again, where the halt was made harder); flat: a flattening halt has closed everything; open_again: a late fill has opened something after that; lifted.';
comment on column public.trading_halts.mode is 'How hard the halt is or was: as in trading_gates.';
comment on column public.trading_halts.spare_exits is 'Whether exits are or were left alone.';
comment on column public.trading_halts.reason is 'Why.';
comment on column public.trading_halts.by_whom is 'The user, function or database role.';
comment on column public.trading_halts.at is
  'When, UTC, told while the gate''s row was held: no entry was placed, approved or claimed in its scope between engaged and lifted.';
create index trading_halts_gate on public.trading_halts (gate_key, id);
create index trading_halts_user on public.trading_halts (user_id);
select private.protect_append_only('public.trading_halts');

create function private.acts_as_administrator() returns boolean
language sql stable set search_path = ''
as $$
  -- A person with the claim and the row; or whoever works in the Studio, under a database role that is no client's and
  -- no function's.
  select private.is_administrator()
    or (private.calling_role() not in ('anon', 'authenticated', 'authenticator') and private.calling_role() not like 'fn\_%')
$$;
comment on function private.acts_as_administrator() is 'Whether an administrator acts: by their token, or in the Studio.';

create function private.halt_rank(p_mode text) returns integer
language sql immutable parallel safe set search_path = ''
as $$ select array_position(array['no_new_entries', 'cancel_working', 'flatten'], p_mode) $$;
comment on function private.halt_rank(text) is 'How hard a mode is: each does what the ones before it do.';

create function private.guard_gate() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  fixed constant text[] := array['gate_key', 'scope', 'user_id', 'broker_account_id', 'strategy_id', 'needs_administrator', 'created_at'];
  said text := trim(new.reason);
  administrator boolean := private.acts_as_administrator();
begin
  if tg_op = 'INSERT' then
    if pg_trigger_depth() < 2 then
      perform private.refuse(409, 'GATE_IS_FIXED', 'A gate is made with its user, account or strategy, and by nothing else.',
        jsonb_build_object('gate', new.gate_key));
    end if;
    new.closed := false;
    new.needs_administrator := false;
    return new;
  end if;
  if exists (select from jsonb_each(to_jsonb(new)) as n where n.key = any (fixed) and n.value is distinct from to_jsonb(old) -> n.key) then
    perform private.refuse(409, 'GATE_IS_FIXED', 'Close it, open it, or make its halt harder; what it is the gate of stays.',
      jsonb_build_object('gate', old.gate_key));
  end if;
  new.changed_by := old.changed_by;
  new.changed_at := old.changed_at;
  if length(said) > 2000 then
    perform private.refuse(422, 'BAD_REASON', 'A reason is a text of at most 2000 characters.', jsonb_build_object('length', length(said)));
  end if;
  if (new.closed, new.mode, new.spare_exits, new.reason) is not distinct from (old.closed, old.mode, old.spare_exits, old.reason) then
    return new;
  end if;
  new.changed_by := private.actor();
  new.changed_at := clock_timestamp();

  if not old.closed and not new.closed then
    -- The mode may be chosen before the gate is closed; a reason belongs to a halt.
    if said <> '' then
      perform private.refuse(409, 'GATE_IS_OPEN', 'Say the reason in the edit that closes the gate.', jsonb_build_object('gate', old.gate_key));
    end if;
    return new;
  end if;

  if new.closed then
    if old.closed then
      if private.halt_rank(new.mode) < private.halt_rank(old.mode) or (new.spare_exits and not old.spare_exits) then
        perform private.refuse(409, 'HALT_NOT_WEAKENED', 'A halt that is engaged is only made harder: leave it, or lift it and engage a milder one.',
          jsonb_build_object('gate', old.gate_key, 'mode', old.mode, 'spare_exits', old.spare_exits, 'asked_mode', new.mode));
      elsif (new.mode, new.spare_exits) = (old.mode, old.spare_exits) and not (administrator and not old.needs_administrator) then
        perform private.refuse(409, 'HALT_IS_ENGAGED', 'The reason of a halt stays as it was said; make the halt harder, or lift it.',
          jsonb_build_object('gate', old.gate_key));
      end if;
    end if;
    new.reason := coalesce(nullif(said, ''), nullif(old.reason, ''), 'no reason given');
    new.needs_administrator := old.needs_administrator or administrator;
  else
    -- Here, and not in open_gate(), so that no way of lifting leads around it.
    if private.calling_role() = 'authenticated' then
      if not administrator and old.user_id is distinct from (select auth.uid()) then
        perform private.refuse(404, 'NO_SUCH_GATE', 'Name user:<id>, account:<id> or strategy:<id> of your own.', jsonb_build_object('gate', old.gate_key));
      elsif not administrator and old.needs_administrator then
        perform private.refuse(403, 'ADMINISTRATOR_NEEDED', 'An administrator has engaged this halt: only an administrator lifts it.',
          jsonb_build_object('gate', old.gate_key));
      elsif coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'aal', 'aal1') <> 'aal2' then
        perform private.refuse(403, 'SECOND_FACTOR_NEEDED', 'Lifting a halt needs a second factor: sign in with it and try again.');
      end if;
    elsif not administrator then
      perform private.refuse(403, 'PERSON_NEEDED', 'A halt is lifted by a person: its owner with a second factor, or an administrator.',
        jsonb_build_object('gate', old.gate_key, 'role', private.calling_role()));
    end if;
    if said = '' or new.reason = old.reason then
      perform private.refuse(422, 'REASON_NEEDED', 'Say why the halt is lifted, not why it was engaged.', jsonb_build_object('gate', old.gate_key));
    end if;
    new.mode := 'no_new_entries';
    new.spare_exits := true;
    new.needs_administrator := false;
    new.reason := '';
  end if;
  -- Here, because the row does not keep why a halt was lifted; the time is told while the row is held.
  insert into public.trading_halts (gate_key, user_id, action, mode, spare_exits, reason, by_whom, at)
  values (old.gate_key, old.user_id, case when new.closed then 'engaged' else 'lifted' end,
    case when new.closed then new.mode else old.mode end, case when new.closed then new.spare_exits else old.spare_exits end,
    case when new.closed then new.reason else said end, new.changed_by, new.changed_at);
  return new;
end $$;
comment on function private.guard_gate() is
  'What may happen to a gate, whoever moves it: a call, or an administrator in the Studio. Writes the history.';

insert into public.trading_gates (gate_key, scope) values ('global', 'global');
create trigger guard before insert or update on public.trading_gates for each row execute function private.guard_gate();
create trigger touch before insert or update on public.trading_gates for each row execute function private.touch();
select private.protect_from_delete('public.trading_gates');

alter table public.trading_gates enable row level security;
create policy "a user reads the global gate and their own" on public.trading_gates for select to authenticated
  using (scope = 'global' or user_id = any ((select private.readable_users())::uuid[]));
grant select on public.trading_gates to authenticated;

alter table public.trading_halts enable row level security;
create policy "a user reads global halts and their own" on public.trading_halts for select to authenticated
  using (user_id is null or user_id = any ((select private.readable_users())::uuid[]));
grant select on public.trading_halts to authenticated;

select private.audit_changes('public.trading_gates');
select private.audit_changes('public.trading_halts');
