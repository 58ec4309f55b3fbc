"""What the rules look at: the order, the book as of the order's event time, and the limits that apply.

Plain dataclasses: validation happened at the boundary. Money and quantities are Decimal, times UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight
from functions.core.market_calendar import Session
from functions.risk.limits import Scope

if TYPE_CHECKING:
    from functions.risk.account import AccountFacts
    from functions.risk.facts.closed import ClosedTrades
    from functions.risk.facts.market import MarketFacts
    from functions.risk.facts.orders import OrderFacts
    from functions.risk.facts.results import ResultFacts

Side = Literal["buy", "sell"]
Kind = Literal["equity", "option", "crypto", "future"]
OrderType = Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
PositionIntent = Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
ZERO = Decimal(0)
AT_THE_MARK = ("market", "limit")
"""Types of order that meet the market where it is; the others at their stop."""
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedLeg:
    """What an order buys or sells of one symbol; an order of one symbol has one leg.

    `quantity` in shares or contracts: `ratio` of them in each unit of the order. `multiplier` is units of the
    underlying per share or contract. An option has its terms: strike in dollars, `expiry` an exchange date.
    `shortable` is None where no list says whether it may be sold short.
    Raises BadInput BAD_ORDER where the numbers cannot be judged.
    """

    symbol: str
    side: Side
    position_intent: PositionIntent
    quantity: Decimal
    ratio: int = 1
    multiplier: Decimal = Decimal(1)
    kind: Kind = "equity"
    underlying: str | None = None
    right: OptionRight | None = None
    strike: Decimal | None = None
    expiry: date | None = None
    shortable: bool | None = None

    def __post_init__(self) -> None:
        _above_zero(self, "quantity", "multiplier", "strike")
        if self.ratio < 1:
            raise BadInput("BAD_ORDER", f"ratio must be above zero, was {self.ratio}", field="ratio")
        if not self.position_intent.startswith(f"{self.side}_"):
            raise BadInput("BAD_ORDER", f"a {self.side} cannot be {self.position_intent}", field="position_intent")
        terms = (self.underlying, self.right, self.strike, self.expiry)
        if self.kind == "option" and None in terms:
            raise BadInput("BAD_ORDER", f"the option {self.symbol} needs its terms, was {terms}", field="symbol")

    @property
    def closes(self) -> bool:
        """Whether it is said to close a position."""
        return self.position_intent.endswith("_to_close")

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedOrder:
    """An order before it is sent. `quantity` in shares, contracts or units of several legs; prices a unit, UTC.

    `legs` are all that it trades: left out, the order is of one symbol and its leg is made. `symbol`, `side` and
    `multiplier` are leg 0's. A leg's quantity always follows from the order's. The limit price of several legs is net:
    positive pays, negative receives, and may be zero. `trades_around_the_clock` is for crypto; `extended_hours` is
    the order's own wish to be filled in the hours around the session too. `several_legs`: more than one symbol is
    traded, at one net price.
    Raises BadInput BAD_ORDER where the numbers cannot be judged.
    """

    symbol: str
    side: Side
    quantity: Decimal
    event_time: datetime
    order_type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    stop_loss_price: Decimal | None = None
    reduce_only: bool = False
    multiplier: Decimal = Decimal(1)
    trades_around_the_clock: bool = False
    extended_hours: bool = False
    legs: tuple[ProposedLeg, ...] = ()
    several_legs: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "several_legs", len(self.legs) > 1)
        _above_zero(self, "quantity", "multiplier", "stop_price", "trail_price", "trail_percent", "stop_loss_price")
        if self.event_time.tzinfo is None:
            raise BadInput("BAD_ORDER", f"event_time must carry a time zone, was {self.event_time}")
        if self.limit_price is not None and not self.limit_price.is_finite():
            raise BadInput("BAD_ORDER", f"limit_price must be finite, was {self.limit_price}", field="limit_price")
        if not self.several_legs:
            _above_zero(self, "limit_price")
        has = {
            "limit price": (self.limit_price is not None, self.order_type in ("limit", "stop_limit")),
            "stop price": (self.stop_price is not None, self.order_type in ("stop", "stop_limit")),
            "trail": ((self.trail_price is None) != (self.trail_percent is None), self.order_type == "trailing_stop"),
        }
        for name, (found, needed) in has.items():
            if found != needed:
                wanted = "needs one" if needed else "has none"
                raise BadInput("BAD_ORDER", f"{name}: a {self.order_type} order {wanted}", field=name)
        self._fit_legs()

    def _fit_legs(self) -> None:
        """Makes the leg of an order of one symbol, and each leg's quantity from the order's."""
        intent = cast("PositionIntent", f"{self.side}_to_{'close' if self.reduce_only else 'open'}")
        legs = self.legs or (
            ProposedLeg(
                symbol=self.symbol,
                side=self.side,
                position_intent=intent,
                quantity=self.quantity,
                multiplier=self.multiplier,
            ),
        )
        if (legs[0].symbol, legs[0].side) != (self.symbol, self.side):
            first = f"{legs[0].side} {legs[0].symbol}"
            raise BadInput("BAD_ORDER", f"leg 0 is the order's own, was {first} of {self.side} {self.symbol}")
        if self.several_legs and self.order_type not in ("market", "limit"):
            raise BadInput("BAD_ORDER", f"several legs go at market or with a net limit, was {self.order_type}")
        fitted = tuple(replace(leg, quantity=leg.ratio * self.quantity) for leg in legs)
        object.__setattr__(self, "legs", fitted)
        object.__setattr__(self, "multiplier", fitted[0].multiplier)

    def trigger_price(self, mark: Decimal) -> Decimal:
        """Where an order of one symbol meets the market: at the mark, or at its stop where that is worse.

        A stop beyond the mark is triggered at once, and is then a market order. A trailing stop only ever comes nearer
        to the market, so that it is worst where it begins.
        """
        stop = self.stop_price
        if self.order_type == "trailing_stop":
            trail = self.trail_price if self.trail_percent is None else mark * self.trail_percent / 100
            away = ZERO if trail is None else trail
            stop = mark + away if self.side == "buy" else max(mark - away, ZERO)
        if stop is None:
            return mark
        return max(stop, mark) if self.side == "buy" else min(stop, mark)

    def worst_price(self, mark: Decimal) -> Decimal:
        """The worst price that an order of one symbol is expected to be filled at: its limit, else its trigger."""
        return self.trigger_price(mark) if self.limit_price is None else self.limit_price


def net_of_marks(order: ProposedOrder, marks: Mapping[str, Mark]) -> Decimal | str:
    """What a unit of the order is worth at the marks, net: positive pays. Or the first symbol that has none."""
    net = ZERO
    for leg in order.legs:
        mark = marks.get(leg.symbol)
        if mark is None:
            return leg.symbol
        net += leg.sign * leg.ratio * mark.price
    return net


def _above_zero(judged: ProposedLeg | ProposedOrder, *names: str) -> None:
    for name in names:
        value: Decimal | None = getattr(judged, name)
        if value is not None and not (value.is_finite() and value > 0):
            raise BadInput("BAD_ORDER", f"{name} must be finite and above zero, was {value}", field=name)


@dataclass(slots=True, unsafe_hash=True)
class OpenQuantity:
    """What is open in one symbol: the signed position, and the remaining quantity of working buys and of working sells.

    Buys and sells are kept apart: a resting sell that may never fill must not make room for a buy.
    """

    position: Decimal = ZERO
    to_buy: Decimal = ZERO
    to_sell: Decimal = ZERO

    @classmethod
    def of(cls, position: Decimal, working: Iterable[Decimal] = ()) -> OpenQuantity:
        """From the signed position and the signed remaining quantity of each working order."""
        orders = tuple(working)
        bought = sum((quantity for quantity in orders if quantity > 0), ZERO)
        sold = sum((-quantity for quantity in orders if quantity < 0), ZERO)
        return cls(position, bought, sold)

    def with_leg(self, leg: ProposedLeg) -> OpenQuantity:
        """The same with this leg of an order working too."""
        if leg.side == "buy":
            return OpenQuantity(self.position, self.to_buy + leg.quantity, self.to_sell)
        return OpenQuantity(self.position, self.to_buy, self.to_sell + leg.quantity)

    def toward(self, side: Side) -> Decimal:
        """How long (buy) or short (sell) it can become when every working order of that side fills; 0 or more."""
        reached = self.position + self.to_buy if side == "buy" else self.to_sell - self.position
        return max(reached, ZERO)

    @property
    def worst(self) -> Decimal:
        """The larger of the two, without a sign: what a filled or a still working entry counts alike."""
        return max(self.position + self.to_buy, self.to_sell - self.position, ZERO)

    def worst_with(self, leg: ProposedLeg) -> Decimal:
        """The same with this leg of an order working too."""
        if leg.side == "buy":
            return max(self.position + self.to_buy + leg.quantity, self.to_sell - self.position, ZERO)
        return max(self.position + self.to_buy, self.to_sell + leg.quantity - self.position, ZERO)

    def closable(self, side: Side) -> Decimal:
        """How much an order of this side may be and still only reduce, net of the working orders that close already."""
        if side == "sell":
            return max(self.position - self.to_sell, ZERO)
        return max(-self.position - self.to_buy, ZERO)


NOTHING_OPEN = OpenQuantity()
Exposure = Mapping[str, OpenQuantity]
"""What is open by symbol, within one scope."""
Package = Mapping[str, Decimal]
"""The open option legs of one working order: signed contracts by symbol."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A symbol's price for valuing: per unit, when it was quoted (UTC), and the symbol's multiplier.

    Raises BadInput BAD_MARK where it is no price: a rule would compare with it and be wrong.
    """

    price: Decimal
    quoted_at: datetime
    multiplier: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        for name, value in (("price", self.price), ("multiplier", self.multiplier)):
            if not (value.is_finite() and value > 0):
                raise BadInput("BAD_MARK", f"{name} must be finite and above zero, was {value}", field=name)
        if self.quoted_at.tzinfo is None:
            raise BadInput("BAD_MARK", f"quoted_at must carry a time zone, was {self.quoted_at}", field="quoted_at")


@dataclass(frozen=True, slots=True)
class Gate:
    """A closed gate. `reason` is what the person or the breaker that closed it said."""

    scope: Scope
    reason: str


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that is known at the order's event time, prepared once per order.

    `exposures` holds what is open in each scope; "account" must be there, and every scope that has a limit. `sessions`
    are the calendar's around the event time: empty on a holiday, None where the calendar does not reach the day.
    `closed_gates` are those of the order's scopes; None where they could not be read, which is not the same as none.
    `packages` are the options of each working order that may open something: they fill together or not at all.
    `account` is what its broker said of it; None of an account of which no broker was ever asked. `orders`, `market`,
    `results` and `closed` are further facts; None where they were not read, and a rule that is on denies for that.
    """

    exposures: Mapping[Scope, Exposure]
    marks: Mapping[str, Mark] = field(default_factory=dict)
    sessions: tuple[Session, ...] | None = None
    closed_gates: tuple[Gate, ...] | None = None
    packages: Mapping[Scope, tuple[Package, ...]] = field(default_factory=dict)
    account: AccountFacts | None = None
    orders: OrderFacts | None = None
    market: MarketFacts | None = None
    results: ResultFacts | None = None
    closed: ClosedTrades | None = None
    made: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What rules reckon of the book alone, whatever the order: made by the first that asks."""
        found: Made | None = self.made.get(name)
        if found is None:
            found = self.made[name] = make()
        return found

    _asked: list[tuple[datetime, Session | None]] = field(default_factory=list, init=False, repr=False, compare=False)

    def exposure(self, scope: Scope) -> Exposure | None:
        """What is open in a scope, None where it is not known. A limit on a symbol is on the account's holding."""
        return self.exposures.get("account" if scope == "symbol" else scope)

    def session_at(self, moment: datetime) -> Session | None:
        """The session that is open at a moment, its closing moment excluded; None too where no calendar was read.

        Several rules ask, all of the order's event time: the last answer is kept.
        """
        if self._asked and self._asked[0][0] is moment:
            return self._asked[0][1]
        found = None
        for session in self.sessions or ():
            if moment < session.closes_at:
                found = session if session.opens_at <= moment else None
                break
        self._asked[:] = [(moment, found)]
        return found

    def working_packages(self, scope: Scope) -> tuple[Package, ...]:
        """The options of working orders in a scope, order by order."""
        return self.packages.get("account" if scope == "symbol" else scope, ())

    def closable_units(self, order: ProposedOrder) -> Decimal | None:
        """How much of the order only reduces, net of the working orders that close already; None where unknown.

        Of several legs whole units: one that is cut is cut in every leg alike. The account's position counts: that is
        what the broker holds.
        """
        account = self.exposures.get("account")
        if account is None:
            return None
        units = min(account.get(leg.symbol, NOTHING_OPEN).closable(leg.side) / leg.ratio for leg in order.legs)
        return units.to_integral_value(ROUND_FLOOR) if order.several_legs else units

    def only_reduces(self, order: ProposedOrder) -> bool:
        """True where the order promises to reduce and does: each leg is within its position, net of what closes it."""
        if not order.reduce_only:
            return False
        closable = self.closable_units(order)
        return closable is not None and order.quantity <= closable
