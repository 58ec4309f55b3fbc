-- Events that wait for the relay, the oldest first; normally none.
select topic, type, attempts, waiting_for, claimed_by from admin.unpublished_events order by waiting_for desc;
