"""Circuit breakers: each at its boundary, once for what came since it acted last, and never on what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from functions.core.ledger.breakers import BreakerLedger, BreakerRound
from tests.integration.ledger.closing import exit_by, judged, protect
from tests.integration.ledger.desk import NOON, Desk, calling, open_session
from tests.integration.ledger.ledger import THREADS, Direct, refused
from tests.integration.ledger.market import bar, record

_numbers: Iterator[int] = count(1)


def at(minutes: float) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat()


def run(desk: Desk, minutes: float, **more: Any) -> list[tuple[str, Decimal | None]]:
    """What became of the desk's breakers, or of all of them where nothing of the desk is named."""
    part = BreakerLedger(Direct(desk.ledger, "fn_risk"))
    moment = NOON + timedelta(minutes=minutes)
    done: BreakerRound = part.run_breakers_of_account(moment, desk.account) if not more else more["of"](part, moment)
    return [(event.status, event.measured) for event in done.happened]


def swept(desk: Desk, minutes: float) -> list[tuple[str, Decimal | None]]:
    return run(desk, minutes, of=lambda part, moment: part.run_breakers(moment))


def quoted(desk: Desk, minutes: float, price: str, symbol: str = "SPY") -> list[tuple[str, Decimal | None]]:
    return run(desk, minutes, of=lambda part, moment: part.run_breakers_of_symbol(moment, symbol, Decimal(price)))


def reject(desk: Desk, minutes: float, refusal: str = "SPREAD: spread=3") -> None:
    """An order of the strategy is rejected at that time; some of them at one time are of one decision each."""
    order = judged(desk, minutes + next(_numbers) / 1_000_000)
    desk.ledger.call("reject_trade", "fn_risk", p_trade_id=order, p_decisions=[], p_refusal=refusal)


def breaches(desk: Desk) -> list[str]:
    rows = desk.ledger.rows("select happened from public.limit_breaches where user_id = %s order by id", desk.user)
    return [happened for (happened,) in rows]


# --- rejects ------------------------------------------------------------------------------------------------------


def test_rejects_when_one_more_than_allowed_then_the_strategys_gate_is_closed_once(desk: Desk) -> None:
    protect(desk, "circuit_rejects", "2", "strategy")
    for minutes in (1, 2):
        reject(desk, minutes)
    assert run(desk, 3) == []
    assert not desk.halted("strategy")
    reject(desk, 3)
    assert run(desk, 4) == [("breached", Decimal(3))]
    assert desk.halted("strategy")
    assert not desk.halted("account")
    ((code, numbers),) = desk.ledger.rows("select code, numbers from public.alerts where user_id = %s", desk.user)
    assert (code, numbers["limit"], numbers["measured"], numbers["value"]) == (
        "LIMIT_BREACHED",
        "circuit_rejects",
        "3",
        "2",
    )

    # The same event once more, and an older one that comes late: nothing happens again.
    assert run(desk, 4) == [("recovered", Decimal(0))]
    assert run(desk, 4) == []
    assert run(desk, 3.5) == []
    assert breaches(desk) == ["breached", "recovered"]


def test_rejects_when_the_halt_was_lifted_then_it_begins_anew(desk: Desk) -> None:
    protect(desk, "circuit_rejects", "1", "strategy")
    reject(desk, 1)
    reject(desk, 2)
    assert run(desk, 2.5) == [("breached", Decimal(2))]
    desk.lift("strategy")
    reject(desk, 3)
    assert run(desk, 3.5) == [("recovered", Decimal(1))]
    assert not desk.halted("strategy")
    reject(desk, 4)
    assert run(desk, 4.5) == [("breached", Decimal(2))]
    assert desk.halted("strategy")


def test_rejects_when_two_bursts_come_between_two_looks_then_each_is_a_breach(desk: Desk) -> None:
    protect(desk, "circuit_rejects", "1", "strategy")
    for minutes in (1, 2):
        reject(desk, minutes)
    assert run(desk, 2.5) == [("breached", Decimal(2))]
    desk.lift("strategy")
    for minutes in (3, 4):
        reject(desk, minutes)
    assert run(desk, 4.5) == [("breached", Decimal(2))]
    assert breaches(desk) == ["breached", "recovered", "breached"]


def test_rejects_when_they_are_older_than_the_window_then_they_are_not_counted(desk: Desk) -> None:
    protect(desk, "circuit_rejects", "1", "strategy", within_minutes="5")
    for _ in range(2):
        order = judged(desk, 1 + next(_numbers) / 1_000_000, number=next(_numbers))
        desk.ledger.call("reject_trade", "fn_risk", p_trade_id=order, p_decisions=[], p_refusal="SPREAD: spread=3")
    assert run(desk, 6.1) == []
    assert run(desk, 5.9) == [("breached", Decimal(2))]


def test_rejects_when_a_gate_or_a_protection_refused_then_they_are_not_counted(desk: Desk) -> None:
    protect(desk, "circuit_rejects", "0", "strategy")
    reject(desk, 1, "GATE_CLOSED: scope=user reason=a test")
    reject(desk, 2, "STOP_LOSS_GUARD: until=2013-10-07T17:00:00+00:00")
    assert run(desk, 3) == []
    reject(desk, 3, "STOP_LOSS: not a protection's code")
    assert run(desk, 4) == [("breached", Decimal(1))]


def test_rejects_when_the_broker_rejected_then_they_count_too(desk: Desk) -> None:
    protect(desk, "circuit_rejects", "0")
    trade = judged(desk, 0)
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    assert desk.attempted(trade, "rejected") == "rejected"
    assert run(desk, 1) == [("breached", Decimal(1))]
    assert desk.halted("account")


def test_rejects_when_counted_over_a_scope_then_nobody_elses_count(fresh_desk: Desk) -> None:
    other = Desk.open(fresh_desk.ledger)
    protect(fresh_desk, "circuit_rejects", "1", "user")
    reject(fresh_desk, 1)
    reject(other, 1)
    assert run(fresh_desk, 2) == []
    fresh_desk.ledger.run("select public.set_limit('global', null, 'circuit_rejects', '1', 'rejected orders')")
    assert run(other, 2) == [("breached", Decimal(2))]
    assert fresh_desk.halted("global")
    assert not fresh_desk.halted("user")


def test_rejects_when_eight_look_at_once_then_there_is_one_breach(desk: Desk) -> None:
    protect(desk, "circuit_rejects", "1", "strategy")
    for minutes in (1, 2):
        reject(desk, minutes)
    look = calling("run_breakers", "fn_risk", p_at=at(3), p_account_id=desk.account)
    found = desk.ledger.at_once(*[look] * THREADS)
    statuses = [event["status"] for answer in found for event in answer["happened"]]
    assert statuses.count("breached") == 1
    assert breaches(desk).count("breached") == 1


# --- losses -------------------------------------------------------------------------------------------------------


def lose(desk: Desk, minutes: float, price: str = "99") -> None:
    """Buys 10 at 100 and sells them at that price, so many minutes after noon."""
    for side, paid, when in (("buy", "100", minutes - 0.1), ("sell", price, minutes)):
        closing = {"position_intent": "sell_to_close", "reduce_only": True} if side == "sell" else {}
        trade = judged(desk, when, side=side, quantity="10", **closing)
        assert desk.approve(trade) == "approved"
        assert desk.claim(trade)["claimed"]
        exit_by(desk, desk.submit(trade), paid, when, quantity="10", side=side)


def test_losses_when_one_more_in_a_row_than_allowed_then_it_halts_and_begins_anew(desk: Desk) -> None:
    protect(desk, "circuit_losses", "2", "strategy")
    for minutes, price in ((2, "99"), (3, "99"), (4, "100"), (5, "99"), (6, "98")):
        lose(desk, minutes, price)
    assert run(desk, 7) == []
    lose(desk, 8)
    assert run(desk, 8) == [("breached", Decimal(3))]
    assert desk.halted("strategy")
    desk.lift("strategy")
    lose(desk, 9)
    assert run(desk, 9) == [("recovered", Decimal(1))]


# --- error rate ---------------------------------------------------------------------------------------------------


def send(desk: Desk, minutes: float, outcome: str | None) -> None:
    """An order is sent; the broker takes it where no other outcome is said."""
    trade = judged(desk, minutes)
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    if outcome is None:
        desk.submit(trade)
    else:
        desk.attempted(trade, outcome)


def test_error_rate_when_above_its_share_then_it_halts_and_below_the_least_number_not(desk: Desk) -> None:
    protect(desk, "circuit_error_rate", "50", "account", orders="4")
    for minutes, outcome in ((1, "not_placed"), (2, "not_placed"), (3, None)):
        send(desk, minutes, outcome)
    assert run(desk, 4) == []
    send(desk, 4, None)
    assert run(desk, 5) == []
    send(desk, 5, "unknown")
    assert run(desk, 6) == [("breached", Decimal(60))]
    assert desk.halted("account")
    assert run(desk, 7) == [("recovered", Decimal(0))]


def test_error_rate_when_an_order_is_under_way_then_it_is_not_counted(desk: Desk) -> None:
    protect(desk, "circuit_error_rate", "0", "account", orders="1")
    trade = judged(desk, 1)
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    assert run(desk, 2) == []


# --- volatility ---------------------------------------------------------------------------------------------------


def minute(desk: Desk, minutes: int, low: str, high: str, symbol: str = "SPY") -> None:
    """A completed bar that ends so many minutes after noon."""
    starts = NOON + timedelta(minutes=minutes - 1)
    record(desk.ledger, [bar(starts, symbol=symbol, open=low, high=high, low=low, close=high)])


@pytest.mark.parametrize(("price", "acts"), [("105", False), ("105.01", True), ("95.24", False), ("95.23", True)])
def test_volatility_when_a_quote_moves_it_further_than_allowed_then_it_halts(
    fresh_desk: Desk, price: str, acts: bool
) -> None:
    protect(fresh_desk, "circuit_volatility", "5", "strategy", within_minutes="3")
    minute(fresh_desk, 1, "99.96", "100") if price.startswith("95") else minute(fresh_desk, 1, "100", "100")
    happened = quoted(fresh_desk, 2, price)
    assert [status for status, _ in happened] == (["breached"] if acts else [])
    assert fresh_desk.halted("strategy") is acts


def test_volatility_when_prices_are_older_than_the_window_then_they_are_not_counted(fresh_desk: Desk) -> None:
    protect(fresh_desk, "circuit_volatility", "5", within_minutes="3")
    minute(fresh_desk, 1, "100", "100")
    assert quoted(fresh_desk, 4, "120") == []
    assert quoted(fresh_desk, 3.9, "120") == [("breached", Decimal(20))]


def test_volatility_when_it_has_acted_then_only_what_comes_after_counts(fresh_desk: Desk) -> None:
    protect(fresh_desk, "circuit_volatility", "5", within_minutes="10")
    minute(fresh_desk, 1, "100", "100")
    assert quoted(fresh_desk, 2, "110") == [("breached", Decimal(10))]
    assert quoted(fresh_desk, 2.5, "110") == [("recovered", Decimal(0))]
    minute(fresh_desk, 4, "108", "110")
    assert quoted(fresh_desk, 5, "113") == []
    assert quoted(fresh_desk, 6, "114") == [("breached", Decimal("5.5555555556"))]


def test_volatility_when_nobody_holds_or_trades_the_symbol_then_nobody_watches_it(fresh_desk: Desk) -> None:
    protect(fresh_desk, "circuit_volatility", "5")
    answer = fresh_desk.ledger.call("run_breakers", "fn_risk", p_at=at(1), p_symbol="QQQ", p_price="10")
    assert answer == {"watched": 0, "happened": []}
    watched = fresh_desk.ledger.call("run_breakers", "fn_risk", p_at=at(1), p_symbol="IWM", p_price="10")
    assert watched["watched"] == 1


def test_volatility_when_no_price_comes_while_the_market_is_open_then_it_is_blind_and_says_so_once(
    fresh_desk: Desk,
) -> None:
    protect(fresh_desk, "circuit_volatility", "0", within_minutes="5")
    # Nobody knows whether the market is open.
    assert swept(fresh_desk, 0) == []
    open_session(fresh_desk)
    minute(fresh_desk, -1, "100", "100", "IWM")
    assert swept(fresh_desk, 0) == [("blind", None)]
    assert swept(fresh_desk, 1) == [("blind", None)]
    alerts = fresh_desk.ledger.rows("select code, numbers ->> 'symbol' from public.alerts")
    assert alerts == [("BREAKER_BLIND", "SPY")]
    assert not fresh_desk.halted()
    # In the first minutes of a session nothing can have come yet, and after it nothing will.
    assert swept(fresh_desk, -150 + 4) == []
    assert swept(fresh_desk, 8 * 60) == []


@pytest.mark.parametrize(("price", "code"), [("0", "BAD_PRICE"), ("NaN", "BAD_PRICE"), ("much", "BAD_PRICE")])
def test_breakers_when_the_price_is_none_then_refused(desk: Desk, price: str, code: str) -> None:
    with refused(code, 422):
        desk.ledger.call("run_breakers", "fn_risk", p_at=at(0), p_symbol="SPY", p_price=price)


def test_breakers_when_no_limit_is_set_then_nothing_is_measured(fresh_desk: Desk) -> None:
    for of in ({}, {"p_account_id": fresh_desk.account}, {"p_symbol": "SPY", "p_price": "100"}):
        answer = fresh_desk.ledger.call("run_breakers", "fn_risk", p_at=at(0), **of)
        assert answer == {"watched": 0, "happened": []}
