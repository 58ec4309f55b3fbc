"""An account whose kill switch is pulled, round by round, until it is flat.

The real functions, the real ledger, the real adapter, the real simulator, in one process.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

from functions.core.errors import Temporary
from functions.core.ledger.market_data import MarketDataLedger
from functions.ingest.calendar_sync import sync_calendar
from functions.risk.halting import Flattener
from tests.integration.faults.market import AlpacaMarket
from tests.integration.faults.scripts import Step
from tests.integration.faults.stage import Stage
from tests.integration.ledger.ledger import Direct, Ledger
from tests.unit.core.doubles import World

_MOST_ROUNDS = 20
BOUGHT = Step("place", more={"what": "share", "side": "buy", "quantity": 5, "away": None, "rests": False})
RESTS = Step("place", more={"what": "share", "side": "buy", "quantity": 3, "away": 500, "rests": True})
PROTECTS = Step("place", more={"what": "share", "side": "sell", "quantity": 5, "away": 500, "rests": True})


class Halting:
    """A stage whose kill switch is pulled: what works is cancelled, what is open is closed, round by round."""

    def __init__(self, ledger: Ledger, market: AlpacaMarket) -> None:
        self.market = market
        self.stage = Stage(ledger, market, watched=True)
        self.stage._main = asyncio.current_task()
        self._pull_at: str | None = None
        around = self.stage._around
        # What the desk reaches the broker through: the switch is pulled between the claim and the broker's answer.
        self.stage.trading.reach = replace(
            self.stage.trading.reach, around=lambda step, call: self._pulled(step, around(step, call))
        )
        world = World()
        self.flattener = Flattener(replace(world.ports, ledger=Direct(ledger, "fn_risk"), clock=_Market(market)))

    async def open(self, *steps: Step) -> None:
        calendar = MarketDataLedger(Direct(self.stage.desk.ledger, "fn_ingest"))
        await sync_calendar(calendar, self.market.market_data())
        for step in steps:
            await self.stage._do(step)

    def pull(self) -> None:
        self.stage.desk.close("account", "flatten")

    def pull_at(self, step: str) -> None:
        self._pull_at = step

    async def _pulled(self, step: str, doing: Any) -> Any:
        if self._pull_at == step:
            self._pull_at = None
            self.pull()
        return await doing

    async def round(self) -> None:
        """What the schedule does in a minute, all of it."""
        self.stage._time_passes()
        await asyncio.to_thread(self.flattener.continue_halts)
        await asyncio.to_thread(self.stage._placing.approve_waiting)
        for does in ("submit", "resolve", "cancels", "sync"):
            with contextlib.suppress(Temporary):
                await self.stage._routine(does)
        self.market.move()

    async def until_done(self) -> None:
        for _ in range(_MOST_ROUNDS):
            if self.progress() == [(True, 0, 0, 0)] and self.actions()[-1] == "flat":
                return
            await self.round()
        raise AssertionError(f"it is never done: {self.progress()} {self.stage._undecided()}")

    def progress(self) -> list[tuple[Any, ...]]:
        return self._rows(
            "complete, working_entries, working_exits, open_positions from public.halt_progress where gate_key = %s"
        )

    def actions(self) -> list[str]:
        return [row[0] for row in self._rows("action from public.trading_halts where gate_key = %s order by id")]

    def alerts(self) -> list[tuple[Any, ...]]:
        return self._rows("code, severity from public.alerts where numbers ->> 'gate' = %s order by raised_at")

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.stage.ledger_rows(f"select {query}", self.stage.desk.gate())

    def a_minute_ago(self) -> None:
        """The switch was pulled more than a minute ago."""
        self.stage._tamper(
            "update public.trading_gates set changed_at = changed_at - interval '2 minutes' where gate_key = %s",
            self.stage.desk.gate(),
        )

    async def over(self) -> None:
        for broker in self.stage._accounts.made:
            await broker.aclose()

    def ended(self) -> None:
        """Flat at the broker too, nothing unknown, every order and fill as the broker's own book has them."""
        assert self.stage.differences() == []
        assert self.market.book().positions == {}
        assert not [order for order in self.market.book().orders if order.is_open]
        statuses = self.stage.ledger_rows(
            "select distinct status from public.trades where broker_account_id = %s", self.stage.desk.account
        )
        assert {status for (status,) in statuses} <= {"filled", "canceled", "rejected", "expired", "replaced"}


class _Market:
    def __init__(self, market: AlpacaMarket) -> None:
        self._market = market

    def now(self) -> Any:
        return self._market.now()
