-- A trader's own words on a trade.

create table public.trade_notes (
  trade_id uuid primary key,
  user_id uuid not null,
  text text not null check (length(text) <= 4000),
  changed_by text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  foreign key (trade_id, user_id) references public.trades (id, user_id) on delete restrict
);
comment on table public.trade_notes is 'What a trader wrote of a trade, for themselves and their desk. No part of the order: nothing decides by it.';
comment on column public.trade_notes.trade_id is 'The trade.';
comment on column public.trade_notes.user_id is 'Whose trade it is.';
comment on column public.trade_notes.text is 'The note; empty where it was taken away.';
comment on column public.trade_notes.changed_by is 'Who changed it last; written by trigger.';
comment on column public.trade_notes.created_at is 'When the row was written, UTC.';
comment on column public.trade_notes.updated_at is 'When the row last changed, UTC.';
comment on column public.trade_notes.version is 'Grows by one with every change of the row.';
create index trade_notes_user on public.trade_notes (user_id);

create function private.sign_note() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  new.changed_by := private.actor();
  return new;
end $$;
comment on function private.sign_note() is 'A note names who wrote it, by call and in the Studio alike.';
create trigger sign before insert or update on public.trade_notes for each row execute function private.sign_note();
create trigger touch before insert or update on public.trade_notes for each row execute function private.touch();
select private.audit_changes('public.trade_notes');
select private.protect_from_delete('public.trade_notes');

create function public.set_trade_note(p_trade_id uuid, p_text text, p_version bigint default null) returns bigint
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid;
  kept public.trade_notes;
  now_is bigint;
  broken_constraint text;
  broken_column text;
begin
  perform private.require_trader();
  select user_id into owner from public.trades where id = p_trade_id;
  if owner is null or not private.reaches(owner) then
    perform private.refuse(404, 'NO_SUCH_TRADE', 'Name a trade of your own.', jsonb_build_object('trade', p_trade_id));
  end if;
  -- There may be no row to lock yet: of two first notes the second waits here, and is compared.
  perform pg_advisory_xact_lock(hashtextextended('note of ' || p_trade_id, 0));
  select * into kept from public.trade_notes where trade_id = p_trade_id;
  -- What says the same as is there was sent again: its answer was lost.
  if p_version <> coalesce(kept.version, 0) and kept.text is distinct from p_text then
    perform private.refuse(412, 'CHANGED_MEANWHILE', 'Read the note again and decide anew.',
      jsonb_build_object('trade', p_trade_id, 'seen', p_version, 'now', coalesce(kept.version, 0)));
  end if;
  insert into public.trade_notes as n (trade_id, user_id, text) values (p_trade_id, owner, p_text)
  on conflict (trade_id) do update set text = excluded.text where n.text <> excluded.text
  returning n.version into now_is;
  return coalesce(now_is, kept.version);
exception
  when check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_NOTE', 'A note has at most 4000 characters; an empty one takes it away.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.set_trade_note(uuid, text, bigint) is
  'Writes the note of a trade of the caller''s; returns its version. With p_version: only what is still at that version, 0 where there is none yet. Safe to call again.';
grant execute on function public.set_trade_note(uuid, text, bigint) to authenticated;

alter table public.trade_notes enable row level security;
create policy "a user reads notes of their own trades" on public.trade_notes for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.trade_notes to authenticated;
