"""One ledger and one simulator for a file of scripts; each script has an account and books of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.tape.sessions import new_york
from tests.contract.brokers.venue import start_alpaca
from tests.contract.tastytrade_simulator.running import start as start_tastytrade
from tests.integration.faults.market import AlpacaMarket, Market
from tests.integration.faults.tastytrade_market import TastytradeMarket
from tests.integration.ledger.ledger import Ledger
from tests.ledger_database import ledger_server
from tests.prepared import calendar_cache


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    with ledger_server() as server, server.clone() as dsn:
        opened = Ledger(dsn)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def alpaca() -> Iterator[AlpacaMarket]:
    venue, stop = start_alpaca(new_york(cache=calendar_cache()))
    yield AlpacaMarket(venue)
    stop()


@pytest.fixture(scope="module")
def tastytrade() -> Iterator[Market]:
    running, stop = start_tastytrade(new_york(cache=calendar_cache()))
    yield TastytradeMarket(running)
    stop()
