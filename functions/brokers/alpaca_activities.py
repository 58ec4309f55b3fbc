"""Alpaca's account activities besides fills, in the ledger's words.

An exercise or assignment comes as two rows: OPEXC or OPASN of the option, and OPTRD of what was delivered. The ledger
books the delivery with the option's row, so an OPTRD that such a row explains is left out; its `net_amount` and `qty`
decide, because its `price` is not to be trusted. An OPTRD that nothing explains is told as it is.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from functions.brokers.errors import BadResponse
from functions.brokers.holdings import BrokerActivity
from functions.brokers.protocol import Quarantined
from functions.brokers.reading import mapping, number, optional, optional_words, words
from functions.brokers.row_by_row import row_by_row
from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import EXCHANGE_TIME_ZONE
from functions.core.money import decimal

SOURCE = "activities"
_KINDS: Mapping[str, str] = {
    "DIV": "dividend",
    "DIVCGL": "dividend",
    "DIVCGS": "dividend",
    "DIVROC": "dividend",
    "DIVTXEX": "dividend",
    "DIVFEE": "fee",
    "DIVFT": "tax",
    "DIVNRA": "tax",
    "DIVTW": "tax",
    "INT": "interest",
    "INTNRA": "tax",
    "INTTW": "tax",
    "FEE": "fee",
    "CFEE": "fee",
    "PTC": "fee",
    "SPLIT": "split",
    "SSP": "split",
    "OPEXP": "expiry",
    "OPEXC": "exercise",
    "OPASN": "assignment",
    "CIL": "cash_in_lieu",
}
_MONEY = ("CSD", "CSW", "TRANS", "JNLC", "ACATC")
_TRANSFERS = ("JNLS", "ACATS")
_DELIVERY = "OPTRD"
_EXPLAINS = ("OPEXC", "OPASN")
_DONE = "executed"
# Option events of a day come after its last fill; a split before its first.
_AFTER_THE_CLOSE, _BEFORE_THE_OPEN = dt.time(17), dt.time(4)
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*(?:-?\s*for\s*-?|:)\s*(\d+(?:\.\d+)?)", re.IGNORECASE)


def activities(rows: Sequence[object]) -> list[BrokerActivity | Quarantined]:
    """What the rows say, oldest first as they came; deliveries that an exercise or assignment explains are left out."""
    explained = _explained(rows)
    return row_by_row([row for index, row in enumerate(rows) if index not in explained], activity)


def activity(answer: object) -> BrokerActivity:
    """One row; a kind that is not known keeps Alpaca's word. Raises BadResponse."""
    row = mapping(answer)
    word = words(row, "activity_type")
    quantity, amount = optional(row, "qty"), optional(row, "net_amount")
    kind = _kind(word, quantity, amount, row)
    numerator, denominator = _ratio(row) if kind == "split" else (None, None)
    price = optional(row, "price")
    if price is None:
        price = optional(row, "per_share_amount")
    return BrokerActivity(
        source=SOURCE,
        external_id=_name(row, word),
        kind=kind,
        occurred_at=_occurred_at(row, kind),
        symbol=optional_words(row, "symbol"),
        # Alpaca signs the contracts by what they do to the position; how many they are is what the ledger asks for.
        quantity=abs(quantity) if quantity is not None and kind in ("exercise", "assignment") else quantity,
        amount=_amount(kind, quantity, amount),
        price=price,
        numerator=numerator,
        denominator=denominator,
        raw=dict(row),
    )


def _kind(word: str, quantity: Decimal | None, amount: Decimal | None, row: Mapping[str, Any]) -> str:
    status = optional_words(row, "status")
    if status not in (_DONE, None):
        # Taken back, or not done yet: no movement that could be booked, and a person should know.
        return f"{word}.{status}"
    if word in _MONEY and amount is not None:
        return "deposit" if amount >= 0 else "withdrawal"
    if word in _TRANSFERS and quantity is not None:
        return "transfer_in" if quantity >= 0 else "transfer_out"
    return _KINDS.get(word, word)


def _amount(kind: str, quantity: Decimal | None, amount: Decimal | None) -> Decimal | None:
    """Dollars; none where the ledger makes its own of strike or price."""
    if kind in ("exercise", "assignment", "transfer_in", "transfer_out", "split"):
        return None
    return amount


def _name(row: Mapping[str, Any], word: str) -> str:
    """The documented sample carries one id on both rows of an exercise: type, symbol, day and quantity belong to it."""
    parts = (words(row, "id"), word, row.get("symbol"), row.get("date"), row.get("qty"))
    return "|".join("" if part is None else str(part) for part in parts)


def _occurred_at(row: Mapping[str, Any], kind: str) -> datetime:
    """Alpaca names the exchange's day only."""
    try:
        day = date.fromisoformat(words(row, "date")[:10])
        at = _BEFORE_THE_OPEN if kind == "split" else _AFTER_THE_CLOSE
        return datetime.combine(day, at, EXCHANGE_TIME_ZONE).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise BadResponse(f"date must be a day, was {row.get('date')!r}", row) from None


def _ratio(row: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    """New shares for old ones, where the description says so; without them the ledger halts the account and tells."""
    found = _RATIO.search(str(row.get("description") or ""))
    if found is None:
        return None, None
    try:
        return decimal(found[1]), decimal(found[2])
    except BadInput as error:
        raise BadResponse(error.text, row) from None


def _explained(rows: Sequence[object]) -> set[int]:
    """The deliveries that an exercise or assignment of these rows explains, each by one of its own."""
    waiting: list[tuple[str, Decimal, Decimal]] = []
    for row in rows:
        expected = _delivery_of(row)
        if expected is not None:
            waiting.append(expected)
    explained: set[int] = set()
    for index, row in enumerate(rows):
        delivered = _delivered(row)
        if delivered is not None and delivered in waiting:
            waiting.remove(delivered)
            explained.add(index)
    return explained


def _delivery_of(row: object) -> tuple[str, Decimal, Decimal] | None:
    """What an exercise or assignment delivers: the underlying, the signed shares, the dollars."""
    if not isinstance(row, Mapping) or row.get("activity_type") not in _EXPLAINS:
        return None
    if row.get("status") not in (_DONE, None):
        return None
    try:
        option, contracts = OptionSymbol.parse(words(row, "symbol")), abs(number(row, "qty"))
    except BadInput:
        return None  # quarantined with its own row
    buys = (row["activity_type"] == "OPEXC") == (option.right == "call")
    shares = contracts * 100 if buys else -contracts * 100
    return option.root, shares, -shares * option.strike


def _delivered(row: object) -> tuple[str, Decimal, Decimal] | None:
    if not isinstance(row, Mapping) or row.get("activity_type") != _DELIVERY:
        return None
    if row.get("status") not in (_DONE, None):
        return None
    try:
        return words(row, "symbol"), number(row, "qty"), number(row, "net_amount")
    except BadInput:
        return None  # quarantined or told with its own row
