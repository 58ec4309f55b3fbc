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

create function private.tell_of_booking() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  booked constant jsonb := to_jsonb(new);
begin
  -- One word for one fill: the row, and what it has made of its order and of the position. Small enough to stay in its page.
  perform realtime.send(
    jsonb_build_object('table', tg_table_name, 'operation', tg_op, 'row', booked,
      'trade', (select jsonb_build_object('id', t.id, 'status', t.status, 'status_at', t.status_at, 'filled_quantity', t.filled_quantity,
          'fill_price', t.fill_price, 'executed_at', t.executed_at, 'updated_at', t.updated_at, 'version', t.version)
        from public.trades as t where t.id = (booked ->> 'trade_id')::uuid),
      'position', (select to_jsonb(b) from public.position_books as b
        where b.broker_account_id = new.broker_account_id and b.symbol = new.symbol)),
    tg_table_name, 'user:' || new.user_id, true);
  return null;
end $$;
comment on function private.tell_of_booking() is
  'Tells the owner''s open dashboards of a fill or adjustment, with the order and the position that it changed, as its transaction leaves them.';

create function private.tell_of_order() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Asked here: a WHEN clause is read anew by every statement, which costs more than the call.
  if new.filled_quantity = old.filled_quantity then
    perform realtime.send(
      jsonb_build_object('table', tg_table_name, 'operation', tg_op, 'row', to_jsonb(new)), tg_table_name, 'user:' || new.user_id, true);
  end if;
  return null;
end $$;
comment on function private.tell_of_order() is 'Tells the owner''s open dashboards of a changed order; what a fill has changed is told with the fill.';

create function private.tell_of_position() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.last_number = old.last_number then
    perform realtime.send(
      jsonb_build_object('table', tg_table_name, 'operation', tg_op, 'row', to_jsonb(new)), tg_table_name, 'user:' || new.user_id, true);
  end if;
  return null;
end $$;
comment on function private.tell_of_position() is
  'Tells the owner''s open dashboards of a changed position; what its newest fill or adjustment has changed is told with that.';

do $$
declare
  table_name text;
begin
  foreach table_name in array array['strategies', 'daily_pnl_reports'] loop
    execute format('create trigger tell_owner after insert or update on public.%I for each row execute function private.tell_owner()', table_name);
  end loop;
  foreach table_name in array array['alerts', 'trading_gates'] loop
    execute format('create trigger tell_owner after insert or update on public.%I for each row when (new.user_id is not null) execute function private.tell_owner()', table_name);
  end loop;
  -- At the end of the transaction: the order's counters are moved after the fill is written.
  foreach table_name in array array['fills', 'position_adjustments'] loop
    execute format('create constraint trigger tell_owner after insert on public.%I deferrable initially deferred for each row execute function private.tell_of_booking()', table_name);
  end loop;
end $$;
create trigger tell_owner after insert on public.trades for each row execute function private.tell_owner();
create trigger tell_owner_of_change after update on public.trades for each row execute function private.tell_of_order();
create trigger tell_owner after update on public.position_books for each row execute function private.tell_of_position();

-- The topic user:<id> of everybody whose rows the caller reads: a viewer hears the traders of their desk.
create policy "a user hears the topics of those whose rows they read" on realtime.messages for select to authenticated
  using (realtime.topic() like 'user:%' and substr(realtime.topic(), 6) = any (((select private.readable_users())::uuid[])::text[]));
