-- Takes an open invitation back.
select admin.i_am('alice@desk');
select public.revoke_invitation('new.colleague@example.com');
select * from admin.invitations where email = 'new.colleague@example.com';
