"""One simulator for the whole folder; every test starts on a fresh tape with fresh books."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.tape.sessions import MarketCalendar, new_york
from local.tape.spec import DEFAULT
from tests.contract.tastytrade_simulator.running import Running, start
from tests.prepared import calendar_cache


@pytest.fixture(scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where simulators find the calendar's table."""
    folder = tmp_path_factory.mktemp("state")
    shutil.copytree(calendar_cache(), folder / "cache")
    return folder


@pytest.fixture(scope="session")
def calendar(state_folder: Path) -> MarketCalendar:
    return new_york(cache=state_folder / "cache")


@pytest.fixture(scope="session")
def _server(calendar: MarketCalendar) -> Iterator[Running]:
    running, stop = start(calendar)
    yield running
    stop()


@pytest.fixture
def tastytrade(_server: Running) -> Running:
    """Before the first open."""
    _server.post("/control/load", {"tape": DEFAULT, "seed": 7})
    return _server


@pytest.fixture
def opened(tastytrade: Running) -> Running:
    """Three minutes into the first session."""
    tastytrade.advance(4)
    return tastytrade
