-- What the dashboard hears.

create function private.tell_owner() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Broadcast from the database on a private topic per user; `version` lets a late message lose against a newer row.
  perform realtime.send(
    jsonb_build_object('table', tg_table_name, 'operation', tg_op, 'row', to_jsonb(new)),
    tg_table_name, 'user:' || new.user_id, true);
  return null;
end $$;
comment on function private.tell_owner() is 'Tells the owner''s open dashboards of a changed row.';

do $$
declare
  table_name text;
begin
  foreach table_name in array array['trades', 'fills', 'position_books', 'strategies', 'daily_pnl_reports'] loop
    execute format('create trigger tell_owner after insert or update on public.%I for each row execute function private.tell_owner()', table_name);
  end loop;
  foreach table_name in array array['alerts', 'trading_gates'] loop
    execute format('create trigger tell_owner after insert or update on public.%I for each row when (new.user_id is not null) execute function private.tell_owner()', table_name);
  end loop;
end $$;

-- The topic user:<id> of everybody whose rows the caller reads: a viewer hears the traders of their desk.
create policy "a user hears the topics of those whose rows they read" on realtime.messages for select to authenticated
  using (realtime.topic() like 'user:%' and substr(realtime.topic(), 6) = any (((select private.readable_users())::uuid[])::text[]));
