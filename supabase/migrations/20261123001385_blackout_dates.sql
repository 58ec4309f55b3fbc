-- Dates on which nothing new is opened: earnings, expiries, ex-dividend dates, others.

create table public.blackout_dates (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete restrict,
  symbol text references public.instruments (symbol) on delete restrict,
  kind text not null check (kind in ('earnings', 'expiry', 'ex_dividend', 'other')),
  from_date date check (from_date between '1970-01-01' and '9999-12-31'),
  until_date date check (until_date between '1970-01-01' and '9999-12-31'),
  reason text not null default '',
  source text not null default 'entered' check (source <> ''),
  removed_at timestamptz,
  changed_by text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint begins_before_it_ends check (from_date <= until_date),
  -- Without dates it says that the symbol has none to wait for.
  constraint only_a_symbol_has_none check (num_nulls(from_date, until_date) = 0
    or (num_nulls(from_date, until_date) = 2 and symbol is not null and kind in ('earnings', 'ex_dividend'))),
  unique nulls not distinct (user_id, symbol, kind, from_date, until_date)
);
comment on table public.blackout_dates is
  'Days on which the rule blackout lets nothing new be opened, and what blackout_days_before and ex_dividend_days count to. No row is deleted: remove_blackout() marks it.';
comment on column public.blackout_dates.id is 'Key.';
comment on column public.blackout_dates.user_id is 'Whose orders it keeps back; null for everybody''s, which an administrator enters.';
comment on column public.blackout_dates.symbol is 'The symbol, its options too; null for everything.';
comment on column public.blackout_dates.kind is 'earnings, expiry, ex_dividend or other.';
comment on column public.blackout_dates.from_date is 'First exchange date of it. Null, of earnings and ex_dividend: the symbol has none, as a fund reports no earnings.';
comment on column public.blackout_dates.until_date is 'Last exchange date of it, itself included.';
comment on column public.blackout_dates.reason is 'What whoever entered it said.';
comment on column public.blackout_dates.source is 'Where it was learnt.';
comment on column public.blackout_dates.removed_at is 'Since when it counts no more; null while it does.';
comment on column public.blackout_dates.changed_by is 'Who changed it last; written by trigger.';
comment on column public.blackout_dates.created_at is 'When the row was made, UTC.';
comment on column public.blackout_dates.updated_at is 'When the row last changed, UTC.';
comment on column public.blackout_dates.version is 'Grows by one with every change of the row.';
create index blackout_dates_symbol on public.blackout_dates (symbol);

create function private.guard_blackout() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.user_id is null and not private.acts_as_administrator() then
    perform private.refuse(403, 'ADMINISTRATOR_NEEDED', 'Dates for everybody are an administrator''s to enter and to remove; enter your own.');
  end if;
  if tg_op = 'UPDATE' and (new.user_id, new.symbol, new.kind, new.from_date, new.until_date)
    is distinct from (old.user_id, old.symbol, old.kind, old.from_date, old.until_date) then
    perform private.refuse(409, 'BLACKOUT_IS_FIXED', 'Remove these dates and enter others.', jsonb_build_object('blackout', old.id));
  end if;
  -- As a limit of everybody's: an administrator tightens at once, and loosens with a second factor.
  if tg_op = 'UPDATE' and new.user_id is null and new.removed_at is not null and old.removed_at is null and private.is_administrator()
    and coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'aal', 'aal1') <> 'aal2' then
    perform private.refuse(403, 'SECOND_FACTOR_NEEDED', 'Removing dates of everybody''s needs a second factor: sign in with it and try again.');
  end if;
  new.changed_by := private.actor();
  return new;
end $$;
comment on function private.guard_blackout() is 'Who may enter dates, and that what they close stays: for a call, and for an edit in the Studio.';
create trigger guard before insert or update on public.blackout_dates for each row execute function private.guard_blackout();
create trigger touch before insert or update on public.blackout_dates for each row execute function private.touch();
select private.audit_changes('public.blackout_dates');
select private.protect_from_delete('public.blackout_dates');

create function public.set_blackout(
  p_kind text, p_from date, p_until date, p_symbol text default null, p_reason text default '', p_source text default 'entered',
  p_for_everybody boolean default false)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  blackout_id uuid;
  owner constant uuid := case when p_for_everybody is true then null else (select auth.uid()) end;
  broken_constraint text;
  broken_column text;
begin
  perform private.require_trader();
  if owner is null and p_for_everybody is not true then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to enter dates of your own.');
  end if;
  if p_symbol is not null then
    perform private.refuse_unknown_symbols(jsonb_build_array(jsonb_build_object('symbol', p_symbol)));
  end if;
  insert into public.blackout_dates as b (user_id, symbol, kind, from_date, until_date, reason, source)
  values (owner, p_symbol, p_kind, p_from, p_until, p_reason, p_source)
  on conflict (user_id, symbol, kind, from_date, until_date) do update
  set reason = excluded.reason, source = excluded.source, removed_at = null
  where (b.reason, b.source, b.removed_at) is distinct from (excluded.reason, excluded.source, null);
  select b.id into blackout_id from public.blackout_dates as b
  where (b.user_id, b.symbol, b.kind, b.from_date, b.until_date)
    is not distinct from (owner, p_symbol, p_kind, p_from, p_until);
  return blackout_id;
exception
  when data_exception or check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_BLACKOUT',
      'Dates are of earnings, expiry, ex_dividend or other, the first not after the last. Without dates, earnings and ex_dividend of a symbol say that it has none.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.set_blackout(text, date, date, text, text, text, boolean) is
  'Enters days on which nothing new is opened, of a symbol or of everything, for the caller''s own orders or for everybody''s. Without dates: the symbol has no earnings, or no ex-dividend date, to wait for. Safe to call again.';

create function public.remove_blackout(p_blackout_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  found_row public.blackout_dates;
begin
  perform private.require_trader();
  select * into found_row from public.blackout_dates where id = p_blackout_id;
  if not found or not (found_row.user_id is null or private.reaches(found_row.user_id)) then
    perform private.refuse(404, 'NO_SUCH_BLACKOUT', 'Name dates of your own.', jsonb_build_object('blackout', p_blackout_id));
  end if;
  update public.blackout_dates set removed_at = now() where id = p_blackout_id and removed_at is null;
  return found;
end $$;
comment on function public.remove_blackout(uuid) is 'Removes dates: their row stays, marked. True where they counted until now. Those of everybody only an administrator removes, with a second factor.';
grant execute on function public.set_blackout(text, date, date, text, text, text, boolean), public.remove_blackout(uuid) to authenticated;

alter table public.blackout_dates enable row level security;
create policy "a user reads dates of everybody and their own" on public.blackout_dates for select to authenticated
  using (user_id is null or user_id = any ((select private.readable_users())::uuid[]));
grant select on public.blackout_dates to authenticated;
