-- Invites an address: desk (made where it is new), trader or viewer, days. The token in the answer is shown only now.
select admin.i_am('alice@desk');
select public.invite_user('new.colleague@example.com', 'options', 'trader', 7);
