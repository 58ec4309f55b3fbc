"""Strikes the functions of a running cloud: SIGKILL before or after each step that leaves the process, once each.

A step is one call to the outside: a Postgres function, a publication, a broker's call. Every function process of the
cloud wraps its ports with `wrap` (AGENTTRADER_PORTS_WRAPPER); what has been struck is kept as files, so that the
process that takes over goes on where its predecessor died.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from functions.core.bus import Bus
from functions.core.events import Envelope
from functions.core.ledger.transport import Transport
from functions.core.ports import Ports

Result = TypeVar("Result")
FOLDER = "STRIKES_FOLDER"
WHEN = "STRIKES_WHEN"
ONLY = "STRIKES_ONLY"


class Strikes:
    """Counts each step as seen, and kills this process the first time it is reached; in `folder`, for all processes.

    `only` names the steps at which it kills; empty: at every one.
    """

    def __init__(self, folder: Path, when: str, only: frozenset[str]) -> None:
        self._folder = folder
        self._when = when
        self._only = only

    def around(self, step: str, call: Callable[[], Result]) -> Result:
        """Makes the call; dies before or after it where this step has not been struck yet."""
        (self._folder / "seen" / step).touch()
        if self._when == "before":
            self._die_once(step)
        found = call()
        if self._when == "after":
            self._die_once(step)
        return found

    async def around_waiting(self, step: str, call: Callable[[], Any]) -> Any:
        """The same for a call that is awaited."""
        (self._folder / "seen" / step).touch()
        if self._when == "before":
            self._die_once(step)
        found = await call()
        if self._when == "after":
            self._die_once(step)
        return found

    def _die_once(self, step: str) -> None:
        if self._only and step not in self._only:
            return
        try:
            # Created only where it does not exist: one process dies, one time, whatever runs beside it.
            os.close(os.open(self._folder / "struck" / step, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class StruckTransport:
    """A transport whose every Postgres function is a step."""

    def __init__(self, inner: Transport, strikes: Strikes, folder: str) -> None:
        self._inner = inner
        self._strikes = strikes
        self._folder = folder

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        return self._strikes.around(f"{self._folder}.{function}", lambda: self._inner.call(function, arguments))


class StruckBus:
    """A bus whose every publication is a step, by topic."""

    def __init__(self, inner: Bus, strikes: Strikes, folder: str) -> None:
        self._inner = inner
        self._strikes = strikes
        self._folder = folder

    def publish(self, topic: str, events: Sequence[Envelope]) -> None:
        self._strikes.around(f"{self._folder}.publish-{topic}", lambda: self._inner.publish(topic, events))

    def close(self) -> None:
        self._inner.close()


def wrap(reach: Ports, folder: str) -> Ports:
    """The ports with every step watched; what AGENTTRADER_PORTS_WRAPPER names."""
    only = frozenset(os.environ.get(ONLY, "").split())
    strikes = Strikes(Path(os.environ[FOLDER]), os.environ[WHEN], only)
    return replace(
        reach,
        ledger=StruckTransport(reach.ledger, strikes, folder),
        bus=StruckBus(reach.bus, strikes, folder),
        around=lambda step, call: strikes.around_waiting(f"{folder}.{step}", call),
    )
