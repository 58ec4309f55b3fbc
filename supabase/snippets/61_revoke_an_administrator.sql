-- At once, although their token lives on. The last one cannot be revoked.
select admin.i_am('alice@desk');
select public.revoke_administrator('colleague@example.com', 'why');
select * from admin.administrators order by granted_at;
