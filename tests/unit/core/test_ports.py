"""The ports of a folder: what the settings say, and a sentence where they say too little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.core import ports as module
from functions.core.bus.pgmq import PgmqBus
from functions.core.bus.pubsub import PubSubBus
from functions.core.clock import SystemClock
from functions.core.errors import Misconfigured
from functions.core.hotstore.local import LocalHotStore
from functions.core.ports import Ports, ports
from functions.core.replay_clock import ReplayClock
from functions.core.settings import Settings
from tests.unit.core.settings_made import made_settings

LOCAL: dict[str, Any] = {
    "bus": "pgmq",
    "bus_url": "postgresql://bus:bus@127.0.0.1:9/postgres",
    "hotstore": "local",
    "hotstore_url": "http://127.0.0.1:9",
}
Set = Callable[..., None]


@pytest.fixture
def set_to(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Makes the settings what a test says, for ports that nobody has made yet."""

    def to(**values: Any) -> None:
        made: Settings = made_settings(**values)
        monkeypatch.setattr(module, "settings", lambda: made)

    monkeypatch.setattr(module, "_made", {})
    return to


def test_ports_when_on_one_machine_then_they_are_the_local_ones_and_nothing_connects(set_to: Set) -> None:
    set_to(**LOCAL)
    found = ports("risk")
    assert (type(found.bus), type(found.hot), type(found.clock)) == (PgmqBus, LocalHotStore, SystemClock)
    assert ports("risk") is found
    assert ports("report") is not found


def test_ports_when_replaying_then_the_clock_is_the_hot_stores(set_to: Set) -> None:
    set_to(**LOCAL, clock="replay")
    assert isinstance(ports("risk").clock, ReplayClock)


def test_ports_when_in_the_cloud_then_the_bus_is_pub_sub(set_to: Set) -> None:
    set_to(**(LOCAL | {"bus": "pubsub", "google_project": "project"}))
    assert isinstance(ports("risk").bus, PubSubBus)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bus_url": None}, "NO_BUS_URL"),
        ({"hotstore_url": None}, "NO_HOTSTORE_URL"),
        ({"hotstore_url": "nowhere"}, "BAD_HOTSTORE_URL"),
        ({"bus": "pubsub"}, "NO_PROJECT"),
        ({"hotstore": "firestore"}, "NO_PROJECT"),
    ],
)
def test_ports_when_an_address_is_missing_then_the_variable_is_named(
    change: dict[str, Any], code: str, set_to: Set
) -> None:
    set_to(**(LOCAL | change))
    with pytest.raises(Misconfigured) as refused:
        ports("risk")
    assert refused.value.code == code


def wrap(made: Ports, folder: str) -> Ports:
    """A wrapper as fault tests give one."""
    return Ports(
        made.settings, made.ledger, made.bus, made.hot, made.clock, made.archive, lambda step, _call: (folder, step)
    )


def test_ports_when_a_wrapper_is_named_then_every_port_goes_through_it(set_to: Set) -> None:
    set_to(**LOCAL, ports_wrapper=f"{__name__}:wrap")
    assert ports("risk").around("broker.submit", lambda: None) == ("risk", "broker.submit")


def test_around_when_nothing_wraps_it_then_the_step_is_called(set_to: Set) -> None:
    set_to(**LOCAL)
    assert ports("risk").around("broker.submit", lambda: "called") == "called"
