"""Positions, case by case; whole histories against books kept by hand are in test_books."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Ledger


def rounded(value: Decimal) -> Decimal:
    """Half away from zero, at 10 places."""
    return value.quantize(Decimal("1e-10"), rounding=ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("bought", "paid", "sold", "average", "realised"),
    [
        # 100 / 3 and what is left of it: a third rounds down, two thirds round up, half rounds away from zero.
        ("3", "0.3333333333", "1", "0.3333333333", "0.6666666667"),
        ("2", "0.00000000005", "1", "0.0000000001", "0.9999999999"),
    ],
)
def test_average_when_it_has_no_end_then_rounded_half_away_from_zero(
    desk: Desk, bought: str, paid: str, sold: str, average: str, realised: str
) -> None:
    _, order = desk.working(quantity=bought)
    if len(paid) > 12:  # More than ten places: the price itself is rounded as it comes in.
        paid = str(rounded(Decimal(paid)))
    desk.fill(order, bought, paid)
    view = "select average_entry_price from public.positions where user_id = %s"
    assert desk.ledger.one(view, desk.user) == Decimal(average)
    _, order = desk.working("sell", sold)
    desk.fill(order, sold, "1", side="sell")
    assert desk.ledger.one("select realised_pnl from public.position_books where user_id = %s", desk.user) == Decimal(
        realised
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_average_when_exactly_half_then_away_from_zero_long_and_short(desk: Desk, sign: int) -> None:
    first, second = ("buy", "sell") if sign > 0 else ("sell", "buy")
    for quantity, price in (("1", "0.0000000001"), ("1", "0.0000000002")):
        _, order = desk.working(first, quantity)
        desk.fill(order, quantity, price)
    # Cost 0.0000000003 for two: one of them costs 0.00000000015, which rounds to ...02.
    view = "select average_entry_price from public.positions where user_id = %s"
    assert desk.ledger.one(view, desk.user) == Decimal("0.0000000002")
    _, order = desk.working(second, "1")
    desk.fill(order, "1", "1")
    cost = desk.ledger.one("select cost_basis from public.position_books where user_id = %s", desk.user)
    assert cost == Decimal("0.0000000001") * sign


def test_position_when_flipped_through_zero_then_new_side_costs_the_fill_price(desk: Desk) -> None:
    desk.hold("100", "10")
    _, order = desk.working("sell", "250")
    desk.fill(order, "250", "12")
    book = desk.ledger.rows(
        "select quantity, cost_basis, realised_pnl from public.position_books where user_id = %s", desk.user
    )
    assert book == [(-150, -1800, 200)]


def test_positions_when_two_strategies_share_an_account_then_each_keeps_its_own(desk: Desk) -> None:
    desk.hold("100", "10")
    desk.fill("by-phone", "40", "12", side="sell")
    owners = desk.ledger.rows(
        "select owner_key, quantity, cost_basis, realised_pnl from public.strategy_positions where user_id = %s "
        "order by quantity",
        desk.user,
    )
    assert owners == [("manual", -40, -480, 0), (str(desk.strategy), 100, 1000, 0)]
    assert desk.ledger.rows(
        "select quantity, cost_basis, realised_pnl from public.position_books where user_id = %s", desk.user
    ) == [(60, 600, 80)]


def test_positions_when_there_is_no_mark_then_value_is_missing_not_zero(fresh_desk: Desk) -> None:
    fresh_desk.hold("100", "10")
    row = fresh_desk.ledger.rows("select mark, market_value, unrealised_pnl from public.positions")
    assert row == [(None, None, None)]
    fresh_desk.ledger.run("insert into public.position_marks values ('SPY', 10.5, now(), 'test')")
    row = fresh_desk.ledger.rows("select mark, market_value, unrealised_pnl from public.positions")
    assert row == [(Decimal("10.5"), 1050, 50)]


@pytest.mark.parametrize(
    "tampering",
    [
        "update public.position_books set quantity = quantity + 1",
        "update public.position_books set cost_basis = cost_basis + 0.0000000001",
        "update public.position_books set realised_pnl = realised_pnl + 1",
        "update public.position_books set fees = fees + 1",
        "delete from public.position_books",
        "update public.strategy_positions set quantity = quantity + 1",
        "update public.strategy_positions set cost_basis = cost_basis + 1",
        "update public.strategy_positions set realised_pnl = realised_pnl - 1",
        "update public.strategy_positions set fees = fees + 1",
        "delete from public.strategy_positions",
        "update public.trade_legs set filled_quantity = filled_quantity - 1",
        "update public.trade_legs set filled_value = filled_value - 1",
        "update public.trades set filled_quantity = filled_quantity + 1",
        "update public.fills set quantity = quantity + 1",
        "update public.fills set price = price + 1",
        "update public.fills set executed_at = executed_at + interval '1 second'",
        "update public.fills set realised_pnl = realised_pnl + 1",
        "update public.fills set strategy_realised_pnl = strategy_realised_pnl + 1",
        "update public.fills set position_cost = position_cost + 1",
        "delete from public.fills",
        "update public.position_books set fifo_realised_pnl = fifo_realised_pnl + 1",
        "update public.position_lots set quantity = quantity + 1",
        "update public.position_lots set original_quantity = original_quantity + 1",
        "update public.position_lots set cost_basis = cost_basis + 0.0000000001",
        "update public.position_lots set opened_at = opened_at - interval '1 second'",
        "delete from public.position_lots",
        "update public.lot_closings set realised_pnl = realised_pnl + 1, proceeds = proceeds + 1",
        "update public.lot_closings set closed_at = closed_at + interval '1 day'",
        "delete from public.lot_closings",
        "update public.position_adjustments set numerator = numerator + 1",
        "update public.position_adjustments set effective_at = effective_at + interval '1 day'",
        "update public.position_adjustments set quantity_change = quantity_change + 1",
        "delete from public.position_adjustments",
        "update public.position_adjustment_shares set quantity = quantity + 1",
        "update public.position_adjustment_shares set realised_pnl = realised_pnl + 1",
        "delete from public.position_adjustment_shares",
    ],
)
def test_check_positions_when_books_or_fills_are_tampered_then_found(ledger: Ledger, tampering: str) -> None:
    desk = Desk.open(ledger)
    desk.hold("100", "10")
    _, order = desk.working("sell", "30")
    desk.fill(order, "30", "11", fee="0.05")
    desk.activity("split", f"split of {desk.account}", symbol="SPY", numerator="2", denominator="1")
    desk.change("correction", order, cumulative_quantity="30", quantity="20", price="11")
    check = "select public.check_positions()"
    with ledger.session() as connection:
        assert connection.execute(check).fetchone() == ({"ok": True, "findings": []},)
        connection.execute("set local session_replication_role = replica")
        connection.execute(f"{tampering} where user_id = %s".encode(), [desk.user])
        found: Any = connection.execute(check).fetchone()
        assert not found[0]["ok"]
        assert found[0]["findings"]
        connection.rollback()
