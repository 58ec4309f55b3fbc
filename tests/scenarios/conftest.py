"""One Postgres and one simulator for all scenarios; each has a ledger and a market of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from local.tape.sessions import new_york
from tests.contract.brokers.venue import AlpacaVenue, start_alpaca
from tests.integration.faults.market import AlpacaMarket
from tests.integration.ledger.ledger import Ledger
from tests.ledger_database import LedgerServer, ledger_server
from tests.prepared import calendar_cache
from tests.scenarios.scene import Scene
from tests.scenarios.written_market import Day, WrittenMarket

Opening = Callable[[Mapping[date, Day]], AbstractAsyncContextManager[Scene]]


@pytest.fixture(scope="session")
def server() -> Iterator[LedgerServer]:
    with ledger_server() as running:
        yield running


@pytest.fixture(scope="session")
def venue() -> Iterator[AlpacaVenue]:
    started, stop = start_alpaca(new_york(cache=calendar_cache()))
    yield started
    stop()


@pytest.fixture
def ledger(server: LedgerServer) -> Iterator[Ledger]:
    with server.clone() as dsn:
        opened = Ledger(dsn)
        yield opened
        opened.close()


@pytest.fixture
def alpaca(venue: AlpacaVenue) -> AlpacaMarket:
    return AlpacaMarket(venue)


@pytest.fixture
def scene(ledger: Ledger, venue: AlpacaVenue, tmp_path: Path) -> Opening:
    """Opens a scene on written days; the first of them is over already."""

    @asynccontextmanager
    async def opened(days: Mapping[date, Day]) -> AsyncIterator[Scene]:
        made = Scene(ledger, WrittenMarket(venue, tmp_path, days))
        try:
            yield made
        finally:
            await made.over()

    return opened
