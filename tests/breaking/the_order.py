"""What becomes an order: gates, once only, limits, time, consent, shape, replacing."""

from __future__ import annotations

from tests.breaking.changes import Break, Sql, drop_constraint, drop_trigger, ledger, rewrite
from tests.breaking.locks import NO_COUNTING_LOCK, NO_GATE_LOCK, NO_ORDER_LOCK, NO_QUEUES, NO_TRADE_LOCK

BREAKS: dict[str, Break] = {
    "a closed gate does not hold what is being sent": Break(
        6,
        (rewrite("private.sending_refusal", ("elsif gate is not null and not reducing then", "elsif false then")),),
        (ledger("test_gates", "test_entry_when_gate_closed_then_no_step_passes"),),
    ),
    "orders do not lock the gates": Break(
        6,
        (
            rewrite("private.lock_scopes", *NO_QUEUES, *NO_GATE_LOCK),
            rewrite(
                "private.lock_scopes_of",
                ("for share;", ";"),
                ("perform pg_advisory_xact_lock_shared(private.orders_key(null));", ""),
            ),
        ),
        (
            ledger(
                "test_gate_race",
                "test_entries_when_sixteen_clients_never_stop_then_halts_are_prompt_and_none_is_crossed",
            ),
            ledger("test_gates", "test_close_gate_when_an_order_is_under_way_then_waits_for_it"),
        ),
    ),
    "a closed gate holds exits too": Break(
        6,
        (rewrite("public.approve_trade", ("if not reducing then", "if true then")),),
        (ledger("test_gates", "test_reducing_order_and_cancel_when_gate_closed_then_pass_every_step"),),
    ),
    "a halt is edited away in the Studio": Break(
        6,
        (drop_trigger("trading_gates", "guard"),),
        (
            ledger("test_halts", "test_halt_when_weakened_in_the_studio_then_refused_and_stands"),
            ledger("test_halts", "test_halt_when_lifted_without_a_reason_of_its_own_then_refused_and_stays"),
        ),
    ),
    "a signal is used twice": Break(
        8,
        (drop_constraint("trades", "trades_broker_account_id_signal_key"),),
        (ledger("test_idempotency", "test_names_when_doubled_by_hand_then_refused_by_the_table"),),
    ),
    "a bar is decided on twice": Break(
        8,
        (
            rewrite("public.record_decisions", ("order by strategy_id for update;", "order by strategy_id;")),
            rewrite(
                "private.lock_scopes_of",
                ("for share;", ";"),
                ("perform pg_advisory_xact_lock(private.orders_key(u.user_id))", "perform 1"),
                ("where user_id = any (users) order by user_id for no key update;", "where false;"),
                ("where id = any (accounts) order by id for no key update;", "where false;"),
            ),
            NO_ORDER_LOCK,
        ),
        (
            ledger("test_sixteen_clients", "test_bar_when_decided_on_then_one_decision_and_one_trade"),
            ledger("test_idempotency", "test_decisions_when_recorded_by_eight_at_once_then_stored_and_placed_once"),
        ),
    ),
    "a trade is claimed by many": Break(
        8,
        (NO_ORDER_LOCK, NO_TRADE_LOCK),
        (ledger("test_sixteen_clients", "test_trade_when_claimed_then_one_has_it_and_one_attempt_is_on_record"),),
    ),
    "two relays claim at once": Break(
        8,
        (
            rewrite(
                "public.claim_outbox",
                ("perform pg_advisory_xact_lock(hashtextextended('private.outbox claim', 0));", ""),
                ("for update\n", "for update skip locked\n"),
            ),
        ),
        (ledger("test_outbox", "test_claim_when_another_relay_has_not_committed_its_claim_then_key_is_not_overtaken"),),
    ),
    "an event is handled by many": Break(
        8,
        (drop_constraint("private.inbox", "inbox_pkey"),),
        (ledger("test_idempotency", "test_event_when_handled_by_eight_at_once_then_first_for_one"),),
    ),
    "a report is written twice": Break(
        8,
        (
            rewrite(
                "public.write_daily_report",
                ("where id = p_account_id for no key update;", "where id = p_account_id;"),
            ),
        ),
        (
            ledger(
                "test_sixteen_clients",
                "test_report_when_written_among_fills_then_each_state_of_the_book_is_one_version",
            ),
            ledger("test_reports", "test_report_when_written_by_eight_at_once_then_one_version"),
        ),
    ),
    "exposure is counted by many at once": Break(
        9,
        (rewrite("private.lock_scopes", *NO_QUEUES, *NO_COUNTING_LOCK),),
        (
            ledger("test_limits", "test_limit_when_eight_are_approved_at_once_then_never_exceeded"),
            ledger(
                "test_limit_rows",
                "test_limit_when_sixteen_clients_approve_hundreds_then_not_exceeded_by_a_share_or_a_dollar",
            ),
        ),
    ),
    "the global limit is not locked": Break(
        9,
        (rewrite("private.lock_scopes", ("order by id for no key update;", "order by id;")),),
        (ledger("test_limits", "test_global_limit_when_eight_users_are_approved_at_once_then_never_exceeded"),),
    ),
    "options are no capital": Break(
        9,
        (
            rewrite(
                "private.exposure_refusal",
                ("+ private.options_capital(l.scope, p_trade, p_quantity, p_marks, l.symbol)", ""),
            ),
        ),
        (
            ledger(
                "test_judging_options",
                "test_capital_when_working_or_filled_then_the_same_and_the_next_is_held_to_the_dollar",
            ),
        ),
    ),
    "a share covers two calls": Break(
        9,
        (rewrite("private.options_capital", ("max(coalesce(n.units, 0)", "max(0 * coalesce(n.units, 0)")),),
        (ledger("test_judging_options", "test_call_when_shares_cover_it_then_it_passes_and_no_share_covers_two"),),
    ),
    "what a spread sold takes the shares of a covered call": Break(
        9,
        (rewrite("private.loss_at_expiry", ("greatest(max(b.lacking), 0)", "sum(greatest(b.lacking, 0)) + 100")),),
        (
            ledger(
                "test_judging_options",
                "test_call_when_a_spread_is_open_beside_it_then_the_shares_cover_it_all_the_same",
            ),
        ),
    ),
    "a call that nothing covers has a bound": Break(
        9,
        (rewrite("private.loss_at_expiry", ("bool_or(w.sold_calls > 0) is not true", "true")),),
        (
            ledger(
                "test_judging_options",
                "test_max_loss_when_options_then_held_to_the_dollar_and_without_a_bound_denied",
            ),
        ),
    ),
    "an order of several legs only reduces by its first": Break(
        6,
        (
            rewrite(
                "private.reduces",
                ("where t.trade_id = p_trade.id and p_legs", "where t.trade_id = p_trade.id and t.leg = 0 and p_legs"),
            ),
        ),
        (
            ledger(
                "test_order_shape",
                "test_exit_of_legs_when_it_closes_then_it_is_not_taken_for_an_order_that_only_reduces",
            ),
        ),
    ),
    "limits are not looked at": Break(
        9,
        (
            rewrite(
                "public.approve_trade",
                ("private.exposure_refusal(trade, private.worse_quantity(trade), marks)) end;", "null) end;"),
            ),
        ),
        (ledger("test_limits", "test_limits_when_several_apply_then_the_tightest_wins"),),
    ),
    "a stale order is sent": Break(
        10,
        (rewrite("public.claim_trade", ("if p_now > trade.good_until then", "if false then")),),
        (ledger("test_idempotency", "test_claim_when_past_good_until_then_expired"),),
    ),
    "live needs no consent": Break(
        11,
        (rewrite("private.live_refusal", ("if account.is_paper then", "if true then")),),
        (ledger("test_live_consent", "test_entry_when_live_is_not_confirmed_then_refused_by_hand_and_by_strategy"),),
    ),
    "a blocked account opens": Break(
        11,
        (
            rewrite(
                "private.restriction_refusal",
                ("rules.blocked is not null", "false"),
                ("rules.closing_only then", "false then"),
            ),
        ),
        (
            ledger(
                "test_account_rules",
                "test_approval_when_the_broker_restricts_the_account_then_entries_are_refused_and_exits_pass",
            ),
        ),
    ),
    "an account needs no verification": Break(
        11,
        (rewrite("private.link_refusal", ("link_state <> 'verified'", "false")),),
        (
            ledger(
                "test_account_links",
                "test_entry_when_the_credential_is_not_verified_then_it_is_refused_placed_approved_and_claimed",
            ),
        ),
    ),
    "a verdict on old keys counts for new ones": Break(
        11,
        (
            drop_trigger("broker_accounts", "z_forget_verification"),
            rewrite("public.record_account_verification", ("account.trading_entered_at = p_entered_at and ", "")),
        ),
        (
            ledger(
                "test_account_links",
                "test_verdict_when_it_is_of_an_older_credential_then_it_changes_nothing",
            ),
        ),
    ),
    "a paper account becomes a live one": Break(
        11,
        (drop_trigger("broker_accounts", "keep_account"),),
        (
            ledger(
                "test_live_consent", "test_account_when_its_environment_is_changed_by_the_databases_owner_then_refused"
            ),
        ),
    ),
    "prices lie off the tick": Break(
        12,
        (rewrite("private.check_shape", ("begin\n", "begin\n  return new;\n")),),
        (
            ledger("test_order_shape", "test_order_when_off_the_tick_or_the_lot_then_refused"),
            ledger("test_order_shape", "test_order_when_written_by_hand_off_the_tick_then_refused"),
        ),
    ),
    "an order has quantity and notional": Break(
        12,
        (drop_constraint("trades", "quantity_xor_notional"),),
        (ledger("test_bad_input", "test_order_when_malformed_then_refused_and_nothing_written"),),
    ),
    "an order is replaced by two": Break(
        13,
        (Sql("drop index trades_one_live_replacement"), drop_trigger("trades", "b_guard")),
        (ledger("test_replacing", "test_replace_when_asked_by_eight_with_keys_of_their_own_then_one_is_live"),),
    ),
    "a failed replacement leaves its order hanging": Break(
        13,
        (rewrite("private.follow_trade", ("and status = 'replace_pending'", "and false")),),
        (ledger("test_replacing", "test_replace_when_it_fails_then_the_old_one_works_on"),),
    ),
    "a replacement counts only itself": Break(
        13,
        (rewrite("private.worse_quantity", ("private.replaced_open(p_trade.replaces_trade_id, l.leg)", "0")),),
        (
            ledger(
                "test_replacing",
                "test_replace_when_asked_then_a_pending_trade_of_the_same_order_through_the_same_risk",
            ),
        ),
    ),
}
