"""Reading requests and writing answers: JSON, times and numbers as Alpaca puts them on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from starlette.requests import Request

from functions.core.errors import BadInput
from functions.core.money import decimal
from local.simulators.alpaca import refusals
from local.simulators.venue.clock import instant

NEW_YORK = ZoneInfo("America/New_York")


def optional_instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def number(value: Decimal) -> float | int:
    """A JSON number. The data API writes prices as numbers; the shortest text of the float is the Decimal's own."""
    return int(value) if value == value.to_integral_value() else float(value)


def _no_constant(name: str) -> NoReturn:
    raise refusals.malformed(f"request body format is invalid: {name} is not a number")


async def body(request: Request) -> dict[str, Any]:
    """The JSON object of a request, fractions as Decimal. An empty body is an empty object. Raises Refusal 400."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        read = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, InvalidOperation, RecursionError):
        raise refusals.malformed("request body format is invalid") from None
    if not isinstance(read, dict):
        raise refusals.malformed("request body format is invalid: expected an object")
    return read


def optional_decimal(values: Mapping[str, Any], field: str) -> Decimal | None:
    """A number given as JSON number or text; None where absent or null. Raises Refusal 422."""
    value = values.get(field)
    if value is None:
        return None
    try:
        return decimal(value, field)
    except BadInput as error:
        raise refusals.invalid(f"invalid {field}: {error.text}") from None


def optional_text(values: Mapping[str, Any], field: str) -> str | None:
    """A text; None where absent or null. Raises Refusal 422."""
    value = values.get(field)
    if value is not None and not isinstance(value, str):
        raise refusals.invalid(f"{field} must be a string, was {value!r}")
    return value


def flag(text: str | None, *, default: bool = False) -> bool:
    """A query flag; clients write True, true and 1."""
    return default if text is None else text.lower() in ("true", "1")


def moment(text: str, field: str, *, day_end: bool = False) -> datetime:
    """An RFC 3339 time, or a day, which means its first (or last) moment in New York. Raises Refusal 422."""
    try:
        if len(text) == len("2018-02-05"):
            edge = time.max if day_end else time.min
            return datetime.combine(date.fromisoformat(text), edge, NEW_YORK).astimezone(UTC)
        # A plus sign that was not escaped in the query arrives as a space.
        read = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise refusals.invalid(f"invalid {field}: expected an RFC 3339 time or a day, was {text!r}") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def whole(text: str | None, field: str, *, default: int, most: int) -> int:
    """A whole number of 1 to `most`. Raises Refusal 422."""
    if text is None:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise refusals.invalid(f"invalid {field}: expected 1 to {most}, was {text!r}")
    return int(text)
