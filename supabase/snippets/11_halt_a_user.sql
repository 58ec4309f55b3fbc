-- Stops one user's new entries and cancels those that work, by email.
select admin.i_am('alice@desk');
select public.close_gate('user:' || id, 'why this user stops', 'cancel_working') from admin.users where email = 'trader@example.com';
