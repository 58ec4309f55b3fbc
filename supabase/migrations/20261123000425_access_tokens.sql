-- What Auth puts into every access token, new or refreshed: whether its holder administrates, and their part on a desk.

create function private.custom_access_token(event jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  person uuid := (event ->> 'user_id')::uuid;
  -- Whatever stands there already is not believed: nobody writes these claims but this function.
  app jsonb := coalesce(event #> '{claims,app_metadata}', '{}') - array['administrator', 'desk_id', 'desk_role'];
begin
  select app || jsonb_build_object('desk_id', p.desk_id, 'desk_role', p.desk_role) into app
  from (select person as user_id) as one left join public.profiles as p using (user_id);
  if private.is_current_administrator(person) then
    app := app || '{"administrator": true}';
  end if;
  return jsonb_build_object('claims', jsonb_set(event -> 'claims', '{app_metadata}', app));
end $$;
comment on function private.custom_access_token(jsonb) is
  'Auth''s hook: puts desk, role and the administrator''s claim into app_metadata of every token. The rows decide all the same; the claim only says whom to ask them about.';
grant execute on function private.custom_access_token(jsonb) to supabase_auth_admin;
