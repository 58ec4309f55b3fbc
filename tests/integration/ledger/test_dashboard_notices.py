"""What an open dashboard hears: every change of an order and a position, and one word for one fill."""

from __future__ import annotations

from typing import Any

from tests.integration.ledger.desk import Desk

_HEARD = "select payload - 'id' from realtime.messages where topic = %s and inserted_at >= now() - interval '1 hour'"


def _heard(desk: Desk) -> list[dict[str, Any]]:
    """What the desk's owner has heard since the last look."""
    topic = f"user:{desk.user}"
    messages = [message for (message,) in desk.ledger.rows(_HEARD, topic)]
    desk.ledger.run("delete from realtime.messages where topic = %s", topic)
    return messages


def _position(desk: Desk) -> dict[str, Any]:
    row: dict[str, Any] = desk.ledger.one(
        "select to_jsonb(b) from public.position_books as b where broker_account_id = %s", desk.account
    )
    return row


def _trade(desk: Desk, order: str) -> dict[str, Any]:
    row: dict[str, Any] = desk.ledger.one(
        "select to_jsonb(t) from public.trades as t where broker_account_id = %s and broker_order_id = %s",
        desk.account,
        order,
    )
    return row


def test_fill_when_recorded_then_one_message_says_fill_order_and_position(desk: Desk) -> None:
    _, order = desk.working("buy", "100")
    _heard(desk)
    for quantity, total, status in (("40", "40", "partially_filled"), ("60", "100", "filled")):
        desk.fill(order, quantity, "10", total)
        (message,) = _heard(desk)
        assert (message["table"], message["operation"]) == ("fills", "INSERT")
        assert message["row"]["cumulative_quantity"] == float(total)
        assert message["trade"].items() <= _trade(desk, order).items()
        assert (message["trade"]["status"], message["trade"]["filled_quantity"]) == (status, float(total))
        assert message["position"] == _position(desk)
        assert message["position"]["quantity"] == float(total)


def test_fill_when_doubled_then_nothing_is_said(desk: Desk) -> None:
    _, order = desk.working("buy", "100")
    desk.fill(order, "40", "10")
    _heard(desk)
    desk.fill(order, "40", "10")
    assert _heard(desk) == []


def test_fill_when_taken_back_then_the_message_has_what_is_left(desk: Desk) -> None:
    _, order = desk.working("buy", "100")
    desk.fill(order, "40", "10")
    desk.fill(order, "20", "11", "60")
    _heard(desk)
    desk.change("bust", order, cumulative_quantity="40")
    (message,) = [found for found in _heard(desk) if found["table"] == "fills"]
    assert (message["row"]["kind"], message["trade"]["filled_quantity"]) == ("bust", 20)
    assert message["position"] == _position(desk)


def test_order_when_its_status_changes_without_a_fill_then_said(desk: Desk) -> None:
    _, order = desk.working("buy", "100")
    _heard(desk)
    desk.update(order, "canceled")
    (message,) = [found for found in _heard(desk) if found["table"] == "trades"]
    assert message["row"] == _trade(desk, order)


def test_fill_when_its_order_was_being_canceled_then_one_message_says_filled(desk: Desk) -> None:
    trade, order = desk.working("buy", "100")
    desk.ledger.run("update public.trades set status = 'cancel_pending' where id = %s", trade)
    _heard(desk)
    desk.fill(order, "100", "10")
    (message,) = _heard(desk)
    assert message["trade"]["status"] == "filled"


def test_position_when_an_adjustment_moves_it_then_said_with_the_position(desk: Desk) -> None:
    desk.hold("100", "10")
    _heard(desk)
    desk.activity("split", "s", symbol="SPY", numerator="3", denominator="2")
    (message,) = [found for found in _heard(desk) if found["table"] == "position_adjustments"]
    assert message["trade"] is None
    assert message["position"] == _position(desk)
    assert message["position"]["quantity"] == 150


def test_position_when_changed_by_hand_then_said(desk: Desk) -> None:
    desk.hold("100", "10")
    _heard(desk)
    desk.ledger.run("update public.position_books set fees = fees + 1 where broker_account_id = %s", desk.account)
    (message,) = _heard(desk)
    assert (message["table"], message["row"]) == ("position_books", _position(desk))
