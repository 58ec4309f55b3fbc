-- Who changed what of a user's rows, the newest first.
select l.at, l.actor, l.action, l.table_name, l.row_id, l.before, l.after
from public.audit_log as l join admin.users as u on u.id = l.user_id
where u.email = 'trader@example.com' order by l.at desc limit 200;
