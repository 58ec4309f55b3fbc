"""Whatever goes wrong at whichever step: the ledger ends equal to the broker's own book.

No order twice, no fill lost, no position that nobody has. Each seed is a script of its own; one that fails says how it
is played again: `FAULT_SEEDS=7 make test ARGS=tests/integration/faults` plays the scripts of these seeds alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from local.tape.sessions import new_york
from tests.contract.brokers.venue import start_alpaca
from tests.integration.faults.market import AlpacaMarket, Market
from tests.integration.faults.scripts import script_of
from tests.integration.faults.stage import Stage, said
from tests.integration.ledger.ledger import Ledger
from tests.ledger_database import ledger_server
from tests.prepared import calendar_cache

_GIVEN = os.environ.get("FAULT_SEEDS")
_QUICK = range(30)
_LONG = range(30, 530)


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    with ledger_server() as server, server.clone() as dsn:
        opened = Ledger(dsn)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def alpaca() -> Iterator[Market]:
    venue, stop = start_alpaca(new_york(cache=calendar_cache()))
    yield AlpacaMarket(venue)
    stop()


async def _plays(seed: int, ledger: Ledger, market: Market) -> None:
    script = script_of(seed, list(market.switches))
    stage = Stage(ledger, market, watched=script.watched)
    try:
        await stage.play(script)
    except Exception as error:
        error.add_note(said(script))
        raise
    found = stage.differences()
    assert not found, "\n".join([*found, said(script)])


@pytest.mark.parametrize("seed", [int(one) for one in _GIVEN.split(",")] if _GIVEN else _QUICK)
async def test_alpaca_when_a_fault_script_is_played_then_the_ledger_is_the_brokers_book(
    seed: int, ledger: Ledger, alpaca: Market
) -> None:
    await _plays(seed, ledger, alpaca)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_alpaca_when_five_hundred_fault_scripts_are_played_then_each_ends_as_the_brokers_book(
    ledger: Ledger, alpaca: Market
) -> None:
    failed: list[str] = []
    for seed in _LONG:
        try:
            await _plays(seed, ledger, alpaca)
        except Exception as error:  # noqa: BLE001 - all seeds that fail are told together
            failed.append("\n".join([f"{error!r}", *getattr(error, "__notes__", ())]))
    assert not failed, f"{len(failed)} scripts failed\n\n" + "\n\n".join(failed[:20])
