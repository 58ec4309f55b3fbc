"""Cancelling what works, until the broker says of each order that it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from functions.brokers.errors import BadCredentials
from functions.brokers.orders import FINAL_STATES, BrokerOrder
from functions.core.errors import AgentTraderError, Misconfigured
from local.break_glass.journal import Journal
from local.break_glass.looking import Lookout, Orders, Unreadable

PREFIX = "bg-"
"""What the client order id of every closing order of a break-glass begins with."""


@dataclass(slots=True)
class Asked:
    """One order: its last known state, `working` until it is over, and why the broker would not cancel it."""

    order: BrokerOrder
    outcome: str = "working"
    reason: str | None = None
    asked_at: float = field(default=float("-inf"), repr=False)


class Canceling:
    """Asking again does no harm, so what has no answer is simply asked for again."""

    def __init__(self, lookout: Lookout, journal: Journal, say: Callable[[str], None], *, spare_own: bool) -> None:
        """`spare_own` leaves the closing orders of an earlier run at work."""
        self._lookout, self._journal, self._say, self._spare_own = lookout, journal, say, spare_own
        self._all_asked_at = float("-inf")
        self.asked: dict[str, Asked] = {}

    async def run(self) -> Orders:
        """Returns when nothing works any more or patience is at its end; what still works then.

        Raises as the lookout.
        """
        pace = self._lookout.pace
        deadline = time.monotonic() + pace.patience
        told = ""
        while True:
            orders = await self._lookout.orders()
            working = tuple(order for order in orders.working if not (self._spare_own and is_own(order)))
            # What a list leaves out works on all the same until the order itself says that it is over.
            working += await self._unlisted({order.broker_order_id for order in working})
            if not working and not orders.unreadable:
                return Orders(())
            for order in working:
                await self._ask(order)
            if orders.unreadable:
                await self._ask_for_all()
            if time.monotonic() > deadline:
                return Orders(working, orders.unreadable)
            now = f"orders that still work: {len(working) + len(orders.unreadable)}; waiting for the broker"
            if now != told:
                self._say(now)
                told = now
            await asyncio.sleep(pace.poll)

    async def _ask(self, order: BrokerOrder) -> None:
        asked = self.asked.setdefault(order.broker_order_id, Asked(order))
        asked.order = order
        if time.monotonic() - asked.asked_at < self._lookout.pace.ask_again:
            return
        asked.asked_at = time.monotonic()
        self._journal.write("canceling", order=order.broker_order_id, symbol=order.symbol, was=order.raw_status)
        try:
            await self._lookout.broker.cancel(order.broker_order_id)
            asked.reason = None
        except BadCredentials as error:
            raise Misconfigured("BAD_KEYS", f"{error.text}; nothing more was done") from error
        except AgentTraderError as error:
            asked.reason = error.text
            self._say(f"order {order.broker_order_id} ({order.symbol}): {error.text}; it is asked again")
        self._journal.write("cancel asked", order=order.broker_order_id, refused=asked.reason)

    async def _ask_for_all(self) -> None:
        """What cannot be read has no number of its own, so all are asked for; not where only some are meant."""
        if self._lookout.selection.symbols or time.monotonic() - self._all_asked_at < self._lookout.pace.ask_again:
            return
        self._all_asked_at = time.monotonic()
        self._journal.write("canceling all")
        try:
            await self._lookout.broker.cancel_all()
        except BadCredentials as error:
            raise Misconfigured("BAD_KEYS", f"{error.text}; nothing more was done") from error
        except AgentTraderError as error:
            self._say(f"cancelling all: {error.text}; it is asked again")

    async def _unlisted(self, listed: set[str]) -> tuple[BrokerOrder, ...]:
        """Notes how those ended that are not listed any more; returns those that did not."""
        found: list[BrokerOrder] = []
        for number, asked in self.asked.items():
            if number in listed or asked.outcome != "working":
                continue
            try:
                order = await self._lookout.order(number)
            except Unreadable as error:
                # It is off the list, which is what counts; how it ended the sync will tell.
                order, asked.reason = None, error.text
            if order is not None and order.state not in FINAL_STATES:
                found.append(order)
                continue
            asked.outcome = "over" if order is None else order.state
            asked.order = order or asked.order
            self._journal.write("ended", order=number, outcome=asked.outcome)
            self._say(f"order {number} ({asked.order.symbol}) is {asked.outcome}")
        return tuple(found)


def is_own(order: BrokerOrder) -> bool:
    """Whether a break-glass sent it to close something."""
    return (order.client_order_id or "").startswith(PREFIX)
