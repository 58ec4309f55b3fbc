"""What each scope has won or lost: from the books and the marks, by event time, missing where a mark is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.market import mark

DAY = timedelta(days=1)
OPEN, CLOSE = timedelta(hours=-2, minutes=-30), timedelta(hours=4)
"""Of the session that noon is in."""


@pytest.fixture(autouse=True)
def _sessions(ledger: Ledger) -> Iterator[None]:
    """A calendar; and no mark, before or after, because others count on there being none."""
    days = [NOON + number * DAY for number in range(3)]
    told = [{"date": str(day.date()), "opens_at": str(day + OPEN), "closes_at": str(day + CLOSE)} for day in days]
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=told, p_source="test")
    before = ledger.rows("delete from public.position_marks returning symbol, mark, marked_at, source")
    yield
    ledger.run("delete from public.position_marks")
    for symbol, price, at, source in before:
        ledger.run("insert into public.position_marks values (%s, %s, %s, %s)", symbol, price, at, source)


def marked(desk: Desk, price: str, at: datetime = NOON, symbol: str = "SPY") -> None:
    desk.ledger.call("upsert_marks", "fn_ingest", p_marks=[mark(at, price, symbol=symbol)])


def recorded(desk: Desk, at: datetime = NOON) -> Any:
    return desk.ledger.call("watch_results", "fn_risk", p_at=at, p_account_id=desk.account)


def row(desk: Desk, columns: str, scope: str = "account") -> tuple[Any, ...]:
    ((*found,),) = desk.ledger.rows(
        f"select {columns} from public.scope_results where scope_key = %s",  # noqa: S608
        desk.gate(scope),
    )
    return tuple(int(each) if isinstance(each, Decimal) else each for each in found)


@pytest.mark.parametrize("scope", ["account", "user", "strategy"])
def test_results_when_something_is_held_then_realised_and_unrealised_less_fees(desk: Desk, scope: str) -> None:
    desk.hold("100", "100")
    _, order = desk.working("sell", "40", position_intent="sell_to_close")
    desk.fill(order, "40", "103", side="sell", fee="7")
    marked(desk, "98")
    recorded(desk)
    # 40 x 3 realised, 60 x -2 unrealised, 7 of fees.
    assert row(desk, "result, last, lowest, peak, missing", scope) == (-7, -7, -7, 0, [])
    assert desk.ledger.one("select result from public.live_results where scope_key = %s", desk.gate(scope)) == -7


def test_results_when_of_a_manual_order_then_the_account_has_it_and_the_strategy_has_not(desk: Desk) -> None:
    desk.hold("100", "100")
    trade = desk.place_by_hand("by hand", quantity="10")
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    desk.fill(desk.submit(trade), "10", "90")
    marked(desk, "101")
    recorded(desk)
    assert row(desk, "result") == (210,)
    assert row(desk, "result", "strategy") == (100,)


def test_results_when_an_open_symbol_has_no_mark_then_unknown_and_it_says_which(desk: Desk) -> None:
    desk.hold("100", "100")
    marked(desk, "99")
    recorded(desk)
    _, order = desk.working(symbol="IWM", quantity="1")
    desk.fill(order, "1", "50", symbol="IWM")
    recorded(desk, NOON + timedelta(minutes=1))
    assert row(desk, "result, missing, last") == (None, ["IWM"], -100)
    assert row(desk, "missing_since") == (NOON + timedelta(minutes=1),)
    recorded(desk, NOON + timedelta(minutes=3))
    assert row(desk, "missing_since") == (NOON + timedelta(minutes=1),)
    marked(desk, "52", NOON + timedelta(minutes=4), "IWM")
    recorded(desk, NOON + timedelta(minutes=4))
    assert row(desk, "result, missing, missing_since") == (-98, [], None)


def test_results_when_it_rises_and_falls_then_peak_and_lowest_have_their_time(desk: Desk) -> None:
    desk.hold("100", "100")
    for minute, price in enumerate(("101", "104", "97", "99")):
        marked(desk, price, NOON + timedelta(minutes=minute))
        recorded(desk, NOON + timedelta(minutes=minute))
    assert row(desk, "peak, peak_at, lowest, lowest_at, last, as_of") == (
        400, NOON + timedelta(minutes=1), -300, NOON + timedelta(minutes=2), -100, NOON + timedelta(minutes=3),
    )  # fmt: skip


def test_results_when_what_is_told_is_older_then_nothing_changes(desk: Desk) -> None:
    desk.hold("100", "100")
    marked(desk, "101")
    recorded(desk)
    marked(desk, "102", NOON + timedelta(minutes=1))
    recorded(desk, NOON - timedelta(minutes=1))
    assert row(desk, "result, peak, as_of") == (100, 100, NOON)


def test_results_when_the_night_brought_a_gap_then_it_is_the_next_days(desk: Desk) -> None:
    desk.hold("100", "100")
    marked(desk, "103")
    recorded(desk)
    marked(desk, "95", NOON + DAY)
    recorded(desk, NOON + DAY)
    assert row(desk, "session_open, result, session_lowest") == (300, -500, -500)
    assert str(row(desk, "session_date")[0]) == "2013-10-08"
    progress = desk.ledger.rows(
        "select session_result, drawdown_from_peak, drawdown_from_start from public.result_progress "
        "where scope_key = %s",
        desk.gate(),
    )
    assert progress == [(-800, 800, 500)]


def test_results_when_the_evening_goes_on_then_it_is_the_days_still(desk: Desk) -> None:
    desk.hold("100", "100")
    marked(desk, "103")
    recorded(desk)
    marked(desk, "102", NOON + timedelta(hours=9))
    recorded(desk, NOON + timedelta(hours=9))
    assert row(desk, "session_open, result") == (0, 200)


def test_results_when_the_broker_tells_the_equity_then_its_first_word_is_the_basis(desk: Desk) -> None:
    for equity, minute in (("5000", 0), ("6000", 1)):
        snapshot = {"p_as_of": NOON + timedelta(minutes=minute), "p_cash": "1", "p_equity": equity}
        desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, **snapshot)
    desk.hold("1")
    marked(desk, "100")
    recorded(desk)
    assert (row(desk, "start_equity"), row(desk, "start_equity", "user"), row(desk, "start_equity", "strategy")) == (
        (5000,), (5000,), (None,),
    )  # fmt: skip


@pytest.mark.parametrize(("seconds", "moved"), [(0.999, False), (1, True)])
def test_quote_when_within_a_second_of_event_time_then_the_mark_moves_and_the_results_wait(
    desk: Desk, seconds: float, moved: bool
) -> None:
    desk.hold("100", "100")
    at = NOON + timedelta(seconds=seconds)
    for when, price in ((NOON, "101"), (at, "102")):
        desk.ledger.call("watch_quote", "fn_risk", p_symbol="SPY", p_mark=price, p_at=when, p_source="quote test")
    assert desk.ledger.one("select mark from public.position_marks where symbol = 'SPY'") == 102
    assert row(desk, "result") == ((200 if moved else 100),)


def test_quote_when_at_the_moment_of_a_bar_then_the_bars_close_stays(desk: Desk) -> None:
    desk.hold("100", "100")
    marked(desk, "101")
    for at in (NOON, NOON - timedelta(seconds=1)):
        desk.ledger.call("watch_quote", "fn_risk", p_symbol="SPY", p_mark="50", p_at=at, p_source="quote test")
    assert desk.ledger.one("select mark from public.position_marks where symbol = 'SPY'") == 101


def test_quote_when_out_of_session_or_of_what_nobody_holds_then_no_mark_moves(desk: Desk) -> None:
    desk.hold("100", "100")
    marked(desk, "101")
    desk.ledger.run("insert into public.instruments (symbol, kind, source) values ('NEVER', 'equity', 'test')")
    late = NOON + timedelta(hours=4)
    for symbol, at in (("SPY", late), ("NEVER", NOON)):
        desk.ledger.call("watch_quote", "fn_risk", p_symbol=symbol, p_mark="50", p_at=at, p_source="quote test")
    assert desk.ledger.rows("select 1 from public.position_marks where mark = 50") == []


PRICES = st.decimals(90, 110, places=2)
FILLS = st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), PRICES, st.decimals(0, 2, places=2))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(FILLS, min_size=1, max_size=6), price=PRICES)
def test_results_when_anything_was_filled_then_they_are_the_sum_over_the_fills(
    ledger: Ledger, told: list[tuple[str, int, Decimal, Decimal]], price: Decimal
) -> None:
    desk = Desk.open(ledger)
    cash, held = Decimal(0), Decimal(0)
    for number, (side, quantity, paid, fee) in enumerate(told):
        _, order = desk.working(side, str(quantity))
        at = (NOON + timedelta(seconds=number)).isoformat()
        desk.fill(order, str(quantity), str(paid), side=side, fee=str(fee), executed_at=at)
        signed = quantity if side == "buy" else -quantity
        cash -= signed * paid + fee
        held += signed
    ledger.run("delete from public.position_marks")
    marked(desk, str(price))
    rows = ledger.rows("select result from public.live_results where user_id = %s", desk.user)
    assert [abs(result - (cash + held * price)) < Decimal("0.00001") for (result,) in rows] == [True] * 3
