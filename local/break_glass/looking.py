"""What there is at the broker: read with patience, since it is asked on a bad day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from functions.brokers.errors import BadCredentials, BadResponse, NotConnected, Rejected
from functions.brokers.holdings import AccountRules, BrokerPosition
from functions.brokers.orders import FINAL_STATES, BrokerOrder
from functions.brokers.protocol import Broker, Quarantined
from functions.core.errors import BadInput, Misconfigured, Unavailable
from functions.core.instruments import OptionSymbol, symbol_kind

_FIRST_WAIT: Final = 0.2
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Pace:
    """Machine time in seconds. `patience` bounds each part of the work, `poll` is how often the broker is looked at.

    `ask_again` is when a cancel that changed nothing is asked for again. `settles` is how long after a call without an
    answer, or after a fill, the broker's lists may not show it yet.
    """

    patience: float = 60.0
    poll: float = 1.0
    ask_again: float = 5.0
    settles: float = 15.0


@dataclass(frozen=True, slots=True)
class Selection:
    """The symbols that are meant; none named are all. A share takes the options on it along."""

    symbols: frozenset[str] = frozenset()

    def has(self, symbol: str) -> bool:
        return not self.symbols or symbol in self.symbols or underlying(symbol) in self.symbols

    def has_order(self, order: BrokerOrder) -> bool:
        return any(self.has(symbol) for symbol in (order.symbol, *(leg.symbol for leg in order.legs)))


@dataclass(frozen=True, slots=True)
class Orders:
    """What works, each order of a family by itself; `unreadable` are rows of the list that say too little."""

    working: tuple[BrokerOrder, ...]
    unreadable: tuple[Quarantined, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """An account as it is: the broker's time (UTC), orders and positions; positions None where they cannot be read."""

    at: datetime
    is_open: bool
    orders: Orders
    positions: tuple[BrokerPosition, ...] | None
    trouble: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything could be read."""
        return self.positions is not None and not self.orders.unreadable


class Unreadable(Unavailable):
    """The broker answered, and what it said cannot be read or was a no."""


class Lookout:
    """Reads one account; a broker that does not answer is asked again for `pace.patience`.

    Each time is told to `say`. Raises Unavailable BROKER_UNREACHABLE, its kind Unreadable, and Misconfigured BAD_KEYS.
    """

    def __init__(
        self, broker: Broker, selection: Selection, pace: Pace, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.broker, self.selection, self.pace, self._say = broker, selection, pace, say

    async def who(self, account: str, *, is_paper: bool) -> AccountRules:
        """Raises BadInput WRONG_ACCOUNT where the credentials are another account's."""
        try:
            rules = await self.patiently(self.broker.rules)
        except Unreadable as error:
            if error.code == "WRONG_ACCOUNT":
                raise BadInput(error.code, f"{error.text}; nothing was done") from error
            raise
        if rules.account_number != account or rules.is_paper != is_paper:
            kind = "paper" if rules.is_paper else "live"
            raise BadInput(
                "WRONG_ACCOUNT", f"these credentials are of the {kind} account {rules.account_number}; nothing was done"
            )
        return rules

    async def picture(self) -> Picture:
        clock = await self.patiently(self.broker.clock)
        orders = await self.orders()
        try:
            held, trouble = await self.positions(), None
        except Unreadable as error:
            held, trouble = None, f"the positions cannot be read: {error.text}"
        return Picture(clock.now, clock.is_open, orders, held, trouble)

    async def is_open(self) -> bool:
        return (await self.patiently(self.broker.clock)).is_open

    async def orders(self) -> Orders:
        """Those of the selection; what cannot be read may be of it, be it a row or the whole list."""
        try:
            rows = await self.patiently(self.broker.open_orders)
        except Unreadable as error:
            return Orders((), (Quarantined(error.text, "the list of orders"),))
        read = [order for row in rows if isinstance(row, BrokerOrder) for order in _working(row)]
        unreadable = tuple(row for row in rows if isinstance(row, Quarantined))
        return Orders(tuple(order for order in read if self.selection.has_order(order)), unreadable)

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """Those of the selection, shorts first: a long leg may be what covers a short one."""
        held = await self.patiently(self.broker.positions)
        mine = [one for one in held if one.quantity and self.selection.has(one.symbol)]
        return tuple(sorted(mine, key=lambda one: (one.quantity > 0, one.symbol)))

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        return await self.patiently(lambda: self.broker.order(broker_order_id))

    async def named(self, client_order_id: str) -> list[BrokerOrder]:
        return await self.patiently(lambda: self.broker.find_orders(client_order_id))

    async def patiently(self, read: Callable[[], Awaitable[_Answer]]) -> _Answer:
        deadline, wait = time.monotonic() + self.pace.patience, min(_FIRST_WAIT, self.pace.poll)
        while True:
            try:
                return await read()
            except BadCredentials as error:
                raise Misconfigured("BAD_KEYS", f"{error.text}; nothing more was done") from error
            except (BadResponse, Rejected) as error:
                raise Unreadable(error.code, error.text) from error
            except NotConnected as error:
                left = deadline - time.monotonic()
                if wait > left:
                    raise Unavailable(
                        "BROKER_UNREACHABLE",
                        f"{error.text}; asked for {self.pace.patience:g} s. Use the broker's own page, or its desk",
                    ) from error
                self._say(f"{error.text}; asked again for {left:.0f} s more")
            await asyncio.sleep(wait)
            wait = min(wait * 2, self.pace.ask_again)


def underlying(symbol: str) -> str:
    """The share under an option; of everything else the symbol itself."""
    return OptionSymbol.parse(symbol).root if kind_of(symbol) == "option" else symbol


def kind_of(symbol: str) -> str:
    """The kind of a canonical symbol; `unknown` for what has no form that we know."""
    try:
        return symbol_kind(symbol)
    except BadInput:
        return "unknown"


def closing_side(position: BrokerPosition) -> str:
    return "sell" if position.quantity > 0 else "buy"


def closes(order: BrokerOrder, position: BrokerPosition) -> bool:
    """Whether the order, if it fills, takes from the position: while it works no other may."""
    side = closing_side(position)
    parts: Sequence[tuple[str, str]] = [(leg.symbol, leg.side) for leg in order.legs] or [(order.symbol, order.side)]
    return (position.symbol, side) in parts


def _working(order: BrokerOrder) -> Iterator[BrokerOrder]:
    """The order; where it is over, those of its children that are not. A parent takes its children along."""
    if order.state not in FINAL_STATES:
        yield order
        return
    for child in order.children:
        yield from _working(child)
