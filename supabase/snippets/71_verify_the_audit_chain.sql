-- {"ok": true} or the first broken link: a row that was changed, taken out or added behind the trail's back.
select public.verify_audit_chain();
