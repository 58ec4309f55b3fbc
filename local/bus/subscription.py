"""Delivers one function's messages: takes them from its queue, keeps the order per key, retries, gives up."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from functions.core.bus.message import attributes
from functions.core.wiring import DEAD_LETTERS
from local.bus.backoff import Backoff
from local.bus.cloudevent import Push
from local.bus.delivery import Answer, Courier
from local.bus.faults import Faults
from local.bus.lanes import Lanes, Message
from local.bus.store import QueueStore

_LOG = logging.getLogger("bus")

# Messages held per function. Beyond it they wait in the queue, where they cost no memory.
_WINDOW = 512


@dataclass(slots=True)
class Means:
    """What all subscriptions share. `faults` is replaced as a whole when a test sets another plan."""

    store: QueueStore
    courier: Courier
    threads: ThreadPoolExecutor
    backoff: Backoff
    faults: Faults


class Subscription:
    """One function's deliveries, at most `concurrency` at once, each with `timeout` seconds to answer.

    Counts in `counts`: taken, delivered, failed, refused (runner down), dead, dropped, doubled, delayed.
    """

    def __init__(
        self,
        function: str,
        concurrency: int,
        timeout: float,
        means: Means,
        counts: Counter[str],
        group: asyncio.TaskGroup,
    ) -> None:
        self.function = function
        self.counts = counts
        self._concurrency = concurrency
        self._timeout = timeout
        self._means = means
        self._group = group
        self._lanes = Lanes()
        self._delivering = 0
        self._more = asyncio.Event()
        self._queue_may_hold_more = False

    @property
    def held(self) -> int:
        """Messages taken and not yet settled."""
        return len(self._lanes)

    def wake(self) -> None:
        """Says that the queue may have got something."""
        self._more.set()

    async def take_forever(self) -> None:
        """Takes messages whenever woken and there is room. Ends only by cancellation or a database error."""
        while True:
            await self._more.wait()
            self._more.clear()
            room = _WINDOW - len(self._lanes)
            self._queue_may_hold_more = room <= 0
            if room <= 0:
                continue
            full = self._lanes.full_keys()
            taken = await self._means.store.take(self.function, room, full)
            self._queue_may_hold_more = bool(full) or len(taken) == room
            self.counts["taken"] += len(taken)
            self._lanes.add(taken)
            self._start_what_can()

    def _start_what_can(self) -> None:
        while self._delivering < self._concurrency:
            message = self._lanes.start()
            if message is None:
                return
            self._delivering += 1
            self._group.create_task(self._deliver(message))

    async def _deliver(self, message: Message) -> None:
        fate = self._means.faults.draw(message.topic, self.function, str(message.event.get("id")))
        if fate.pause:
            self.counts["delayed"] += 1
            await asyncio.sleep(fate.pause)
        if fate.action == "drop":
            self.counts["dropped"] += 1
            await self._settle(message)
            return
        if fate.action == "double_at_once":
            answer, other = await asyncio.gather(self._post_until_reached(message), self._post_until_reached(message))
            answer = answer if not answer.accepted else other
        else:
            answer = await self._post_until_reached(message)
        if fate.action == "double" and answer.accepted:
            answer = await self._post_until_reached(message)
        if fate.action != "once":
            self.counts["doubled"] += 1
        if answer.accepted:
            self.counts["delivered"] += 1
            await self._settle(message)
        else:
            await self._failed(message, answer)

    async def _post_until_reached(self, message: Message) -> Answer:
        # A runner that is down is not the message's fault: it waits, and nothing is counted against it.
        times = 0
        while not (answer := await self._post(message)).reached:
            self.counts["refused"] += 1
            times += 1
            if times == 1:
                _LOG.warning("%s waits: %s", self.function, answer.error)
            await asyncio.sleep(self._means.backoff.while_down(times))
        return answer

    async def _post(self, message: Message) -> Answer:
        push = Push(
            topic=message.topic,
            subscription=self.function,
            message_id=f"{self.function}-{message.id}",
            published_at=message.enqueued_at,
            data=json.dumps(message.event, separators=(",", ":")).encode(),
            attributes={**attributes(message.event), **message.attributes},
            ordering_key=message.key,
            attempt=message.failures + 1,
        )
        return await asyncio.get_running_loop().run_in_executor(
            self._means.threads, self._means.courier.deliver, self.function, push, self._timeout
        )

    async def _settle(self, message: Message) -> None:
        await self._means.store.done(self.function, message)
        self._go_on(message)

    async def _failed(self, message: Message, answer: Answer) -> None:
        self.counts["failed"] += 1
        failures = await self._means.store.failed(self.function, message)
        if failures is None:
            self._go_on(message)
            return
        _LOG.warning("%s failed %s (%d times): %s", self.function, message.event.get("id"), failures, answer.error)
        # A dead letter is never given up: there is nobody left to forward it to.
        if failures >= self._means.backoff.attempts and message.topic != DEAD_LETTERS:
            await self._means.store.bury(self.function, message, answer.error)
            self.counts["dead"] += 1
            _LOG.error("%s gave up %s: it is a dead letter now", self.function, message.event.get("id"))
            self._go_on(message)
            return
        # The slot is free while the message waits; its key is not.
        self._release_slot()
        await asyncio.sleep(self._means.backoff.after_failure(failures))
        self._lanes.put_back(replace(message, failures=failures))
        self._start_what_can()

    def _go_on(self, message: Message) -> None:
        self._lanes.finish(message)
        self._release_slot()

    def _release_slot(self) -> None:
        self._delivering -= 1
        if self._queue_may_hold_more:
            self._more.set()
        self._start_what_can()
