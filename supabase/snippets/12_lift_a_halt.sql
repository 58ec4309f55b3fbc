-- Opens a gate again; the reason is kept.
select admin.i_am('alice@desk');
select public.open_gate('global', 'why trading goes on');
select * from admin.open_halts;
