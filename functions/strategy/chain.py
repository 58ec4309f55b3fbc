"""An option chain as of the end of one bar, and how legs are chosen from it: by days, delta, strike and width.

Prices come from bid and ask, never from a last trade. What is not there is said, as a NoTrade with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

from functions.core.instruments import OptionRight
from functions.core.market_calendar import exchange_date
from functions.core.money import text
from functions.strategy.intents import Leg, NoTrade

GreeksFrom = Literal["feed", "black_scholes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractQuote:
    """One contract of a chain with its market. Dollars per unit of the underlying; a bid of zero: nobody bids.

    `multiplier` is units of the underlying per contract. Greeks are per unit of the underlying, volatility a fraction a
    year; what the feed does not say is None. `greeks_from` is whose word they are.
    """

    symbol: str
    expiry: date
    right: OptionRight
    strike: Decimal
    multiplier: Decimal
    bid: Decimal
    ask: Decimal
    quoted_at: datetime
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    implied_volatility: Decimal | None = None
    delta: Decimal | None = None
    gamma: Decimal | None = None
    theta: Decimal | None = None
    vega: Decimal | None = None
    greeks_from: GreeksFrom = "feed"
    open_interest: int | None = None

    @property
    def middle(self) -> Decimal:
        """Half way between bid and ask."""
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The contracts of one underlying that had a usable market at the end of a bar, `bar_at` UTC.

    `spot` is the underlying's price then, dollars. `feed` and `delay_seconds` say whose word it is, and how late.
    """

    underlying: str
    bar_at: datetime
    taken_at: datetime
    spot: Decimal
    quotes: tuple[ContractQuote, ...]
    feed: str = ""
    delay_seconds: int = 0

    @cached_property
    def _by_symbol(self) -> dict[str, ContractQuote]:
        return {quote.symbol: quote for quote in self.quotes}

    def expiries(self, days_from: int, days_to: int) -> list[date]:
        """The expiries within these calendar days, soonest first. Raises NoTrade where there is none."""
        today = exchange_date(self.bar_at)
        found = sorted({quote.expiry for quote in self.quotes if days_from <= (quote.expiry - today).days <= days_to})
        if not found:
            raise NoTrade(f"the chain of {self.underlying} has no expiry in {days_from} to {days_to} days")
        return found

    def expiry_near(self, days: int, days_from: int, days_to: int) -> date:
        """The expiry nearest to so many calendar days, the sooner of two. Raises NoTrade where there is none."""
        today = exchange_date(self.bar_at)
        return min(self.expiries(days_from, days_to), key=lambda expiry: (abs((expiry - today).days - days), expiry))

    def quote(self, symbol: str) -> ContractQuote:
        """The market of a contract. Raises NoTrade where the chain has none."""
        found = self._by_symbol.get(symbol)
        if found is None:
            raise NoTrade(f"no market for {symbol} in the chain of {self.underlying}")
        return found

    def by_delta(self, expiry: date, right: OptionRight, delta: Decimal, within: Decimal) -> ContractQuote:
        """The contract whose delta is nearest to `delta` in size, of two the one further out of the money.

        `delta` and `within` are above zero: a put of 0.30 has a delta of -0.30. Raises NoTrade where no contract is
        within `within` of it, or nobody says any delta.
        """
        known = [quote for quote in self._of(expiry, right) if quote.delta is not None]
        wanted = f"a {right} of {self.underlying} expiring {expiry} with a delta of {text(delta)}"
        if not known:
            raise NoTrade(f"expected {wanted}, was none: no contract of the chain has a delta")
        away = 1 if right == "call" else -1
        best = min(known, key=lambda quote: (abs(abs(quote.delta or Decimal(0)) - delta), -away * quote.strike))
        found = abs(best.delta or Decimal(0))
        if abs(found - delta) > within:
            raise NoTrade(f"expected {wanted} within {text(within)}, the nearest has {text(found)}")
        return best

    def by_strike(self, expiry: date, right: OptionRight, strike: Decimal, within: Decimal) -> ContractQuote:
        """The contract whose strike is nearest, of two the one further out of the money.

        Raises NoTrade where none is within `within` dollars.
        """
        wanted = f"a {right} of {self.underlying} expiring {expiry} with a strike of {text(strike)}"
        found = self._of(expiry, right)
        away = 1 if right == "call" else -1
        best = min(found, key=lambda quote: (abs(quote.strike - strike), -away * quote.strike), default=None)
        if best is None:
            raise NoTrade(f"expected {wanted}, was none")
        if abs(best.strike - strike) > within:
            raise NoTrade(f"expected {wanted} within {text(within)} dollars, the nearest is {text(best.strike)}")
        return best

    def natural(self, legs: Sequence[Leg]) -> Decimal:
        """The net price at which the legs trade at once: bought at the ask, sold at the bid. Positive pays.

        Raises NoTrade where a leg has no market, or would be sold to nobody.
        """
        total = Decimal(0)
        for leg in legs:
            quote = self.quote(leg.symbol)
            if leg.side == "sell" and quote.bid <= 0:
                raise NoTrade(f"nobody bids for {leg.symbol}")
            total += leg.ratio * (quote.ask if leg.side == "buy" else -quote.bid)
        return total

    def middle(self, legs: Iterable[Leg]) -> Decimal:
        """The net price half way between bid and ask of each leg. Positive pays. Raises NoTrade."""
        total = Decimal(0)
        for leg in legs:
            price = self.quote(leg.symbol).middle
            total += leg.ratio * (price if leg.side == "buy" else -price)
        return total

    def net(self, legs: Sequence[Leg], yielding: Decimal) -> Decimal:
        """From the middle (0) towards the natural price (1): how far one gives way to be filled. Raises NoTrade."""
        middle = self.middle(legs)
        return middle + (self.natural(legs) - middle) * yielding

    def _of(self, expiry: date, right: OptionRight) -> list[ContractQuote]:
        return [quote for quote in self.quotes if quote.expiry == expiry and quote.right == right]
