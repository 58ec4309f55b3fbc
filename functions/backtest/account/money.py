"""The account's own cash, and what a broker would say of it: looked at when a session opens, as the rules want it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from functions.backtest.account.exposure import OpenIn
from functions.backtest.account.holdings import Holding
from functions.risk.account import AccountFacts, BrokerMoney, BrokerRules
from functions.risk.book import ZERO, Mark
from functions.risk.capital import UnknownMark
from functions.risk.reading_portfolio import taken

_HALF, _WHOLE = Decimal("0.5"), Decimal(1)


@dataclass(slots=True)
class Looked:
    """What was found at `as_of`, dollars; None where something open had no mark."""

    as_of: datetime
    cash: Decimal
    equity: Decimal | None
    requirement: Decimal | None


class CashAccount:
    """Cash in dollars. `rules` are those that the run takes for the broker's; no broker is asked.

    Equity is cash and what is held at the marks. Required of it is by Regulation T half of what shares are worth, of a
    cash account all, and of options what they keep at work. What is left is options' buying power, and for shares twice
    of it on margin.
    """

    __slots__ = ("_looked", "_moved", "_rate", "_spent", "cash", "rules")

    def __init__(self, cash: Decimal, rules: BrokerRules) -> None:
        self.cash = cash
        self.rules = rules
        self._rate = _WHOLE if rules.is_margin is False else _HALF
        self._looked: Looked | None = None
        self._moved = self._spent = ZERO

    @property
    def looked(self) -> Looked | None:
        """What was found when the account was looked at last."""
        return self._looked

    def moved(self, amount: Decimal) -> None:
        """A deposit, or a withdrawal below zero."""
        self.cash += amount
        self._moved += amount

    def paid(self, signed: Decimal, price: Decimal, multiplier: Decimal, fee: Decimal, *, since_open: bool) -> None:
        """An execution. `since_open` says that its order was placed after the account was looked at."""
        value = signed * price * multiplier
        self.cash -= value + fee
        if since_open and signed > 0:
            self._spent += value + fee

    def look(self, at: datetime, open_now: OpenIn, holdings: Mapping[str, Holding], marks: Mapping[str, Mark]) -> None:
        """A session opens: from now on it is counted what moves."""
        self._looked = Looked(at, self.cash, self._equity(holdings.items(), marks), self._requirement(open_now, marks))
        self._moved = self._spent = ZERO

    def facts(self, then: OpenIn) -> AccountFacts:
        """What the rules look at; `then` is what was open when it was looked at."""
        looked = self._looked
        if looked is None:
            return AccountFacts(self.rules, None)
        left = None
        if looked.equity is not None and looked.requirement is not None:
            left = looked.equity - looked.requirement
        money = BrokerMoney(
            as_of=looked.as_of,
            cash=looked.cash,
            buying_power=None if left is None else left / self._rate,
            options_buying_power=left,
            moved=self._moved,
            spent=self._spent,
            then=then.open,
            packages_then=then.packages,
        )
        return AccountFacts(self.rules, money)

    def _equity(self, holdings: Iterable[tuple[str, Holding]], marks: Mapping[str, Mark]) -> Decimal | None:
        total = self.cash
        for symbol, holding in holdings:
            quantity = holding.account.quantity
            if not quantity:
                continue
            mark = marks.get(symbol)
            if mark is None:
                return None
            total += quantity * holding.multiplier * mark.price
        return total

    def _requirement(self, open_now: OpenIn, marks: Mapping[str, Mark]) -> Decimal | None:
        try:
            shares, options = taken(open_now.open, open_now.packages, marks)
        except UnknownMark:
            return None
        return shares * self._rate + options
