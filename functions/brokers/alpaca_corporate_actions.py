"""Alpaca's corporate actions as our shapes, read tolerantly row by row.

Spin-offs, mergers and changes of name are not asked for: what they do to prices is no one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from functions.brokers.errors import BadResponse
from functions.brokers.markets import CorporateAction
from functions.brokers.protocol import Quarantined
from functions.brokers.reading import mapping, optional_words, positive, rows, words
from functions.brokers.row_by_row import row_by_row
from functions.core.money import divided

TYPES: Final = "forward_split,reverse_split,stock_dividend,cash_dividend"
_SPLITS: Final = ("forward_splits", "reverse_splits")


def actions(answer: object, symbol: str) -> list[CorporateAction | Quarantined]:
    """What one page lists of a share, by kind."""
    page = mapping(mapping(answer).get("corporate_actions") or {})
    found: list[CorporateAction | Quarantined] = []
    for name in (*_SPLITS, "stock_dividends", "cash_dividends"):
        of_the_share = [row for row in rows(page.get(name) or []) if _is_of(row, symbol)]
        found.extend(row_by_row(of_the_share, lambda row, name=name: _action(name, mapping(row))))  # type: ignore[misc]
    return found


def _is_of(row: object, symbol: str) -> bool:
    # What cannot be read is told of, whosever it is.
    return not isinstance(row, Mapping) or row.get("symbol") in (symbol, None)


def _action(name: str, row: Mapping[str, Any]) -> CorporateAction:
    """Raises BadResponse."""
    ratio = amount = None
    if name == "cash_dividends":
        amount = positive(row, "rate")
    elif name == "stock_dividends":
        # So many new shares beside each old one.
        ratio = 1 + positive(row, "rate")
    else:
        ratio = divided(positive(row, "new_rate"), positive(row, "old_rate"))
        if ratio in (Decimal(0), Decimal(1)):
            raise BadResponse(f"a split changes how many shares there are, was {ratio}", row)
    return CorporateAction(
        symbol=words(row, "symbol"),
        kind="split" if amount is None else "cash_dividend",
        ex_date=_day(row, "ex_date"),
        ratio=ratio,
        amount=amount,
        special=amount is not None and row.get("special") is True,
        record_date=_optional_day(row, "record_date"),
        payable_date=_optional_day(row, "payable_date"),
        source_id=optional_words(row, "id"),
    )


def _day(row: Mapping[str, Any], field: str) -> date:
    try:
        return date.fromisoformat(words(row, field))
    except ValueError:
        raise BadResponse(f"{field} must be a date, was {row.get(field)!r}", row) from None


def _optional_day(row: Mapping[str, Any], field: str) -> date | None:
    return None if row.get(field) in (None, "") else _day(row, field)
