"""The locks of an order, a trade and an account, taken away."""

from __future__ import annotations

from tests.breaking.changes import rewrite

NO_QUEUES = (
    ("perform pg_advisory_xact_lock(private.orders_key(p_user_id));", ""),
    ("perform pg_advisory_xact_lock_shared(private.orders_key(null));", ""),
)
NO_GATE_LOCK = (("where gate_key = gate for share;", "where gate_key = gate;"),)
NO_COUNTING_LOCK = (
    ("perform from public.profiles where user_id = p_user_id for no key update;", ""),
    ("perform from public.broker_accounts where id = p_account_id for no key update;", ""),
)
NO_ORDER_LOCK = rewrite("private.lock_scopes", *NO_QUEUES, *NO_GATE_LOCK, *NO_COUNTING_LOCK)
NO_TRADE_LOCK = rewrite("private.lock_trade", ("for update;", ";"))
NO_ACCOUNT_LOCK = rewrite(
    "public.record_fill",
    ("where gate_key = 'account:' || p_account_id for update;", "where false;"),
    ("where id = p_account_id for no key update;", "where id = p_account_id;"),
)
