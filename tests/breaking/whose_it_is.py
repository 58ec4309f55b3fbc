"""Whose a row is and that it stays: ownership, who may read, what is deleted, exits."""

from __future__ import annotations

from tests.breaking.changes import MATRIX, Break, Sql, drop_constraint, drop_trigger, ledger, rewrite

GUARDS = ledger("test_append_only", "test_guards_when_listed_then_these_tables_have_them_and_a_new_one_is_named_here")

BREAKS: dict[str, Break] = {
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
    "a trader enters dates for everybody": Break(
        7,
        (drop_trigger("blackout_dates", "guard"),),
        (
            ledger(
                "test_book_market",
                "test_blackout_when_it_is_everybodys_then_an_administrator_alone_enters_and_removes_it",
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
    "a fill arms no exit": Break(
        15,
        (rewrite("public.record_fill", ("perform private.arm_exit(trade, executed);", "null;")),),
        (ledger("test_exit_plans", "test_plan_when_its_entry_is_first_filled_then_the_same_transaction_has_armed_it"),),
    ),
    "an exit lets the cover of what was sold go first": Break(
        15,
        (rewrite("private.exit_left", ("order by l.sign, l.symbol", "order by l.sign desc, l.symbol")),),
        (
            ledger(
                "test_package_exits",
                "test_package_when_it_is_reached_then_what_was_sold_is_closed_before_its_cover_and_all_of_it",
            ),
        ),
    ),
    "an exit sells what is being sold already": Break(
        15,
        (rewrite("public.trigger_exit", ("least(room.own, room.account)::text", "leg.held::text")),),
        (
            ledger(
                "test_position_exits",
                "test_exit_when_an_order_closes_a_part_of_an_odd_position_then_it_fires_for_the_rest",
            ),
        ),
    ),
    "a second stop rests before the first has let go": Break(
        15,
        (
            rewrite(
                "private.rest_step",
                (
                    "when rest.cancel_requested_at is not null then null",
                    "when rest.cancel_requested_at is not null then 'place'",
                ),
            ),
        ),
        (ledger("test_resting_exits", "test_stop_when_more_is_bought_then_it_is_cancelled_and_placed_anew_for_all"),),
    ),
    "a split leaves exits in old shares": Break(
        15,
        (rewrite("private.split_exits", ("factor numeric := p_denominator / p_numerator;", "factor numeric := 1;")),),
        (
            ledger(
                "test_exit_plans",
                "test_exit_when_its_shares_are_split_then_its_prices_are_in_new_shares_in_the_same_transaction",
            ),
        ),
    ),
}
