"""The neutral order desk: what it takes, tells and books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.backtest.orders import Change, OrderType, TimeInForce
from local.simulators.venue.desk_request import GroupRequest
from local.simulators.venue.refusal import DeskRefusal
from tests.unit.venue.market import NEXT_CALL, NEXT_HIGHER, NEXT_LOWER, NEXT_PUT, leg, opened, order

FLAT = [["100"] * 10]


def kinds(venue: Any) -> list[str]:
    return [kind for kind, _, _ in venue.told]


def test_market_order_when_the_session_is_on_then_it_works_and_fills_at_the_ask() -> None:
    venue, desk = opened(FLAT)
    record = desk.enter(order("a", "10"))
    assert (record.state, venue.told) == ("pending", [])
    desk.route(record)
    assert venue.told == [("working", "a", "working"), ("fill", "a", "filled")]
    assert (record.average, record.filled) == (Decimal("100.01"), Decimal(10))
    assert desk.ledger.cash == Decimal("100000") - Decimal("1000.10")
    assert desk.ledger.position("SPY").quantity == 10


def test_order_when_the_market_is_closed_then_it_is_accepted_and_works_at_the_open() -> None:
    venue, desk = opened(FLAT, 0)
    desk.submit(order("early", "1"))
    assert kinds(venue) == ["accepted"]
    venue.advance()
    venue.advance()
    assert kinds(venue) == ["accepted", "working", "fill"]


def test_day_order_when_the_session_closes_then_it_expires_then() -> None:
    venue, desk = opened([["100", "100"]])
    record = desk.submit(order("low", "1", limit="90"))
    while venue.advance() != "close":
        pass
    assert record.state == "expired"
    assert record.expires_at == venue.session.closes_at


def test_partial_fills_when_on_then_one_part_fills_per_quote_and_a_cancel_keeps_the_rest() -> None:
    venue, desk = opened(FLAT)
    venue.faults.switch_on({"switch": "partial_fills", "least": 5, "most": 5})
    record = desk.submit(order("parts", "10"))
    assert (record.state, record.filled) == ("partially_filled", Decimal(2))
    venue.advance()
    assert record.filled == 4
    desk.cancel(record.id)
    assert (record.state, record.filled, desk.ledger.position("SPY").quantity) == ("canceled", Decimal(4), Decimal(4))


def test_partial_fills_when_at_once_then_all_parts_come_in_one_moment() -> None:
    venue, desk = opened(FLAT)
    venue.faults.switch_on({"switch": "partial_fills", "least": 3, "most": 3, "at_once": 1})
    record = desk.submit(order("parts", "10"))
    assert [fill.quantity for fill in record.fills] == [Decimal(4), Decimal(4), Decimal(2)]
    assert [fill.cumulative for fill in record.fills] == [Decimal(4), Decimal(8), Decimal(10)]
    assert kinds(venue) == ["working", "partial_fill", "partial_fill", "fill"]


def test_cancel_when_stuck_then_it_stays_pending_and_may_still_fill() -> None:
    venue, desk = opened([["100", "100", "95", "95"]])
    venue.faults.switch_on({"switch": "stuck_cancel"})
    record = desk.submit(order("low", "1", limit="96"))
    desk.cancel(record.id)
    assert desk.order(record.id).state == "cancel_pending"
    venue.advance()
    venue.advance()
    assert desk.order(record.id).state == "filled"


def test_cancel_when_asked_again_after_it_was_stuck_then_it_is_canceled() -> None:
    venue, desk = opened(FLAT)
    venue.faults.switch_on({"switch": "stuck_cancel"})
    record = desk.submit(order("low", "1", limit="96"))
    desk.cancel(record.id)
    desk.cancel(record.id)
    assert record.state == "canceled"


def test_cancel_when_the_order_fills_first_then_the_cancel_is_rejected() -> None:
    venue, desk = opened(FLAT)
    venue.faults.switch_on({"switch": "cancel_fill_race"})
    record = desk.submit(order("low", "1", limit="96"))
    desk.cancel(record.id)
    assert record.state == "filled"
    assert kinds(venue) == ["working", "cancel_pending", "fill", "cancel_rejected"]


def test_replace_when_taken_then_a_new_order_works_for_the_rest_in_its_place() -> None:
    _, desk = opened(FLAT)
    old = desk.submit(order("old", "5", limit="96"))
    change = Change(quantity=Decimal(7), limit=Decimal("101"))
    new = desk.enter_replacement(old.id, change, "new")
    desk.route_replacement(new, change)
    assert (old.state, old.replaced_by, new.replaces) == ("replaced", new.id, old.id)
    assert (new.state, new.filled) == ("filled", Decimal(7))


@pytest.mark.parametrize(("switch", "ends"), [("replace_fill_race", "filled"), ("replace_rejected", "working")])
def test_replace_when_the_exchange_does_not_take_it_then_the_old_order_goes_its_way(switch: str, ends: str) -> None:
    venue, desk = opened(FLAT)
    venue.faults.switch_on({"switch": switch})
    old = desk.submit(order("old", "5", limit="96"))
    change = Change(limit=Decimal("97"))
    new = desk.enter_replacement(old.id, change, "new")
    desk.route_replacement(new, change)
    assert (old.state, new.state, old.replaced_by) == (ends, "rejected", None)
    assert "replace_rejected" in kinds(venue)


def _exits(quantity: str = "10") -> tuple[Any, Any]:
    return (
        order("target", quantity, leg("SPY", "sell"), limit="102", time_in_force=TimeInForce.GTC),
        order(
            "stop",
            quantity,
            leg("SPY", "sell"),
            type=OrderType.STOP,
            stop=Decimal(98),
            time_in_force=TimeInForce.GTC,
        ),
    )


def _bracket(entry: str = "100.50") -> GroupRequest:
    return GroupRequest(kind="bracket", parent=order("entry", "10", limit=entry), children=_exits())


def test_bracket_when_the_parent_fills_then_its_children_work_and_one_cancels_the_other() -> None:
    venue, desk = opened([["100", "100", "103", "103"]])
    parent, target, stop = orders = desk.enter_group(_bracket())
    assert [one.state for one in orders] == ["pending", "held", "held"]
    desk.route(*orders)
    assert [one.state for one in orders] == ["filled", "working", "working"]
    assert desk.held("SPY") == (Decimal(10), [target.id, stop.id])
    venue.advance()
    venue.advance()
    assert [one.state for one in orders] == ["filled", "filled", "canceled"]
    assert desk.ledger.position("SPY").quantity == 0
    assert (target.parent, parent.children) == (parent.id, (target.id, stop.id))


def test_bracket_when_the_parent_is_canceled_then_its_children_are() -> None:
    _, desk = opened(FLAT)
    orders = desk.enter_group(_bracket("90"))
    desk.route(*orders)
    desk.cancel(orders[0].id)
    assert [one.state for one in orders] == ["canceled"] * 3


def test_bracket_when_its_parent_is_replaced_then_the_children_wait_for_the_new_one() -> None:
    _, desk = opened(FLAT)
    orders = desk.enter_group(_bracket("90"))
    desk.route(*orders)
    change = Change(limit=Decimal("100.50"))
    new = desk.enter_replacement(orders[0].id, change)
    desk.route_replacement(new, change)
    assert [one.state for one in (new, *orders)] == ["filled", "replaced", "working", "working"]


def test_oco_when_one_fills_in_part_then_the_other_shrinks_and_ends_with_it() -> None:
    venue, desk = opened([["100", "100", "103", "103"]])
    desk.submit(order("held", "10"))
    venue.faults.switch_on({"switch": "partial_fills", "least": 2, "most": 2})
    target, stop = orders = desk.enter_group(GroupRequest(kind="oco", parent=None, children=_exits()))
    desk.route(*orders)
    venue.advance()
    venue.advance()
    assert (target.state, stop.state) == ("partially_filled", "working")
    assert (target.filled, stop.quantity) == (Decimal(5), Decimal(5))
    venue.advance()
    assert (target.state, stop.state) == ("filled", "canceled")
    assert desk.ledger.position("SPY").quantity == 0


VERTICAL = (leg(NEXT_CALL, "buy", "open"), leg(NEXT_HIGHER, "sell", "open"))


def test_vertical_when_it_fills_then_each_leg_has_its_own_fill_and_the_net_is_within_the_limit() -> None:
    _, desk = opened(FLAT)
    record = desk.submit(order("spread", "2", *VERTICAL, limit="3.00"))
    assert (record.state, record.filled) == ("filled", Decimal(2))
    assert [(fill.leg, fill.quantity) for fill in record.fills] == [(0, Decimal(2)), (1, Decimal(2))]
    assert record.average is not None
    assert 0 < record.average <= 3
    assert desk.ledger.cash == 100000 - record.average * 200
    assert desk.ledger.position(NEXT_HIGHER).quantity == -2


def test_vertical_when_told_leg_by_leg_then_the_second_leg_comes_with_the_next_beat() -> None:
    venue, desk = opened(FLAT, rules={"leg_by_leg": True})
    record = desk.submit(order("spread", "2", *VERTICAL, limit="3.00"))
    assert (record.state, record.done_at_exchange, len(record.fills)) == ("partially_filled", True, 1)
    assert record.filled == 0
    venue.advance()
    assert (record.state, len(record.fills)) == ("filled", 2)


def test_credit_spread_when_opened_then_its_width_is_required_and_its_credit_is_cash() -> None:
    _, desk = opened(FLAT, cash="1000", multiplier=1, shorting=False)
    legs = (leg(NEXT_PUT, "sell", "open"), leg(NEXT_LOWER, "buy", "open"))
    with pytest.raises(DeskRefusal) as refused:
        desk.submit(order("big", "4", *legs, limit="-0.50"))
    assert refused.value.reason == "insufficient_buying_power"
    record = desk.submit(order("small", "1", *legs, limit="-0.50"))
    assert record.state == "filled"
    assert record.average is not None
    assert record.average <= Decimal("-0.50")
    assert sum(one.amount for one in desk.ledger.option_requirement().values()) == 500


@pytest.mark.parametrize(
    ("level", "legs", "reason"),
    [
        (0, (leg(NEXT_CALL, "buy", "open"),), "options_level"),
        (1, (leg(NEXT_CALL, "buy", "open"),), "options_level"),
        (2, VERTICAL, "options_level"),
        (3, (leg(NEXT_CALL, "sell", "open"),), "uncovered"),
        (2, (leg(NEXT_CALL, "buy", "open"),), None),
        (1, (leg(NEXT_PUT, "sell", "open"),), None),
        (4, (leg(NEXT_CALL, "sell", "open"),), None),
    ],
)
def test_options_when_the_level_does_not_reach_then_they_are_refused(level: int, legs: Any, reason: str | None) -> None:
    _, desk = opened(FLAT, options_level=level)
    request = order("o", "1", *legs, limit="2.00" if len(legs) == 1 else "3.00")
    if reason is None:
        desk.submit(request)
        return
    with pytest.raises(DeskRefusal) as refused:
        desk.submit(request)
    assert refused.value.reason == reason


def test_covered_call_when_sold_then_its_shares_are_locked() -> None:
    _, desk = opened(FLAT, options_level=1)
    desk.submit(order("shares", "100"))
    desk.submit(order("call", "1", leg(NEXT_CALL, "sell", "open")))
    for request, reason in (
        (order("more", "1", leg(NEXT_CALL, "sell", "open")), "uncovered"),
        (order("shares out", "1", leg("SPY", "sell")), "insufficient_quantity"),
    ):
        with pytest.raises(DeskRefusal) as refused:
            desk.submit(request)
        assert refused.value.reason == reason


def test_opposite_orders_when_they_could_trade_with_one_another_then_the_second_is_refused() -> None:
    _, desk = opened(FLAT)
    desk.submit(order("shares", "10"))
    desk.submit(order("bid", "1", limit="99"))
    with pytest.raises(DeskRefusal) as refused:
        desk.submit(order("out", "1", leg("SPY", "sell")))
    assert (refused.value.reason, len(refused.value.related)) == ("wash_trade", 1)
    desk.submit(order("above", "1", leg("SPY", "sell"), limit="101"))


def test_closing_leg_when_nothing_is_held_then_the_rules_decide() -> None:
    _, desk = opened(FLAT, rules={"unique_client_ids": False, "close_without_position": "open"})
    record = desk.submit(order("sell", "1", leg("SPY", "sell", "close")))
    assert (record.warnings, record.legs[0].intent) == (("closing_with_no_position",), "sell_to_open")
    _, strict = opened(FLAT)
    with pytest.raises(DeskRefusal) as refused:
        strict.submit(order("sell", "1", leg("SPY", "sell", "close")))
    assert refused.value.reason == "no_position"


def test_same_client_id_when_the_rules_let_it_then_two_orders_have_it() -> None:
    _, desk = opened(FLAT, rules={"unique_client_ids": False})
    first, second = desk.submit(order("same", "1")), desk.submit(order("same", "1"))
    assert first.id != second.id
    assert desk.orders_by_client_id("same") == [first, second]


def test_halted_symbol_when_on_then_nothing_fills_until_it_is_over() -> None:
    venue, desk = opened(FLAT)
    venue.faults.switch_on({"switch": "halted_symbol", "symbol": "SPY", "count": 2})
    venue.advance()
    record = desk.submit(order("wait", "1"))
    venue.advance()
    assert desk.order(record.id).state == "working"
    venue.advance()
    assert desk.order(record.id).state == "filled"


def test_half_day_when_switched_on_then_the_next_session_closes_early_and_the_calendar_says_so() -> None:
    venue, desk = opened([["100"] * 300], 0)
    venue.switched_on(venue.faults.switch_on({"switch": "half_day"}))
    record = desk.submit(order("low", "1", limit="90"))
    assert venue.calendar.between(venue.session.day, venue.session.day)[0].minutes == 210
    while venue.advance() != "close":
        pass
    assert (venue.minute_index, record.state) == (209, "expired")
    assert record.expires_at == venue.session.closes_at


def test_cash_when_it_has_not_settled_then_a_cash_account_cannot_spend_it() -> None:
    venue, desk = opened([["100"] * 5, ["100"] * 5], rules={"settled_cash_only": True}, cash="1000", multiplier=1)
    desk.submit(order("in", "9"))
    desk.submit(order("out", "9", leg("SPY", "sell")))
    assert desk.ledger.settled_cash(venue.now()) < 100
    with pytest.raises(DeskRefusal) as refused:
        desk.submit(order("again", "9"))
    assert refused.value.reason == "unsettled_cash"
    while venue.advance() != "open":
        pass
    venue.advance()
    assert desk.submit(order("next day", "9")).state == "filled"


def test_notional_when_given_then_it_buys_the_shares_that_it_pays_for() -> None:
    _, desk = opened(FLAT)
    record = desk.submit(order("dollars", None, notional=Decimal(1000)))
    assert record.filled == Decimal("9.999000099")
    assert record.filled * Decimal("100.01") <= 1000


@pytest.mark.parametrize(("account", "reason"), [("blocked", "trading_blocked"), ("closing_only", "closing_only")])
def test_account_when_it_is_restricted_then_opening_is_refused(account: str, reason: str) -> None:
    _, desk = opened(FLAT, **{account: True})
    with pytest.raises(DeskRefusal) as refused:
        desk.submit(order("a", "1"))
    assert refused.value.reason == reason


@pytest.mark.parametrize("limit", ["100.005", "99.999"])
def test_price_when_it_is_off_the_tick_then_it_is_refused(limit: str) -> None:
    _, desk = opened(FLAT)
    with pytest.raises(DeskRefusal) as refused:
        desk.submit(order("a", "1", limit=limit))
    assert refused.value.reason == "off_tick"
