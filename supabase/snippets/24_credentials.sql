-- Which accounts have which broker credential, and since when. The credential itself is sealed; nobody sees it here.
select email, account, broker, is_paper, purpose, key_id, entered_at from admin.credentials order by email, account;
