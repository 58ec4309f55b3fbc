"""Closing what is held: each position by one order at a time, and none sent again before it is known what became of it.

The broker is read before everything that is sent. An order that would take from a position is waited for; a call
without an answer is looked for by its name; a list that does not show a fill yet is given time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from functions.brokers.errors import BadCredentials, NotSent, OutcomeUnknown
from functions.brokers.holdings import BrokerPosition
from functions.brokers.orders import FINAL_STATES, BrokerOrder
from functions.core.errors import AgentTraderError, Misconfigured
from functions.core.money import text
from local.break_glass.canceling import PREFIX, is_own
from local.break_glass.journal import Intent, Journal
from local.break_glass.looking import Lookout, closes, closing_side, kind_of, underlying

_MOST_TRIES: Final = 3
_CLEAN_READS: Final = 2
"""How often an order must not be found before it is believed not to be there."""


@dataclass(slots=True)
class Sent:
    """One closing order: `order` as the broker has it, None while that is not known."""

    client_order_id: str
    symbol: str
    held: Decimal
    at: float
    order: BrokerOrder | None = None
    of_earlier_run: bool = False
    clean_reads: int = 0
    over_at: float | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A position that is not closed, and why; `pending` where waiting may change that."""

    position: BrokerPosition
    why: str
    pending: bool


@dataclass(slots=True)
class Closing:
    """`run_id` makes the client order ids: the same close has the same one however often it is sent."""

    lookout: Lookout
    journal: Journal
    say: Callable[[str], None]
    run_id: str
    sent: dict[str, Sent] = field(default_factory=dict)
    done: list[Sent] = field(default_factory=list)
    _tries: dict[str, int] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)
    _refused_at: dict[str, float] = field(default_factory=dict)

    def remember(self, intents: Iterable[Intent]) -> None:
        """Closes of earlier runs whose end is not on record: looked for before anything is sent for their symbol."""
        for intent in intents:
            if self.lookout.selection.has(intent.symbol):
                self.sent[intent.symbol] = Sent(
                    intent.client_order_id, intent.symbol, intent.held, intent.at, of_earlier_run=True
                )

    async def run(self) -> list[Left]:
        """Returns when nothing is held, when waiting changes nothing, or when patience is at its end; what is left.

        Raises as the lookout.
        """
        pace = self.lookout.pace
        deadline = time.monotonic() + pace.patience
        told = ""
        while True:
            # Orders first: one that fills between the two reads is not held any more, rather than held and unknown.
            orders = await self.lookout.orders()
            held = await self.lookout.positions()
            await self._note_flat({position.symbol for position in held})
            if not held:
                return []
            is_open = await self.lookout.is_open()
            left: list[Left] = []
            for position in held:
                left.append(await self._close(position, held, left, orders.working, is_open=is_open))
            if not any(one.pending for one in left) or time.monotonic() > deadline:
                return left
            now = f"positions that are left: {len(left)}; waiting for the broker"
            if now != told:
                self.say(now)
                told = now
            await asyncio.sleep(pace.poll)

    async def _close(
        self,
        position: BrokerPosition,
        held: Sequence[BrokerPosition],
        before: Sequence[Left],
        working: Sequence[BrokerOrder],
        *,
        is_open: bool,
    ) -> Left:
        symbol = position.symbol
        if kind_of(symbol) not in self.lookout.broker.capabilities.asset_kinds:
            return Left(
                position, f"{kind_of(symbol)} is not closed from here: use the broker's own page", pending=False
            )
        taking = [order for order in working if closes(order, position)]
        if taking:
            which = "its closing order" if is_own(taking[0]) else "an order that would close it too,"
            return Left(position, f"{which} {taking[0].broker_order_id} still works", pending=True)
        waiting = await self._what_was_sent(position)
        if waiting is not None:
            return waiting
        if not is_open:
            return Left(position, "the market is closed: run this again in the session", pending=False)
        covered = self._covers(position, held, before)
        if covered is not None:
            return covered
        why = self._refused.get(symbol, "the orders did not fill")
        if self._tries.get(symbol, 0) >= _MOST_TRIES:
            return Left(position, f"{_MOST_TRIES} closing orders did not close it: {why}", pending=False)
        if time.monotonic() - self._refused_at.get(symbol, float("-inf")) < self.lookout.pace.ask_again:
            return Left(position, why, pending=True)
        return await self._send(position)

    def _covers(self, position: BrokerPosition, held: Sequence[BrokerPosition], before: Sequence[Left]) -> Left | None:
        """A long leg is kept while a short one on the same share is open: alone, that one has no limit to its loss."""
        if position.quantity < 0:
            return None
        shorts = {
            one.symbol for one in held if one.quantity < 0 and underlying(one.symbol) == underlying(position.symbol)
        }
        open_shorts = [one for one in before if one.position.symbol in shorts]
        if not open_shorts:
            return None
        names = ", ".join(one.position.symbol for one in open_shorts)
        return Left(position, f"it is kept until {names} is closed", any(one.pending for one in open_shorts))

    async def _what_was_sent(self, position: BrokerPosition) -> Left | None:
        """What has to be waited for before another order is sent; None where nothing has."""
        sent = self.sent.get(position.symbol)
        if sent is None:
            return None
        if sent.order is None:
            return await self._look_for(sent, position)
        if sent.order.state not in FINAL_STATES:
            sent.order = await self.lookout.order(sent.order.broker_order_id) or sent.order
        if sent.order.state not in FINAL_STATES:
            return Left(position, f"its closing order {sent.order.broker_order_id} still works", pending=True)
        sent.over_at = sent.over_at or time.time()
        filled = sent.order.filled_quantity
        if sent.of_earlier_run:
            # What was held when it filled is not known, so only time says that the list has it.
            if filled and time.time() - sent.over_at < self.lookout.pace.settles:
                why = f"a close of an earlier run filled {text(filled)}, and the broker's list may be behind it"
                return Left(position, why, pending=True)
        elif position.quantity != sent.held - filled.copy_sign(sent.held):
            # Sent on a list that is behind, a second one would open the other side.
            behind = f"the broker's list shows {text(position.quantity)} after a close that filled {text(filled)}"
            if time.time() - sent.over_at < self.lookout.pace.settles:
                return Left(position, behind, pending=True)
            return Left(position, f"{behind}: look at its page, then run this again", pending=False)
        self._finish(sent)
        if sent.order.reason is not None:
            self._refused[position.symbol] = sent.order.reason
        return None

    async def _look_for(self, sent: Sent, position: BrokerPosition) -> Left | None:
        found = await self.lookout.named(sent.client_order_id)
        if found:
            sent.order = found[0]
            return Left(position, f"its closing order {found[0].broker_order_id} was found", pending=True)
        sent.clean_reads += 1
        if time.time() - sent.at < self.lookout.pace.settles or sent.clean_reads < _CLEAN_READS:
            return Left(
                position, "whether its closing order was taken is not known yet: it is looked for", pending=True
            )
        self.say(f"{position.symbol}: the close that had no answer never arrived")
        self._finish(sent)
        return None

    async def _send(self, position: BrokerPosition) -> Left:
        symbol = position.symbol
        tries = self._tries[symbol] = self._tries.get(symbol, 0) + 1
        name = f"{PREFIX}{self.run_id}-{symbol}-{tries}"
        sent = Sent(name, symbol, position.quantity, time.time())
        self.journal.write("closing", client_order_id=name, symbol=symbol, held=text(position.quantity))
        self.say(f"{symbol}: {closing_side(position)} {text(abs(position.quantity))} at market ({name})")
        try:
            sent.order = await self.lookout.broker.close_position(symbol, name)
        except BadCredentials as error:
            raise Misconfigured("BAD_KEYS", f"{error.text}; nothing more was done") from error
        except OutcomeUnknown as error:
            self.sent[symbol] = sent
            self.say(f"{symbol}: {error.text}; it is looked for before anything else is sent")
            return Left(
                position, "whether its closing order was taken is not known yet: it is looked for", pending=True
            )
        except AgentTraderError as error:
            self._refused[symbol], self._refused_at[symbol] = error.text, time.monotonic()
            self.journal.write("closed", client_order_id=name, symbol=symbol, outcome="refused", reason=error.text)
            self.say(f"{symbol}: {error.text}")
            if isinstance(error, NotSent):
                # Nothing left this machine, so it is no try; patience bounds how often.
                self._tries[symbol] -= 1
            return Left(position, error.text, pending=True)
        self.sent[symbol] = sent
        return Left(position, f"its closing order {sent.order.broker_order_id} was taken", pending=True)

    async def _note_flat(self, held: set[str]) -> None:
        for symbol in [symbol for symbol in self.sent if symbol not in held]:
            sent = self.sent[symbol]
            if sent.order is None:
                sent.order = next(iter(await self.lookout.named(sent.client_order_id)), None)
            elif sent.order.state not in FINAL_STATES:
                sent.order = await self.lookout.order(sent.order.broker_order_id) or sent.order
            self._finish(sent)

    def _finish(self, sent: Sent) -> None:
        """What became of it is known: on record, and told."""
        outcome = "not taken" if sent.order is None else sent.order.state
        filled = Decimal(0) if sent.order is None else sent.order.filled_quantity
        self.journal.write(
            "closed", client_order_id=sent.client_order_id, symbol=sent.symbol, outcome=outcome, filled=text(filled)
        )
        self.say(f"{sent.symbol}: closing order {outcome}, {text(filled)} filled")
        self.sent.pop(sent.symbol, None)
        self.done.append(sent)
