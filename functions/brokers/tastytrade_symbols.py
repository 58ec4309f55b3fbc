"""Symbols as tastytrade writes them, to and from the canonical form.

Shares `BRK.B` are `BRK/B` there, options have the padded OCC form, a future has a slash before it. Its market data
streams come from dxFeed, which writes an option as `.SPY261218C22.5`. The SDK's converter is wrong for strikes of two
decimals; this one is not.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from functions.brokers.errors import BadResponse, Unsupported
from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol, SymbolKind, symbol_kind
from functions.core.money import text

_STREAMED_OPTION = re.compile(r"\.([A-Z][A-Z0-9]{0,5})(\d{6})([CP])(\d+(?:\.\d+)?)", re.ASCII)
_TYPES: dict[SymbolKind, str] = {
    "stock": "Equity",
    "option": "Equity Option",
    "crypto": "Cryptocurrency",
    "future": "Future",
}


def instrument_type(symbol: str) -> str:
    """tastytrade's name of the kind of a canonical symbol. Raises BadInput BAD_SYMBOL."""
    return _TYPES[symbol_kind(symbol)]


def outside(symbol: str) -> str:
    """A canonical symbol as an order names it. Raises BadInput BAD_SYMBOL."""
    kind = symbol_kind(symbol)
    if kind == "option":
        return OptionSymbol.parse(symbol).padded()
    if kind == "stock":
        return symbol.replace(".", "/")
    return f"/{symbol}" if kind == "future" else symbol


def inside(symbol: object) -> str:
    """The canonical symbol of a wire one. Raises BadResponse."""
    if not isinstance(symbol, str) or not symbol.strip():
        raise BadResponse(f"symbol must be a text, was {symbol!r}", symbol)
    found = symbol.strip()
    try:
        if any(mark.isdigit() for mark in found) and not found.startswith("/") and "/" not in found:
            return str(OptionSymbol.parse(found))
        if re.fullmatch(r"[A-Z]{1,6}/[A-Z]{1,2}", found):
            found = found.replace("/", ".")
        found = found.removeprefix("/")
        symbol_kind(found)
    except BadInput as error:
        raise BadResponse(error.text, symbol) from None
    return found


def streamed(symbol: str) -> str:
    """A canonical symbol as dxFeed writes it. Raises BadInput BAD_SYMBOL, Unsupported for what has another exchange."""
    kind = symbol_kind(symbol)
    if kind == "option":
        option = OptionSymbol.parse(symbol)
        right = "C" if option.right == "call" else "P"
        return f".{option.root}{option.expiry:%y%m%d}{right}{text(option.strike)}"
    if kind == "stock":
        return symbol.replace(".", "/")
    raise Unsupported("UNSUPPORTED_SYMBOL", f"no stream of {symbol}: shares and options have one")


def heard(symbol: object) -> str:
    """The canonical symbol of one that dxFeed wrote, with or without a candle's attributes. Raises BadResponse."""
    if not isinstance(symbol, str):
        raise BadResponse(f"eventSymbol must be a text, was {symbol!r}", symbol)
    plain = symbol.split("{", 1)[0]
    parts = _STREAMED_OPTION.fullmatch(plain)
    if parts is None:
        return inside(plain)
    root, digits, right, strike = parts.groups()
    try:
        expiry = date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
        return str(OptionSymbol(root, expiry, "call" if right == "C" else "put", Decimal(strike)))
    except (ValueError, InvalidOperation):
        raise BadResponse(f"no option of dxFeed: {symbol!r}", symbol) from None
    except BadInput as error:
        raise BadResponse(error.text, symbol) from None
