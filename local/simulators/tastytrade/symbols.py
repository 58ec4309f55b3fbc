"""Symbols in their three forms: the canonical one of the venue, the padded one of the REST API, the stream's."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.money import text

_STREAMED: Final = re.compile(r"\.([A-Z][A-Z0-9]{0,5})(\d{6})([CP])(\d+(?:\.\d+)?)", re.ASCII)
_CENTURY: Final = 2000


def contract(symbol: str) -> OptionSymbol | None:
    """The contract of an option symbol in any form; None for anything else."""
    try:
        return _streamed_contract(symbol) if symbol.startswith(".") else OptionSymbol.parse(symbol)
    except (BadInput, ValueError, InvalidOperation):
        return None


def canonical(symbol: str) -> str:
    """The symbol as the venue has it: `BRK.B`, `SPY261218C00500000`."""
    found = contract(symbol)
    return symbol.replace("/", ".") if found is None else str(found)


def outside(symbol: str) -> str:
    """As the REST API writes it: `BRK/B`, `SPY   261218C00500000`."""
    found = contract(symbol)
    return symbol.replace(".", "/") if found is None else found.padded()


def streamer(symbol: str) -> str:
    """As DXLink writes it: `.SPY261218C500`, the strike without trailing zeros."""
    found = contract(symbol)
    if found is None:
        return symbol.replace(".", "/")
    right = "C" if found.right == "call" else "P"
    return f".{found.root}{found.expiry:%y%m%d}{right}{text(found.strike)}"


def underlying(symbol: str) -> str:
    found = contract(symbol)
    return symbol if found is None else found.root


def instrument_type(symbol: str) -> str:
    return "Equity" if contract(symbol) is None else "Equity Option"


def _streamed_contract(symbol: str) -> OptionSymbol | None:
    parts = _STREAMED.fullmatch(symbol)
    if parts is None:
        return None
    root, digits, right, strike = parts.groups()
    expiry = date(_CENTURY + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    return OptionSymbol(root, expiry, "call" if right == "C" else "put", Decimal(strike))
