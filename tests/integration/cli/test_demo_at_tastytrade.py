"""The demo at tastytrade alone: market data, orders and fills by its SDK, on the first minutes of a tape."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from local.cli import demo_trader
from local.cli.summary import Summary, summarise
from local.cli.verify_command import verified
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.stack import PORT_OFFSETS, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from local.verify import Verification
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache

TAPE = "sp500:SPY:2018-02-05:2018-02-05"
PUSHES = 36


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Stack, Summary, Verification]]:
    """A cloud whose only broker is tastytrade, after half an hour."""
    folder = new_folder("tasty")
    shutil.copytree(calendar_cache(), folder / "cache")
    stack = Stack.create(folder, free_ports(max(PORT_OFFSETS.values()) + 1))
    seen: list[Progressed] = []
    try:
        with Cloud(stack, setup=Setup(tape=TAPE, throw_away=True, broker="tastytrade")):
            demo_trader.create(stack, ["SPY"], datetime(2018, 2, 5, 14, 30, tzinfo=UTC), "tastytrade")
            replay(stack, Pace(None), progress=seen.append, wanted=lambda: len(seen) < PUSHES)
            with psycopg.connect(stack.database_url, autocommit=True) as connection:
                summary = summarise(connection)
            yield stack, summary, verified(stack)
    finally:
        shutil.rmtree(folder)


def test_demo_when_tastytrade_is_the_only_broker_then_its_data_is_used_and_the_books_agree(
    played: tuple[Stack, Summary, Verification],
) -> None:
    stack, summary, verification = played
    assert [check for check in verification.checks if not check.ok] == []
    assert summary.fills > 0
    assert set(summary.by_status) <= {"filled", "submitted", "rejected"}
    with psycopg.connect(stack.database_url) as connection:
        brokers = connection.execute("select distinct broker from public.broker_accounts").fetchall()
        bars = connection.execute("select distinct feed from public.bars").fetchall()
    assert (brokers, bars) == ([("tastytrade",)], [("dxfeed",)])
