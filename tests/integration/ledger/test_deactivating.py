"""A strategy is stopped: what it has open is left, cancelled, or closed - until it starts again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, decision, new_strategy, order_of
from tests.integration.ledger.ledger import Ledger, answers, become, refused
from tests.integration.ledger.test_flattening import EVENING, SESSION

TOMORROW = {"date": "2013-10-08", "opens_at": "2013-10-08T13:30Z", "closes_at": "2013-10-08T20:00Z"}
NEXT_DAY = NOON + timedelta(days=1)


@pytest.fixture(autouse=True, scope="module")
def open_market(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION, TOMORROW], p_source="test")


def _stop(desk: Desk, then: str = "leave") -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call(
        "deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy, p_then=then
    )
    return answer


def _start(desk: Desk) -> None:
    """As its owner does, with no second factor."""
    desk.ledger.call("activate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)


def _round(desk: Desk, now: Any = NOON) -> list[UUID]:
    """As the sweep does: what is complete is written down, and accounts that have something to close get a round."""
    if str(desk.account) not in desk.ledger.call("halts_to_continue", "fn_risk"):
        return []
    answer = desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=now)
    return [UUID(trade) for trade in answer["placed"]]


def _progress(desk: Desk) -> tuple[Any, ...] | None:
    """What its owner reads: what is done, working entries and exits, positions, what it waits for, and whether done."""
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        rows = connection.execute(
            "select then_do, working_entries, working_exits, open_positions, waiting_for, complete, done_at is not null"
            " from public.deactivation_progress where strategy_id = %s",
            [desk.strategy],
        ).fetchall()
        connection.rollback()
    return rows[0] if rows else None


def _execute(desk: Desk, trade: UUID) -> None:
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    side, quantity = desk.ledger.rows("select side, quantity from public.trades where id = %s", trade)[0]
    desk.fill(desk.submit(trade), str(quantity), "10", side=side)


def _rest(desk: Desk, quantity: str) -> tuple[UUID, str]:
    """A protective exit that rests at the broker."""
    return desk.working("sell", quantity, position_intent="sell_to_close", order_type="limit", price="190")


def _told(desk: Desk) -> list[Any]:
    rows = desk.ledger.rows(
        "select data ->> 'then' from private.outbox "
        "where topic = 'strategy-events' and type = 'strategy.deactivated' and key = %s order by id",
        str(desk.strategy),
    )
    return [then for (then,) in rows]


def test_stop_when_what_is_open_is_left_then_it_stays_and_the_answer_names_it(desk: Desk) -> None:
    desk.hold("100")
    entry, _ = desk.working("buy", "5")

    answer = _stop(desk)

    assert (answer["status"], answer["then"]) == ("inactive", "leave")
    assert answer["open"] == {"positions": "100 SPY", "orders": "buy 5 SPY submitted"}
    assert desk.status(entry) == "submitted"
    assert _progress(desk) is None
    assert _round(desk) == []
    assert _told(desk) == [None]


def test_stop_when_orders_are_cancelled_then_entries_go_and_exits_go_on_protecting(desk: Desk) -> None:
    desk.hold("100")
    exit_trade, _ = _rest(desk, "100")
    pending = desk.place("buy", "1")
    working, order = desk.working("buy", "5")

    assert _stop(desk, "cancel_orders")["then"] == "cancel_orders"

    assert [desk.status(trade) for trade in (pending, working, exit_trade)] == [
        "canceled",
        "cancel_pending",
        "submitted",
    ]
    assert _progress(desk) == ("cancel_orders", 1, 1, 1, "orders", False, False)
    desk.update(order, "canceled")
    assert _round(desk) == []
    assert _progress(desk) == ("cancel_orders", 0, 1, 1, None, True, True)
    assert desk.position() == 100
    assert _told(desk) == [None, "cancel_orders"]


@pytest.mark.parametrize(("held", "side"), [("100", "sell"), ("-100", "buy")])
def test_stop_when_it_flattens_then_one_order_closes_what_it_holds_and_the_row_says_done(
    desk: Desk, held: str, side: str
) -> None:
    desk.hold(held)
    _stop(desk, "flatten")
    assert _progress(desk) == ("flatten", 0, 0, 1, "orders", False, False)

    (trade,) = _round(desk)
    assert _round(desk) == [], "it is under way, though nobody has judged it"
    row = desk.ledger.rows(
        "select source, side, order_type, quantity, reduce_only, strategy_id from public.trades where id = %s", trade
    )
    assert row == [("risk", side, "market", Decimal(100), True, desk.strategy)]
    _execute(desk, trade)

    assert desk.position() == 0
    assert _round(desk) == []
    assert _progress(desk) == ("flatten", 0, 0, 0, None, True, True)


def test_flatten_when_an_exit_rests_then_it_is_cancelled_before_the_position_is_closed(desk: Desk) -> None:
    desk.hold("100")
    resting, order = _rest(desk, "100")
    _stop(desk, "flatten")
    assert desk.status(resting) == "submitted", "a protection goes when what it protects can be closed"
    assert _round(desk) == []
    assert desk.status(resting) == "cancel_pending"
    desk.update(order, "canceled")
    (trade,) = _round(desk)
    _execute(desk, trade)
    assert _round(desk) == []
    assert _progress(desk) == ("flatten", 0, 0, 0, None, True, True)


def test_flatten_when_the_market_is_closed_then_it_says_so_and_goes_on_when_it_opens(desk: Desk) -> None:
    desk.hold("100")
    resting, order = _rest(desk, "100")
    _stop(desk, "flatten")

    assert _round(desk, EVENING) == []
    assert desk.status(resting) == "submitted"
    assert _progress(desk) == ("flatten", 0, 1, 1, "session", False, False)

    assert _round(desk, NEXT_DAY) == []
    assert _progress(desk) == ("flatten", 0, 1, 1, "orders", False, False)
    desk.update(order, "canceled")
    (trade,) = _round(desk, NEXT_DAY)
    assert desk.ledger.one("select event_at from public.trades where id = %s", trade) == NEXT_DAY


def test_flatten_when_done_and_an_entry_fills_late_then_that_is_closed_too(desk: Desk) -> None:
    entry, order = desk.working("buy", "5")
    _stop(desk, "flatten")
    desk.update(order, "canceled")
    assert _round(desk) == []
    assert _progress(desk) == ("flatten", 0, 0, 0, None, True, True)

    desk.fill(order, "5", "10")
    (trade,) = _round(desk)
    assert _progress(desk) == ("flatten", 0, 1, 1, "orders", False, False)
    _execute(desk, trade)
    assert (desk.position(), _round(desk)) == (0, [])
    assert _progress(desk) == ("flatten", 0, 0, 0, None, True, True)
    assert entry != trade


def test_flatten_when_nothing_is_held_any_more_then_a_resting_exit_goes(desk: Desk) -> None:
    """Filled, it would open a position."""
    desk.hold("100")
    resting, _ = _rest(desk, "50")
    at = (NOON + timedelta(minutes=2)).isoformat()
    desk.activity("transfer_out", f"all of {desk.account}", symbol="SPY", quantity="-100", occurred_at=at)
    held = desk.ledger.rows(
        "select quantity from public.strategy_positions where strategy_id = %s and quantity <> 0", desk.strategy
    )
    assert held == []
    _stop(desk, "flatten")
    assert _round(desk) == []
    assert desk.status(resting) == "cancel_pending"


def test_flatten_when_another_strategy_is_on_the_account_then_it_keeps_what_it_has(desk: Desk) -> None:
    other = Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))
    other.hold("30")
    entry, _ = other.working("buy", "5")
    desk.hold("100")
    _stop(desk, "flatten")
    (trade,) = _round(desk)
    _execute(desk, trade)
    assert (desk.position(), other.status(entry)) == (30, "submitted")
    assert _round(desk) == []


def test_flatten_when_the_account_holds_the_other_side_then_it_says_so(desk: Desk) -> None:
    other = Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))
    desk.hold("100")
    other.hold("-300")
    _stop(desk, "flatten")
    assert _round(desk) == []
    assert _progress(desk) == ("flatten", 0, 0, 1, "other_side", False, False)
    code = "select code from public.alerts where user_id = %s and code like '%%NOT_FLAT'"
    assert desk.ledger.rows(code, desk.user) == [("DEACTIVATION_NOT_FLAT",)]


def test_stop_when_it_is_stopped_already_then_it_can_still_be_flattened_and_never_less(desk: Desk) -> None:
    desk.hold("100")
    _stop(desk)
    assert _stop(desk, "cancel_orders")["then"] == "cancel_orders"
    assert _stop(desk, "flatten")["then"] == "flatten"
    assert _stop(desk, "cancel_orders")["then"] == "flatten"
    assert _stop(desk)["then"] == "flatten"
    assert len(_round(desk)) == 1
    assert _told(desk) == [None, "cancel_orders", "flatten"]


def test_start_when_it_was_being_flattened_then_its_owner_may_and_nothing_more_is_closed(desk: Desk) -> None:
    desk.hold("100")
    _stop(desk, "flatten")
    _start(desk)
    assert _progress(desk) is None
    assert _round(desk) == []
    assert len(desk.decide(decision(desk.strategy, order_of(), at=NOON + timedelta(days=40000)))) == 1
    _stop(desk, "flatten")
    assert desk.count("strategy_deactivations") == 2


def test_flatten_when_its_gate_flattens_too_then_it_is_closed_once(desk: Desk) -> None:
    desk.hold("100")
    _stop(desk, "flatten")
    desk.close("strategy", "flatten")
    assert len(_round(desk)) == 1
    assert _round(desk) == []


def test_draft_when_stopped_then_nothing_happens(desk: Desk) -> None:
    draft: UUID = desk.ledger.one(
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        "values (%s, %s, 'a draft to stop', 'by_hand', '{SPY}') returning id",
        desk.user,
        desk.account,
    )
    desk.strategy = draft
    assert (_stop(desk, "flatten")["status"], _progress(desk)) == ("draft", None)


@pytest.mark.parametrize("then", ["", "sell", None])
def test_stop_when_what_follows_is_not_known_then_refused(desk: Desk, then: Any) -> None:
    with refused("BAD_THEN", 422):
        _stop(desk, then)
    assert desk.ledger.one("select status from public.strategies where id = %s", desk.strategy) == "active"


def test_stop_when_it_races_decisions_then_no_entry_is_left(desk: Desk) -> None:
    for number in range(8):
        racer = Desk.open(desk.ledger)
        wanted = [decision(racer.strategy, order_of(), at=NOON + timedelta(minutes=minute)) for minute in range(4)]
        works = [calling("record_decisions", "fn_strategy", p_symbol="SPY", p_decisions=[one]) for one in wanted] + [
            calling(
                "deactivate_strategy",
                "authenticated",
                racer.user,
                p_strategy_id=racer.strategy,
                p_then=("cancel_orders", "flatten")[number % 2],
            )
        ]
        assert racer.ledger.at_once(*answers(works)) == ["done"] * 5
        left = "select count(*) from public.trades where strategy_id = %s and status <> 'canceled'"
        assert racer.ledger.one(left, racer.strategy) == 0


# --- adversaries ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        (
            "insert into public.strategy_deactivations (strategy_id, user_id, broker_account_id, then_do, asked_by) "
            "values (%(id)s, %(user)s, %(account)s, 'flatten', 'me')"
        ),
        "update public.strategy_deactivations set ended_at = now() where strategy_id = %(id)s",
        "update public.strategy_deactivations set done_at = now() where strategy_id = %(id)s",
        "delete from public.strategy_deactivations where strategy_id = %(id)s",
        "update public.strategies set status = 'inactive' where id = %(id)s",
    ],
)
def test_deactivation_when_a_trader_writes_it_then_not_allowed(desk: Desk, statement: str) -> None:
    _stop(desk, "flatten")
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        said = {"id": desk.strategy, "user": desk.user, "account": desk.account}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode(), said)
        connection.rollback()


@pytest.mark.parametrize("change", ["then_do = 'cancel_orders'", "strategy_id = gen_random_uuid()", "asked_by = 'x'"])
def test_deactivation_when_weakened_or_moved_in_the_studio_then_refused(desk: Desk, change: str) -> None:
    _stop(desk, "flatten")
    with refused("DEACTIVATION_IS_FIXED", 409):
        desk.ledger.run(
            f"update public.strategy_deactivations set {change} where strategy_id = %s",  # noqa: S608
            desk.strategy,
        )


def test_deactivation_when_written_in_the_studio_for_an_active_strategy_then_refused(desk: Desk) -> None:
    insert = (
        "insert into public.strategy_deactivations (strategy_id, user_id, broker_account_id, then_do, asked_by) "
        "values (%s, %s, %s, 'flatten', 'studio')"
    )
    with refused("STRATEGY_IS_ACTIVE", 409):
        desk.ledger.run(insert, desk.strategy, desk.user, desk.account)
    entry, _ = desk.working("buy", "5")
    _stop(desk)
    desk.ledger.run(insert, desk.strategy, desk.user, desk.account)
    assert desk.status(entry) == "cancel_pending", "it acts as the call does"


@pytest.mark.parametrize(
    ("scopes", "passes"), [(["strategies"], False), (["strategies", "trade"], True), (["risk"], True)]
)
def test_program_when_it_may_only_edit_strategies_then_it_cancels_and_closes_nothing(
    desk: Desk, scopes: list[str], passes: bool
) -> None:
    desk.hold("5")
    expires = "now() + interval '1 day'"
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        key = connection.execute(
            f"select public.create_api_key('k', %s, {expires})",
            [scopes],
        ).fetchone()
        connection.commit()
        assert key is not None
        claims = {"scopes": scopes, "api_key_id": key[0]["api_key_id"], "session_id": key[0]["api_key_id"]}
        become(connection, "authenticated", desk.user, **claims)
        statement = b"select public.deactivate_strategy(%s, 'flatten')"
        if passes:
            connection.execute(statement, [desk.strategy])
        else:
            with refused("SCOPE_NEEDED", 403):
                connection.execute(statement, [desk.strategy])
        connection.rollback()
