"""The account in memory, piece by piece: what the ledger's parity test does not reach."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.backtest.account.closings import ClosedLately
from functions.backtest.account.holdings import LotClosing
from functions.backtest.account.money import CashAccount
from functions.backtest.account.passing import proposed, to_exchange
from functions.backtest.account.placed import Placed
from functions.backtest.account.running_book import RunningBook
from functions.backtest.exchange_events import Reduced, Replaced
from functions.backtest.packages import NewPackage
from functions.core.errors import BadInput
from functions.core.market_calendar import Calendar, Session
from functions.risk.account import BrokerRules
from functions.risk.book import Mark, ProposedOrder
from functions.risk.facts.closed import Closings
from functions.risk.facts.market import Quote
from functions.risk.facts.results import ScopeResult
from functions.risk.limits import Limit, Limits
from functions.risk.watch.measuring import measured
from functions.strategy.decision import PlannedLeg, PlannedOrder

D = Decimal
NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
MONDAY, TUESDAY = Session.in_new_york(date(2026, 1, 5)), Session.in_new_york(date(2026, 1, 6))
MINUTE = timedelta(minutes=1)
SOLD, BOUGHT = "SPY260116P00090000", "SPY260116P00085000"
NONE = Limits()


def placed(order_id: str = "one", at: datetime = NOON, strategy: str | None = "mine", **changes: Any) -> Placed:
    plain: dict[str, Any] = {"symbol": "SPY", "side": "buy", "quantity": D(100), "event_time": at}
    return Placed(order_id=order_id, order=ProposedOrder(**plain | changes), strategy=strategy)


def kept(rules: BrokerRules | None = None) -> RunningBook:
    found = RunningBook(Calendar([MONDAY, TUESDAY]), CashAccount(D(20_000), rules or BrokerRules()))
    found.record(MONDAY.opens_at)
    found.quote("SPY", Quote(D(100), D(100), D(50), D(50), NOON))
    found.mark("SPY", Mark(D(100), NOON))
    return found


def fill(book: RunningBook, order_id: str, quantity: str, price: str, at: datetime) -> None:
    book.filled(order_id, "SPY", D(quantity), D(price), at)


# --- the account's money --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("margin", "power"), [(True, "30000"), (False, "10000")])
def test_money_when_a_session_opens_then_what_is_held_has_taken_its_part(margin: bool, power: str) -> None:
    book = kept(BrokerRules(is_margin=margin))
    book.approved(placed())
    fill(book, "one", "100", "100", NOON)
    facts = book.book(placed("two", TUESDAY.opens_at), NONE).account
    assert facts is not None
    assert facts.money is not None
    assert (facts.money.cash, facts.money.buying_power, facts.money.spent) == (D(10_000), D(power), D(0))
    assert facts.money.as_of == TUESDAY.opens_at
    assert facts.money.then["SPY"].position == 100


def test_money_when_a_held_symbol_has_no_mark_at_the_open_then_it_is_missing() -> None:
    book = RunningBook(Calendar([MONDAY, TUESDAY]), CashAccount(D(20_000), BrokerRules()))
    book.approved(placed())
    fill(book, "one", "100", "100", NOON)
    facts = book.book(placed("two", TUESDAY.opens_at), NONE).account
    assert facts is not None
    assert facts.money is not None
    assert facts.money.buying_power is None


def test_money_when_deposited_and_spent_within_the_session_then_both_are_counted() -> None:
    book = kept()
    book.moved(D(500), NOON)
    book.approved(placed())
    fill(book, "one", "10", "100", NOON)
    facts = book.book(placed("two"), NONE).account
    assert facts is not None
    assert facts.money is not None
    assert (facts.money.cash, facts.money.moved, facts.money.spent) == (D(20_000), D(500), D(1_000))


# --- orders ---------------------------------------------------------------------------------------------------------


def test_book_when_an_order_of_yesterday_fills_today_then_it_was_as_good_as_held() -> None:
    book = kept()
    book.approved(placed())
    book.record(TUESDAY.opens_at)
    fill(book, "one", "60", "100", TUESDAY.opens_at + MINUTE)
    then = book.exposures.then.open["SPY"]
    assert (then.position, then.to_buy) == (D(60), D(40))
    book.ended("one", "canceled", TUESDAY.opens_at + MINUTE)
    assert (then.position, then.to_buy) == (D(60), D(0))


def test_reduced_when_the_other_of_a_pair_fills_then_less_of_it_works() -> None:
    book = kept()
    book.approved(placed())
    book.hear([Reduced(1, "one", D(30), NOON)])
    assert book.exposures.account.open["SPY"].to_buy == 30
    book.ended("one", "canceled", NOON)
    assert book.exposures.account.open == {}


@pytest.mark.parametrize(
    "tell",
    [
        lambda book: book.hear([Replaced(1, "one", "two", D(1), NOON)]),
        lambda book: book.filled("never", "SPY", D(1), D(1), NOON),
        lambda book: book.record(NOON - MINUTE),
        lambda book: book.approved(placed()),
    ],
)
def test_running_book_when_told_what_cannot_be_then_it_says_so(tell: Any) -> None:
    book = kept()
    book.approved(placed())
    with pytest.raises(BadInput):
        tell(book)


def test_gates_when_closed_then_those_of_the_orders_scopes_are_told() -> None:
    book = kept()
    book.close_gate("strategy", "another")
    assert book.book(placed(), NONE).closed_gates == ()
    book.close_gate("strategy", "mine")
    book.close_gate("account")
    assert [gate.scope for gate in book.book(placed(), NONE).closed_gates or ()] == ["account", "strategy"]
    book.open_gate("account")
    assert [gate.reason for gate in book.book(placed(), NONE).closed_gates or ()] == ["strategy:mine"]


def test_buying_back_when_an_exit_buys_at_the_market_then_it_is_told_until_it_is_over() -> None:
    book = kept()
    leg = PlannedLeg(SOLD, "buy", "buy_to_close", 1)
    plan = PlannedOrder(
        legs=(leg,), quantity=D(2), order_type="market", reduce_only=True, good_until=NOON, reason="out"
    )
    book.approved(Placed(order_id="out", order=proposed(plan, NOON), by="stop"))
    market = book.book(placed(), NONE).market
    assert market is not None
    assert market.buying_back == {SOLD: 2}
    book.ended("out", "canceled", NOON)
    assert market.buying_back == {}


def test_proposed_when_of_several_legs_then_risk_and_the_exchange_see_the_same_order() -> None:
    legs = (PlannedLeg(SOLD, "sell", "sell_to_open", 1), PlannedLeg(BOUGHT, "buy", "buy_to_open", 2))
    plan = PlannedOrder(
        legs=legs, quantity=D(3), order_type="limit", reduce_only=False, good_until=NOON, reason="", limit_price=D(-1)
    )
    order = proposed(plan, NOON)
    assert [(leg.quantity, leg.strike, leg.multiplier) for leg in order.legs] == [
        (D(3), D(90), D(100)),
        (D(6), D(85), D(100)),
    ]
    new = to_exchange(Placed(order_id="one", order=order))
    assert isinstance(new, NewPackage)
    assert ([leg.ratio for leg in new.legs], new.quantity, new.limit) == ([1, 2], 3, D(-1))


# --- closed trades --------------------------------------------------------------------------------------------------


def closed(lately: ClosedLately, order: Placed, pnl: str, minutes: int, symbol: str = "SPY") -> None:
    lately.add(order, symbol, [LotClosing(D(10), D(100), D(pnl))], NOON + minutes * MINUTE)


def listed(found: Closings | None) -> dict[str, Any]:
    assert found is not None
    return {name: getattr(found, name) for name in Closings.__slots__ if name != "by_symbol"} | {
        "by_symbol": {symbol: listed(each) for symbol, each in found.by_symbol.items()}
    }


def test_closed_when_an_order_closes_in_parts_then_it_is_one_trade_whatever_came_between() -> None:
    stop: dict[str, Any] = {"order_type": "stop", "stop_price": D(90)}
    first, second = placed("first", **stop), placed("second", symbol="IWM", strategy="other", **stop)
    parts, whole = ClosedLately(), ClosedLately()
    closed(parts, first, "-5", 1)
    closed(parts, second, "-2", 2, "IWM")
    closed(parts, first, "-7", 3)
    closed(whole, second, "-2", 2, "IWM")
    whole.add(first, "SPY", [LotClosing(D(20), D(200), D(-12))], NOON + 3 * MINUTE)
    for strategy in ("mine", "other"):
        found, wanted = (each.facts(NOON, strategy) for each in (parts, whole))
        assert listed(found.account) == listed(wanted.account)
        assert listed(found.strategy) == listed(wanted.strategy)
    assert parts.facts(NOON, "mine").account.longest == 2


# --- after the trade ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "age", "stands"),
    [
        ("79.99", "300", "well"),
        ("80", "300", "near"),
        ("100", "300", "near"),
        ("100.01", "300", "broken"),
        ("100.01", "300.01", "blind"),
        (None, "0", "blind"),
    ],
)
def test_measured_when_a_loss_is_held_to_a_limit_then_it_says_how_it_stands(
    lost: str | None, age: str, stands: str
) -> None:
    loss = None if lost is None else D(lost)
    found = ScopeResult(loss, loss, loss, "" if lost else "SPY", D(age))
    for name in ("max_daily_loss", "drawdown_from_peak", "drawdown_from_start"):
        assert measured(Limit(name, "account", D(100)), found).stands == stands
