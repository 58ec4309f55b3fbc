"""Bars of any timeframe from minute bars."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from local.simulators.alpaca import refusals
from local.simulators.alpaca.wire import NEW_YORK

_PATTERN = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D)")
_MOST = {"Min": 59, "T": 59, "Hour": 23, "H": 23, "Day": 1, "D": 1}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """`width` is the length of a bar; None means a day."""

    width: timedelta | None

    @classmethod
    def read(cls, text: str | None) -> Timeframe:
        """Raises Refusal 400."""
        match = _PATTERN.fullmatch(text or "")
        if match is None or not 1 <= int(match[1]) <= _MOST[match[2]]:
            raise refusals.bad_data_request(f"invalid timeframe: expected 1-59Min, 1-23Hour or 1Day, was {text!r}")
        if match[2] in ("Day", "D"):
            return cls(None)
        return cls(timedelta(minutes=int(match[1]) * (60 if match[2] in ("Hour", "H") else 1)))


def midnight(day: date) -> datetime:
    """When a daily bar starts: midnight in New York, as UTC."""
    return datetime.combine(day, time.min, NEW_YORK).astimezone(UTC)
