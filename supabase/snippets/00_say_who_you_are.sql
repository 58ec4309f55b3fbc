-- Before you edit: for an hour the audit trail shows your name beside the database role. Without it the edit is done,
-- recorded as undeclared, and the administrators are alerted.
select admin.i_am('alice@desk', 60);
-- When you are done: select admin.i_leave('alice@desk');
