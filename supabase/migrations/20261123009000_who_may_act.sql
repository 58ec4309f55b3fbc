-- The last migration: who may write, and who may read at all, said once for every table there is.

create function private.may_read() returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (select from public.profiles as p where p.user_id = (select auth.uid()) and not p.disabled);
end $$;
comment on function private.may_read() is 'Whether the caller is a user who is not shut out: a token lives on for up to an hour.';
grant execute on function private.may_read() to authenticated;

create function private.require_writer() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.refuse_reader();
  return null;
end $$;
comment on function private.require_writer() is
  'Refuses every change that a viewer or a disabled user makes, whatever path it comes by: REST, or a function they may call.';

-- Once per statement, before it does anything; it asks only where a person's token is behind the statement, also inside a
-- SECURITY DEFINER function, because the claims belong to the transaction.
do $$
declare
  target record;
begin
  for target in
    select c.oid::regclass as name, n.nspname as schema_name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format(
      'create trigger a_require_writer before insert or update or delete on %s for each statement '
      'when (nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''role'' = ''authenticated'') '
      'execute function private.require_writer()', target.name);
    if target.schema_name = 'public' then
      execute format(
        'create policy "who is shut out reads nothing" on %s as restrictive for select to authenticated '
        'using ((select private.may_read()))', target.name);
    end if;
  end loop;
end $$;
