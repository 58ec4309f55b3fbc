"""Exits of options: by delta, strike or underlying; of a package the whole is closed, what was sold first."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.ledger.exits import ExitLedger
from tests.integration.ledger.desk import NOON, Desk, open_session
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.integration.ledger.test_exit_plans import closing, exits, last_closing
from tests.integration.ledger.test_judging_options import CREDIT, DEBIT, HIGH, LOW, MARKS, PUT, filled, leg, place

AT = NOON + timedelta(minutes=5)
SOLD = {"stop_price": "-2.40", "target_price": "-0.40"}


@pytest.fixture(autouse=True, scope="module")
def _options(ledger: Ledger) -> None:
    for symbol in MARKS:
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, underlying, source) "
            "values (%s, 'option', 100, 'SPY', 'test') on conflict do nothing",
            symbol,
        )


@pytest.fixture
def trader(desk: Desk) -> Desk:
    open_session(desk)
    return desk


def fire(desk: Desk, by: str, price: str | None, minutes: float = 0) -> Any:
    ((armed,),) = desk.ledger.rows(
        "select id from public.position_exits where broker_account_id = %s and status in ('armed', 'triggered')",
        desk.account,
    )
    at = (AT + timedelta(minutes=minutes)).isoformat()
    return desk.ledger.call("trigger_exit", "fn_risk", p_exit_id=armed, p_by=by, p_price=price, p_at=at)


def close_leg(desk: Desk, price: str) -> None:
    """The order of the exit goes its way and is filled; then the ledger looks at what is left."""
    trade = last_closing(desk)
    assert desk.approval(trade, **MARKS)["status"] == "approved"
    assert desk.claim(trade)["claimed"]
    ((symbol, side, quantity),) = desk.ledger.rows(
        "select symbol, side, quantity from public.trades where id = %s", trade
    )
    desk.fill(desk.submit(trade), str(quantity), price, symbol=symbol, side=side)
    desk.ledger.call("settle_exits", "fn_risk", p_account_id=desk.account)


def spread(desk: Desk, legs: tuple[dict[str, Any], ...], price: str, plan: dict[str, Any], *paid: str) -> UUID:
    trade = place(desk, *legs, price=price, quantity="2", exit_plan=plan)
    filled(desk, trade, *paid)
    return trade


def test_package_when_it_was_sold_for_a_credit_then_its_exit_is_short_at_what_it_costs(trader: Desk) -> None:
    trade = spread(trader, CREDIT, "-1.20", SOLD, "3", "1.80")
    columns = "direction", "multi_leg", "stop_price", "target_price", "entry_trade_id", "watches"
    assert exits(trader, *columns) == [("short", True, Decimal("2.4"), Decimal("0.4"), trade, sorted([LOW, HIGH]))]
    with refused("NOT_CROSSED", 409):
        fire(trader, "stop", "2.39")


@pytest.mark.parametrize(
    ("legs", "price", "plan", "paid", "crossing", "short", "long"),
    [
        (CREDIT, "-1.20", SOLD, ("3", "1.80"), ("stop", "2.40"), (LOW, "buy"), (HIGH, "sell")),
        (CREDIT, "-1.20", SOLD, ("3", "1.80"), ("target", "0.40"), (LOW, "buy"), (HIGH, "sell")),
        (DEBIT, "2", {"stop_price": "1"}, ("3", "1"), ("stop", "1"), (HIGH, "buy"), (LOW, "sell")),
    ],
)
def test_package_when_it_is_reached_then_what_was_sold_is_closed_before_its_cover_and_all_of_it(
    trader: Desk, legs: Any, price: str, plan: Any, paid: Any, crossing: tuple[str, str], short: Any, long: Any
) -> None:
    spread(trader, legs, price, plan, *paid)
    assert fire(trader, *crossing)["status"] == "triggered"
    assert closing(trader) == [(*short, 2, "pending")]
    assert fire(trader, "rest", None)["status"] == "triggered"  # Its order is on its way: nothing more is placed.
    assert len(closing(trader)) == 1
    close_leg(trader, "3")
    assert fire(trader, "rest", None)["status"] == "triggered"
    assert closing(trader)[1:] == [(*long, 2, "pending")]
    close_leg(trader, "1")
    assert exits(trader, "status", "round") == [("done", 2)]
    assert (trader.position(LOW), trader.position(HIGH)) == (0, 0)


def test_package_when_the_order_of_what_was_sold_is_refused_then_its_cover_stays(trader: Desk) -> None:
    spread(trader, CREDIT, "-1.20", SOLD, "3", "1.80")
    fire(trader, "stop", "2.40")
    trader.ledger.run(
        "update public.trades set status = 'rejected', refusal = 'A_TEST' where id = %s", last_closing(trader)
    )
    trader.ledger.call("settle_exits", "fn_risk", p_account_id=trader.account)
    assert fire(trader, "rest", None)["waits_for"] == "pause"
    assert fire(trader, "rest", None, minutes=1)["status"] == "triggered"
    assert {(symbol, side) for symbol, side, *_ in closing(trader)} == {(LOW, "buy")}


def test_package_when_another_of_the_same_owner_needs_its_cover_then_that_is_left_to_the_others_exit(
    trader: Desk,
) -> None:
    spread(trader, CREDIT, "-1.20", SOLD, "3", "1.80")
    spread(trader, (leg(PUT, "sell"), leg(HIGH, "buy")), "-1.20", SOLD, "3", "1.80")
    first, second = (UUID(str(found)) for (found,) in exits(trader, "id"))
    said = {"p_by": "stop", "p_price": "2.40", "p_at": AT.isoformat()}
    trader.ledger.call("trigger_exit", "fn_risk", p_exit_id=first, **said)
    close_leg(trader, "3")
    assert exits(trader, "status") == [("done",), ("armed",)]
    assert trader.position(HIGH) == 4
    trader.ledger.call("trigger_exit", "fn_risk", p_exit_id=second, **said)
    close_leg(trader, "3")
    trader.ledger.call("trigger_exit", "fn_risk", p_exit_id=second, p_by="rest", p_price=None, p_at=AT.isoformat())
    assert closing(trader)[-1] == (HIGH, "sell", 4, "pending")


@pytest.mark.parametrize(
    ("plan", "by", "inside", "touched"),
    [
        ({"delta_limit": "0.40"}, "delta", "0.3999", "0.40"),
        ({"underlying_above": "172"}, "underlying", "171.99", "172"),
        ({"underlying_below": "160"}, "underlying", "160.01", "160"),
        ({"short_strike": True}, "strike", "169.99", "170"),
    ],
)
def test_option_exit_when_the_ledger_is_asked_then_it_fires_at_the_touch_alone(
    trader: Desk, plan: dict[str, Any], by: str, inside: str, touched: str
) -> None:
    spread(trader, CREDIT, "-1.20", plan, "3", "1.80")
    assert exits(trader, "watches") == [(sorted([LOW, HIGH, "SPY"]),)]
    with refused("NOT_CROSSED", 409):
        fire(trader, by, inside)
    assert fire(trader, by, touched)["status"] == "triggered"


def test_single_option_when_it_was_sold_then_its_prices_are_plain_and_it_is_bought_back(trader: Desk) -> None:
    trade = place(trader, leg(PUT, "sell"), price="2", exit_plan={"stop_price": "4", "target_price": "0.50"})
    filled(trader, trade, "2")
    assert exits(trader, "direction", "multi_leg", "stop_price::int") == [("short", False, 4)]
    fire(trader, "stop", "4")
    assert closing(trader) == [(PUT, "buy", 1, "pending")]


@pytest.mark.parametrize(
    ("legs", "price", "plan"),
    [
        (CREDIT, "-1.20", {"stop_price": "-2.40", "target_price": "0.40"}),
        (CREDIT, "-1.20", {"stop_price": "-0.40", "target_price": "-2.40"}),
        (CREDIT, "-1.20", {"stop_price": "0"}),
        (CREDIT, None, {"trail_percent": "10"}),
        ((leg(LOW, "buy"),), "3", {"delta_limit": "0.4"}),
        ((leg(LOW, "buy"),), "3", {"short_strike": True}),
        (CREDIT, "-1.20", {"delta_limit": "1"}),
        (CREDIT, "-1.20", {"underlying_below": "180", "underlying_above": "170"}),
    ],
)
def test_plan_of_options_when_it_could_not_be_armed_then_the_order_is_refused(
    trader: Desk, legs: Any, price: str | None, plan: dict[str, Any]
) -> None:
    with refused("BAD_EXIT_PLAN", 422):
        place(trader, *legs, price=price, exit_plan=plan)


def test_exits_when_they_are_read_to_be_watched_then_with_their_legs_terms_quotes_and_session(trader: Desk) -> None:
    spread(trader, CREDIT, "-1.20", SOLD | {"short_strike": True}, "3", "1.80")
    ledger = ExitLedger(Direct(trader.ledger, "fn_risk"))
    (one,) = [each for each in ledger.live_exits("SPY", AT) if each.broker_account_id == trader.account]
    terms = [(each.symbol, each.sign, each.strike, each.option_right, str(each.expires_on)) for each in one.legs]
    assert terms == [(LOW, -1, Decimal(170), "call", "2013-10-19"), (HIGH, 1, Decimal(175), "call", "2013-10-19")]
    assert one.open_since is not None
    (one,) = [each for each in ledger.live_exits(LOW, AT.replace(hour=21)) if each.broker_account_id == trader.account]
    assert one.open_since is None
    assert trader.account not in [each.broker_account_id for each in ledger.live_exits(PUT, AT)]


def test_levels_of_the_underlying_when_it_is_split_then_they_are_in_new_shares(trader: Desk) -> None:
    spread(trader, CREDIT, "-1.20", {"underlying_above": "172", "stop_price": "-2.40"}, "3", "1.80")
    trader.activity("split", "two for one", symbol="SPY", numerator="2", denominator="1")
    assert exits(trader, "underlying_above::int", "stop_price") == [(86, Decimal("2.4"))]
