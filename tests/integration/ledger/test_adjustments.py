"""Account activities: splits, expiry, exercise, assignment, transfers, cash; each applied once, none lost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.ledger.activities import Activity, ActivityLedger, FillChange
from tests.integration.ledger.desk import NOON, Desk, calling
from tests.integration.ledger.ledger import Direct, refused

CALL = "SPY131019C00170000"
PUT = "SPY131019P00170000"


def _book(desk: Desk, symbol: str = "SPY") -> tuple[Any, ...]:
    """Quantity, cost, realised by average cost and by lots."""
    (row,) = desk.ledger.rows(
        "select quantity, cost_basis, realised_pnl, fifo_realised_pnl from public.position_books "
        "where broker_account_id = %s and symbol = %s",
        desk.account,
        symbol,
    )
    return row


def _owners(desk: Desk, symbol: str = "SPY") -> dict[str, Any]:
    rows = desk.ledger.rows(
        "select owner_key, quantity, cost_basis from public.strategy_positions "
        "where broker_account_id = %s and symbol = %s",
        desk.account,
        symbol,
    )
    return {"manual" if owner == "manual" else "strategy": tuple(rest) for owner, *rest in rows}


def _lots(desk: Desk, symbol: str = "SPY") -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        "select quantity, cost_basis from public.position_lots where broker_account_id = %s and symbol = %s "
        "and quantity <> 0 order by opened_at, number",
        desk.account,
        symbol,
    )


def _breaks(desk: Desk) -> list[str]:
    rows = desk.ledger.rows("select kind from public.reconciliation_breaks where user_id = %s", desk.user)
    return [kind for (kind,) in rows]


def test_split_when_of_shares_then_cost_stays_at_every_level(desk: Desk) -> None:
    desk.hold("100", "10")
    desk.fill("by-phone", "50", "13")
    assert desk.activity("split", "s", symbol="SPY", numerator="3", denominator="2")["applied"]
    assert _book(desk) == (225, 1650, 0, 0)
    assert _owners(desk) == {"strategy": (150, 1000), "manual": (75, 650)}
    assert _lots(desk) == [(150, 1000), (75, 650)]


def test_split_when_it_leaves_fractions_then_strategies_and_lots_add_up_to_the_last_decimal(desk: Desk) -> None:
    desk.hold("1", "10")
    desk.fill("by-phone", "1", "13")
    desk.activity("split", "s", symbol="SPY", numerator="1", denominator="3")
    assert _book(desk)[:2] == (Decimal("0.6666666667"), 23)
    parts = [Decimal("0.3333333333"), Decimal("0.3333333334")]
    assert sorted(quantity for quantity, _ in _owners(desk).values()) == parts
    assert [quantity for quantity, _ in _lots(desk)] == parts
    assert desk.activity("cash_in_lieu", "c", symbol="SPY", quantity="-0.6666666667", amount="20")["applied"]
    assert _book(desk) == (0, 0, -3, -3)


def test_split_when_told_after_later_fills_then_walked_in_at_its_place(desk: Desk) -> None:
    desk.hold("100", "10")
    desk.fill("by-phone", "50", "6", executed_at=(NOON + timedelta(minutes=30)).isoformat())
    desk.activity("split", "s", symbol="SPY", numerator="2", denominator="1")
    assert _book(desk)[:2] == (250, 1300)
    assert _lots(desk) == [(200, 1000), (50, 300)]


def test_expiry_when_strategies_hold_both_sides_then_all_of_them_end(desk: Desk) -> None:
    desk.fill("first", "5", "2", symbol=CALL)
    desk.fill("second", "2", "3", symbol=CALL, side="sell")
    assert _book(desk, CALL) == (3, 600, 200, 200)
    assert desk.activity("expiry", "e", symbol=CALL, quantity="-3")["applied"]
    assert _book(desk, CALL) == (0, 0, -400, -400)
    assert _owners(desk, CALL) == {"manual": (0, 0)}


@pytest.mark.parametrize(
    ("kind", "symbol", "side", "shares", "cost"),
    [
        ("exercise", CALL, "buy", 200, 34000),
        ("exercise", PUT, "buy", -200, -34000),
        ("assignment", CALL, "sell", -200, -34000),
        ("assignment", PUT, "sell", 200, 34000),
    ],
)
def test_delivery_when_an_option_ends_early_then_it_closes_at_zero_and_shares_move_at_the_strike(
    desk: Desk, kind: str, symbol: str, side: str, shares: int, cost: int
) -> None:
    desk.fill("option", "2", "1.5", symbol=symbol, side=side)
    assert desk.activity(kind, "x", symbol=symbol, quantity="2")["applied"]
    premium = -300 if side == "buy" else 300
    assert _book(desk, symbol) == (0, 0, premium, premium)
    assert _book(desk) == (shares, cost, 0, 0)
    assert desk.activity(kind, "x", symbol=symbol, quantity="2")["applied"] is False
    assert _book(desk) == (shares, cost, 0, 0)


def test_exercise_when_part_of_it_then_the_oldest_lot_gives_and_its_owner_gets_the_shares(desk: Desk) -> None:
    def leg(owner: str, quantity: str, minute: int) -> None:
        at = (NOON + timedelta(minutes=minute)).isoformat()
        said = {"symbol": CALL, "quantity": quantity, "amount": "100", "occurred_at": at}
        desk.activity(
            "transfer_in", f"{owner} {minute}", **said, **({} if owner == "manual" else {"strategy_id": owner})
        )

    leg(str(desk.strategy), "3", 1)
    leg("manual", "4", 2)
    desk.activity("exercise", "x", symbol=CALL, quantity="5")
    assert {owner: quantity for owner, (quantity, _) in _owners(desk, CALL).items()} == {"strategy": 0, "manual": 2}
    assert {owner: quantity for owner, (quantity, _) in _owners(desk).items()} == {"strategy": 300, "manual": 200}
    # An older lot is told late: who gave, and so who got the shares, follows it.
    leg("manual", "4", 0)
    assert {owner: quantity for owner, (quantity, _) in _owners(desk, CALL).items()} == {"strategy": 2, "manual": 4}
    assert {owner: quantity for owner, (quantity, _) in _owners(desk).items()} == {"strategy": 100, "manual": 400}


def test_expiry_when_lots_of_two_owners_lie_between_each_other_then_each_gives_its_own_in_turn(desk: Desk) -> None:
    for minute, owner in enumerate(("strategy", "manual", "strategy")):
        at = (NOON + timedelta(minutes=minute)).isoformat()
        whose = {"strategy_id": str(desk.strategy)} if owner == "strategy" else {}
        desk.activity("transfer_in", f"{minute}", symbol=CALL, quantity="1", amount="1", occurred_at=at, **whose)
    desk.activity("expiry", "e", symbol=CALL, quantity="-2")
    assert {owner: quantity for owner, (quantity, _) in _owners(desk, CALL).items()} == {"strategy": 1, "manual": 0}


def test_transfer_out_when_of_part_then_it_takes_its_cost_along_and_realises_nothing(desk: Desk) -> None:
    desk.hold("100", "10")
    desk.fill("by-phone", "100", "20")
    desk.activity("transfer_out", "t", symbol="SPY", quantity="-100")
    assert _book(desk) == (100, 1500, 0, 0)
    assert _lots(desk) == [(100, 2000)]
    assert _owners(desk)["strategy"] == (0, 0)


def test_expiry_when_more_than_is_held_then_applied_and_a_break(desk: Desk) -> None:
    desk.fill("option", "1", "1", symbol=CALL)
    desk.activity("expiry", "e", symbol=CALL, quantity="-2")
    assert (_book(desk, CALL)[0], _breaks(desk)) == (-1, ["position"])
    desk.fill("late", "1", "1", symbol=CALL)
    assert _book(desk, CALL) == (0, 0, -200, -200)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("dividend", "12.34"),
        ("interest", "-1"),
        ("fee", "-0.02"),
        ("tax", "-3"),
        ("deposit", "100"),
        ("withdrawal", "-5"),
    ],
)
def test_cash_when_it_moves_then_one_movement_however_often_it_is_told(desk: Desk, kind: str, amount: str) -> None:
    said = {"amount": amount, "symbol": "SPY"}
    works = [
        calling(
            "apply_activity",
            "fn_execute",
            p_account_id=desk.account,
            p_activity={"source": "activities", "external_id": "m", "kind": kind, "occurred_at": NOON.isoformat()}
            | said,
        )
    ] * 4
    assert sum(answer["applied"] for answer in desk.ledger.at_once(*works)) == 1
    moved = desk.ledger.rows("select kind, amount, symbol from public.cash_movements where user_id = %s", desk.user)
    assert moved == [(kind, Decimal(amount), "SPY")]


def test_fill_when_told_as_an_activity_then_the_same_fill(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10")
    fill = {
        "broker_order_id": order,
        "quantity": "100",
        "price": "10",
        "cumulative_quantity": "100",
        "executed_at": NOON.isoformat(),
    }
    assert desk.activity("fill", "2013::1", fill=fill)["applied"]
    assert (desk.count("fills"), desk.position()) == (1, 100)
    assert desk.ledger.one("select external_id from public.fill_aliases where user_id = %s", desk.user) == "2013::1"


def test_activity_when_its_kind_is_unknown_then_kept_told_and_nothing_booked(desk: Desk) -> None:
    assert desk.activity("spin_off", "s", symbol="SPY", ratio="1:7")["state"] == "unknown"
    assert desk.activity("spin_off", "s", symbol="SPY", ratio="1:7")["state"] == "unknown"
    codes = desk.ledger.rows("select code from public.alerts where user_id = %s", desk.user)
    assert codes == [("UNKNOWN_ACTIVITY",)]
    assert (
        desk.ledger.one("select activity ->> 'ratio' from public.broker_activities where user_id = %s", desk.user)
        == "1:7"
    )
    assert desk.count("position_adjustments") == 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("split", {"symbol": "SPY"}),
        ("split", {"symbol": "SPY", "numerator": "0", "denominator": "1"}),
        ("split", {"symbol": "SPY", "numerator": "2", "denominator": "NaN"}),
        ("split", {"numerator": "2", "denominator": "1"}),
        ("dividend", {}),
        ("dividend", {"amount": "a lot"}),
        ("deposit", {"amount": "-5"}),
        ("exercise", {"symbol": "SPY", "quantity": "1"}),
        ("exercise", {"symbol": CALL, "quantity": "-1"}),
        ("transfer_in", {"symbol": "SPY", "quantity": "5"}),
        ("transfer_in", {"symbol": "SPY", "quantity": "5", "amount": "-5"}),
        (
            "transfer_in",
            {"symbol": "SPY", "quantity": "5", "amount": "5", "strategy_id": "00000000-0000-0000-0000-000000000000"},
        ),
        ("transfer_out", {"symbol": "SPY", "quantity": "0"}),
        ("cash_in_lieu", {"symbol": "not a symbol", "quantity": "-1", "amount": "1"}),
        ("fill", {}),
    ],
)
def test_activity_when_it_cannot_be_read_then_kept_halted_and_nothing_booked(
    desk: Desk, kind: str, said: dict[str, str]
) -> None:
    answer = desk.activity(kind, "x", **said)
    assert (answer["state"], bool(answer["note"])) == ("unreadable", True)
    booked = [desk.count(table) for table in ("position_adjustments", "cash_movements", "fills", "position_books")]
    assert (booked, _breaks(desk)) == ([0, 0, 0, 0], ["activity"])


def test_activity_when_told_again_otherwise_then_the_first_stays_and_a_break(desk: Desk) -> None:
    desk.activity("dividend", "d", amount="5")
    assert not desk.activity("dividend", "d", amount="6")["applied"]
    assert desk.ledger.one("select amount from public.cash_movements where user_id = %s", desk.user) == 5
    assert _breaks(desk) == ["activity"]


@pytest.mark.parametrize(
    "wrong", [{"external_id": ""}, {"kind": None}, {"occurred_at": "soon"}, {"occurred_at": "infinity"}]
)
def test_activity_when_it_has_no_identity_then_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    said = {"kind": "dividend", "external_id": "d", "amount": "5"} | wrong
    with refused("BAD_ACTIVITY", 422):
        desk.activity(**said)
    assert desk.count("broker_activities") == 0


def test_adjustment_when_inserted_again_past_apply_activity_then_refused(desk: Desk) -> None:
    desk.hold("100", "10")
    desk.activity("split", "s", symbol="SPY", numerator="2", denominator="1")
    with refused("DUPLICATE_ADJUSTMENT", 409):
        desk.ledger.run(
            "insert into public.position_adjustments select (jsonb_populate_record(a, '{\"number\": 0}')).* "
            "from public.position_adjustments as a where user_id = %s on conflict do nothing",
            desk.user,
        )
    assert desk.position() == 200


# --- the typed calls --------------------------------------------------------------------------------------------------


def test_typed_calls_when_made_then_the_ledger_reads_them(desk: Desk) -> None:
    _, order = desk.working()
    desk.fill(order, "100", "10", external_id="a")
    calls = ActivityLedger(Direct(desk.ledger, "fn_execute"))
    change = FillChange(
        kind="correction",
        broker_order_id=order,
        corrects_external_id="a",
        quantity=Decimal(90),
        price=Decimal("10.5"),
        executed_at=NOON,
        source="stream",
        external_id="b",
    )
    assert [calls.record_fill_change(desk.account, change) for _ in range(2)] == [True, False]
    split = Activity(
        source="activities",
        external_id="s",
        kind="split",
        occurred_at=NOON + timedelta(minutes=5),
        symbol="SPY",
        numerator=Decimal(2),
        denominator=Decimal(1),
        raw={"type": "SPLIT"},
    )
    found = [calls.apply_activity(desk.account, split) for _ in range(2)]
    assert [(one.state, one.applied) for one in found] == [("applied", True), ("applied", False)]
    assert _book(desk)[:2] == (180, 945)
