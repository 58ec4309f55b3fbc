-- What there is to look at now; each line has a view of its own in the schema admin.
select what, how_many from admin.overview order by id;
