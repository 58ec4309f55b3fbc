"""Orders as the simulated exchange knows them: what is asked, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from functions.backtest.ticks import price_ticks, quantity_units
from functions.core.errors import BadInput


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order works: this session, until canceled, at once, all at once, at the open, at the close."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


_NEEDS_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_NEEDS_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_AUCTION = frozenset({TimeInForce.OPG, TimeInForce.CLS})
_AUCTION_TYPES = frozenset({OrderType.MARKET, OrderType.LIMIT})
_HUNDRED_PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as it arrives. Prices in the instrument's currency, quantity in shares or contracts.

    `trail_percent` is in percent: 1.5 trails by 1.5 % of the best price seen. Orders with the same `oco` are
    alternatives: what one fills the others lose, and when one ends they end. An order with `after` is held until the
    order of that id has filled. `most_per_fill` caps the quantity of one execution.
    """

    order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce = TimeInForce.DAY
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    oco: str | None = None
    after: str | None = None
    most_per_fill: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a replace changes; None keeps what the order has. `quantity` is the total, fills so far included."""

    quantity: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    time_in_force: TimeInForce | None = None


@dataclass(slots=True)
class WorkingOrder:
    """An order on the book: prices in ticks, quantities in units, `rank` its place in time (lower is earlier).

    `resting` says that the order has already met a quote of this session without being filled: from then on it is
    the passive side and trades at its own limit. `best` is the best price a trailing stop has seen, in ticks.
    """

    new: NewOrder
    rank: int
    quantity: int
    limit: int | None
    stop: int | None
    trail: int | None
    filled: int = 0
    best: int | None = None
    triggered: bool = False
    resting: bool = False
    most: int | None = None

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled

    @property
    def is_buy(self) -> bool:
        return self.new.side is Side.BUY

    @property
    def waits_for_trigger(self) -> bool:
        return self.new.type in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP) and not self.triggered

    def accepts(self, price: int) -> bool:
        """Whether the limit, if there is one, allows a trade at `price` ticks."""
        if self.limit is None:
            return True
        return price <= self.limit if self.is_buy else price >= self.limit

    def trigger_price(self) -> int | None:
        """Where a stop elects: the stop itself, or the best price seen less the trail. None until a price was seen."""
        if self.new.type is not OrderType.TRAILING_STOP:
            return self.stop
        if self.best is None:
            return None
        distance = self.trail if self.trail is not None else self._percent_of(self.best)
        return self.best + distance if self.is_buy else self.best - distance

    def _percent_of(self, best: int) -> int:
        percent = self.new.trail_percent
        if percent is None:
            raise AssertionError("a trailing stop was admitted without a trail")
        # Down, so that the stop never sits further away than was asked for, but never on the price itself.
        return max(1, int(Decimal(best) * percent / _HUNDRED_PERCENT))


def admit(new: NewOrder, rank: int) -> WorkingOrder:
    """Checks the shape of an order and turns it into integers. Raises BadInput BAD_ORDER, OFF_TICK or OFF_LOT."""
    quantity = quantity_units(new.quantity)
    if quantity <= 0:
        raise BadInput("BAD_ORDER", f"quantity must be above zero, was {new.quantity}", field="quantity")
    _check_prices(new)
    if new.time_in_force in _AUCTION and new.type not in _AUCTION_TYPES:
        raise BadInput(
            "BAD_ORDER", f"{new.time_in_force} takes market or limit orders, was {new.type}", field="time_in_force"
        )
    if new.time_in_force in (TimeInForce.IOC, TimeInForce.FOK) and new.type not in _AUCTION_TYPES:
        raise BadInput(
            "BAD_ORDER", f"{new.time_in_force} takes market or limit orders, was {new.type}", field="time_in_force"
        )
    return WorkingOrder(
        new=new,
        rank=rank,
        quantity=quantity,
        limit=_ticks(new.limit, "limit"),
        stop=_ticks(new.stop, "stop"),
        trail=_ticks(new.trail_price, "trail_price"),
        most=None if new.most_per_fill is None else quantity_units(new.most_per_fill, "most_per_fill"),
    )


def _ticks(price: Decimal | None, field: str) -> int | None:
    return None if price is None else price_ticks(price, field)


def _check_prices(new: NewOrder) -> None:
    for field, price, needed in (
        ("limit", new.limit, new.type in _NEEDS_LIMIT),
        ("stop", new.stop, new.type in _NEEDS_STOP),
    ):
        if needed and price is None:
            raise BadInput("BAD_ORDER", f"a {new.type} order needs a {field} price", field=field)
        if not needed and price is not None:
            raise BadInput("BAD_ORDER", f"a {new.type} order takes no {field} price, was {price}", field=field)
        if price is not None and price <= 0:
            raise BadInput("BAD_ORDER", f"{field} must be above zero, was {price}", field=field)
    trails = [trail for trail in (new.trail_price, new.trail_percent) if trail is not None]
    expected = 1 if new.type is OrderType.TRAILING_STOP else 0
    if len(trails) != expected:
        raise BadInput(
            "BAD_ORDER", f"a {new.type} order takes {expected} of trail_price and trail_percent, was {len(trails)}"
        )
    if any(trail <= 0 for trail in trails):
        raise BadInput("BAD_ORDER", f"a trail must be above zero, was {trails[0]}", field="trail")
    if new.trail_percent is not None and new.trail_percent >= _HUNDRED_PERCENT:
        raise BadInput("BAD_ORDER", f"trail_percent must be below 100, was {new.trail_percent}", field="trail_percent")
