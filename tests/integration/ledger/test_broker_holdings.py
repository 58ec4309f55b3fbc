"""What the broker says that an account holds and may do, beside the books: kept, compared, never booked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.ledger.desk import NOON, Desk, rules_of
from tests.integration.ledger.ledger import refused


def breaks(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        "select kind, symbol, status, numbers ->> 'broker', numbers ->> 'ledger' from public.reconciliation_breaks "
        "where user_id = %s order by created_at",
        desk.user,
    )


def test_positions_when_they_agree_then_kept_and_nothing_is_broken(desk: Desk) -> None:
    desk.hold("100")
    for minute in (1, 2, 3):
        assert desk.compare(minute, SPY="100") == {"differences": [], "opened": 0, "closed": 0}
    assert desk.ledger.rows(
        "select symbol, quantity, ledger_quantity, average_entry_price, differs_since "
        "from public.broker_positions where broker_account_id = %s",
        desk.account,
    ) == [("SPY", 100, 100, 10, None)]
    assert breaks(desk) == []


def test_difference_when_seen_once_then_it_may_be_a_fill_on_its_way(desk: Desk) -> None:
    _, order = desk.working()
    assert desk.compare(1, SPY="100")["differences"][0]["looks"] == 1
    desk.fill(order, "100", "10")
    assert desk.compare(2, SPY="100") == {"differences": [], "opened": 0, "closed": 0}
    assert (breaks(desk), desk.halted()) == ([], False)


def test_difference_when_it_stands_for_two_looks_then_a_break_that_halts_entries_and_lets_exits_pass(
    desk: Desk,
) -> None:
    desk.hold("100")
    desk.compare(1, SPY="60")
    assert desk.compare(2, SPY="60")["opened"] == 1
    assert breaks(desk) == [("position", "SPY", "open", "60", "100")]
    assert desk.halted()
    with refused("GATE_CLOSED", 409):
        desk.place_by_hand("entry")
    way_out = desk.place_exit("sell", "60")
    assert desk.approve(way_out) == "approved"
    assert desk.position() == 100  # Nothing is booked of it, and nothing was traded.
    assert desk.ledger.one("select count(*) from public.trades where user_id = %s and source = 'risk'", desk.user) == 0
    assert desk.compare(3, SPY="60")["opened"] == 0
    assert len(breaks(desk)) == 1


def test_difference_when_the_second_look_comes_too_soon_then_not_yet(desk: Desk) -> None:
    desk.hold("100")
    desk.compare(1, gap=60, SPY="60")
    assert desk.compare(1.5, gap=60, SPY="60")["opened"] == 0
    assert desk.compare(2, gap=60, SPY="60")["opened"] == 1


def test_difference_when_one_moment_is_told_twice_then_no_second_look(desk: Desk) -> None:
    desk.hold("100")
    desk.compare(1, gap=0, SPY="60")
    assert desk.compare(1, gap=0, SPY="60")["opened"] == 0
    assert breaks(desk) == []


def test_difference_when_fills_come_between_then_it_takes_longer_to_be_believed(desk: Desk) -> None:
    """Each time a fill may be on its way; five times in a row it is not."""
    _, order = desk.working(quantity="50")
    for look in range(1, 6):
        desk.fill(order, "10", "10", str(10 * look))
        opened = desk.compare(look, SPY=str(10 * look + 40))["opened"]
        assert opened == (look == 5), look
    assert breaks(desk)[0][:3] == ("position", "SPY", "open")


def test_break_when_they_agree_again_then_closed_by_that_evidence_and_the_halt_stays(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "60", "10")
    for minute in (1, 2):
        desk.compare(minute, SPY="100")
    desk.fill(order, "40", "10", "100")
    assert desk.compare(3, SPY="100")["closed"] == 1
    ((status, evidence, by),) = desk.ledger.rows(
        "select status, evidence, closed_by from public.reconciliation_breaks where user_id = %s", desk.user
    )
    assert (status, evidence["broker"], evidence["ledger"]) == ("closed", "100", "100")
    assert by
    assert desk.halted()
    assert desk.status(trade) == "filled"
    # The same difference once more is another break.
    for minute in (4, 5):
        desk.compare(minute, SPY="60")
    assert [row[2] for row in breaks(desk)] == ["closed", "open"]


@pytest.mark.parametrize("explained", [True, False])
def test_difference_when_it_becomes_another_one_then_another_break_that_halts_anew(desk: Desk, explained: bool) -> None:
    """A halt that was lifted for one difference says nothing of the next, however the first break stands."""
    desk.hold("100")
    for minute in (1, 2):
        desk.compare(minute, SPY="60")
    if explained:
        first = desk.ledger.one("select id from public.reconciliation_breaks where user_id = %s", desk.user)
        desk.ledger.call(
            "close_break", "fn_report", p_break_id=first, p_evidence={"ticket": "1"}, p_resolution="Sold by telephone."
        )
    desk.lift()
    assert desk.compare(3, SPY="60")["opened"] == 0
    assert not desk.halted()
    assert desk.compare(4, SPY="5000")["opened"] == 0  # It may be a fill on its way.
    assert desk.compare(5, SPY="5000")["opened"] == 1
    assert [row[2:] for row in breaks(desk)] == [("closed", "60", "100"), ("open", "5000", "100")]
    assert desk.halted()
    assert desk.compare(6, SPY="100")["closed"] == 1


def test_positions_when_the_broker_holds_what_nobody_here_bought_then_a_break(desk: Desk) -> None:
    for minute in (1, 2):
        found = desk.compare(minute, SPY131019C00170000="-3")
    assert found["opened"] == 1
    assert breaks(desk) == [("position", "SPY131019C00170000", "open", "-3", "0")]
    assert desk.position("SPY131019C00170000") == 0


def test_positions_when_the_broker_holds_it_no_more_then_it_says_so(desk: Desk) -> None:
    desk.hold("100")
    desk.compare(1, SPY="100")
    for minute in (2, 3):
        desk.compare(minute)
    assert breaks(desk) == [("position", "SPY", "open", "0", "100")]


def test_positions_when_closed_by_hand_at_the_broker_then_its_fill_is_adopted_and_they_agree(desk: Desk) -> None:
    desk.hold("100")
    desk.fill("by-hand", "100", "11", side="sell", client_order_id=None, ordered_quantity="100")
    assert desk.compare(2)["differences"] == []
    assert desk.position() == 0
    assert (
        desk.ledger.one("select position_intent from public.trade_legs where user_id = %s and side = 'sell'", desk.user)
        == "sell_to_close"
    )


@pytest.mark.parametrize("wrong", [[{"symbol": "SPY", "quantity": "many"}], [{"quantity": "1"}], [1], {}])
def test_positions_when_they_cannot_be_read_then_refused(desk: Desk, wrong: Any) -> None:
    with refused("BAD_POSITIONS", 422):
        desk.ledger.call(
            "record_broker_positions", "fn_execute", p_account_id=desk.account, p_as_of=NOON, p_positions=wrong
        )


# --- rules ------------------------------------------------------------------------------------------------------------


def rules(desk: Desk, minutes: int = 0, **more: Any) -> bool:
    said = {"p_as_of": NOON + timedelta(minutes=minutes), "p_rules": rules_of(**more)}
    return bool(desk.ledger.call("record_account_rules", "fn_execute", p_account_id=desk.account, **said))


def test_rules_when_they_change_then_a_row_each_and_a_restriction_is_told_once(desk: Desk) -> None:
    assert rules(desk, 0)
    assert not rules(desk, 1)
    assert rules(desk, 2, closing_only=True, options_level=0)
    assert rules(desk, 3, closing_only=True, blocked="margin call")
    assert not rules(desk, 1, options_level=1)  # An older word.
    assert desk.ledger.rows(
        "select options_level, closing_only, blocked from public.broker_account_rules "
        "where broker_account_id = %s order by as_of",
        desk.account,
    ) == [(3, False, None), (0, True, None), (3, True, "margin call")]
    codes = desk.ledger.rows("select code from public.alerts where user_id = %s", desk.user)
    assert codes == [("ACCOUNT_RESTRICTED",)]


@pytest.mark.parametrize("wrong", [{"options_level": 9}, {"options_level": "high"}, {"account_number": None}])
def test_rules_when_they_cannot_be_read_then_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with refused("BAD_RULES", 422):
        rules(desk, 0, **wrong)


# --- orders that were placed outside ----------------------------------------------------------------------------------

OUTSIDE = {
    "adopt": True,
    "symbol": "SPY",
    "side": "sell",
    "order_type": "limit",
    "limit_price": "11",
    "ordered_quantity": "60",
    "time_in_force": "gtc",
}


def test_order_when_it_works_and_nobody_here_placed_it_then_adopted_at_once_and_counted(desk: Desk) -> None:
    desk.hold("100")
    assert desk.update("by-hand", "submitted", **OUTSIDE)["status"] == "submitted"
    assert desk.update("by-hand", "submitted", **OUTSIDE)["status"] == "submitted"
    assert desk.ledger.rows(
        "select source, side, quantity, price, time_in_force, reason from public.trades "
        "where broker_account_id = %s and broker_order_id = 'by-hand'",
        desk.account,
    ) == [("external", "sell", 60, 11, "gtc", "placed outside AgentTrader")]
    # What it may still sell is taken: an exit of all would be too much beside it.
    assert not desk.ledger.one(
        "select private.reduces(t) from public.trades as t where id = %s", desk.place_exit("sell", "100")
    )
    assert desk.fill("by-hand", "60", "11", side="sell")["status"] == "filled"
    assert desk.position() == 40


@pytest.mark.parametrize("more", [{"is_over": True}, {"adopt": False}, {"ordered_quantity": None}])
def test_order_when_it_is_over_or_not_to_be_adopted_then_no_trade(desk: Desk, more: dict[str, Any]) -> None:
    assert desk.update("by-hand", "submitted", **OUTSIDE | more)["trade_id"] is None


def test_order_when_replaced_by_hand_at_the_broker_then_the_new_one_is_the_same_wish_of_the_same_strategy(
    desk: Desk,
) -> None:
    trade, order = desk.working(order_type="limit", price="10")
    desk.fill(order, "30", "10")
    by_hand = {"replaces": order, "limit_price": "10.5", "ordered_quantity": "90", "side": "buy"}
    adopted = desk.update("by-hand", "submitted", **OUTSIDE | by_hand)
    desk.update(order, "replaced", filled_quantity="30")
    assert desk.ledger.rows(
        "select strategy_id, replaces_trade_id, source from public.trades where id = %s", adopted["trade_id"]
    ) == [(desk.strategy, trade, "external")]
    assert desk.fill("by-hand", "60", "10.5")["status"] == "filled"
    assert (desk.status(trade), desk.position()) == ("replaced", 90)
    owners = desk.ledger.rows("select owner_key, quantity from public.strategy_positions where user_id = %s", desk.user)
    assert owners == [(str(desk.strategy), 90)]


def test_order_when_replaced_by_hand_while_our_own_replacement_is_pending_then_adopted_all_the_same(desk: Desk) -> None:
    trade, order = desk.working(order_type="limit", price="10")
    said = {"price": "10.2", "quantity": "100", "idempotency_key": "replacement"}
    desk.ledger.call("request_replace", "authenticated", desk.user, p_trade_id=trade, p_change=said)
    by_hand = {"replaces": order, "limit_price": "10.5", "ordered_quantity": "90", "side": "buy"}
    assert desk.update("by-hand", "submitted", **OUTSIDE | by_hand)["status"] == "submitted"


def test_order_when_the_stop_of_a_bracket_is_listed_then_it_belongs_to_its_entry(desk: Desk) -> None:
    entry = desk.update("entry", "submitted", **OUTSIDE | {"side": "buy"})["trade_id"]
    stop = {"order_type": "stop", "stop_price": "9", "limit_price": None, "parent_order_id": "entry"}
    child = desk.update("stop", "submitted", **OUTSIDE | stop)["trade_id"]
    assert str(desk.ledger.one("select parent_trade_id from public.trades where id = %s", child)) == entry
