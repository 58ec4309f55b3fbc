-- Sets a limit of a user's accounts; the tightest of all scopes wins. Names and units: docs/risk.md.
select admin.i_am('alice@desk');
select public.set_limit('account', a.id, 'capital_limit', '100000', 'dollars')
from public.broker_accounts as a join admin.users as u on u.id = a.user_id where u.email = 'trader@example.com';
select * from admin.limits where email = 'trader@example.com' order by scope, name;
