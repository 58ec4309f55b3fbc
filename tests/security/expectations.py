"""Who may do what, written down once more, away from the migrations: what is not here is a failure.

A new table, view or function makes tests fail until somebody has decided here who reads, writes or calls it.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["own", "own alone", "own and global", "own or administered", "administered", "shared"]

RELATIONS: dict[str, Kind] = {
    "account_snapshots": "own",
    "alerts": "own or administered",
    "api_keys": "own",
    "audit_log": "own or administered",
    "automation_sources": "own",
    "backtest_trials": "own",
    "backtests": "own",
    "bars": "shared",
    "broker_account_rules": "own",
    "broker_accounts": "own",
    "broker_activities": "own",
    "broker_positions": "own",
    "cash_movements": "own",
    "daily_pnl_report_details": "own",
    "daily_pnl_report_versions": "own",
    "daily_pnl_reports": "own",
    "data_findings": "shared",
    "dead_letters": "administered",
    "deliveries": "own",
    "fill_aliases": "own",
    "fills": "own",
    "halt_progress": "own and global",
    "heartbeats": "shared",
    "idempotency_keys": "own alone",
    "instruments": "shared",
    "live_confirmations": "own",
    "lot_closings": "own",
    "market_calendar": "shared",
    "option_chain_snapshots": "shared",
    "option_contracts": "shared",
    "option_quotes_latest": "shared",
    "order_attempts": "own",
    "position_adjustment_shares": "own",
    "position_adjustments": "own",
    "position_books": "own",
    "position_exits": "own",
    "position_lots": "own",
    "position_marks": "shared",
    "positions": "own",
    "profiles": "own",
    "quotes_latest": "shared",
    "realised_pnl": "own",
    "reconciliation_breaks": "own",
    "reconciliation_runs": "own",
    "risk_decisions": "own",
    "risk_limit_versions": "own",
    "risk_limits": "own and global",
    "sealing_keys": "shared",
    "strategies": "own",
    "strategy_cursors": "own",
    "strategy_decisions": "own",
    "strategy_kinds": "shared",
    "strategy_positions": "own",
    "strategy_validations": "own",
    "strategy_versions": "own",
    "trade_legs": "own",
    "trade_transitions": "own",
    "trades": "own",
    "trading_gates": "own and global",
    "trading_halts": "own and global",
}
"""Whose rows a signed-in person reads: READS says it for each kind."""

READS: dict[Kind, dict[str, set[str]]] = {
    "own": {"owner": {"owner"}, "stranger": {"stranger"}, "viewer": {"owner"}, "administrator": set()},
    "own alone": {"owner": {"owner"}, "stranger": {"stranger"}, "viewer": set(), "administrator": set()},
    "own and global": {
        "owner": {"owner", "nobody"},
        "stranger": {"stranger", "nobody"},
        "viewer": {"owner", "nobody"},
        "administrator": {"nobody"},
    },
    "own or administered": {
        "owner": {"owner"},
        "stranger": {"stranger"},
        "viewer": {"owner"},
        "administrator": {"nobody"},
    },
    "administered": {
        "owner": {"owner"},
        "stranger": {"stranger"},
        "viewer": {"owner"},
        "administrator": {"owner", "stranger", "nobody"},
    },
    "shared": {person: {"nobody"} for person in ("owner", "stranger", "viewer", "administrator")},
}
"""Of the rows of A (owner), of B (stranger) and of nobody, whose each person reads. The viewer is one of A's desk; an
administrator works in schema admin and reads through the API only what is there to be administered."""

INSERTABLE: dict[str, set[str]] = {
    "broker_accounts": {"user_id", "broker", "account_id", "label", "is_paper"},
    "strategies": {
        "user_id",
        "broker_account_id",
        "name",
        "description",
        "kind",
        "config",
        "symbols",
        "timeframe",
    },
}
UPDATABLE: dict[str, set[str]] = {
    "broker_accounts": {"label"},
    "profiles": {"display_name", "time_zone"},
    "strategies": {"name", "description", "config", "symbols", "timeframe"},
}
"""The columns that a signed-in user writes, in their own rows; every other writing is a function's."""

INSERTED: dict[str, dict[str, str]] = {
    "broker_accounts": {"account_id": "another"},
    "strategies": {"name": "another"},
}
"""What makes a second row of an insertable table another one, beside its id."""

WRITES = {"owner"}
"""Who writes in rows of A, where anybody may at all."""

HEARS: dict[str, set[str]] = {
    "user:{owner}": {"owner", "viewer"},
    "user:{stranger}": {"stranger"},
    "user:": set(),
    "global": set(),
    "realtime:user:{owner}": set(),
}
"""Private topics of realtime, and who joins each; nobody but the ledger speaks on any. `service_role` bypasses
row-level security, as on the platform: it hears and speaks on all, and no function is given its key."""

FUNCTION_ROLES = ("fn_api", "fn_execute", "fn_ingest", "fn_relay", "fn_report", "fn_risk", "fn_strategy")
ROLES = ("anon", "authenticated", "service_role", *FUNCTION_ROLES)

CALLERS: dict[str, set[str]] = {
    "acknowledge_alert": {"authenticated"},
    "activate_strategy": {"authenticated"},
    "active_sealing_keys": {"fn_execute", "fn_ingest"},
    "apply_activity": {"fn_execute"},
    "approve_trade": {"fn_risk"},
    "approved_trades": {"fn_execute"},
    "audit_heads": {"authenticated", "fn_report"},
    "bars_undecided": {"fn_strategy"},
    "bars_until": {"fn_ingest", "fn_strategy"},
    "begin_request": {"authenticated"},
    "broker_credentials": {"fn_execute", "fn_ingest"},
    "cancel_orders_due": {"fn_execute"},
    "cancel_position_exit": {"authenticated", "fn_risk"},
    "chain_at": {"fn_strategy"},
    "chain_taken": {"fn_ingest"},
    "chains_needed": {"fn_ingest"},
    "chains_to_list": {"fn_ingest"},
    "check_positions": {"fn_report"},
    "claim_outbox": {"fn_relay"},
    "claim_resend": {"fn_execute"},
    "claim_trade": {"fn_execute"},
    "claim_unresolved": {"fn_execute"},
    "close_break": {"fn_report"},
    "close_gate": {"authenticated", "fn_execute", "fn_risk"},
    "confirm_live": {"authenticated"},
    "continue_halt": {"fn_risk"},
    "create_api_key": {"authenticated"},
    "credentials_to_reseal": {"fn_execute", "fn_ingest"},
    "data_accounts": {"fn_ingest"},
    "deactivate_strategy": {"authenticated"},
    "delete_strategy": {"authenticated"},
    "dismiss_dead_letter": {"authenticated"},
    "disable_user": {"authenticated"},
    "drop_old_bars": {"fn_ingest"},
    "enable_user": {"authenticated"},
    "expire_trade": {"fn_risk"},
    "finish_reconciliation": {"fn_execute", "fn_report"},
    "export_audit": {"authenticated", "fn_report"},
    "finish_request": {"authenticated"},
    "finish_session_report": {"fn_report"},
    "follow_price": {"fn_risk"},
    "grant_administrator": {"authenticated"},
    "halts_to_continue": {"fn_risk"},
    "invite_user": {"authenticated"},
    "latest_bar_end": {"fn_ingest"},
    "listed_contracts": {"fn_ingest"},
    "live_exits": {"fn_risk"},
    "mark_published": {"fn_relay"},
    "open_break": {"fn_execute", "fn_report"},
    "open_gate": {"authenticated"},
    "pending_trades": {"fn_risk"},
    "place_trade": {"authenticated"},
    "options_needed": {"fn_ingest"},
    "prepare_bar_months": {"fn_ingest"},
    "prune_option_chains": {"fn_ingest"},
    "prune_outbox": {"fn_relay"},
    "raise_alert": {"fn_execute", "fn_ingest", "fn_relay", "fn_report", "fn_risk", "fn_strategy"},
    "record_account_rules": {"fn_execute"},
    "record_account_snapshot": {"fn_execute"},
    "record_account_verification": {"fn_execute"},
    "record_attempt": {"fn_execute"},
    "record_broker_positions": {"fn_execute"},
    "record_broker_update": {"fn_execute"},
    "record_dead_letter": {"fn_relay"},
    "record_chain": {"fn_ingest"},
    "record_chain_list": {"fn_ingest"},
    "record_decisions": {"fn_strategy"},
    "record_fill": {"fn_execute"},
    "record_findings": {"fn_ingest"},
    "record_handled": {"fn_execute", "fn_relay", "fn_report", "fn_risk", "fn_strategy"},
    "record_heartbeat": {"fn_execute", "fn_ingest"},
    "record_market_data": {"fn_ingest"},
    "record_option_data": {"fn_ingest"},
    "record_publish_failure": {"fn_relay"},
    "record_stream_position": {"fn_execute", "fn_ingest"},
    "record_submission": {"fn_execute"},
    "record_validation": {"fn_strategy"},
    "register_sealing_key": {"fn_execute", "fn_ingest"},
    "redrive_dead_letter": {"authenticated"},
    "reject_trade": {"fn_risk"},
    "relink_account": {"authenticated"},
    "remove_limit": {"authenticated"},
    "request_cancel": {"authenticated", "fn_risk"},
    "request_replace": {"authenticated", "fn_risk"},
    "reseal_credentials": {"fn_execute", "fn_ingest"},
    "retire_sealing_key": {"fn_execute", "fn_ingest"},
    "revoke_administrator": {"authenticated"},
    "revoke_api_key": {"authenticated"},
    "revoke_invitation": {"authenticated"},
    "risk_book": {"fn_risk"},
    "roll_up_bars": {"fn_ingest"},
    "roll_up_missed": {"fn_ingest"},
    "sessions_to_report": {"fn_report"},
    "set_desk": {"authenticated"},
    "set_limit": {"authenticated"},
    "set_position_exit": {"authenticated", "fn_risk"},
    "set_sign_up": {"authenticated"},
    "settle_exits": {"fn_risk"},
    "start_reconciliation": {"fn_execute", "fn_report"},
    "store_credentials": {"authenticated"},
    "strategies_due": {"fn_strategy"},
    "stream_position": {"fn_execute", "fn_ingest"},
    "sync_strategy_kinds": {"fn_strategy"},
    "take_rate": {"fn_api"},
    "trading_accounts": {"fn_execute", "fn_report"},
    "trigger_exit": {"fn_risk"},
    "unlink_account": {"authenticated"},
    "unrecorded_fills": {"fn_execute"},
    "untradable_symbols": {"fn_strategy"},
    "upsert_calendar": {"fn_ingest"},
    "upsert_instruments": {"fn_ingest"},
    "upsert_marks": {"fn_ingest", "fn_risk"},
    "use_api_key": {"fn_api"},
    "verify_audit_chain": {"authenticated", "fn_report"},
    "versions_to_validate": {"fn_strategy"},
    "watch_symbols": {"authenticated"},
    "watched_symbols": {"fn_ingest"},
    "withdraw_live": {"authenticated"},
    "working_orders": {"fn_execute"},
    "write_daily_report": {"fn_report"},
}
"""The roles that may EXECUTE each function of schema public; nobody else may."""

ADMINISTRATORS_ONLY: dict[str, dict[str, object]] = {
    "audit_heads": {},
    "dismiss_dead_letter": {"p_id": "11111111-1111-4111-8111-111111111111", "p_reason": "spite"},
    "disable_user": {"p_user": "owner@example.com", "p_reason": "spite"},
    "enable_user": {"p_user": "owner@example.com"},
    "export_audit": {},
    "grant_administrator": {"p_user": "thief@example.com", "p_reason": "ambition"},
    "invite_user": {"p_email": "accomplice@example.com"},
    "redrive_dead_letter": {"p_id": "11111111-1111-4111-8111-111111111111"},
    "revoke_administrator": {"p_user": "owner@example.com", "p_reason": "spite"},
    "revoke_invitation": {"p_email": "accomplice@example.com"},
    "set_desk": {"p_user": "thief@example.com", "p_desk": "owners", "p_role": "viewer"},
    "set_sign_up": {"p_mode": "open"},
    "verify_audit_chain": {},
}
"""Functions that a signed-in person may call and only an administrator is heard by, with what a trader would try."""

CLOSED_SCHEMAS = ("private", "admin", "vault", "net", "cron", "bus", "pgmq", "supabase_migrations")
"""Schemas in which no role of the API can name anything; `service_role` may wake `net`, as on the platform."""
UNEXPOSED_SCHEMAS = (*CLOSED_SCHEMAS, "auth", "storage", "realtime", "extensions", "information_schema", "pg_catalog")
"""Schemas that the REST API does not serve, whoever asks."""
