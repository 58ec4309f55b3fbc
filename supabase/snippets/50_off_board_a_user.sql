-- Shuts a user out at once: no sign-in, no reading, no entries, strategies stopped, working entries cancelled. Exits go on,
-- and only broker credentials are deleted: those of accounts on which nothing is open. The answer says what it stopped and
-- which accounts keep their credentials; what is still held is the second table. Run it again once that is closed.
select admin.i_am('alice@desk');
select public.disable_user('trader@example.com', 'why the user is shut out');
select p.broker_account_id, p.symbol, p.quantity
from public.positions as p join admin.users as u on u.id = p.user_id where u.email = 'trader@example.com' and p.quantity <> 0;
