"""Real daily history that ships inside the PyPI package `arch`: the S&P 500 index 1999-2018, and VIX 2014-2018.

The two files are read directly: importing the package would load a statistics library that takes seconds.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from functions.core.errors import Misconfigured
from local.tape.model import DailyBar

_NO_VALUE = "."  # how the source of the file marks a day without a value
_CENT = Decimal("0.01")
_INDEX_POINTS_PER_SHARE = Decimal(10)


@cache
def index_days() -> tuple[DailyBar, ...]:
    """The index as a share worth a tenth of it, in dollars and whole cents; volume as the index reports it."""
    return tuple(
        DailyBar(
            day=_date(row["Date"]),
            open=_share(row["Open"]),
            high=_share(row["High"]),
            low=_share(row["Low"]),
            close=_share(row["Close"]),
            volume=int(row["Volume"]),
        )
        for row in _rows("sp500")
    )


@cache
def vix_closes() -> dict[date, Decimal]:
    """VIX at the close, in percent per year, by day. A day without a value is absent."""
    return {_date(row["Date"]): Decimal(row["vix"]) for row in _rows("vix") if row["vix"] != _NO_VALUE}


def _share(points: str) -> Decimal:
    return (Decimal(points) / _INDEX_POINTS_PER_SHARE).quantize(_CENT, rounding=ROUND_HALF_UP)


def _date(text: str) -> date:
    month, day, year = text.split("/")
    return date(int(year), int(month), int(day))


def _rows(name: str) -> Iterator[dict[str, str]]:
    package = find_spec("arch")
    if package is None or not package.submodule_search_locations:
        raise Misconfigured("NO_HISTORY", "the package `arch` is not installed; install the extra `local`")
    path = Path(package.submodule_search_locations[0]) / "data" / name / f"{name}.csv.gz"
    try:
        with gzip.open(path, "rt", newline="") as file:
            yield from csv.DictReader(file)
    except OSError as error:
        raise Misconfigured("NO_HISTORY", f"{path.name} of the package `arch` cannot be read: {error}") from error
