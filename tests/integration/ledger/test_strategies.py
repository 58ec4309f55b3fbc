"""A strategy's life: versions, arrows, and that none with open exposure is deleted - by a call or in the Studio."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, decision, order_of
from tests.integration.ledger.ledger import answers, call, refused


def _status(desk: Desk) -> str:
    return str(desk.ledger.one("select status from public.strategies where id = %s", desk.strategy))


def _delete(desk: Desk) -> None:
    desk.ledger.call("delete_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)


def test_strategy_when_flat_and_deleted_then_it_stays_in_the_books_and_its_name_is_free(desk: Desk) -> None:
    name = desk.ledger.one("select name from public.strategies where id = %s", desk.strategy)

    _delete(desk)

    assert _status(desk) == "deleted"
    assert desk.ledger.one("select count(*) from public.strategy_versions where strategy_id = %s", desk.strategy) == 1
    again = desk.ledger.one(
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        "values (%s, %s, %s, 'by_hand', '{SPY}') returning id",
        desk.user,
        desk.account,
        name,
    )
    assert again != desk.strategy


@pytest.mark.parametrize("function", ["activate_strategy", "deactivate_strategy", "delete_strategy"])
def test_strategy_when_a_stranger_names_it_then_not_found_and_nobody_waits(desk: Desk, function: str) -> None:
    """Its gates would be held shared for as long as such calls come, and the owner's halt would wait."""
    stranger = Desk.open(desk.ledger)
    with desk.ledger.session() as halting, desk.ledger.session() as calls:
        halting.execute("select from public.trading_gates where gate_key = %s for update", [desk.gate("strategy")])
        calls.execute("set lock_timeout = '1s'")
        with refused("NO_SUCH_STRATEGY", 404):
            call(calls, function, "authenticated", stranger.user, p_strategy_id=desk.strategy)
        calls.rollback()
        halting.rollback()


def test_strategy_when_named_as_another_of_the_same_owner_then_refused(desk: Desk) -> None:
    name = desk.ledger.one("select name from public.strategies where id = %s", desk.strategy)
    with refused("NAME_TAKEN", 409):
        desk.ledger.run(
            "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
            "values (%s, %s, %s, 'by_hand', '{SPY}')",
            desk.user,
            desk.account,
            name,
        )


def test_strategy_when_deleted_then_it_neither_changes_nor_starts_nor_decides(desk: Desk) -> None:
    _delete(desk)

    with refused("NO_SUCH_STRATEGY", 404):
        desk.ledger.call("activate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    for change in ("name = 'other'", "status = 'active'", "status = 'draft'"):
        with refused("STRATEGY_IS_DELETED", 409):
            desk.ledger.run(f"update public.strategies set {change} where id = %s", desk.strategy)  # noqa: S608
    assert desk.decide(decision(desk.strategy, order_of())) == []


def test_strategy_when_an_order_is_open_then_not_deleted_and_the_refusal_says_which(desk: Desk) -> None:
    desk.place("buy", "100")

    with refused("OPEN_EXPOSURE", 409) as error:
        _delete(desk)
    assert "orders=buy 100 SPY pending" in str(error.value)
    with refused("OPEN_EXPOSURE", 409):
        desk.ledger.run("update public.strategies set status = 'deleted' where id = %s", desk.strategy)
    assert _status(desk) == "active"


def test_strategy_when_it_holds_a_position_then_not_deleted_and_the_refusal_says_what(desk: Desk) -> None:
    desk.hold("100")

    with refused("OPEN_EXPOSURE", 409) as error:
        _delete(desk)
    assert "positions=100 SPY" in str(error.value)


def test_strategy_when_deleted_while_it_decides_then_no_order_is_left_of_a_deleted_one(desk: Desk) -> None:
    for number in range(10):
        trader = Desk.open(desk.ledger)
        wanted = decision(trader.strategy, order_of(), at=NOON + timedelta(minutes=number))

        def decide(connection: psycopg.Connection, wanted: dict[str, object] = wanted) -> None:
            calling("record_decisions", "fn_strategy", p_symbol="SPY", p_decisions=[wanted])(connection)

        def delete(connection: psycopg.Connection, trader: Desk = trader) -> None:
            calling("delete_strategy", "authenticated", trader.user, p_strategy_id=trader.strategy)(connection)

        outcome = trader.ledger.at_once(*answers([decide, delete]))
        placed = trader.ledger.one("select count(*) from public.trades where strategy_id = %s", trader.strategy)
        assert (placed, outcome[1], _status(trader)) in [(1, "OPEN_EXPOSURE", "active"), (0, "done", "deleted")]


def test_strategy_when_another_user_deletes_it_then_it_is_not_found(desk: Desk) -> None:
    stranger = Desk.open(desk.ledger)
    with refused("NO_SUCH_STRATEGY", 404):
        desk.ledger.call("delete_strategy", "authenticated", stranger.user, p_strategy_id=desk.strategy)


def test_strategy_when_an_administrator_moves_it_in_the_studio_then_it_acts_as_a_call_does(desk: Desk) -> None:
    def events() -> list[str]:
        return [
            kind
            for (kind,) in desk.ledger.rows(
                "select type from private.outbox where topic = 'strategy-events' and key = %s order by id",
                str(desk.strategy),
            )
        ]

    born = ["strategy.edited", "strategy.validated", "strategy.activated"]
    assert events() == born
    desk.ledger.run("update public.strategies set status = 'inactive' where id = %s", desk.strategy)
    desk.ledger.run(
        "update public.strategy_cursors set updated_at = '2013-10-07' where strategy_id = %s", desk.strategy
    )
    desk.ledger.run("update public.strategies set status = 'active' where id = %s", desk.strategy)

    assert events() == [*born, "strategy.deactivated", "strategy.activated"]
    skipped = desk.ledger.one(
        "select bool_and(last_bar_at > now() - interval '1 minute') from public.strategy_cursors "
        "where strategy_id = %s",
        desk.strategy,
    )
    assert skipped, "what happened while it was inactive is not decided on"


@pytest.mark.parametrize(
    ("first", "then"), [("inactive", "draft"), ("inactive", "halted"), ("active", "draft"), ("halted", "draft")]
)
def test_strategy_when_moved_where_no_arrow_goes_then_refused(desk: Desk, first: str, then: str) -> None:
    if first != "active":
        desk.ledger.run("update public.strategies set status = %s where id = %s", first, desk.strategy)
    with refused("BAD_TRANSITION", 409):
        desk.ledger.run("update public.strategies set status = %s where id = %s", then, desk.strategy)


def test_strategy_when_activated_in_the_studio_with_an_unknown_symbol_then_refused(desk: Desk) -> None:
    created: UUID = desk.ledger.one(
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        "values (%s, %s, 'unknown', 'by_hand', '{ZZZZ}') returning id",
        desk.user,
        desk.account,
    )
    with refused("UNKNOWN_SYMBOL", 422):
        desk.ledger.run("update public.strategies set status = 'active' where id = %s", created)
