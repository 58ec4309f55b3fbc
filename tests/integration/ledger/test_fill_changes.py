"""Busts and corrections: what the broker takes back or corrects is counted once, whenever and however it is told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, fill_of
from tests.integration.ledger.ledger import refused

_CLIENTS = 16


def _later(minutes: int) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat()


def _book(desk: Desk) -> tuple[Any, ...]:
    """Quantity, cost, realised by average cost and by lots, fees."""
    (row,) = desk.ledger.rows(
        "select quantity, cost_basis, realised_pnl, fifo_realised_pnl, fees from public.position_books "
        "where broker_account_id = %s",
        desk.account,
    )
    return row


def _trade(desk: Desk, trade: object) -> tuple[Any, ...]:
    (row,) = desk.ledger.rows("select status, filled_quantity, fill_price from public.trades where id = %s", trade)
    return row


def _kinds(desk: Desk) -> list[str]:
    rows = desk.ledger.rows("select kind from public.fills where user_id = %s order by number", desk.user)
    return [kind for (kind,) in rows]


def test_bust_when_the_trade_is_filled_then_quantities_move_and_status_stays(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "60", "10", "60", fee="0.30", external_id="a")
    desk.fill(order, "40", "11", "100", external_id="b")
    answer = desk.change("bust", order, corrects_external_id="a", external_id="bust of a")
    assert (answer["counted"], answer["status"]) == (True, "filled")
    assert _trade(desk, trade) == ("filled", 40, 11)
    assert _book(desk) == (40, 440, 0, 0, 0)
    assert _kinds(desk) == ["fill", "fill", "bust"]
    row = desk.ledger.rows(
        "select side, quantity, price, fee, quantity_change, value_change, position_quantity from public.fills "
        "where user_id = %s and kind = 'bust'",
        desk.user,
    )
    assert row == [("buy", 60, 10, Decimal("-0.3"), -60, -600, 40)]


def test_bust_when_part_was_sold_since_then_the_row_carries_the_difference(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", executed_at=_later(1))
    _, sale = desk.working("sell", "100")
    desk.fill(sale, "100", "12", executed_at=_later(2))
    assert _book(desk) == (0, 0, 200, 200, 0)
    desk.change("bust", order, cumulative_quantity="100", executed_at=_later(3))
    assert _book(desk) == (-100, -1200, 0, 0, 0)
    by_event = desk.ledger.rows(
        "select kind, average_cost_pnl, fifo_pnl from public.realised_pnl where user_id = %s order by at", desk.user
    )
    assert by_event == [("fill", 0, 0), ("fill", 200, 0), ("bust", -200, 0)]


@pytest.mark.parametrize("path", ["stream", "activities"])
def test_bust_when_told_again_then_counted_once(desk: Desk, path: str) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", external_id="a")
    assert desk.change("bust", order, corrects_external_id="a", external_id="x")["counted"]
    assert not desk.change("bust", order, corrects_external_id="a", external_id="x")["counted"]
    again = desk.change("bust", order, cumulative_quantity="100", source=path, external_id="y", executed_at=_later(9))
    assert not again["counted"]
    assert (_kinds(desk), desk.position()) == (["fill", "bust"], 0)


def test_bust_when_it_has_the_name_of_its_fill_then_counted_all_the_same_and_once(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", external_id="x")
    told = [desk.change("bust", order, corrects_external_id="x", external_id="x")["counted"] for _ in range(2)]
    assert (told, desk.position()) == ([True, False], 0)


def test_bust_when_sixteen_tell_it_by_two_names_then_counted_once(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", external_id="a")
    said = {"kind": "bust", "broker_order_id": order, "corrects_external_id": "a", "executed_at": _later(2)}
    works = [
        calling(
            "record_fill",
            "fn_execute",
            p_account_id=desk.account,
            p_fill=said | {"source": source, "external_id": source},
        )
        for source in ("stream", "activities") * (_CLIENTS // 2)
    ]
    assert sum(answer["counted"] for answer in desk.ledger.at_once(*works)) == 1
    assert (desk.position(), desk.count("fill_aliases")) == (0, 3)


def test_fills_when_sixteen_tell_the_same_ones_by_both_ids_then_each_counted_once(desk: Desk) -> None:
    trade, order = desk.working(quantity="80")

    def tell(source: str) -> Any:
        def work(connection: Any) -> int:
            counted = 0
            for number in range(1, 9):
                fill = fill_of(order, "10", "10", str(10 * number), source=source, external_id=f"{source} {number}")
                counted += calling("record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill)(connection)[
                    "counted"
                ]
                connection.commit()
            return counted

        return work

    found = desk.ledger.at_once(*[tell(source) for source in ("stream", "activities") * (_CLIENTS // 2)])
    assert sum(found) == 8
    assert (desk.position(), desk.count("fills"), desk.count("fill_aliases")) == (80, 8, 16)
    assert desk.status(trade) == "filled"


def test_correction_when_of_price_and_quantity_then_trade_position_and_lots_follow(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "100", "10", external_id="a")
    desk.change("correction", order, corrects_external_id="a", external_id="c1", quantity="90", price="10.5")
    assert _trade(desk, trade) == ("filled", 90, Decimal("10.5"))
    assert _book(desk) == (90, 945, 0, 0, 0)
    lots = desk.ledger.rows("select quantity, cost_basis from public.position_lots where user_id = %s", desk.user)
    assert lots == [(90, 945)]
    # A correction of the correction names the newer execution.
    desk.change(
        "correction",
        order,
        corrects_external_id="c1",
        external_id="c2",
        quantity="95",
        price="10",
        executed_at=_later(5),
    )
    assert _book(desk) == (95, 950, 0, 0, 0)
    desk.change("bust", order, corrects_external_id="c2", executed_at=_later(6))
    assert _book(desk) == (0, 0, 0, 0, 0)
    assert _kinds(desk) == ["fill", "correction", "correction", "bust"]


def test_correction_when_an_older_one_comes_late_then_the_newer_stays(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", external_id="a")
    for minute, price in ((9, "12"), (5, "11")):
        desk.change(
            "correction", order, corrects_external_id="a", quantity="100", price=price, executed_at=_later(minute)
        )
    assert _book(desk)[1] == 1200


def test_correction_when_above_what_was_ordered_then_excess_break(desk: Desk) -> None:
    _, order = desk.working(quantity="100")
    desk.fill(order, "100", "10")
    desk.change("correction", order, cumulative_quantity="100", quantity="130", price="10")
    kinds = desk.ledger.rows("select kind from public.reconciliation_breaks where user_id = %s", desk.user)
    assert (kinds, desk.halted()) == ([("excess_fill",)], True)


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("kind", ["bust", "correction"])
def test_change_when_its_fill_is_unknown_then_kept_halted_and_applied_when_it_comes(
    desk: Desk, kind: str, *, by_name: bool
) -> None:
    _, order = desk.working()
    names = {"corrects_external_id": "a"} if by_name else {"cumulative_quantity": "100"}
    terms = {"quantity": "90", "price": "10"} if kind == "correction" else {}
    answer = desk.change(kind, order, external_id="change", executed_at=_later(5), **names, **terms)
    assert (answer["counted"], answer["waiting"]) == (False, True)
    assert desk.change(kind, order, external_id="change", executed_at=_later(5), **names, **terms)["waiting"]
    assert (desk.count("fills"), desk.count("broker_activities"), desk.halted()) == (0, 1, True)
    assert desk.fill(order, "100", "10", external_id="a")["counted"]
    assert desk.position() == (90 if kind == "correction" else 0)
    assert desk.ledger.one("select state from public.broker_activities where user_id = %s", desk.user) == "applied"
    assert not desk.change(kind, order, external_id="change", executed_at=_later(5), **names, **terms)["counted"]
    assert desk.count("fills") == 2


def test_fill_when_a_busted_quantity_is_filled_anew_then_counted_and_the_busted_one_stays_gone(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "100", "10", external_id="a", executed_at=_later(1))
    desk.change("bust", order, corrects_external_id="a", executed_at=_later(2))
    # The busted execution, told by the other path: still the busted one.
    assert not desk.fill(order, "100", "10", source="activities", external_id="b", executed_at=_later(1))["counted"]
    told = {"p_account_id": desk.account, "p_fills": [{"broker_order_id": order, "cumulative_quantity": "100"}]}
    assert len(desk.ledger.call("unrecorded_fills", "fn_execute", **told)) == 1
    assert desk.fill(order, "100", "9", external_id="c", executed_at=_later(3))["counted"]
    assert not desk.fill(order, "100", "9", external_id="c", executed_at=_later(3))["counted"]
    assert (_book(desk)[:2], _trade(desk, trade)[1:]) == ((100, 900), (100, 9))
    assert desk.ledger.call("unrecorded_fills", "fn_execute", **told) == []


def test_fill_when_older_than_what_is_booked_then_walked_in_at_its_place(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", executed_at=_later(1))
    _, sale = desk.working("sell", "100")
    desk.fill(sale, "100", "12", executed_at=_later(5))
    _, late = desk.working()
    desk.fill(late, "100", "8", executed_at=_later(3))
    # In the order of execution the sale sold half of 200 at 9; in the order of telling it closed the first hundred.
    assert _book(desk)[:4] == (100, 900, 300, 200)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "amendment"},
        {"executed_at": None},
        {"executed_at": "soon"},
        {"source": "rumour"},
        {"corrects_external_id": None},
        {"kind": "correction"},
        {"kind": "correction", "quantity": "0", "price": "1"},
        {"kind": "correction", "quantity": "1", "price": "NaN"},
        {"corrects_external_id": None, "cumulative_quantity": "many"},
    ],
)
def test_change_when_malformed_then_refused_and_nothing_written(desk: Desk, wrong: dict[str, Any]) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", external_id="a")
    with refused("BAD_FILL", 422):
        desk.change(**({"kind": "bust", "order": order, "corrects_external_id": "a"} | wrong))
    assert (desk.count("fills"), desk.count("broker_activities")) == (1, 0)


def test_change_of_a_correction_that_comes_late_then_applied_with_it(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", external_id="first")

    def correct(name: str, corrected: str, quantity: str, minute: int) -> dict[str, Any]:
        said = {"external_id": name, "corrects_external_id": corrected, "quantity": quantity, "price": "10"}
        return desk.change("correction", "", executed_at=_later(minute), **said)

    assert correct("third", "second", "60", 9)["waiting"]
    correct("second", "first", "80", 5)
    assert desk.position() == 60
    waiting = "select count(*) from public.broker_activities where state = 'waiting' and user_id = %s"
    assert desk.ledger.one(waiting, desk.user) == 0
