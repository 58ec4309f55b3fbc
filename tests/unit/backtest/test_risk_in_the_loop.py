"""The rules in a backtest's loop: bars, a built-in strategy, the matching engine, the account in memory, and limits.

The loop is the least that shows it: an engine with costs, corporate actions and reports is another matter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random

import pytest

from functions.backtest.account.money import CashAccount
from functions.backtest.account.passing import proposed, to_exchange
from functions.backtest.account.placed import Placed
from functions.backtest.account.running_book import RunningBook
from functions.backtest.exchange_events import Event, Fill
from functions.backtest.market import Quote as Shown
from functions.backtest.matching import MatchingEngine
from functions.backtest.packages import NewPackage
from functions.core.market_calendar import Calendar, Session
from functions.risk.account import BrokerRules
from functions.risk.assess import assess
from functions.risk.book import Mark, ProposedOrder
from functions.risk.facts.market import Quote
from functions.risk.limit_kinds import LIMIT_KINDS, TIGHTER
from functions.risk.limits import Act, Limit, Limits, Scope
from functions.strategy.bars import Bars, to_datetime, to_price
from functions.strategy.catalogue import build
from functions.strategy.holding import NOTHING, Position, Standing
from functions.strategy.whole_pass import WholePass
from tests.unit.strategy.hand_made import minute_rows

D = Decimal
MINE = "reverting"
CALENDAR = Calendar([Session.in_new_york(date(2026, 1, 5))])
CENT, SIZE = D("0.01"), D(10_000)


@cache
def a_bad_day() -> Bars:
    """A session that swings and falls: to buy what has fallen is wrong more often than right."""
    random, price, closes = Random(11), D(100), []
    for minute in range(385):
        price += D(random.randint(-22, 20) - (6 if minute % 40 > 30 else 0)) / 100
        closes.append(price)
    return Bars.of("SPY", "1Min", minute_rows(closes), CALENDAR)


class Loop:
    """One strategy over the bars of a session."""

    def __init__(self, *limits: Limit, cash: str = "100000") -> None:
        self.limits = Limits(limits, TIGHTER)
        self.bars = a_bad_day()
        config = {"period": 3, "oversold": 30, "exit_level": 60, "quantity": "100", "stop_percent": "0.3"}
        self.decides = WholePass(build("rsi_reversion", config, ("SPY",)), self.bars)
        self.engine = MatchingEngine()
        self.book = RunningBook(CALENDAR, CashAccount(D(cash), BrokerRules()))
        self.denied: list[tuple[str, ProposedOrder]] = []
        self.entries: list[ProposedOrder] = []
        self.closed: list[Fill] = []
        self.acted: list[str] = []
        self.deepest = D(0)
        self._placed: dict[str, Placed] = {}
        self._stop: str | None = None

    def run(self) -> Loop:
        self.engine.open_session(CALENDAR.sessions[0].opens_at)
        for index in range(len(self.bars)):
            self._bar(index)
        return self

    def _bar(self, index: int) -> None:
        at, close = to_datetime(int(self.bars.ends_at[index])), to_price(int(self.bars.close[index]))
        self.book.quote("SPY", Quote(close - CENT, close + CENT, SIZE, SIZE, at))
        self.book.mark("SPY", Mark(close, at), bar=True)
        self._hear(self.engine.on_quote(Shown("SPY", close - CENT, close + CENT, SIZE, SIZE, at)))
        self.book.record(at)
        for limit, found in self.book.measured(self.limits, MINE, at):
            if found.stands == "broken" and limit.act == "block_entries":
                self.book.close_gate(limit.scope)
                self.acted.append(limit.name)
        held = self.book.position(MINE, "SPY")
        self.deepest = max(self.deepest, held.quantity)
        standing = NOTHING
        if held.quantity:
            standing = Standing(held={"SPY": Position(held.quantity, held.cost / held.quantity)})
        decision = self.decides.decide(index, standing)
        for number, planned in enumerate(decision.orders):
            if planned.reduce_only and self._stop is not None:
                self._hear(self.engine.cancel(self._stop, at))
            self._order(Placed(order_id=f"{index}.{number}", order=proposed(planned, at), strategy=MINE))

    def _order(self, placed: Placed) -> None:
        found = assess(placed.order, self.book.book(placed, self.limits), self.limits)
        if found.verdict.outcome == "deny":
            self.denied.append((str(found.verdict.code), placed.order))
            self.book.refused(placed)
            return
        placed = self.book.approved(placed, found.quantity)
        self._placed[placed.order_id] = placed
        if not placed.order.reduce_only:
            self.entries.append(placed.order)
        new = to_exchange(placed)
        assert not isinstance(new, NewPackage)
        self._hear(self.engine.submit(new, placed.order.event_time))

    def _hear(self, events: list[Event]) -> None:
        self.book.hear(events)
        for event in events:
            if not isinstance(event, Fill):
                continue
            order = self._placed[event.order_id].order
            if order.reduce_only:
                self.closed.append(event)
                self._stop = None
            elif order.stop_loss_price is not None:
                self._protect(order, event)

    def _protect(self, order: ProposedOrder, event: Fill) -> None:
        """The stop of an entry goes to the exchange with its fill."""
        assert order.stop_loss_price is not None
        stop = order.stop_loss_price.quantize(CENT)
        self._stop = f"{event.order_id} stop"
        leaving = ProposedOrder(
            symbol="SPY",
            side="sell",
            quantity=event.quantity,
            event_time=event.at,
            order_type="stop",
            stop_price=stop,
            reduce_only=True,
        )
        self._order(Placed(order_id=self._stop, order=leaving, strategy=MINE, time_in_force="gtc", by="stop"))

    @property
    def codes(self) -> set[str]:
        return {code for code, _ in self.denied}


def limit(name: str, value: str, scope: Scope = "account", act: Act | None = None, **parameters: str) -> Limit:
    assert name in LIMIT_KINDS
    return Limit(name, scope, D(value), parameters={key: D(each) for key, each in parameters.items()}, act=act)


@pytest.fixture(scope="module")
def free() -> Loop:
    """Without any limit."""
    return Loop().run()


def test_loop_when_nothing_is_limited_then_it_enters_and_leaves_as_it_likes_and_the_books_agree(free: Loop) -> None:
    assert free.codes == set()
    assert len(free.entries) > 15
    assert free.book.position(MINE, "SPY").realised < -300
    assert sum(fill.order_id.endswith("stop") for fill in free.closed) > 5
    account = free.book.account
    assert account is not None
    held = free.book.holdings["SPY"].account
    assert account.cash - D(100_000) == held.realised - held.cost


@pytest.mark.parametrize(
    ("name", "value", "scope", "code"),
    [
        ("cooldown", "20", "strategy", "COOLDOWN"),
        ("stop_loss_guard", "2", "account", "STOP_LOSS_GUARD"),
        ("max_drawdown_guard", "100", "strategy", "MAX_DRAWDOWN_GUARD"),
        ("consecutive_losses_guard", "2", "account", "CONSECUTIVE_LOSSES_GUARD"),
        ("low_profit_symbol", "0", "strategy", "LOW_PROFIT_SYMBOL"),
        ("max_daily_loss", "150", "strategy", "MAX_DAILY_LOSS"),
        ("drawdown_from_peak", "150", "user", "DRAWDOWN_FROM_PEAK"),
        ("order_churn_limit", "4", "account", "ORDER_CHURN"),
        ("capital_limit", "9000", "strategy", "CAPITAL_LIMIT"),
        ("position_limit", "99", "global", "POSITION_LIMIT"),
        ("symbol_concentration", "9", "account", "SYMBOL_CONCENTRATION"),
    ],
)
def test_loop_when_limited_then_entries_are_refused_for_that_and_exits_never(
    free: Loop, name: str, value: str, scope: Scope, code: str
) -> None:
    loop = Loop(limit(name, value, scope)).run()
    assert loop.codes == {code}
    assert len(loop.entries) < len(free.entries)
    assert not any(order.reduce_only for _, order in loop.denied)
    assert loop.book.exposures.account.open.keys() <= {"SPY"}


def test_cooldown_when_in_the_loop_then_no_entry_comes_sooner_after_an_exit() -> None:
    loop = Loop(limit("cooldown", "20")).run()
    assert len(loop.entries) > 2
    for entry in loop.entries:
        before = [fill.at for fill in loop.closed if fill.at <= entry.event_time]
        assert not before or entry.event_time - before[-1] >= timedelta(minutes=20)


def test_stop_loss_guard_when_in_the_loop_then_it_pauses_and_goes_on() -> None:
    loop = Loop(limit("stop_loss_guard", "2", within_minutes="120", pause_minutes="30")).run()
    (_, first), *_ = loop.denied
    assert any(entry.event_time > first.event_time for entry in loop.entries)


def test_max_daily_loss_when_broken_and_it_blocks_entries_then_the_gate_is_closed_and_the_loss_is_bounded(
    free: Loop,
) -> None:
    loop = Loop(limit("max_daily_loss", "150", act="block_entries")).run()
    assert "max_daily_loss" in loop.acted
    assert loop.codes == {"GATE_CLOSED"}
    lost = -loop.book.position(MINE, "SPY").realised
    assert 150 < lost < 220 < -free.book.position(MINE, "SPY").realised


def test_reduce_when_a_limit_cuts_nothing_then_the_order_is_as_it_was() -> None:
    loop = Loop(limit("position_limit", "100")).run()
    assert loop.deepest == 100
    assert loop.codes == set()


def test_buying_power_when_the_cash_is_too_little_then_entries_are_refused() -> None:
    assert Loop(cash="4000").run().codes == {"BUYING_POWER"}


def test_book_when_a_strategy_is_limited_then_another_is_not(free: Loop) -> None:
    loop = Loop(limit("cooldown", "60", "strategy")).run()
    at = to_datetime(int(loop.bars.ends_at[-1]))
    entry = replace(free.entries[0], event_time=at)
    said = [
        assess(entry, loop.book.book(Placed(order_id="x", order=entry, strategy=whose), loop.limits), loop.limits)
        for whose in (MINE, "another")
    ]
    codes = [{each.verdict.code for each in one.decisions} for one in said]
    assert "COOLDOWN" in codes[0]
    assert "COOLDOWN" not in codes[1]
