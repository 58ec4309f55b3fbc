"""What is on record: states, fills, what is append-only, the audit trail, positions."""

# ruff: noqa: E501 - the names of tests are as long as they are

from __future__ import annotations

from tests.breaking.changes import MATRIX, Break, Sql, drop_trigger, ledger, rewrite
from tests.breaking.locks import NO_ACCOUNT_LOCK, NO_TRADE_LOCK

HASH_OF_NOTHING = Sql("""
do $$
declare
  arguments text;
begin
  select pg_get_function_arguments(oid) into arguments from pg_proc where proname = 'audit_content';
  execute format('create or replace function private.audit_content(%s) returns text language sql as %L', arguments, 'select ''''');
end $$""")
GUARDS = ledger("test_append_only", "test_guards_when_listed_then_these_tables_have_them_and_a_new_one_is_named_here")

BREAKS: dict[str, Break] = {
    "trades move along any arrow": Break(
        1,
        (drop_trigger("trades", "b_guard"),),
        (ledger("test_state_machine", "test_trade_when_moved_then_only_arrows_are_taken"),),
    ),
    "a filled trade may be submitted again": Break(
        1,
        (Sql("insert into private.trade_arrows select 'filled', 'submitting', 'broken'"),),
        (ledger("test_state_machine", "test_arrows_when_read_then_they_are_the_design"),),
    ),
    "a late fill wakes a final trade": Break(
        1,
        (
            rewrite("private.count_trade", ("when private.is_final(status) then status", "")),
            Sql("insert into private.trade_arrows select 'canceled', 'filled', 'broken'"),
        ),
        (ledger("test_state_machine", "test_fill_when_the_trade_is_over_then_counted_and_the_status_stays"),),
    ),
    "one execution is two rows": Break(
        2,
        (
            Sql("drop index fills_execution"),
            Sql("alter table fill_aliases drop constraint fill_aliases_pkey cascade"),
            rewrite("public.record_fill", ("and cumulative_quantity = cumulative and kind = 'fill'", "and false")),
            rewrite("public.record_fill", ("trim_scale(cumulative)::text)", "gen_random_uuid()::text)")),
        ),
        (ledger("test_sixteen_clients", "test_fill_when_it_comes_by_two_paths_under_two_names_then_counted_once"),),
    ),
    "reports of an account are not put in one order": Break(
        2,
        (NO_ACCOUNT_LOCK,),
        (ledger("test_fills", "test_fill_when_unknown_order_comes_at_once_by_two_paths_then_one_trade"),),
    ),
    "fills of an order are not put in one order": Break(
        2,
        (NO_ACCOUNT_LOCK, NO_TRADE_LOCK),
        (
            ledger("test_fills", "test_fill_when_recorded_by_eight_at_once_then_counted_once"),
            ledger("test_sixteen_clients", "test_fill_when_it_comes_by_two_paths_under_two_names_then_counted_once"),
        ),
    ),
    "a fill of an unknown order is refused": Break(
        2,
        (
            rewrite(
                "public.record_fill",
                (
                    "trade := private.adopt_external(account, p_fill);",
                    "perform private.refuse(404, 'NO_SUCH_ORDER', 'Broken.', '{}');",
                ),
            ),
        ),
        (ledger("test_fills", "test_fill_when_order_is_unknown_then_adopted_as_external"),),
    ),
    "an excess is taken in silence": Break(
        2,
        (rewrite("private.count_trade", ("if filled > ordered then", "if false then")),),
        (ledger("test_fills", "test_fill_when_more_than_ordered_then_recorded_gate_closed_and_alert"),),
    ),
    "fills may be changed": Break(
        3,
        (drop_trigger("fills", "append_only"),),
        (ledger("test_append_only", "test_table_when_the_owner_of_the_database_attacks_it_then_refused"), GUARDS),
    ),
    "decisions that acted may be pruned": Break(
        3,
        (drop_trigger("strategy_decisions", "append_only"),),
        (
            ledger("test_decision_retention", "test_decision_when_it_acted_or_is_young_then_nobody_removes_it"),
            ledger("test_append_only", "test_table_when_the_owner_of_the_database_attacks_it_then_refused"),
            GUARDS,
        ),
    ),
    "transitions may be truncated": Break(
        3,
        (drop_trigger("trade_transitions", "append_only_truncate"),),
        (ledger("test_append_only", "test_table_when_the_owner_of_the_database_attacks_it_then_refused"),),
    ),
    "an attempt is completed twice": Break(
        3,
        (drop_trigger("order_attempts", "complete_once"),),
        (ledger("test_append_only", "test_attempt_when_completed_then_once_only"),),
    ),
    "decisions may be updated by people": Break(
        3,
        (Sql("grant update on strategy_decisions to authenticated"),),
        (MATRIX + "test_rows_when_changed_then_only_the_decided_columns_of_own_rows",),
    ),
    "limits change unseen": Break(
        4,
        (drop_trigger("risk_limits", "z_audit"),),
        (ledger("test_audit_chain", "test_chain_when_eight_write_at_once_then_one_unbroken_order"),),
    ),
    "the chain's hash covers nothing": Break(
        4,
        (HASH_OF_NOTHING,),
        (ledger("test_audit_chain", "test_chain_when_any_column_of_a_link_is_tampered_then_that_link_is_found"),),
    ),
    "what the Studio changes is not audited": Break(
        4,
        (
            rewrite(
                "private.audit",
                (
                    "begin\n  loop",
                    "begin\n  if link_actor like 'database:%' then return null; end if;\n  loop",
                ),
            ),
        ),
        (
            ledger(
                "test_audit_trail", "test_actor_when_somebody_edits_in_the_studio_then_the_role_and_the_declared_name"
            ),
        ),
    ),
    "fills are not booked": Break(
        5,
        (drop_trigger("fills", "book"),),
        (ledger("test_positions", "test_position_when_flipped_through_zero_then_new_side_costs_the_fill_price"),),
    ),
    "adjustments are not booked": Break(
        5,
        (drop_trigger("position_adjustments", "book"),),
        (ledger("test_adjustments", "test_split_when_of_shares_then_cost_stays_at_every_level"),),
    ),
    "check_positions finds nothing": Break(
        5,
        (rewrite("public.check_positions", ("not exists (select from wrong)", "true")),),
        (ledger("test_positions", "test_check_positions_when_books_or_fills_are_tampered_then_found"),),
    ),
}
