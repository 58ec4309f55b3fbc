"""The numbered invariants of the ledger, each with the tests that show it and the tests that attack it.

A test that is named here and is not there fails `test_invariants.py`. `tests/breaking` breaks what keeps each invariant
and sees that its tests notice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """`shown` and `attacked` name tests as `file::test`, in tests/integration/ledger unless a folder is said."""

    title: str
    shown: tuple[str, ...]
    attacked: tuple[str, ...]


INVARIANTS: dict[int, Invariant] = {
    1: Invariant(
        "State machine: a terminal status is frozen, quantities are not",
        (
            "test_state_machine::test_trade_when_it_walks_its_life_then_every_step_is_on_record",
            "test_state_machine::test_arrows_when_read_then_they_are_the_design",
            "test_state_machine::test_fill_when_the_trade_is_over_then_counted_and_the_status_stays",
        ),
        (
            "test_state_machine::test_trade_when_moved_then_only_arrows_are_taken",
            "test_state_machine::test_trade_when_any_ordered_column_is_changed_then_refused",
            "test_state_machine::test_trade_when_final_then_no_call_moves_it",
            "test_sixteen_clients::test_trade_when_judged_then_approved_once_and_its_verdicts_are_one_judges",
        ),
    ),
    2: Invariant(
        "The broker is the witness: no fill is refused, each is counted once",
        (
            "test_fills::test_fill_when_seen_on_stream_and_in_activities_then_one_fill_with_two_names",
            "test_fills::test_fill_when_late_after_cancel_then_recorded_and_status_stays",
            "test_fills::test_fill_when_more_than_ordered_then_recorded_gate_closed_and_alert",
            "test_fills::test_fill_when_order_is_unknown_then_adopted_as_external",
        ),
        (
            "test_sixteen_clients::test_fill_when_it_comes_by_two_paths_under_two_names_then_counted_once",
            "test_sixteen_clients::test_fills_when_all_of_an_order_come_in_any_order_then_each_is_counted_once",
            "test_fills::test_fill_when_unknown_order_comes_at_once_by_two_paths_then_one_trade",
            "test_fills::test_fill_when_unknown_order_is_of_any_kind_then_never_refused",
        ),
    ),
    3: Invariant(
        "Append-only: fills, transitions, attempts, decisions, adjustments, audit",
        ("test_append_only::test_guards_when_listed_then_these_tables_have_them_and_a_new_one_is_named_here",),
        (
            "test_append_only::test_table_when_the_owner_of_the_database_attacks_it_then_refused",
            "test_append_only::test_row_when_a_role_changes_or_deletes_it_then_not_allowed",
            "test_append_only::test_rights_when_listed_then_no_role_at_all_may_change_or_delete",
            "test_append_only::test_attempt_when_completed_then_once_only",
            "tests/security/test_matrix::test_rows_when_deleted_or_truncated_then_refused",
        ),
    ),
    4: Invariant(
        "Audit: hash-chained, the first broken link is found, a Studio edit names its actor",
        (
            "test_audit_chain::test_chain_when_untouched_then_ok",
            "test_audit_trail::test_row_when_inserted_changed_and_deleted_then_three_links_with_before_and_after",
            "test_audit_trail::test_actor_when_somebody_edits_in_the_studio_then_the_role_and_the_declared_name",
        ),
        (
            "test_audit_chain::test_chain_when_any_column_of_a_link_is_tampered_then_that_link_is_found",
            "test_audit_chain::test_chain_when_its_tail_is_cut_then_the_missing_end_is_found",
            "test_audit_chain::test_chain_when_rewritten_as_a_whole_then_only_the_exported_anchor_finds_it",
            "test_sixteen_clients::test_audit_when_sixteen_write_of_every_kind_then_each_change_is_one_link_of_one_chain",
        ),
    ),
    5: Invariant(
        "Position = adjustments + fills, by account and by strategy; check_positions() recomputes",
        ("test_books::test_books_when_any_history_is_told_in_any_order_then_equal_to_the_hand_kept_ones",),
        (
            "test_positions::test_check_positions_when_books_or_fills_are_tampered_then_found",
            "test_sixteen_clients::test_ledger_when_sixteen_do_everything_at_once_then_nobody_waits_in_a_ring",
        ),
    ),
    6: Invariant(
        "Gates close the race; never a cancel or a reducing order",
        (
            "test_gates::test_entry_when_gate_closed_then_no_step_passes",
            "test_gates::test_reducing_order_and_cancel_when_gate_closed_then_pass_every_step",
            "test_halts::test_cancel_working_when_engaged_then_every_entry_in_scope_goes_and_exits_stay",
        ),
        (
            "test_gate_race::test_entries_when_sixteen_clients_never_stop_then_halts_are_prompt_and_none_is_crossed",
            "test_gates::test_exits_when_eight_are_approved_at_once_behind_a_closed_gate_then_never_more_than_is_held",
            "test_halts::test_halt_when_weakened_in_the_studio_then_refused_and_stands",
            "test_flattening::test_rounds_when_orders_are_judged_sent_filled_and_halts_moved_then_no_deadlock_and_never_short",
        ),
    ),
    7: Invariant(
        "Ownership: a row belongs to one user, and so does everything it names",
        (
            "test_ownership::test_foreign_keys_when_to_a_users_row_then_they_carry_the_user",
            "tests/security/test_matrix::test_rows_when_read_then_those_that_were_decided",
        ),
        (
            "test_ownership::test_rows_when_any_is_given_to_a_stranger_past_every_trigger_then_the_foreign_key_refuses",
            "test_ownership::test_row_when_given_to_another_user_then_refused",
            "tests/security/test_matrix::test_rows_when_changed_then_only_the_decided_columns_of_own_rows",
            "tests/security/test_tenant_isolation::test_functions_when_called_with_another_users_ids_then_not_found",
        ),
    ),
    8: Invariant(
        "Idempotency: client order ids, signals, events and idempotency keys are used once",
        (
            "test_idempotency::test_decisions_when_recorded_twice_then_stored_and_placed_once",
            "test_requests::test_request_when_sent_by_sixteen_clients_at_once_then_one_runs",
        ),
        (
            "test_sixteen_clients::test_order_when_its_key_is_used_again_then_one_trade_and_another_order_is_refused",
            "test_sixteen_clients::test_bar_when_decided_on_then_one_decision_and_one_trade",
            "test_sixteen_clients::test_trade_when_claimed_then_one_has_it_and_one_attempt_is_on_record",
            "test_sixteen_clients::test_report_when_written_among_fills_then_each_state_of_the_book_is_one_version",
            "test_sixteen_clients::test_events_when_sixteen_relays_claim_then_each_has_its_own_in_the_order_of_its_key",
            "test_idempotency::test_names_when_doubled_by_hand_then_refused_by_the_table",
            "test_idempotency::test_event_when_handled_by_eight_at_once_then_first_for_one",
        ),
    ),
    9: Invariant(
        "Limits under concurrency: every scope's own exposure, the tightest wins",
        (
            "test_limits::test_limits_when_several_apply_then_the_tightest_wins",
            "test_limits::test_position_limit_when_something_is_held_and_working_then_worse_side_counts",
        ),
        (
            "test_limit_rows::test_limit_when_sixteen_clients_approve_hundreds_then_not_exceeded_by_a_share_or_a_dollar",
            "test_limit_rows::test_global_limit_when_it_is_set_among_approvals_then_what_comes_after_it_is_counted_by_it",
            "test_limits::test_exposure_when_a_fill_comes_while_judging_then_room_is_never_counted_twice",
        ),
    ),
    10: Invariant(
        "Nothing stale is sent; an exit is priced anew instead",
        (
            "test_good_until::test_exit_when_it_expires_on_any_road_then_placed_anew_once",
            "test_idempotency::test_market_order_when_its_session_ends_first_then_good_until_the_close",
        ),
        (
            "test_idempotency::test_claim_when_past_good_until_then_expired",
            "test_idempotency::test_resend_when_something_changed_meanwhile_then_refused",
        ),
    ),
    11: Invariant(
        "Live needs consent, which never blocks an exit",
        (
            "test_live_consent::test_entry_when_live_is_confirmed_then_it_goes_the_whole_way",
            "test_live_consent::test_exit_when_consent_has_ended_then_it_passes_all_the_way",
            "test_account_links::test_entry_when_live_is_verified_and_not_confirmed_then_refused",
            "test_account_links::test_exit_when_the_credential_is_not_verified_then_it_goes_the_whole_way",
        ),
        (
            "test_account_links::test_verdict_when_it_races_with_entering_again_then_it_never_counts_for_the_newer",
            "test_account_links::test_verdict_when_another_than_execute_gives_it_then_nothing_happens",
            "test_live_consent::test_withdrawal_when_it_races_entries_then_none_is_sent_after_it",
            "test_live_consent::test_account_when_its_environment_is_changed_by_the_databases_owner_then_refused",
            "test_live_consent::test_confirmation_when_without_a_second_factor_then_refused",
        ),
    ),
    12: Invariant(
        "Shape: quantity xor notional, ticks and lots, signed net prices, parents and groups",
        (
            "test_order_shape::test_order_when_on_the_tick_then_placed",
            "test_order_shape::test_legs_when_well_formed_then_one_trade_with_a_signed_net_price",
        ),
        (
            "test_order_shape::test_order_when_written_by_hand_off_the_tick_then_refused",
            "test_order_shape::test_legs_when_written_by_hand_against_the_shape_then_nothing_is_committed",
            "test_order_shape::test_group_when_of_two_accounts_then_refused_also_by_hand",
            "test_bad_input::test_order_when_malformed_then_refused_and_nothing_written",
        ),
    ),
    13: Invariant(
        "A replacement is a new trade; the old one ends when the broker says so",
        (
            "test_replacing::test_replace_when_asked_then_a_pending_trade_of_the_same_order_through_the_same_risk",
            "test_replacing::test_replace_when_the_broker_accepts_then_the_old_one_ends_by_its_word_alone",
        ),
        (
            "test_replacing::test_replace_when_asked_by_eight_with_keys_of_their_own_then_one_is_live",
            "test_replacing::test_replacements_when_claimed_filled_cancelled_and_answered_at_once_then_no_deadlock_and_nothing_doubled",
            "test_replacing::test_limit_when_a_replacement_is_on_its_way_then_no_order_fits_into_its_room",
        ),
    ),
    14: Invariant(
        "Nothing is deleted; what has open exposure is neither unlinked nor deleted",
        (
            "test_strategies::test_strategy_when_flat_and_deleted_then_it_stays_in_the_books_and_its_name_is_free",
            "test_unlinking::test_account_when_nothing_is_open_then_unlinked_and_its_credentials_and_consent_are_gone",
        ),
        (
            "test_append_only::test_user_when_they_have_rows_then_cannot_be_deleted",
            "test_ownership::test_foreign_keys_when_read_then_none_deletes_or_nulls_what_points_at_it",
            "test_strategies::test_strategy_when_it_holds_a_position_then_not_deleted_and_the_refusal_says_what",
            "test_strategies::test_strategy_when_deleted_while_it_decides_then_no_order_is_left_of_a_deleted_one",
            "test_unlinking::test_unlinking_when_it_races_orders_and_activation_then_nothing_begins_on_an_unlinked_account",
        ),
    ),
    15: Invariant(
        "Breakers and exits are rows: losing the hot store opens no gate and forgets no stop",
        (
            "test_position_exits::test_exit_when_the_stop_is_reached_then_one_reduce_only_order_for_what_is_held",
            "test_exit_plans::test_plan_when_its_entry_is_first_filled_then_the_same_transaction_has_armed_it",
            "test_halts::test_halt_when_engaged_and_lifted_then_history_events_and_audit_tell_it",
        ),
        (
            "test_hot_store_lost::test_halt_and_limit_when_the_hot_store_is_wiped_then_they_hold_and_flattening_goes_on",
            "test_position_exits::test_exit_when_fired_by_sixteen_at_once_then_there_is_one_order",
            "test_position_exits::test_exit_when_set_by_sixteen_at_once_then_there_is_one",
            "test_resting_exits::test_step_when_sixteen_take_it_at_once_then_there_is_one_order",
            "test_resting_exits_in_any_order::test_resting_stop_when_anything_happens_in_any_order_then_never_more_is_closed_than_is_held_and_it_ends_flat",
        ),
    ),
}
