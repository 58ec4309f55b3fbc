-- A trader writes their own rows; a viewer reads those of the desk's traders and writes nothing.
select admin.i_am('alice@desk');
select public.set_desk('colleague@example.com', 'options', 'viewer');
