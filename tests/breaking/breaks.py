"""Ways to break the ledger: each takes away one thing that keeps an invariant, and names the tests that must notice.

What is kept twice, by a lock and by a unique key for one, is broken twice.
"""

# ruff: noqa: E501 - the names of tests are as long as they are

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

_LEDGER = "tests/integration/ledger"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A function in which each text is replaced; a text that is not there any more is an error."""

    function: str
    texts: tuple[tuple[str, str], ...]

    def apply(self, connection: psycopg.Connection) -> None:
        row = connection.execute("select pg_get_functiondef(to_regproc(%s))", [self.function]).fetchone()
        definition = row[0] if row else None
        assert definition, f"there is no function {self.function}"
        for old, new in self.texts:
            assert old in definition, f"{self.function} has no {old!r}: say anew how it is broken"
            definition = definition.replace(old, new)
        connection.execute(definition)


@dataclass(frozen=True, slots=True)
class Sql:
    """Statements of the owner of the database."""

    text: str

    def apply(self, connection: psycopg.Connection) -> None:
        connection.execute(self.text.encode())


@dataclass(frozen=True, slots=True)
class Break:
    """What is broken, the invariant that it belongs to, and the tests of which one must fail."""

    invariant: int
    changes: tuple[Rewrite | Sql, ...]
    noticed_by: tuple[str, ...] = field()


def rewrite(function: str, *texts: tuple[str, str]) -> Rewrite:
    return Rewrite(function, texts)


def drop_trigger(table: str, name: str) -> Sql:
    return Sql(f"drop trigger {name} on {table}")


def drop_constraint(table: str, name: str) -> Sql:
    return Sql(f"alter table {table} drop constraint {name} cascade")


def ledger(file: str, test: str) -> str:
    return f"{_LEDGER}/{file}.py::{test}"


MATRIX = "tests/security/test_matrix.py::"
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
            rewrite("public.record_fill", ("trim_scale(cumulative),", "gen_random_uuid(),")),
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
                    "link.action := tg_op;",
                    "if link.actor like 'database:%' then return null; end if; link.action := tg_op;",
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
    "a trade names another user's account": Break(
        7,
        (drop_constraint("trades", "trades_broker_account_id_user_id_fkey"),),
        (
            ledger("test_ownership", "test_trade_when_its_owner_account_and_strategy_disagree_then_refused"),
            ledger("test_ownership", "test_tables_when_they_name_an_owner_and_a_row_then_the_foreign_key_names_both"),
        ),
    ),
    "a row changes its owner": Break(
        7,
        (drop_trigger("broker_accounts", "keep_owner"),),
        (ledger("test_ownership", "test_row_when_given_to_another_user_then_refused"),),
    ),
    "no row-level security on trades": Break(
        7,
        (Sql("alter table trades disable row level security"),),
        (MATRIX + "test_rows_when_read_then_those_that_were_decided",),
    ),
    "everybody reads all fills": Break(
        7,
        (Sql("create policy broken on fills for select to authenticated using (true)"),),
        (MATRIX + "test_rows_when_read_then_those_that_were_decided",),
    ),
    "a view asks as its owner": Break(
        7,
        (Sql("alter view positions set (security_invoker = false)"),),
        (MATRIX + "test_rows_when_read_then_those_that_were_decided",),
    ),
    "people approve": Break(
        7,
        (Sql("grant execute on function approve_trade to authenticated"),),
        (MATRIX + "test_functions_when_called_then_only_by_whom_it_was_decided",),
    ),
    "everybody hears every topic": Break(
        7,
        (Sql("create policy broken on realtime.messages for select to authenticated using (true)"),),
        (MATRIX + "test_topics_when_joined_then_heard_by_whom_it_was_decided_and_nobody_speaks",),
    ),
    "a new table that nobody decided on": Break(
        7,
        (Sql("create table broken (id bigint primary key)"),),
        (MATRIX + "test_relations_when_listed_then_each_has_an_expectation_and_rows_of_all_kinds",),
    ),
    "a signal is used twice": Break(
        8,
        (drop_constraint("trades", "trades_broker_account_id_signal_key"),),
        (ledger("test_idempotency", "test_names_when_doubled_by_hand_then_refused_by_the_table"),),
    ),
    "a bar is decided on twice": Break(
        8,
        (
            rewrite("public.record_decisions", ("and symbol = p_symbol for update;", "and symbol = p_symbol;")),
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
    "limits are not looked at": Break(
        9,
        (
            rewrite(
                "public.approve_trade",
                ("else private.exposure_refusal(trade, private.worse_quantity(trade), mark) end;", "end;"),
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
        (drop_trigger("trades", "zz_settle_replacement"),),
        (ledger("test_replacing", "test_replace_when_it_fails_then_the_old_one_works_on"),),
    ),
    "a replacement counts only itself": Break(
        13,
        (rewrite("private.worse_quantity", ("private.replaced_open(p_trade.replaces_trade_id, 0)", "0")),),
        (
            ledger(
                "test_replacing",
                "test_replace_when_asked_then_a_pending_trade_of_the_same_order_through_the_same_risk",
            ),
        ),
    ),
    "trades may be deleted": Break(
        14,
        (drop_trigger("trades", "never_deleted"),),
        (GUARDS, ledger("test_append_only", "test_table_when_the_owner_of_the_database_attacks_it_then_refused")),
    ),
    "a strategy with a position is deleted": Break(
        14,
        (drop_trigger("strategies", "c_guard"),),
        (
            ledger(
                "test_strategies", "test_strategy_when_it_holds_a_position_then_not_deleted_and_the_refusal_says_what"
            ),
        ),
    ),
    "an account with open exposure is unlinked": Break(
        14,
        (drop_trigger("broker_accounts", "unlink"),),
        (ledger("test_unlinking", "test_account_when_something_is_open_then_refused_and_it_is_named"),),
    ),
    "a user takes their rows along": Break(
        14,
        (
            Sql(
                "alter table profiles drop constraint profiles_user_id_fkey, add constraint profiles_user_id_fkey "
                "foreign key (user_id) references auth.users on delete cascade"
            ),
        ),
        (ledger("test_ownership", "test_foreign_keys_when_read_then_none_deletes_or_nulls_what_points_at_it"),),
    ),
    "a stop is forgotten": Break(
        15,
        (drop_trigger("position_exits", "guard"),),
        (
            ledger("test_position_exits", "test_exit_when_its_order_is_on_its_way_then_neither_changed_nor_taken_away"),
            ledger("test_position_exits", "test_trail_when_the_price_gets_worse_then_it_stays"),
        ),
    ),
    "a position has two exits": Break(
        15,
        (Sql("drop index position_exits_live"),),
        (ledger("test_position_exits", "test_exit_when_set_by_sixteen_at_once_then_there_is_one"),),
    ),
}


def apply(name: str, connection: psycopg.Connection) -> None:
    """Breaks the ledger, in the connection's transaction."""
    connection.execute("set local search_path = public")
    connection.execute("set local app.actor = 'tests'")
    for change in BREAKS[name].changes:
        change.apply(connection)
