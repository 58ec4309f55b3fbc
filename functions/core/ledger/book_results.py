"""What a book says of profit and loss by scope."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from functions.core.ledger.part import Row
from functions.core.money import Amount, Total


class BookResult(Row):
    """What a scope has won so far, dollars; None where something open has no mark: `missing` says what.

    `mark_age` is how many seconds of trading the oldest mark is old. `peak` is the best on record, `session_open` what
    was won before the session day; both count from zero, before the first fill.
    """

    scope: Literal["user", "account", "strategy"]
    result: Total | None
    missing: list[str]
    missing_since: AwareDatetime | None = None
    mark_age: Amount
    peak: Total
    session_open: Total


class BookResults(Row):
    """Of the scopes that a limit on results asks for; None where none does.

    A scope that has never held anything is left out.
    """

    scopes: list[BookResult] | None = None
