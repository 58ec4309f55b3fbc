"""Break-glass while the functions are down, and what they make of it when they are back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from local.break_glass.journal import Journal
from local.break_glass.looking import Lookout, Pace, Selection
from local.break_glass.procedure import break_glass
from local.conductor import market as conductor
from local.verify import verify
from tests.integration.faults.market import Market
from tests.integration.faults.scripts import Script, Step
from tests.integration.faults.stage import Stage
from tests.integration.ledger.ledger import Ledger
from tests.ledger_database import LedgerServer, ledger_server

_BUY = Step("place", more={"what": "share", "side": "buy", "quantity": 6, "away": None})
_REST = Step("place", more={"what": "share", "side": "buy", "quantity": 2, "away": 2000})
_BOOKED = (_BUY, Step("submit"), Step("sync"), _REST, Step("submit"), Step("sync"))
_CRASHED = (Step("crash", more={"when": "after"}), _BUY, Step("submit"))


@pytest.fixture(scope="module")
def server() -> Iterator[LedgerServer]:
    with ledger_server() as started:
        yield started


@pytest.fixture
def alone(server: LedgerServer) -> Iterator[Ledger]:
    """A ledger with nothing in it but what a test puts there."""
    with server.clone() as dsn, closing(Ledger(dsn)) as ledger:
        yield ledger


class GlassBroken(Stage):
    """A stage whose operator cancels and flattens at the broker after the script, before the functions are back."""

    def __init__(self, ledger: Ledger, market: Market, folder: Path) -> None:
        super().__init__(ledger, market, watched=True)
        self._folder = folder
        self.flat = False

    async def _settle(self) -> None:
        broker = self.market.broker()
        journal = Journal.open(self._folder / "journal.jsonl", "run1", print)
        lookout = Lookout(broker, Selection(), Pace(poll=0.01, settles=0.05))
        self.flat = (await break_glass(lookout, journal, print, run_id="run1")).is_clean
        journal.close()
        await broker.aclose()
        await super()._settle()


@pytest.mark.parametrize("name", ["alpaca", "tastytrade"])
@pytest.mark.parametrize(
    ("steps", "ended"),
    [
        pytest.param(_BOOKED, ["canceled", "filled", "filled"], id="all on record"),
        pytest.param(_CRASHED, ["filled", "filled"], id="sender died"),
    ],
)
async def test_ledger_when_glass_was_broken_while_functions_were_down_then_sync_adopts_it_and_the_books_agree(
    steps: tuple[Step, ...],
    ended: list[str],
    name: str,
    alone: Ledger,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market: Market = request.getfixturevalue(name)
    # No call of these is left without an answer, so none has to be waited out, and a slow machine may take its time.
    patient = market.settings().model_copy(update={"broker_timeout": 60.0})
    monkeypatch.setattr(market, "settings", lambda: patient)
    stage = GlassBroken(alone, market, tmp_path)
    await stage.play(Script(0, streams=False, watched=True, aims=(), steps=steps))
    assert stage.flat
    assert stage.differences() == []
    trades = alone.rows("select source, status, side, filled_quantity from public.trades order by placed_number")
    assert [row for row in trades if row[0] == "external"] == [("external", "filled", "sell", 6)]
    assert sorted(row[1] for row in trades) == ended
    assert alone.rows("select symbol from public.position_books where quantity <> 0") == []
    assert alone.rows("select kind, text from public.reconciliation_breaks where status = 'open'") == []
    with psycopg.connect(alone.dsn, autocommit=True) as connection, closing(conductor.Market(market.url)) as book:
        checks = verify(connection, book).checks
    # Nobody relays on this stage.
    assert [check for check in checks if not check.ok and check.name != "outbox empty"] == []
