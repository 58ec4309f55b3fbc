-- Where the ledger and the broker disagree. Only evidence closes a break; closing never lifts a halt.
select kind, text, email, account, halts, created_at from admin.breaks order by created_at;
