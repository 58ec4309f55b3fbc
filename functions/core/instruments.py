"""What can be traded: symbol kinds, OCC option symbols, tick tables, multipliers.

One canonical form inside: shares `SPY` or `BRK.B`, options as unpadded OCC `SPY261218C00500000`, crypto `BTC/USD`,
futures `ESZ6`. Adapters convert to their broker's form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from functions.core.errors import BadInput
from functions.core.money import to_tick

SymbolKind = Literal["stock", "option", "crypto", "future"]
OptionRight = Literal["call", "put"]

_STOCK = re.compile(r"[A-Z]{1,6}(\.[A-Z]{1,2})?")
_OPTION = re.compile(r"(?P<root>[A-Z][A-Z0-9]{0,5}) *(?P<expiry>\d{6})(?P<right>[CP])(?P<strike>\d{8})", re.ASCII)
_CRYPTO = re.compile(r"[A-Z0-9]{2,10}/[A-Z]{3,5}", re.ASCII)
_FUTURE = re.compile(r"[A-Z0-9]{1,3}[FGHJKMNQUVXZ]\d{1,2}", re.ASCII)
_STRIKE_UNIT = Decimal("0.001")
_PADDED_LENGTH = 21
_CENTURY = 2000


def _bad_symbol(symbol: str, expected: str) -> BadInput:
    return BadInput("BAD_SYMBOL", f"expected {expected}, was {symbol!r}", symbol=symbol)


@dataclass(frozen=True, slots=True)
class OptionSymbol:
    """The parts of an OCC symbol. `strike` is in dollars with at most three decimals; `expiry` an exchange date.

    Raises BadInput BAD_SYMBOL where a part does not fit the form.
    """

    root: str
    expiry: date
    right: OptionRight
    strike: Decimal

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z0-9]{0,5}", self.root):
            raise _bad_symbol(self.root, "an option root of one to six capital letters or digits")
        if not _CENTURY <= self.expiry.year < _CENTURY + 100:
            raise _bad_symbol(str(self.expiry), "an expiry from 2000 to 2099")
        if not (self.strike.is_finite() and 0 < self.strike < 100_000 and self.strike % _STRIKE_UNIT == 0):
            raise _bad_symbol(str(self.strike), "a strike above 0 and below 100000 with at most three decimals")

    @classmethod
    @lru_cache(maxsize=1 << 14)
    def parse(cls, symbol: str) -> OptionSymbol:
        """Reads `SPY261218C00500000`, or the 21-character form padded with spaces. Raises BadInput BAD_SYMBOL."""
        expected = "an OCC symbol: root, YYMMDD, C or P, strike in thousandths as eight digits"
        parts = _OPTION.fullmatch(symbol)
        if parts is None or (" " in symbol and len(symbol) != _PADDED_LENGTH):
            raise _bad_symbol(symbol, expected)
        digits = parts["expiry"]
        try:
            expiry = date(_CENTURY + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
        except ValueError:
            raise _bad_symbol(symbol, f"{expected}; {digits} is not a date") from None
        strike = int(parts["strike"])
        if strike == 0:
            raise _bad_symbol(symbol, f"{expected}; the strike must be above zero")
        return cls(parts["root"], expiry, "call" if parts["right"] == "C" else "put", strike * _STRIKE_UNIT)

    def __str__(self) -> str:
        """The canonical, unpadded form."""
        return f"{self.root}{self._tail()}"

    def padded(self) -> str:
        """The 21-character form with the root padded to six places, as tastytrade and the OCC write it."""
        return f"{self.root:<6}{self._tail()}"

    def _tail(self) -> str:
        right = "C" if self.right == "call" else "P"
        return f"{self.expiry:%y%m%d}{right}{int(self.strike / _STRIKE_UNIT):08d}"


@dataclass(frozen=True, slots=True)
class TickTable:
    """Price steps by price: pairs of (from this price on, step), the first from 0. Prices in the quote currency."""

    steps: tuple[tuple[Decimal, Decimal], ...]

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.steps]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise BadInput("BAD_TICKS", f"expected rising thresholds that begin at 0, was {starts}")
        if any(step <= 0 or start % step != 0 for start, step in self.steps):
            raise BadInput("BAD_TICKS", f"each step must be above 0 and divide its threshold, was {self.steps}")

    def at(self, price: Decimal) -> Decimal:
        """The step that applies at a price, which is 0 or more. Raises BadInput BAD_PRICE below zero."""
        if not price.is_finite() or price < 0:
            raise BadInput("BAD_PRICE", f"price must be finite and not negative, was {price}", field="price")
        return next(step for start, step in reversed(self.steps) if price >= start)

    def fits(self, price: Decimal) -> bool:
        """True where the price is a whole number of steps."""
        return price % self.at(price) == 0

    def rounded(self, price: Decimal, *, up: bool) -> Decimal:
        """The nearest price on the table at or above (`up`), or at or below. Raises BadInput BAD_PRICE at zero."""
        result = to_tick(price, self.at(price), up=up)
        if result <= 0:
            raise BadInput("BAD_PRICE", f"price must be at least one step above zero, was {price}", field="price")
        return result


STOCK_TICKS = TickTable(((Decimal(0), Decimal("0.0001")), (Decimal(1), Decimal("0.01"))))
OPTION_TICKS = TickTable(((Decimal(0), Decimal("0.01")),))


@dataclass(frozen=True, slots=True)
class Terms:
    """What one unit stands for: `multiplier` units of the underlying per share, contract or coin; and its ticks."""

    multiplier: Decimal
    ticks: TickTable

    def __post_init__(self) -> None:
        if not self.multiplier.is_finite() or self.multiplier <= 0:
            raise BadInput("BAD_TERMS", f"multiplier must be above zero, was {self.multiplier}", field="multiplier")


STOCK_TERMS = Terms(Decimal(1), STOCK_TICKS)
OPTION_TERMS = Terms(Decimal(100), OPTION_TICKS)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable thing.

    `underlying` is the OCC root for an option (an adjusted root stays as it is: what it delivers is the broker's to
    say), the product for a future, and otherwise the symbol itself. `option` is the parsed contract.
    """

    symbol: str
    kind: SymbolKind
    underlying: str
    terms: Terms
    option: OptionSymbol | None = None

    @property
    def multiplier(self) -> Decimal:
        return self.terms.multiplier

    @property
    def ticks(self) -> TickTable:
        return self.terms.ticks


def symbol_kind(symbol: str) -> SymbolKind:
    """Tells the kind by the form of a canonical symbol. Raises BadInput BAD_SYMBOL.

    Shares carry no digit and futures always do, so the forms do not overlap.
    """
    if _STOCK.fullmatch(symbol):
        return "stock"
    if _OPTION.fullmatch(symbol) and " " not in symbol:
        OptionSymbol.parse(symbol)
        return "option"
    if _CRYPTO.fullmatch(symbol):
        return "crypto"
    if _FUTURE.fullmatch(symbol):
        return "future"
    raise _bad_symbol(symbol, "a share (SPY), option (SPY261218C00500000), crypto pair (BTC/USD) or future (ESZ6)")


@lru_cache(maxsize=1 << 14)
def is_option(symbol: str) -> bool:
    """Whether this is the canonical symbol of an option; what is no symbol at all is none."""
    try:
        return symbol_kind(symbol) == "option"
    except BadInput:
        return False


def instrument(symbol: str, terms: Terms | None = None) -> Instrument:
    """The instrument of a canonical symbol.

    `terms` come from the broker's instrument list; shares and options have standard ones. Raises BadInput BAD_SYMBOL,
    or MISSING_TERMS for crypto and futures without terms: their steps differ by contract and are never guessed.
    """
    kind = symbol_kind(symbol)
    if kind == "stock":
        return Instrument(symbol, kind, symbol, terms or STOCK_TERMS)
    if kind == "option":
        option = OptionSymbol.parse(symbol)
        return Instrument(symbol, kind, option.root, terms or OPTION_TERMS, option)
    if terms is None:
        raise BadInput("MISSING_TERMS", f"{symbol} needs its multiplier and ticks from the broker", symbol=symbol)
    underlying = symbol if kind == "crypto" else re.sub(r"[FGHJKMNQUVXZ]\d{1,2}$", "", symbol)
    return Instrument(symbol, kind, underlying, terms)
