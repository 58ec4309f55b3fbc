"""The outside world of one function folder: ledger, bus, hot store, archive, clock and settings, each by its port."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from functions.core.archive import Archive
from functions.core.archive.s3 import S3Archive
from functions.core.bus import Bus
from functions.core.clock import Clock, SystemClock
from functions.core.errors import Misconfigured
from functions.core.hotstore import HotStore
from functions.core.ledger.transport import RestTransport, Transport
from functions.core.replay_clock import ReplayClock
from functions.core.settings import Settings, settings

Call = Callable[[], object]


def call_through(_step: str, call: Call) -> object:
    """Calls a step of the outside world that has no port of its own, such as a broker's."""
    return call()


@dataclass(frozen=True, slots=True)
class Ports:
    """What a function may reach. `around` is called with the name of a broker's step and the step itself."""

    settings: Settings
    ledger: Transport
    bus: Bus
    hot: HotStore
    clock: Clock
    archive: Archive
    around: Callable[[str, Call], object] = call_through


_made: dict[str, Ports] = {}
_lock = threading.Lock()


def ports(folder: str) -> Ports:
    """The ports of a folder, made at the first call and kept for the life of the process; thread-safe.

    Nothing connects here: a web server may fork after this.
    """
    with _lock:
        if folder not in _made:
            _made[folder] = _wrapped(_make(settings(), folder), folder)
        return _made[folder]


def _make(configuration: Settings, folder: str) -> Ports:
    hot = _hotstore(configuration)
    return Ports(
        settings=configuration,
        ledger=RestTransport(configuration, role=f"fn_{folder}"),
        bus=_bus(configuration),
        hot=hot,
        clock=ReplayClock(hot) if configuration.clock == "replay" else SystemClock(),
        archive=S3Archive(configuration),
    )


def _bus(configuration: Settings) -> Bus:
    if configuration.bus == "pgmq":
        from functions.core.bus.pgmq import PgmqBus

        if configuration.bus_url is None:
            raise Misconfigured("NO_BUS_URL", "set AGENTTRADER_BUS_URL to the address of the embedded bus")
        return PgmqBus(configuration.bus_url.get_secret_value())
    from functions.core.bus.pubsub import PubSubBus

    return PubSubBus(_project(configuration))


def _hotstore(configuration: Settings) -> HotStore:
    if configuration.hotstore == "local":
        from functions.core.hotstore.local import LocalHotStore

        if configuration.hotstore_url is None:
            raise Misconfigured("NO_HOTSTORE_URL", "set AGENTTRADER_HOTSTORE_URL to the address of the local hot store")
        return LocalHotStore(configuration.hotstore_url)
    from functions.core.hotstore.firestore import FirestoreHotStore

    return FirestoreHotStore(_project(configuration))


def _project(configuration: Settings) -> str:
    if configuration.google_project is None:
        raise Misconfigured("NO_PROJECT", "set GOOGLE_CLOUD_PROJECT to the project's id")
    return configuration.google_project


def _wrapped(made: Ports, folder: str) -> Ports:
    name = made.settings.ports_wrapper
    if name is None:
        return made
    module, _, attribute = name.partition(":")
    wrap = cast("Callable[[Ports, str], Ports]", getattr(import_module(module), attribute))
    return wrap(made, folder)
