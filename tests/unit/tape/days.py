"""Days and files for the tape tests."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from local.tape.minute_files import BAR_COLUMNS
from local.tape.model import Session

DAY = date(2013, 10, 7)
SESSION = Session(DAY, datetime(2013, 10, 7, 13, 30, tzinfo=UTC), datetime(2013, 10, 7, 20, 0, tzinfo=UTC))
GOOD = (
    "2013-10-07T13:29:00Z,167.44,167.47,167.40,167.41,141005",
    "2013-10-07T13:30:00Z,167.43,167.52,167.41,167.44,816453",
    "2013-10-07T13:31:00Z,167.47,167.47,167.31,167.37,876364",
    "2013-10-07T20:00:00Z,167.44,167.46,167.33,167.39,670233",
)


def write_bars(folder: Path, rows: Sequence[str], header: str = ",".join(BAR_COLUMNS), day: date = DAY) -> Path:
    """A bar file as the loader wants it."""
    path = folder / "minute" / f"SPY-{day.isoformat()}-bars.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.write("\n".join([header, *rows]) + "\n")
    return path
