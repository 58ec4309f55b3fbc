"""A round of sending: so many at once, the next as soon as one is done; those that fail have a share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from functions.core.ledger.webhooks import ClaimedDelivery, WebhookLedger
from functions.core.log import logger
from functions.core.runtime import owner
from functions.core.settings import Settings
from functions.report.webhooks.sending import Outcome, send

Send = Callable[[ClaimedDelivery, bool], Awaitable[Outcome]]

_log = logger("webhooks")


@dataclass
class Round:
    """One call of the sender. `seconds`: for how long it takes further deliveries; within it, `stays` for retries."""

    ledger: WebhookLedger
    settings: Settings
    seconds: float
    stays: bool = False
    send: Send | None = None
    sent: int = 0
    error: BaseException | None = None

    async def run(self) -> int:
        """Sends what is due until nothing is; returns how many attempts were made.

        An attempt that could not be told to the ledger is made again when its lease is over; its error is raised at the
        end, so that it is seen and holds up nothing.
        """
        until = time.monotonic() + self.seconds
        running: dict[asyncio.Task[None], bool] = {}
        while True:
            wait: float | None = None
            free = self.settings.webhooks_at_once - len(running)
            if free > 0 and self.error is None and time.monotonic() < until:
                wait = await self._take(running, free)
            if running:
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del running[task]
                    self.error = self.error or task.exception()
            elif self.stays and wait is not None and time.monotonic() + wait < until:
                await asyncio.sleep(wait)
            else:
                break
        if self.error is not None:
            raise self.error
        return self.sent

    async def _take(self, running: dict[asyncio.Task[None], bool], free: int) -> float | None:
        """Starts what was claimed; returns in how many seconds the next retry is due, None where none is."""
        share = self.settings.webhooks_at_once // 2 - sum(running.values())
        claimed = await asyncio.to_thread(
            self.ledger.claim_webhooks, owner(), free, max(0, share), self.settings.webhook_lease
        )
        for delivery in claimed.deliveries:
            running[asyncio.create_task(self._attempt(delivery, claimed.loopback))] = delivery.failing
        return claimed.next_in

    async def _attempt(self, delivery: ClaimedDelivery, loopback: bool) -> None:
        try:
            outcome = await (self.send or self._send)(delivery, loopback)
        except Exception:  # noqa: BLE001 - ours, whatever it is: it is one webhook's, and the others go on
            _log.exception("a delivery could not be sent", delivery=str(delivery.delivery_id))
            outcome = Outcome(None, "NOT_SENT: it could not be sent for a reason that is ours.")
        self.sent += 1
        state = await asyncio.to_thread(
            self.ledger.record_webhook, delivery, outcome.status, outcome.error, outcome.response
        )
        _log.info(
            "webhook",
            delivery=str(delivery.delivery_id),
            attempt=delivery.attempt,
            status=outcome.status,
            error=outcome.error,
            state=state,
        )

    async def _send(self, delivery: ClaimedDelivery, loopback: bool) -> Outcome:
        return await send(delivery, loopback=loopback, seconds=self.settings.webhook_timeout)
