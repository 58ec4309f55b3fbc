"""Runs a due job: one CloudEvent to its function, never two at once to the same function."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from functions.core.identity import named_uuid
from local.bus.backoff import Backoff
from local.bus.cloudevent import Push
from local.bus.delivery import Answer, Courier
from local.scheduler.jobs import DueRun, Job

_LOG = logging.getLogger("scheduler")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: the HTTP status (None: no answer) and what went wrong (empty where nothing did)."""

    function: str
    scheduled_at: str
    status: int | None
    error: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Runner:
    """Delivers runs. A runner process that is down is asked again until `patience` seconds have passed; an answer that
    is not 2xx is reported as it is."""

    def __init__(self, courier: Courier, patience: float = 5.0) -> None:
        self._courier = courier
        self._patience = patience
        self._backoff = Backoff()
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, due: DueRun) -> Outcome:
        """Waits for an earlier run of the same function to end, then runs and returns how it ended."""
        function, scheduled_at = due.job.function, due.scheduled_at.isoformat()
        push = _push(function, due.scheduled_at)
        async with self._busy[function]:
            answer = await self._until_reached(due.job, push)
        if not answer.accepted:
            _LOG.error("%s of %s failed: %s", function, scheduled_at, answer.error)
        return Outcome(function, scheduled_at, answer.status, answer.error)

    async def _until_reached(self, job: Job, push: Push) -> Answer:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._patience
        times = 0
        while True:
            answer = await asyncio.to_thread(self._courier.deliver, job.function, push, job.timeout)
            if answer.reached or clock() >= give_up_at:
                return answer
            times += 1
            await asyncio.sleep(self._backoff.while_down(times))


def _push(function: str, scheduled_at: datetime) -> Push:
    return Push(
        topic=f"schedule-{function}",
        subscription=function,
        message_id=str(named_uuid("schedule", function, scheduled_at.isoformat())),
        published_at=datetime.now(UTC),
        data=json.dumps({"scheduled_at": scheduled_at.isoformat()}).encode(),
        attributes={"type": "schedule.due"},
    )
