"""What a model says of options: value and greeks, and in which units.

Prices are per unit of the underlying in its currency; rates, yields and volatility per year as fractions; time in years
of 365 days. What is missing or outside a model comes out as NaN, for that contract alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight

Floats = NDArray[np.float64]
Rights = OptionRight | Sequence[OptionRight] | NDArray[np.str_]

PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Valuation:
    """One contract: `price` and `delta` per unit of the underlying, `gamma` the change of delta for a rise of one unit,
    `theta` per calendar day that passes, `vega` and `rho` per percentage point of volatility and rate."""

    price: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


@dataclass(frozen=True, slots=True)
class Valuations:
    """Many contracts, in the units of Valuation; every array of the same shape."""

    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats

    def shaped(self, shape: tuple[int, ...]) -> Valuations:
        return Valuations(*(found.reshape(shape) for found in _fields(self)))

    def one(self) -> Valuation:
        """The only contract's."""
        (found,) = self.each()
        return found

    def each(self) -> Iterator[Valuation]:
        """One contract after the other."""
        return map(Valuation, *(found.ravel().tolist() for found in _fields(self)))


@dataclass(frozen=True, slots=True)
class Contracts:
    """The inputs of a model, one row of contracts. `sign` is 1 for calls and -1 for puts; a row that has no value under
    any model (missing, or not above zero) is NaN in `spot`."""

    sign: Floats
    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    dividend_yield: Floats

    def inputs(self) -> tuple[Floats, ...]:
        """One after the other, as the constructor takes them."""
        return _fields(self)

    def with_sign(self, sign: Floats) -> Contracts:
        return replace(self, sign=sign)

    def part(self, which: slice | NDArray[np.bool_]) -> Contracts:
        """Some contracts of a row."""
        return Contracts(*(one[which] for one in _fields(self)))


def contracts(
    right: Rights,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    last: ArrayLike,
) -> tuple[Contracts, Floats, tuple[int, ...]]:
    """One row of contracts from inputs of any shapes that broadcast, `last` beside them, and the shape they had.

    Raises BadInput BAD_RIGHT where a right is neither call nor put.
    """
    rights = np.asarray(right)
    known = (rights == "call") | (rights == "put")
    if not known.all():
        raise BadInput("BAD_RIGHT", f"expected call or put, was {rights[~known].tolist()[:3]}", field="right")
    sign = np.where(rights == "call", 1.0, -1.0)
    numbers = [np.asarray(one, dtype=np.float64) for one in (spot, strike, years, rate, dividend_yield, last)]
    shape = np.broadcast_shapes(sign.shape, *(one.shape for one in numbers))
    rows = [(one if one.shape == shape else np.broadcast_to(one, shape)).ravel() for one in (sign, *numbers)]
    found = Contracts(*rows[:-1])
    defined = (found.spot > 0) & (found.strike > 0) & (found.years > 0)
    return replace(found, spot=np.where(defined, found.spot, np.nan)), rows[-1], shape


def _fields(found: Contracts | Valuations) -> tuple[Floats, ...]:
    return tuple(getattr(found, field.name) for field in fields(found))
