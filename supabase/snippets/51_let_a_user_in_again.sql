-- Undoes it. Their strategies stay stopped until they start them.
select admin.i_am('alice@desk');
select public.enable_user('trader@example.com');
