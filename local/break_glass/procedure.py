"""The whole of a break-glass: cancel, close, look again, and once more while that changes something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.brokers.holdings import BrokerPosition
from functions.brokers.orders import BrokerOrder
from functions.core.money import text
from local.break_glass.canceling import Asked, Canceling
from local.break_glass.closing import Closing, Left, Sent
from local.break_glass.journal import Intent, Journal
from local.break_glass.looking import Lookout, Picture, Unreadable

_MOST_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Result:
    """What was done and what is left. `unread` says why the positions are not known, where they are not."""

    canceled: Sequence[Asked]
    closed: Sequence[Sent]
    orders: Sequence[BrokerOrder]
    unreadable_orders: int
    positions: Sequence[tuple[BrokerPosition, str]]
    unread: str | None

    @property
    def is_clean(self) -> bool:
        """Nothing works and nothing is held, of what was meant."""
        return not (self.orders or self.unreadable_orders or self.positions or self.unread)

    def as_json(self) -> dict[str, Any]:
        """Quantities as text, as on every wire."""
        return {
            "orders": [
                {
                    "order": one.order.broker_order_id,
                    "symbol": one.order.symbol,
                    "outcome": one.outcome,
                    "filled": text(one.order.filled_quantity),
                    "refused": one.reason,
                }
                for one in self.canceled
            ],
            "closes": [
                {
                    "symbol": one.symbol,
                    "held": text(one.held),
                    "client_order_id": one.client_order_id,
                    "outcome": "not taken" if one.order is None else one.order.state,
                    "filled": "0" if one.order is None else text(one.order.filled_quantity),
                }
                for one in self.closed
            ],
            "left": {
                "orders": [
                    {"order": one.broker_order_id, "symbol": one.symbol, "status": one.raw_status}
                    for one in self.orders
                ],
                "unreadable_orders": self.unreadable_orders,
                "positions": [
                    {"symbol": one.symbol, "quantity": text(one.quantity), "why": why} for one, why in self.positions
                ],
                "positions_unread": self.unread,
            },
        }


async def break_glass(
    lookout: Lookout,
    journal: Journal,
    say: Callable[[str], None],
    *,
    run_id: str,
    cancel_only: bool = False,
    earlier: Sequence[Intent] = (),
) -> Result:
    """Cancels, and unless `cancel_only` closes, what the lookout's selection has. Safe to be run again at any time.

    Raises Unavailable where the broker stays out of reach, and Misconfigured where it does not take the credentials.
    """
    canceling = Canceling(lookout, journal, say, spare_own=not cancel_only)
    closing = Closing(lookout, journal, say, run_id)
    closing.remember(earlier)
    left: list[Left] = []
    unread: str | None = None
    before: object = None
    for _ in range(_MOST_ROUNDS):
        await canceling.run()
        if not cancel_only:
            try:
                left, unread = await closing.run(), None
            except Unreadable as error:
                unread = f"the positions cannot be read: {error.text}"
        after = await _look_again(lookout, say, waits=bool(canceling.asked or closing.done) and not left)
        orders, held = after.orders, () if cancel_only else after.positions or ()
        now = [one.broker_order_id for one in orders.working], [(one.symbol, one.quantity) for one in held]
        if not (orders.working or orders.unreadable or held) or now == before:
            break
        before = now
    why = {one.position.symbol: one.why for one in left}
    return Result(
        canceled=tuple(canceling.asked.values()),
        closed=(*closing.done, *closing.sent.values()),
        orders=orders.working,
        unreadable_orders=len(orders.unreadable),
        positions=[(one, why.get(one.symbol, "it came to be held meanwhile: run this again")) for one in held],
        unread=None if cancel_only else unread or after.trouble,
    )


async def _look_again(lookout: Lookout, say: Callable[[str], None], *, waits: bool) -> Picture:
    """What there is now. A list may be behind a fill of a moment ago, so after doing something it is given time."""
    if waits:
        say(f"looking again in {lookout.pace.settles:g} s, since the broker's lists may be behind")
    await asyncio.sleep(lookout.pace.settles if waits else lookout.pace.poll)
    return await lookout.picture()


def as_json(picture: Picture) -> dict[str, Any]:
    """What there was before anything was done."""
    return {
        "at": picture.at.isoformat(),
        "is_open": picture.is_open,
        "orders": [
            {"order": one.broker_order_id, "symbol": one.symbol, "side": one.side, "status": one.raw_status}
            for one in picture.orders.working
        ],
        "unreadable_orders": len(picture.orders.unreadable),
        "positions": None
        if picture.positions is None
        else [{"symbol": one.symbol, "quantity": text(one.quantity)} for one in picture.positions],
    }
