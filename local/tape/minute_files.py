"""Reading minute files: `minute/SYMBOL-YYYY-MM-DD-bars.csv.gz` and `-quotes.csv.gz`, times in UTC.

A row repeated word for word is dropped and counted. Anything else that is wrong (a cell that is not a number, a price
not above zero, a high below a low, a time that steps back or comes twice with other numbers) is refused with the file
and the line: a replay on prices that nobody can vouch for proves nothing.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Generic, TypeVar

from functions.backtest.ticks import price_ticks
from functions.core.clock import require_utc
from functions.core.errors import BadInput, Misconfigured
from functions.core.money import decimal

Row = TypeVar("Row")

BAR_COLUMNS = ("ts", "open", "high", "low", "close", "volume")
QUOTE_COLUMNS = (
    "ts",
    *("bid_open", "bid_high", "bid_low", "bid_close", "bid_size"),
    *("ask_open", "ask_high", "ask_low", "ask_close", "ask_size"),
)


@dataclass(frozen=True, slots=True)
class Ohlc:
    """Open, high, low, close."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class BarRow:
    at: datetime
    price: Ohlc
    volume: int


@dataclass(frozen=True, slots=True)
class QuoteRow:
    at: datetime
    bid: Ohlc
    ask: Ohlc
    bid_size: int
    ask_size: int


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """The rows of a file in time order, and how many exact repeats were dropped."""

    rows: tuple[Row, ...]
    repeats: int


class _Line:
    """One line of a file: reads cells, and says where it stands when one is wrong."""

    def __init__(self, file: str, number: int, cells: dict[str, str]) -> None:
        self._where = f"{file}, line {number}"
        self._cells = cells

    def wrong(self, text: str) -> BadInput:
        return BadInput("BAD_TAPE_ROW", f"{self._where}: {text}", where=self._where)

    def time(self) -> datetime:
        try:
            return require_utc(datetime.fromisoformat(self._cells["ts"]), "ts")
        except ValueError as error:
            raise self.wrong(f"ts must be a UTC time, {error}") from None

    def number(self, column: str) -> Decimal:
        try:
            return decimal(self._cells[column], column)
        except BadInput as error:
            raise self.wrong(error.text) from None

    def count(self, column: str) -> int:
        value = self.number(column)
        if value < 0 or value != value.to_integral_value():
            raise self.wrong(f"{column} must be a whole number not below zero, was {value}")
        return int(value)

    def prices(self, prefix: str) -> Ohlc:
        names = [f"{prefix}{name}" for name in ("open", "high", "low", "close")]
        numbers = [self.number(name) for name in names]
        for name, number in zip(names, numbers, strict=True):
            if number <= 0:
                raise self.wrong(f"{name} must be above zero, was {number}")
            try:
                price_ticks(number, name)
            except BadInput as error:
                raise self.wrong(error.text) from None
        price = Ohlc(*numbers)
        if not price.low <= min(price.open, price.close) <= max(price.open, price.close) <= price.high:
            raise self.wrong(f"expected low <= open, close <= high, was {price}")
        return price


def read_bars(path: Path) -> Rows[BarRow]:
    """The bars of a file. Raises BadInput BAD_TAPE_ROW or BAD_TAPE_FILE, Misconfigured NO_TAPE_FILE."""
    lines, repeats = _lines(path, BAR_COLUMNS)
    return Rows(tuple(BarRow(line.time(), line.prices(""), line.count("volume")) for line in lines), repeats)


def read_quotes(path: Path) -> Rows[QuoteRow]:
    """The quotes of a file. Raises BadInput BAD_TAPE_ROW or BAD_TAPE_FILE, Misconfigured NO_TAPE_FILE."""
    lines, repeats = _lines(path, QUOTE_COLUMNS)
    rows = []
    for line in lines:
        row = QuoteRow(
            line.time(), line.prices("bid_"), line.prices("ask_"), line.count("bid_size"), line.count("ask_size")
        )
        rows.append(row)
    return Rows(tuple(rows), repeats)


def _lines(path: Path, columns: tuple[str, ...]) -> tuple[list[_Line], int]:
    kept: list[_Line] = []
    repeats = 0
    previous: dict[str, str] | None = None
    last: datetime | None = None
    for number, cells in _cells(path, columns):
        if cells == previous:
            repeats += 1
            continue
        line = _Line(path.name, number, cells)
        at = line.time()
        if last is not None and at <= last:
            raise line.wrong(f"times must rise, was {at.isoformat()} after {last.isoformat()}")
        kept.append(line)
        previous, last = cells, at
    return kept, repeats


def _cells(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = tuple(next(reader, []))
            if header != columns:
                raise BadInput("BAD_TAPE_FILE", f"{path.name} must have the columns {','.join(columns)}, was {header}")
            for row in reader:
                if len(row) != len(columns):
                    where = f"{path.name}, line {reader.line_num}"
                    raise BadInput(
                        "BAD_TAPE_ROW", f"{where}: expected {len(columns)} cells, was {len(row)}", where=where
                    )
                yield reader.line_num, dict(zip(columns, row, strict=True))
    except FileNotFoundError:
        raise Misconfigured("NO_TAPE_FILE", f"{path} does not exist") from None
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput("BAD_TAPE_FILE", f"{path.name} cannot be read: {error}") from error
