"""A halt that flattens options: what is sold short goes first, and no package stands in the way for ever."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.integration.ledger.desk import NOON, Desk, decision
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.test_flattening import SESSION
from tests.integration.ledger.test_judging_options import CREDIT, DEBIT, HIGH, LOW, MARKS, filled, leg, place, verdict

TO_CLOSE = (leg(LOW, "sell", to="close"), leg(HIGH, "buy", to="close"))


@pytest.fixture(autouse=True, scope="module")
def _options(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    for symbol in MARKS:
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')",
            symbol,
        )


def _round(desk: Desk) -> list[tuple[str, str]]:
    """The symbols and sides of the orders that one round placed, in the order in which they are sent."""
    desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON)
    return desk.ledger.rows(
        "select symbol, side from public.trades where broker_account_id = %s and source = 'risk' "
        "order by placed_number",
        desk.account,
    )


def _resting(desk: Desk) -> tuple[UUID, str]:
    """A spread is held, and a package that closes it works at the broker."""
    filled(desk, place(desk, *DEBIT, price="2"), "3", "1")
    trade = place(desk, *TO_CLOSE, price="-3")
    assert verdict(desk, trade) == "approved"
    assert desk.claim(trade)["claimed"]
    return trade, desk.submit(trade)


@pytest.mark.parametrize(("spread", "prices", "short"), [(DEBIT, ("3", "1"), HIGH), (CREDIT, ("3", "1"), LOW)])
def test_flatten_when_a_spread_is_held_then_what_is_short_is_bought_back_before_its_cover_is_sold(
    desk: Desk, spread: tuple[dict[str, object], ...], prices: tuple[str, str], short: str
) -> None:
    filled(desk, place(desk, *spread, price="2" if spread is DEBIT else "-2"), *prices)
    desk.close(mode="flatten")
    long = LOW if short == HIGH else HIGH
    assert _round(desk) == [(short, "buy"), (long, "sell")]
    assert _round(desk) == [(short, "buy"), (long, "sell")]


def test_flatten_when_a_package_rests_whose_first_leg_is_gone_then_it_goes_and_the_other_leg_is_closed(
    desk: Desk,
) -> None:
    trade, order = _resting(desk)
    desk.fill("by hand", "1", "3", symbol=LOW, side="sell")
    desk.close(mode="flatten")
    assert _round(desk) == []
    assert desk.status(trade) == "cancel_pending"
    desk.update(order, "canceled", is_over=True)
    assert _round(desk) == [(HIGH, "buy")]


def test_deactivation_when_its_strategy_holds_a_spread_then_what_is_short_is_bought_back_first(desk: Desk) -> None:
    order = {"number": 1, "order_type": "limit", "price": "2", "quantity": "1", "legs": list(DEBIT)}
    (trade,) = desk.decide(decision(desk.strategy, order))
    filled(desk, UUID(trade), "3", "1")
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy, p_then="flatten")
    assert str(desk.account) in desk.ledger.call("halts_to_continue", "fn_risk")
    assert _round(desk) == [(HIGH, "buy"), (LOW, "sell")]
