"""The closed trades of a book: whose, when, by what, for how much; as of the event time of the order that is judged."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.instruments import OptionSymbol
from functions.core.ledger.judging import RiskBook
from functions.risk.facts.closed import ClosedTrades, moment
from functions.risk.reading import book_of, limits_of, order_of
from functions.risk.rules.cooldown import cooldown
from tests.integration.ledger.closing import exit_by, judged, protect
from tests.integration.ledger.desk import NOON, Desk, open_session
from tests.integration.ledger.ledger import refused

CALL = str(OptionSymbol("SPY", date(2013, 10, 19), "call", Decimal(170)))


def book(desk: Desk, trade: UUID) -> RiskBook:
    return RiskBook.model_validate(desk.ledger.call("risk_book", "fn_risk", p_trade_id=trade))


def told(desk: Desk, trade: UUID) -> list[tuple[Any, ...]]:
    """What the book tells of each closed trade: by what, profit, quantity, return in percent, minutes after noon."""
    closed = book(desk, trade).closed
    assert closed is not None
    return [
        (
            row.by,
            row.realised_pnl,
            row.quantity,
            row.return_percent,
            (row.closed_at - NOON) / timedelta(minutes=1),
        )
        for row in closed.trades
    ]


def fired(desk: Desk, **exit_: str) -> str:
    """The position's exit fires at noon by whichever of stop or target is given; the order works at the broker."""
    open_session(desk)
    armed = desk.ledger.call(
        "set_position_exit",
        "authenticated",
        desk.user,
        p_account_id=desk.account,
        p_symbol="SPY",
        p_exit=exit_,
        p_strategy_id=desk.strategy,
    )
    ((name, price),) = exit_.items()
    said = {"p_exit_id": armed, "p_by": name.removesuffix("_price"), "p_price": price, "p_at": NOON.isoformat()}
    trade = UUID(desk.ledger.call("trigger_exit", "fn_risk", **said)["trade_id"])
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    return desk.submit(trade)


def test_closed_trades_when_no_protection_is_set_then_the_book_has_none(desk: Desk) -> None:
    desk.hold("100")
    assert book(desk, judged(desk, 10)).closed is None
    protect(desk)
    assert told(desk, judged(desk, 11)) == []


def test_closed_trades_when_closed_by_this_and_that_then_each_says_by_what_and_for_how_much(desk: Desk) -> None:
    protect(desk)
    desk.hold("100", "100")
    exit_by(desk, fired(desk, stop_price="95"), "95", 2)
    desk.ledger.call("settle_exits", "fn_risk")
    desk.hold("100", "100")
    exit_by(desk, fired(desk, target_price="110"), "110", 3)
    desk.hold("100", "100")
    _, order = desk.working("sell", "100", position_intent="sell_to_close", reduce_only=True)
    exit_by(desk, order, "100", 4)
    desk.hold("50", "80")
    _, order = desk.working(
        "sell", "50", position_intent="sell_to_close", reduce_only=True, order_type="stop", stop_price="70"
    )
    exit_by(desk, order, "70", 5, quantity="20")
    exit_by(desk, order, "60", 6, quantity="30", cumulative="50")
    assert told(desk, judged(desk, 30)) == [
        ("stop", Decimal(-500), Decimal(100), Decimal(-5), 2),
        ("target", Decimal(1000), Decimal(100), Decimal(10), 3),
        ("signal", Decimal(0), Decimal(100), Decimal(0), 4),
        ("stop", Decimal(-800), Decimal(50), Decimal(-20), 6),
    ]


def test_closed_trades_when_told_by_hand_or_by_a_halt_then_they_say_so(desk: Desk) -> None:
    protect(desk)
    trade = desk.place_by_hand("in")
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade, datetime.now(NOON.tzinfo))["claimed"]
    desk.fill(desk.submit(trade), "100", "100")
    out = desk.place_by_hand("out", "sell", "40", position_intent="sell_to_close", reduce_only=True)
    assert desk.approve(out) == "approved"
    assert desk.claim(out, datetime.now(NOON.tzinfo))["claimed"]
    exit_by(desk, desk.submit(out), "101", 2, quantity="40")
    open_session(desk)
    desk.close(mode="flatten")
    (placed,) = desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON)["placed"]
    assert desk.approve(UUID(placed)) == "approved"
    assert desk.claim(UUID(placed))["claimed"]
    exit_by(desk, desk.submit(UUID(placed)), "99", 3, quantity="60")
    desk.lift()

    order = judged(desk, 30)
    assert [row[0:2] for row in told(desk, order)] == [("manual", Decimal(40)), ("flatten", Decimal(-60))]
    found = book(desk, order)
    facts = book_of(found, {}).closed
    assert isinstance(facts, ClosedTrades)
    # Neither was the strategy's.
    assert (len(facts.account.times), facts.strategy and facts.strategy.times) == (2, [])


def test_closed_trades_when_an_option_expires_then_it_counts_as_its_underlying(desk: Desk) -> None:
    protect(desk)
    desk.ledger.run(
        "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')", CALL
    )
    bought = judged(desk, 0, symbol=CALL, quantity="2", order_type="limit", price="1")
    assert desk.approval(bought, None, **{CALL: "1"})["status"] == "approved"
    assert desk.claim(bought)["claimed"]
    desk.fill(desk.submit(bought), "2", "1", symbol=CALL)
    desk.activity("expiry", f"expiry {desk.account}", symbol=CALL)
    closed = book(desk, judged(desk, 30)).closed
    assert closed is not None
    (row,) = closed.trades
    assert (row.symbol, row.by, row.realised_pnl, row.quantity) == ("SPY", "expiry", Decimal(-200), Decimal(2))
    assert row.strategy_id == desk.strategy


def test_closed_trades_when_judged_as_of_before_then_later_ones_are_not_known(desk: Desk) -> None:
    protect(desk)
    desk.hold("100", "100")
    exit_by(desk, fired(desk, stop_price="95"), "95", 10)
    assert told(desk, judged(desk, 9.99)) == []
    assert len(told(desk, judged(desk, 10))) == 1
    # As far back as the limit looks, and no further.
    assert len(told(desk, judged(desk, 69.99))) == 1
    assert told(desk, judged(desk, 70)) == []
    protect(desk, "stop_loss_guard", "1", "strategy", within_minutes="30", pause_minutes="40")
    assert len(told(desk, judged(desk, 79.99))) == 1


def test_closed_trades_when_a_fill_is_taken_back_then_it_closed_nothing(desk: Desk) -> None:
    protect(desk)
    desk.hold("100", "100")
    order = fired(desk, stop_price="95")
    exit_by(desk, order, "95", 2, external_id=f"gone {order}")
    busted = {"corrects_external_id": f"gone {order}", "external_id": f"bust {order}"}
    desk.change("bust", order, **busted, executed_at=(NOON + timedelta(minutes=3)).isoformat())
    assert told(desk, judged(desk, 30)) == []


def test_closed_trades_when_there_are_more_than_are_told_then_it_says_since_when(desk: Desk) -> None:
    for number in range(3):
        desk.hold("100", "100")
        _, order = desk.working("sell", "100", position_intent="sell_to_close", reduce_only=True)
        exit_by(desk, order, "99", 2 + number)
    newest = desk.ledger.rows(
        "select closed_by, realised_pnl, closed_at from private.closed_trades(%s, %s, null, %s, %s, 2)",
        desk.user,
        desk.account,
        NOON,
        NOON + timedelta(minutes=30),
    )
    assert [row[2] for row in newest] == [NOON + timedelta(minutes=minutes) for minutes in (4, 3)]


def test_cooldown_when_judged_through_the_ledger_then_it_denies_until_its_time(desk: Desk) -> None:
    protect(desk, value="30")
    desk.hold("100", "100")
    exit_by(desk, fired(desk, stop_price="95"), "95", 2)
    said = []
    for minutes in (31.99, 32):
        found = book(desk, judged(desk, minutes))
        facts = book_of(found, {})
        assert facts.closed is not None
        assert facts.closed.at == moment(found.trade.event_at)
        said.append(cooldown(order_of(found), facts, limits_of(found)).text)
    assert said[0] == "COOLDOWN: symbol=SPY until=2013-10-07T16:32:00+00:00 limit=30 scope=account"
    assert said[1].startswith("allow")


def test_protection_when_set_with_a_number_it_does_not_have_then_refused(desk: Desk) -> None:
    with refused("BAD_LIMIT_PARAMETER", 422):
        protect(desk, "cooldown", "60", pause_minutes="5")


@pytest.mark.parametrize("minutes", ["99999999999999999", "0"])
def test_closed_trades_when_a_limit_looks_back_for_ever_or_not_at_all_then_the_book_is_made(
    desk: Desk, minutes: str
) -> None:
    protect(desk, "stop_loss_guard", "1", within_minutes=minutes, pause_minutes=minutes)
    assert told(desk, judged(desk, 5)) == []
