-- From their next sign-in on. The first one is made here, by whoever owns the project.
select admin.i_am('alice@desk');
select public.grant_administrator('trader@example.com', 'why');
select * from admin.administrators where revoked_at is null;
