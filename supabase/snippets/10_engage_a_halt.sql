-- The kill switch. Scope: global, user:<id>, account:<id> or strategy:<id> (ids: admin.gates).
-- Mode: no_new_entries | cancel_working (entries that work are cancelled too) | flatten. Exits and cancels always pass.
select admin.i_am('alice@desk');
select public.close_gate('global', 'why trading stops', 'no_new_entries');
select * from admin.open_halts;
