-- Every position summed again from its fills; an empty answer is a good one.
select public.check_positions();
