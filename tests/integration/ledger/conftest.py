"""A ledger for each test file, and a fresh one for a test that closes the global gate, tampers or counts everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from functions.core.ledger.market_data import MarketDataLedger
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Direct, Ledger
from tests.ledger_database import LedgerServer, ledger_server, restore


@pytest.fixture(scope="session")
def server() -> Iterator[LedgerServer]:
    with ledger_server() as running:
        yield running


@contextmanager
def _opened(server: LedgerServer) -> Iterator[Ledger]:
    with server.clone() as dsn:
        ledger = Ledger(dsn)
        try:
            yield ledger
        finally:
            ledger.close()


@pytest.fixture(scope="module")
def ledger(server: LedgerServer) -> Iterator[Ledger]:
    """Shared by the tests of one file, each with desks of its own."""
    with _opened(server) as opened:
        yield opened


@pytest.fixture(scope="session")
def _second(server: LedgerServer) -> Iterator[Ledger]:
    with _opened(server) as opened:
        yield opened


@pytest.fixture
def fresh_ledger(_second: Ledger) -> Ledger:
    """Of one test alone."""
    restore(_second.connection)
    return _second


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """A new trader in the shared ledger."""
    return Desk.open(ledger)


@pytest.fixture
def fresh_desk(fresh_ledger: Ledger) -> Desk:
    """The only trader of a fresh ledger."""
    return Desk.open(fresh_ledger)


@pytest.fixture
def market(fresh_ledger: Ledger) -> MarketDataLedger:
    """The typed calls of ingest, on a fresh ledger."""
    return MarketDataLedger(Direct(fresh_ledger, "fn_ingest"))
