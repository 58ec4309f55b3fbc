"""Money and quantity: Decimal everywhere, text on every wire, one rounding rule.

The ledger keeps `numeric(28,10)`; averages round half away from zero at 10 places, here and in SQL alike.
"""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    InvalidOperation,
    localcontext,
)
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from functions.core.errors import BadInput

SCALE = 10
_DIGITS = 28
_SMALLEST = -30
_CONTEXT = Context(prec=50)


def decimal(value: object, field: str = "amount") -> Decimal:
    """Reads a finite decimal from text, int or Decimal; refuses floats that are not exact, NaN and infinity.

    A JSON number may arrive as a float (brokers send both); its shortest text form is what was on the wire. What the
    ledger cannot hold is no amount: 18 digits before the point, and nothing so small that its text fills a page.
    Raises BadInput NOT_A_NUMBER.
    """
    number = _finite(value, field)
    if number and not _SMALLEST <= number.adjusted() < _DIGITS - SCALE:
        raise BadInput(
            "NOT_A_NUMBER", f"{field} must be an amount that the ledger can hold, was {value!r}", field=field
        )
    return number


def _finite(value: object, field: str) -> Decimal:
    if isinstance(value, bool) or value is None:
        raise BadInput("NOT_A_NUMBER", f"{field} must be a number, was {value!r}", field=field)
    written = repr(value) if isinstance(value, float) else str(value).strip()
    try:
        # Decimal would read 1_000 as a thousand; no wire writes it so.
        number = Decimal("" if "_" in written else written)
    except InvalidOperation:
        raise BadInput("NOT_A_NUMBER", f"{field} must be a number, was {value!r}", field=field) from None
    if not number.is_finite():
        raise BadInput("NOT_A_NUMBER", f"{field} must be a finite number, was {value!r}", field=field)
    return number


def rounded(value: Decimal, places: int = SCALE) -> Decimal:
    """Rounds half away from zero, as Postgres `round(numeric, places)` does."""
    with localcontext(_CONTEXT):
        return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def divided(numerator: Decimal, denominator: Decimal) -> Decimal:
    """Quotient at the ledger's scale. Raises ZeroDivisionError as any division would."""
    with localcontext(_CONTEXT):
        return rounded(numerator / denominator)


def to_tick(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """The nearest multiple of `tick` at or above (`up`) or at or below `price`.

    A buy limit goes down and a sell limit goes up: away from aggressiveness, so that rounding never pays more
    than was asked for.
    """
    with localcontext(_CONTEXT):
        steps = (price / tick).to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR)
        return steps * tick


def text(value: Decimal) -> str:
    """Plain text without exponent and without trailing zeros: what goes on a wire."""
    plain = format(value.normalize(_CONTEXT), "f")
    return "0" if plain == "-0" else plain


def _read(value: Any) -> Decimal:
    try:
        return decimal(value)
    except BadInput as error:
        raise ValueError(error.text) from None


def _read_total(value: Any) -> Decimal:
    try:
        return _finite(value, "total")
    except BadInput as error:
        raise ValueError(error.text) from None


Amount = Annotated[Decimal, BeforeValidator(_read), PlainSerializer(text, return_type=str, when_used="json")]
"""A Decimal in a pydantic model: reads text or number, writes text."""
Total = Annotated[Decimal, BeforeValidator(_read_total), PlainSerializer(text, return_type=str, when_used="json")]
"""A sum that the ledger made of many rows: it may be larger than what one row can hold."""
