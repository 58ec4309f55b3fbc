"""Executions that Alpaca takes back or corrects: the ledger follows, and ends as the broker's own book."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.faults.market import AlpacaMarket
from tests.integration.faults.scripts import Script, Step
from tests.integration.faults.stage import Stage
from tests.integration.ledger.ledger import Ledger

_WITHIN_SECONDS = 30
_SHARES = {"what": "share", "side": "buy", "quantity": 5, "away": None, "rests": False}


async def played(ledger: Ledger, market: AlpacaMarket, *, then: Callable[[Stage], Awaitable[None]]) -> Stage:
    """Five shares bought while the stream is heard, then what is said, then whatever is left to do."""
    steps = (Step("place", more=dict(_SHARES)), Step("submit"))
    stage = Stage(ledger, market, watched=True)
    await stage.play(Script(0, streams=True, watched=True, aims=(), steps=steps), then=then)
    return stage


async def until(stage: Stage, query: str) -> None:
    """Until the ledger has such a row of the account."""
    async with asyncio.timeout(_WITHIN_SECONDS):
        while not await asyncio.to_thread(stage.ledger_rows, query, stage.desk.account):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.02)


_HEARD = "select from public.fill_aliases where broker_account_id = %s and source = 'stream'"


@pytest.mark.parametrize(
    ("price", "kind", "left"), [(None, "bust", Decimal(0)), (Decimal("270.01"), "correction", Decimal(5))]
)
async def test_alpaca_when_an_execution_is_taken_back_or_corrected_then_the_books_follow_and_somebody_is_told(
    price: Decimal | None, kind: str, left: Decimal, ledger: Ledger, alpaca: AlpacaMarket
) -> None:
    async def change(stage: Stage) -> None:
        await until(stage, _HEARD)
        await asyncio.to_thread(alpaca.take_back, price)
        await until(stage, f"select from public.fills where broker_account_id = %s and kind = '{kind}'")

    stage = await played(ledger, alpaca, then=change)

    assert stage.differences() == []
    rows: list[tuple[Any, ...]] = stage.ledger_rows(
        "select coalesce(sum(quantity), 0) from public.position_books where broker_account_id = %s", stage.desk.account
    )
    assert rows == [(left,)]
    told = stage.ledger_rows("select code from public.alerts where broker_account_id = %s", stage.desk.account)
    assert ("FILL_BUSTED" if kind == "bust" else "FILL_CORRECTED",) in told
