"""Reading minute files as they come, for the data-quality gate: any order, repeats, rows with nothing in them.

Unlike `minute_files`, which refuses a file that a replay cannot trust. Columns are found by name: `ts` or `Datetime`
(ISO 8601 with an offset), open, high, low, close, volume; others are left alone.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from functions.core.clock import require_utc
from functions.core.errors import BadInput, Misconfigured
from functions.core.events import BarData
from functions.ingest.quality.findings import Unread

_MINUTE: Final = timedelta(minutes=1)
_PRICES: Final = ("open", "high", "low", "close", "volume")
_TIMES: Final = ("ts", "datetime")
_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


def symbol_of(path: Path) -> str:
    """The symbol that a file's name begins with: SPY of SPY-2013-10-07-bars.csv.gz."""
    return path.name.split("-")[0].split(".")[0].upper()


def read_raw(path: Path, symbol: str) -> list[BarData | Unread]:
    """The rows of a .csv or .csv.gz, in the file's own order. Raises BadInput BAD_FILE, Misconfigured NO_FILE."""
    found: list[BarData | Unread] = []
    at = _UNKNOWN_TIME
    for line, cells in _cells(path):
        row = _row(line, cells, symbol, path.name, at)
        at = row.at if isinstance(row, Unread) else row.starts_at
        found.append(row)
    return found


def _row(line: int, cells: Mapping[str, str], symbol: str, file: str, before: datetime) -> BarData | Unread:
    shown = ",".join(cells.values())
    try:
        at = _time(next(cells[name] for name in _TIMES if name in cells))
    except ValueError as error:
        # Without a time of its own it counts on the day of the row before it.
        return Unread(symbol, file, f"line {line}: no time: {error}", shown, before)
    try:
        return BarData.model_validate(
            {"symbol": symbol, "timeframe": "1Min", "starts_at": at, "ends_at": at + _MINUTE, "feed": file}
            | {name: cells[name] for name in _PRICES}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"{part}: " for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        return Unread(symbol, file, f"line {line}: {where}{said}", shown, at)


def _time(cell: str) -> datetime:
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"expected one such as 2013-10-07T13:30:00+00:00, was {cell!r}") from None
    if at.tzinfo is None:
        raise ValueError(f"expected an offset, such as {cell}+00:00 for UTC, was {cell!r}")
    return require_utc(at)


def _cells(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The line in the file, the header's being 1, and its cells by column."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in _PRICES if name not in header]
            if missing or not set(_TIMES) & set(header):
                needed = "ts (or Datetime), open, high, low, close and volume"
                raise BadInput(
                    "BAD_FILE", f"{path.name} must have the columns {needed}, was {','.join(header) or 'empty'}"
                )
            for row in reader:
                if row:
                    yield reader.line_num, dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=False))
    except FileNotFoundError:
        raise Misconfigured("NO_FILE", f"{path} does not exist") from None
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput("BAD_FILE", f"{path.name} cannot be read: {error}") from error
