"""Brokers' JSON read tolerantly: numbers as text or JSON numbers, times to nanoseconds, what may be absent said so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from functions.brokers.errors import BadResponse
from functions.core.errors import BadInput
from functions.core.money import decimal

_FRACTION = re.compile(r"\.(\d{6})\d+")


def mapping(row: object) -> Mapping[str, Any]:
    """A JSON object. Raises BadResponse."""
    if not isinstance(row, Mapping):
        raise BadResponse(f"expected an object, was {type(row).__name__}", row)
    return row


def rows(answer: object) -> list[Any]:
    """A JSON list. Raises BadResponse."""
    if not isinstance(answer, list):
        raise BadResponse(f"expected a list, was {type(answer).__name__}", answer)
    return answer


def moment(value: object, field: str) -> datetime:
    """An ISO 8601 time with up to nanoseconds, as UTC to the microsecond. Raises BadResponse."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r".\1", str(value)))
        if found.tzinfo is None:
            raise BadResponse(f"{field} must carry a time zone, was {value!r}", value)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadResponse(f"{field} must be a time, was {value!r}", value) from None


def number(row: Mapping[str, Any], field: str) -> Decimal:
    """A required number. Raises BadResponse."""
    try:
        return decimal(row.get(field), field)
    except BadInput as error:
        raise BadResponse(error.text, row) from None


def positive(row: Mapping[str, Any], field: str) -> Decimal:
    """A required number above zero. Raises BadResponse."""
    value = number(row, field)
    if value <= 0:
        raise BadResponse(f"{field} must be above zero, was {value}", row)
    return value


def optional(row: Mapping[str, Any], field: str) -> Decimal | None:
    """A number that may be absent, null or empty. Raises BadResponse for anything else that is no number."""
    return None if row.get(field) in (None, "") else number(row, field)


def optional_count(row: Mapping[str, Any], field: str) -> int | None:
    """A whole number of zero or more that may be absent, null or empty. Raises BadResponse for anything else."""
    value = optional(row, field)
    if value is None:
        return None
    if value < 0 or value != value.to_integral_value():
        raise BadResponse(f"{field} must be a whole number, zero or more, was {value}", row)
    return int(value)


def optional_day(row: Mapping[str, Any], field: str) -> date | None:
    """An ISO 8601 date that may be absent, null or empty. Raises BadResponse for anything else."""
    value = optional_words(row, field)
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise BadResponse(f"{field} must be a date, was {value!r}", row) from None


def words(row: Mapping[str, Any], field: str) -> str:
    """A required text. Raises BadResponse."""
    value = row.get(field)
    if not isinstance(value, str) or not value:
        raise BadResponse(f"{field} must be a text, was {value!r}", row)
    return value


def optional_words(row: Mapping[str, Any], field: str) -> str | None:
    """A text that may be absent, null or empty. Raises BadResponse for anything else that is no text."""
    return None if row.get(field) in (None, "") else words(row, field)
