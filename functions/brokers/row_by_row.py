"""A broker's list, row by row: one that cannot be read is quarantined and the others are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from functions.brokers.errors import BadResponse
from functions.brokers.protocol import Quarantined

Read = TypeVar("Read")
_MOST = 2000


def quarantined(error: BadResponse, row: object) -> Quarantined:
    """The row, shortened to what an alert can carry, and what is wrong with it."""
    return Quarantined(error.text, repr(row)[:_MOST], error.symbol, error.no_market)


def row_by_row(rows: Iterable[object], read: Callable[[object], Read]) -> list[Read | Quarantined]:
    """What `read` makes of each row; Quarantined where it raises BadResponse."""
    found: list[Read | Quarantined] = []
    for row in rows:
        try:
            found.append(read(row))
        except BadResponse as error:
            found.append(quarantined(error, row))
    return found
