-- Trading gates: one permanent row per scope, so that engaging a halt and placing an order always meet on a lock.

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

alter table public.trading_gates enable row level security;
create policy "a user reads the global gate and their own" on public.trading_gates for select to authenticated
  using (scope = 'global' or user_id = any ((select private.readable_users())::uuid[]));
grant select on public.trading_gates to authenticated;

alter table public.trading_halts enable row level security;
create policy "a user reads global halts and their own" on public.trading_halts for select to authenticated
  using (user_id is null or user_id = any ((select private.readable_users())::uuid[]));
grant select on public.trading_halts to authenticated;
