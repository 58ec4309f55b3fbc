-- Which accounts have which broker credential, since when, and whether the broker says that it is theirs. The credential itself is
-- sealed; nobody sees it here.
select email, account, broker, is_paper, purpose, key_id, entered_at, link_state, link_reason from admin.credentials
order by email, account;
