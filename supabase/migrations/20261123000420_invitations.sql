-- Sign-up: open to everybody, or closed to those who were invited.

insert into private.settings (name, value, comment)
values ('sign_up', 'closed', 'open: everybody may sign up. closed: only with an invitation.');

create table private.invitations (
  id uuid primary key default gen_random_uuid(),
  email text not null check (email = lower(trim(email)) and email ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$' and length(email) <= 255),
  desk_id uuid references private.desks (id) on delete restrict,
  desk_role text not null default 'trader' check (desk_role in ('trader', 'viewer')),
  token_hash bytea not null unique,
  invited_by text not null,
  invited_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  -- Deferred: the invitation is used up before the row of the user that it admits is there.
  used_by uuid unique references auth.users (id) on delete restrict deferrable initially deferred,
  revoked_at timestamptz,
  revoked_by text,
  check ((used_at is null) = (used_by is null)),
  check (used_at is null or revoked_at is null)
);
comment on table private.invitations is 'Who may sign up while sign-up is closed, on which desk and as what; each is used once. Made by public.invite_user().';
comment on column private.invitations.id is 'Id of the invitation.';
comment on column private.invitations.email is 'Whom it is for: nobody else can use it. Small letters.';
comment on column private.invitations.desk_id is 'The desk that the new user comes to; null: none.';
comment on column private.invitations.desk_role is 'What the new user will be: trader or viewer.';
comment on column private.invitations.token_hash is 'SHA-256 of the token; the token itself is shown once, to whoever invites.';
comment on column private.invitations.invited_by is 'Who invited.';
comment on column private.invitations.invited_at is 'When.';
comment on column private.invitations.expires_at is 'Until when it can be used.';
comment on column private.invitations.used_at is 'When it was used; null: not yet.';
comment on column private.invitations.used_by is 'The user whom it admitted.';
comment on column private.invitations.revoked_at is 'When it was taken back; null: it was not.';
comment on column private.invitations.revoked_by is 'Who took it back.';
create unique index invitations_open on private.invitations (email) where used_at is null and revoked_at is null;
create index invitations_desk on private.invitations (desk_id);
select private.audit_changes('private.invitations', p_omit => '{token_hash}');
select private.protect_from_delete('private.invitations');

create function private.sign_up_refusal(p_email text, p_token text) returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  invitation private.invitations;
begin
  if coalesce(p_token, '') = '' then
    return case when (select value from private.settings where name = 'sign_up') is distinct from 'open' then 'SIGN_UP_CLOSED' end;
  end if;
  select * into invitation from private.invitations
  where token_hash = sha256(convert_to(p_token, 'UTF8')) and email = lower(trim(p_email));
  -- Another person's token and a made-up one look the same from outside.
  return case when invitation.id is null then 'INVITATION_UNKNOWN'
    when invitation.used_at is not null then 'INVITATION_USED'
    when invitation.revoked_at is not null then 'INVITATION_REVOKED'
    when invitation.expires_at <= clock_timestamp() then 'INVITATION_EXPIRED' end;
end $$;
comment on function private.sign_up_refusal(text, text) is 'Why this person may not sign up now, as a code; null: they may.';

create function private.admit_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  token text := new.raw_user_meta_data ->> 'invitation';
  refusal text;
begin
  -- The row lock lets one of those who come with the same token in; the others then see that it is used.
  perform from private.invitations where token_hash = sha256(convert_to(token, 'UTF8')) for update;
  refusal := private.sign_up_refusal(new.email, token);
  if refusal is not null then
    perform private.refuse(403, refusal, 'Sign-up needs an invitation to this very address that is neither used nor expired; ask an administrator for one.');
  end if;
  if token <> '' then
    update private.invitations set used_at = now(), used_by = new.id where token_hash = sha256(convert_to(token, 'UTF8'));
    new.raw_user_meta_data := new.raw_user_meta_data - 'invitation';
  end if;
  return new;
end $$;
comment on function private.admit_user() is 'Lets a new user in, and uses up the invitation in the same transaction.';
create trigger admit_user before insert on auth.users for each row execute function private.admit_user();

create function private.before_user_created(event jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  refusal text := private.sign_up_refusal(event #>> '{user,email}', event #>> '{user,user_metadata,invitation}');
begin
  return case when refusal is null then '{}'::jsonb else jsonb_build_object('error', jsonb_build_object(
    'http_code', 403,
    'message', refusal || ': sign-up needs an invitation to this very address that is neither used nor expired; ask an administrator for one.'))
    end;
end $$;
comment on function private.before_user_created(jsonb) is
  'Auth''s hook: tells a person in words why they cannot sign up. What keeps them out is the trigger on auth.users.';
grant usage on schema private to supabase_auth_admin;
grant execute on function private.before_user_created(jsonb) to supabase_auth_admin;

create function public.invite_user(p_email text, p_desk text default null, p_role text default 'trader', p_days integer default 7)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  -- 244 random bits.
  token text := encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'hex');
  invitation private.invitations;
  broken_constraint text;
  broken_column text;
begin
  perform private.require_administrator();
  if p_days is null or p_days not between 1 and 90 then
    perform private.refuse(422, 'BAD_DAYS', 'An invitation lasts 1 to 90 days.', jsonb_build_object('days', p_days));
  end if;
  if exists (select from auth.users where lower(email) = lower(trim(p_email))) then
    perform private.refuse(409, 'USER_EXISTS', 'This person has signed up already.', jsonb_build_object('email', p_email));
  end if;
  -- A new invitation replaces the open one: one address has one token that works.
  update private.invitations set revoked_at = now(), revoked_by = private.actor()
  where email = lower(trim(p_email)) and used_at is null and revoked_at is null;
  insert into private.invitations (email, desk_id, desk_role, token_hash, invited_by, expires_at)
  values (lower(trim(p_email)), private.desk_named(p_desk), p_role, sha256(convert_to(token, 'UTF8')), private.actor(),
    now() + make_interval(days => p_days))
  returning * into invitation;
  return jsonb_build_object('invitation_id', invitation.id, 'email', invitation.email, 'role', invitation.desk_role,
    'token', token, 'expires_at', invitation.expires_at);
exception
  when unique_violation then
    perform private.refuse(409, 'INVITED_ALREADY', 'Somebody invited this address at the same moment; look at the open invitations.',
      jsonb_build_object('email', p_email));
  when check_violation or not_null_violation then
    get stacked diagnostics broken_constraint = constraint_name, broken_column = column_name;
    perform private.refuse_malformed('BAD_INVITATION', 'Send an email address, and trader or viewer.',
      broken_constraint, broken_column, sqlerrm);
end $$;
comment on function public.invite_user(text, text, text, integer) is
  'Invites an address to sign up, on a desk and as trader or viewer; the answer holds the token, which is shown only now. They send it as user metadata "invitation".';

create function public.revoke_invitation(p_email text) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  revoked integer;
begin
  perform private.require_administrator();
  update private.invitations set revoked_at = now(), revoked_by = private.actor()
  where email = lower(trim(p_email)) and used_at is null and revoked_at is null;
  get diagnostics revoked = row_count;
  return revoked;
end $$;
comment on function public.revoke_invitation(text) is 'Takes an open invitation back; returns how many there were.';

create function public.set_sign_up(p_mode text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  perform private.require_administrator();
  if p_mode is null or p_mode not in ('open', 'closed') then
    perform private.refuse(422, 'BAD_MODE', 'Sign-up is open or closed.', jsonb_build_object('mode', p_mode));
  end if;
  update private.settings set value = p_mode where name = 'sign_up';
end $$;
comment on function public.set_sign_up(text) is 'Opens sign-up to everybody, or closes it to those who were invited.';

grant execute on function public.invite_user(text, text, text, integer), public.revoke_invitation(text),
  public.set_sign_up(text) to authenticated;
