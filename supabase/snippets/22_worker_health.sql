-- When each worker was last well, the longest silent first.
select id, state, silent_for, detail from admin.function_health order by silent_for desc;
