"""One simulator of each broker for the whole folder; every test starts on a fresh tape with fresh books."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.tape.sessions import new_york
from tests.contract.brokers.rude import RudeServer
from tests.contract.brokers.tastytrade_venue import TastytradeVenue, start_tastytrade
from tests.contract.brokers.venue import AlpacaVenue, Venue, start_alpaca
from tests.prepared import calendar_cache


@pytest.fixture(scope="session")
def _alpaca() -> Iterator[AlpacaVenue]:
    venue, stop = start_alpaca(new_york(cache=calendar_cache()))
    yield venue
    stop()


@pytest.fixture
def alpaca(_alpaca: AlpacaVenue) -> AlpacaVenue:
    """Before the first open."""
    _alpaca.begin()
    return _alpaca


@pytest.fixture
def opened(alpaca: AlpacaVenue) -> AlpacaVenue:
    """Within the first session."""
    alpaca.open()
    return alpaca


@pytest.fixture(scope="session")
def _tastytrade() -> Iterator[TastytradeVenue]:
    venue, stop = start_tastytrade(new_york(cache=calendar_cache()))
    yield venue
    stop()


@pytest.fixture
def tastytrade(_tastytrade: TastytradeVenue) -> TastytradeVenue:
    """Before the first open."""
    _tastytrade.begin()
    return _tastytrade


@pytest.fixture(params=["alpaca", "tastytrade"])
def closed_venue(request: pytest.FixtureRequest) -> Venue:
    """Every broker that has an adapter, before its market opens."""
    venue: Venue = request.getfixturevalue(request.param)
    return venue


@pytest.fixture
def venue(closed_venue: Venue) -> Venue:
    """Every broker that has an adapter, its market open."""
    closed_venue.open()
    return closed_venue


@pytest.fixture
def rude() -> Iterator[RudeServer]:
    """A server that answers what a test tells it to."""
    with RudeServer() as server:
        yield server
