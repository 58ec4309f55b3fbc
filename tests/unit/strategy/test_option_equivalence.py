"""Strategies in options: one bar at a time, after a restart and in one pass agree; over days they never overstep.

A whole day and a half day, with chains that lack bids, deltas or contracts, fills that come or do not, and assignments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.instruments import OptionRight, OptionSymbol, is_option
from functions.core.market_calendar import exchange_date
from functions.strategy.bars import Bars, to_price
from functions.strategy.catalogue import build, kinds
from functions.strategy.chain import Chain, ContractQuote
from functions.strategy.decision import Decision, PlannedOrder
from functions.strategy.evaluate import Market, evaluate
from functions.strategy.holding import Position, Standing, WorkingOrder
from functions.strategy.options.strategy import OptionStrategy
from functions.strategy.whole_pass import WholePass
from tests.unit.strategy.hand_made import Row
from tests.unit.strategy.option_market import CALENDAR, FULL, HALF

D = Decimal
QUARTER = timedelta(minutes=15)
DAYS = {"days_from": 2, "days": 3, "days_to": 6}
WINDOW = {"enter_minutes_after_open": 15, "entry_bars": 8}
KINDS: dict[str, dict[str, Any]] = {
    "covered_call": {**DAYS, "contracts": 2, "exit_days": 0, "delta_within": "0.2"},
    "cash_secured_put": {**DAYS, **WINDOW, "contracts": 2, "exit_days": 1, "delta_within": "0.2"},
    "wheel": {**DAYS, "contracts": 2, "delta_within": "0.2"},
    "credit_spread": {**DAYS, **WINDOW, "contracts": 2, "exit_days": 1, "delta_within": "0.2", "width": 2},
    "iron_condor": {**WINDOW, "delta": "0.25", "delta_within": "0.2", "width": 2, "width_within": 1},
}
RIGHTS: tuple[OptionRight, ...] = ("put", "call")
EXPIRIES = (FULL.date, HALF.date, date(2026, 11, 30))


@dataclass(frozen=True)
class Step:
    """One bar: where the price goes, what the chain lacks, and what becomes of what works and of what is short."""

    price: int  # quarters of a dollar
    lacks: str
    fills: bool
    assigned: bool


STEPS = st.lists(
    st.builds(
        Step,
        price=st.integers(388, 412),
        lacks=st.sampled_from(["", "", "", "", "bids", "deltas", "contracts", "all"]),
        fills=st.sampled_from([True, True, True, False]),
        assigned=st.sampled_from([False] * 7 + [True]),
    ),
    min_size=40,
    max_size=40,
)


def rows(steps: list[Step]) -> list[Row]:
    """26 bars of the full day and 14 of the half one."""
    ends = [session.opens_at + QUARTER * (1 + i) for session, bars in ((FULL, 26), (HALF, 14)) for i in range(bars)]
    prices = [D(step.price) / 4 for step in steps]
    return [Row(end - QUARTER, end, *(price,) * 4) for end, price in zip(ends, prices, strict=True)]


def chain_of(row: Row, lacks: str) -> Chain | None:
    """Prices and deltas that are rough, but in order by strike."""
    if lacks == "all":
        return None
    expiries = [expiry for expiry in EXPIRIES if expiry >= exchange_date(row.ends_at)]
    quotes = tuple(quote for expiry in expiries for quote in _quotes(row.close, expiry, lacks))
    return Chain(underlying="SPY", bar_at=row.ends_at, taken_at=row.ends_at, spot=row.close, quotes=quotes)


@cache
def _quotes(spot: Decimal, expiry: date, lacks: str) -> tuple[ContractQuote, ...]:
    strikes = [strike for strike in range(94, 107) if lacks != "contracts" or strike % 3 == 0]
    return tuple(_quote(spot, expiry, lacks, right, D(strike)) for strike in strikes for right in RIGHTS)


def _quote(spot: Decimal, expiry: date, lacks: str, right: OptionRight, strike: Decimal) -> ContractQuote:
    out = abs(strike - spot)
    inside = max(spot - strike if right == "call" else strike - spot, D(0))
    value = max(D(2) - out / 3, D("0.03")).quantize(D("0.01"))
    size = max(D("0.5") + (out if inside else -out) / 12, D("0.01")).quantize(D("0.001"))
    return ContractQuote(
        symbol=str(OptionSymbol("SPY", expiry, right, strike)),
        expiry=expiry,
        right=right,
        strike=strike,
        multiplier=D(100),
        bid=D(0) if lacks == "bids" and out > 2 else inside + value,
        ask=inside + value + D("0.04"),
        quoted_at=FULL.opens_at,
        delta=None if lacks == "deltas" else size * (1 if right == "call" else -1),
    )


@dataclass
class Account:
    """What the strategy holds, what works, and what a broker makes of it. Options fill at their middle."""

    quantities: dict[str, Decimal] = field(default_factory=dict)
    entries: dict[str, Decimal] = field(default_factory=dict)
    working: list[tuple[WorkingOrder, PlannedOrder]] = field(default_factory=list)

    def standing(self) -> Standing:
        held = {name: Position(size, self.entries[name]) for name, size in self.quantities.items() if size}
        return Standing(held=held, working=tuple(order for order, _ in self.working))

    def of(self, symbol: str) -> Decimal:
        return self.quantities.get(symbol, D(0))

    def change(self, symbol: str, by: Decimal, price: Decimal) -> None:
        if self.of(symbol) * by >= 0:
            self.entries[symbol] = price
        self.quantities[symbol] = self.of(symbol) + by

    def options(self, right: str | None = None) -> dict[str, Decimal]:
        return {
            name: size
            for name, size in self.quantities.items()
            if size and is_option(name) and right in (None, OptionSymbol.parse(name).right)
        }

    def short(self, right: str | None = None) -> Decimal:
        return -sum((size for size in self.options(right).values() if size < 0), D(0))

    def net(self, right: str) -> Decimal:
        return sum(self.options(right).values(), D(0))

    def fill(self, order: PlannedOrder, price: Decimal, chain: Chain | None) -> None:
        for leg in order.legs:
            quoted = price if leg.symbol == "SPY" or chain is None else chain.quote(leg.symbol).middle
            self.change(leg.symbol, order.quantity * leg.ratio * (1 if leg.side == "buy" else -1), quoted)

    def exercise(self, symbol: str, size: Decimal) -> None:
        """So much of it is assigned (below zero) or exercised: shares change hands at the strike."""
        option = OptionSymbol.parse(symbol)
        self.quantities[symbol] -= size
        self.change("SPY", size * 100 * (1 if option.right == "call" else -1), option.strike)

    def expire(self, today: date, price: Decimal) -> None:
        for symbol, size in self.options().items():
            option = OptionSymbol.parse(symbol)
            inside = price - option.strike if option.right == "call" else option.strike - price
            if option.expiry <= today and inside > 0:
                self.exercise(symbol, size)
            elif option.expiry <= today and size:
                self.quantities[symbol] = D(0)


def require_sound(kind: str, account: Account, decision: Decision) -> None:
    """What no order of this kind may ever do, given what is held before it."""
    assert decision.reason
    for order in decision.orders:
        after = dict(account.quantities)
        for leg in order.legs:
            before, signed = after.get(leg.symbol, D(0)), order.quantity * leg.ratio * (1 if leg.side == "buy" else -1)
            assert before * (before + signed) >= 0, "turned around"
            assert order.reduce_only == (abs(before + signed) < abs(before))
            after[leg.symbol] = before + signed
        filled = Account(after)
        if kind in ("credit_spread", "iron_condor"):
            for right in RIGHTS:
                assert filled.net(right) >= min(account.net(right), D(0)), "not covered"
        if order.reduce_only:
            continue
        if kind in ("covered_call", "wheel"):
            assert filled.short("call") * 100 <= max(filled.of("SPY"), D(0)), "not covered by shares"
        if kind == "wheel":
            assert filled.short("put") + filled.of("SPY") // 100 <= KINDS[kind]["contracts"], "more than wanted"
        elif any(leg.symbol != "SPY" for leg in order.legs):
            assert account.short() == 0, "a second package"


def test_equivalence_when_a_kind_in_options_is_built_in_then_it_is_tested_here() -> None:
    assert set(KINDS) == {kind for kind, strategy in kinds().items() if issubclass(strategy, OptionStrategy)}


@pytest.mark.parametrize("kind", list(KINDS))
@settings(max_examples=8, deadline=None)
@given(steps=STEPS)
def test_strategy_when_run_over_two_days_then_every_way_of_deciding_agrees_and_no_order_is_unsound(
    kind: str, steps: list[Step]
) -> None:
    config: Mapping[str, Any] = {**KINDS[kind], "timeframe": "15Min", "cancel_after_bars": 2}
    strategy, stored, account = build(kind, config, ["SPY"]), rows(steps), Account()
    bars = Bars.of("SPY", "15Min", stored, CALENDAR)
    whole = WholePass(strategy, bars)
    for index, step in enumerate(steps):
        chain, standing = chain_of(stored[index], step.lacks), account.standing()
        decision = evaluate(strategy, bars.window(0, index + 1), standing, Market(chain=chain))
        # After a restart: built anew, and no more than the warm-up was loaded.
        rebuilt = build(kind, config, ["SPY"])
        window = Bars.of("SPY", "15Min", stored[: index + 1][-rebuilt.warm_up() :], CALENDAR)
        assert evaluate(rebuilt, window, standing, Market(chain=chain)) == decision
        assert whole.decide(index, standing, chain) == decision
        require_sound(kind, account, decision)
        account.working = [
            (order, planned) for order, planned in account.working if order.trade_id not in decision.cancels
        ]
        account.working += [(_working(index, n, decision, each), each) for n, each in enumerate(decision.orders)]
        price = to_price(int(bars.close[index]))
        if step.fills and chain is not None:
            for _, planned in account.working:
                account.fill(planned, price, None if step.lacks == "contracts" else chain)
            account.working = []
        if step.assigned and not account.working:
            for symbol in [symbol for symbol, size in account.options().items() if size < 0][:1]:
                account.exercise(symbol, D(-1))
        if index in (25, 39):
            account.working = []
            account.expire(exchange_date(decision.bar_at), price)


def _working(index: int, number: int, decision: Decision, order: PlannedOrder) -> WorkingOrder:
    remaining = {leg.symbol: order.quantity * leg.ratio * (1 if leg.side == "buy" else -1) for leg in order.legs}
    return WorkingOrder(
        trade_id=UUID(int=index * 10 + number),
        placed_at=decision.bar_at,
        order_type=order.order_type,
        reduce_only=order.reduce_only,
        remaining=remaining,
    )


def traded_in(kind: str, lacks: str = "") -> list[str]:
    """The actions of a strategy over quiet days, with all fills."""
    stored, account = rows([Step(400, lacks, True, False)] * 40), Account()
    found: list[str] = []
    bars = Bars.of("SPY", "15Min", stored, CALENDAR)
    for index, row in enumerate(stored):
        chain = chain_of(row, lacks)
        strategy = build(kind, {**KINDS[kind], "timeframe": "15Min"}, ["SPY"])
        decision = evaluate(strategy, bars.window(0, index + 1), account.standing(), Market(chain=chain))
        found += [decision.action] if decision.orders else []
        for order in decision.orders:
            account.fill(order, row.close, chain)
        if index == 25:
            account.expire(FULL.date, row.close)
    return found


@pytest.mark.parametrize("kind", list(KINDS))
def test_strategy_when_the_days_are_quiet_then_it_trades(kind: str) -> None:
    assert "open" in traded_in(kind)
