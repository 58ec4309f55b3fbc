-- closed: only the invited sign up. open: everybody.
select admin.i_am('alice@desk');
select public.set_sign_up('closed');
