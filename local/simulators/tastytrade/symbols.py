"""Option symbols in their three forms: ours `SPY261218C00500000`, the broker's padded one and the stream's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from functions.core.money import text

_OCC: Final = re.compile(r"([A-Z0-9]{1,6}?) *(\d{6})([CP])(\d{8})")
_STREAMER: Final = re.compile(r"\.([A-Z0-9]+?)(\d{6})([CP])(\d+(?:\.\d+)?)")
_ROOT_LENGTH: Final = 6
_STRIKE_SCALE: Final = 1000


@dataclass(frozen=True, slots=True)
class Contract:
    """What an option symbol says. `right` is C or P, `strike` in dollars."""

    root: str
    expires_on: date
    right: str
    strike: Decimal

    @property
    def symbol(self) -> str:
        """As the project and the venue write it."""
        return f"{self.root}{self._rest()}"

    @property
    def padded(self) -> str:
        """21 characters, as the REST API writes it."""
        return f"{self.root:<{_ROOT_LENGTH}}{self._rest()}"

    @property
    def streamer(self) -> str:
        """As DXLink writes it: the strike without trailing zeros."""
        return f".{self.root}{self.expires_on:%y%m%d}{self.right}{text(self.strike)}"

    def _rest(self) -> str:
        return f"{self.expires_on:%y%m%d}{self.right}{int(self.strike * _STRIKE_SCALE):08d}"


def contract(symbol: str) -> Contract | None:
    """The contract of an option symbol, padded or not, or of the stream; None for anything else."""
    if symbol.startswith("."):
        found = _STREAMER.fullmatch(symbol)
        strike = None if found is None else Decimal(found[4])
    else:
        found = _OCC.fullmatch(symbol)
        strike = None if found is None else Decimal(found[4]) / _STRIKE_SCALE
    if found is None or strike is None:
        return None
    try:
        day = datetime.strptime(found[2], "%y%m%d").date()  # noqa: DTZ007 - a day has no time zone
    except ValueError:
        return None
    return Contract(found[1], day, found[3], strike)


def ours(symbol: str) -> str:
    """The symbol as the venue has it; shares have the same everywhere."""
    found = contract(symbol)
    return symbol if found is None else found.symbol


def padded(symbol: str) -> str:
    found = contract(symbol)
    return symbol if found is None else found.padded


def streamer(symbol: str) -> str:
    found = contract(symbol)
    return symbol if found is None else found.streamer


def underlying(symbol: str) -> str:
    found = contract(symbol)
    return symbol if found is None else found.root


def instrument_type(symbol: str) -> str:
    return "Equity" if contract(symbol) is None else "Equity Option"
