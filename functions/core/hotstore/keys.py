"""Names of values that one folder writes into the hot store and another one reads."""

from __future__ import annotations


def quote_key(symbol: str) -> str:
    """A symbol's newest quote: QuoteData of a share, OptionQuoteData of an option."""
    return f"quote:{symbol}"
