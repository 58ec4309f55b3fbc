"""Reading requests and writing answers: JSON, times and money as tastytrade puts them on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NoReturn
from zoneinfo import ZoneInfo

from starlette.requests import Request

from functions.core.errors import BadInput
from functions.core.money import decimal, rounded, text
from local.simulators.tastytrade import refusals

NEW_YORK: Final = ZoneInfo("America/New_York")
Effect = Literal["Debit", "Credit", "None"]
_MILLISECOND_PLACES: Final = "milliseconds"


def instant(at: datetime) -> str:
    """A moment in UTC to the millisecond, with its offset."""
    return at.astimezone(UTC).isoformat(timespec=_MILLISECOND_PLACES)


def optional_instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def millis(at: datetime) -> int:
    """Milliseconds since 1970, as `updated-at` of orders, stream messages and market data have them."""
    return round(at.timestamp() * 1000)


def from_millis(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)


def money(value: Decimal) -> str:
    """Dollars to the cent and no less exact than that: "12.5", "0.0"."""
    shown = text(rounded(value, 5))
    return shown if "." in shown else f"{shown}.0"


def effect(value: Decimal) -> Effect:
    """Who gets it: the account (Credit) or the others (Debit)."""
    return "None" if not value else "Credit" if value > 0 else "Debit"


def signed(name: str, value: Decimal) -> dict[str, str]:
    """An amount without sign and its effect beside it; `value` is positive where the account gets it."""
    return {name: money(abs(value)), f"{name}-effect": effect(value)}


def _no_constant(name: str) -> NoReturn:
    raise refusals.invalid(f"request body cannot be read: {name} is not a number")


async def body(request: Request) -> dict[str, Any]:
    """The JSON object of a request, fractions as Decimal. Raises Refusal 400."""
    raw = await request.body()
    try:
        read = json.loads(raw or b"{}", parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, InvalidOperation, RecursionError):
        raise refusals.invalid("request body cannot be read") from None
    if not isinstance(read, dict):
        raise refusals.invalid("request body must be an object")
    return read


def optional_decimal(values: Mapping[str, Any], field: str) -> Decimal | None:
    """A number given as JSON number or text; None where absent or null. Raises Refusal 400."""
    value = values.get(field)
    if value is None:
        return None
    try:
        return decimal(value, field)
    except BadInput as error:
        raise refusals.invalid(f"{field} is invalid: {error.text}") from None


def optional_text(values: Mapping[str, Any], field: str) -> str | None:
    """A text; None where absent or null. Raises Refusal 400."""
    value = values.get(field)
    if value is not None and not isinstance(value, str):
        raise refusals.invalid(f"{field} is invalid")
    return value


def optional_day(given: str | None, field: str) -> date | None:
    """Raises Refusal 400."""
    if given is None:
        return None
    try:
        return date.fromisoformat(given[:10])
    except ValueError:
        raise refusals.invalid(f"{field} does not have a valid format") from None


def optional_moment(given: str | None, field: str) -> datetime | None:
    """A time with offset; without one it is UTC. Raises Refusal 400."""
    if given is None:
        return None
    try:
        # A plus sign that was not escaped in the query arrives as a space.
        read = datetime.fromisoformat(given.replace(" ", "+") if "T" in given else given.replace(" ", "T", 1))
    except ValueError:
        raise refusals.invalid(f"{field} does not have a valid format") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def day_start(day: date) -> datetime:
    """The first moment of a day in New York, in UTC."""
    return datetime.combine(day, time.min, NEW_YORK).astimezone(UTC)


def whole(given: str | None, field: str, *, default: int, least: int, most: int) -> int:
    """A whole number of `least` to `most`. Raises Refusal 400."""
    if given is None:
        return default
    if not given.isdecimal() or not least <= int(given) <= most:
        raise refusals.invalid(f"{field} does not have a valid value, expected {least} to {most}")
    return int(given)


def flag(given: str | None, *, default: bool = False) -> bool:
    return default if given is None else given.lower() in ("true", "1")
