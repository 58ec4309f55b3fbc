"""The demo at tastytrade alone: market data, orders and fills by its SDK, and break-glass while its cloud is down."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from local.cli import demo_trader
from local.cli.app import run
from local.cli.exits import Exit
from local.cli.summary import summarise
from local.cli.verify_command import verified
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.stack import PORT_OFFSETS, Stack
from local.supervisor.broker_keys import TASTYTRADE_ACCOUNT
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from local.verify import Check
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache

TAPE = "sp500:SPY:2018-02-05:2018-02-05"
PUSHES = 60
# The trade stream goes on hearing and cannot write. What nobody hears at all is in `faults/test_break_glass.py`: in
# lock-step a fresh stream would wait here for a second of tastytrade's clock that never comes.
DOWN = ("stream_market_data", "functions", "bus", "gateway", "hotstore")
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A cloud whose only broker is tastytrade, after an hour of the demo's trader."""
    folder = new_folder("tasty")
    shutil.copytree(calendar_cache(), folder / "cache")
    stack = Stack.create(folder, free_ports(max(PORT_OFFSETS.values()) + 1))
    try:
        with Cloud(stack, setup=Setup(tape=TAPE, throw_away=True, broker="tastytrade")) as running:
            demo_trader.create(stack, ["SPY"], datetime(2018, 2, 5, 14, 30, tzinfo=UTC), "tastytrade")
            play(stack, PUSHES)
            yield running
    finally:
        shutil.rmtree(folder)


def play(stack: Stack, pushes: int) -> None:
    seen: list[Progressed] = []
    replay(stack, Pace(None), progress=seen.append, wanted=lambda: len(seen) < pushes)


def rows(stack: Stack, query: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.database_url) as connection:
        return connection.execute(query).fetchall()


def failed(stack: Stack) -> list[Check]:
    return [check for check in verified(stack).checks if not check.ok]


def test_demo_when_tastytrade_is_the_only_broker_then_its_data_is_used_and_the_books_agree(cloud: Cloud) -> None:
    assert failed(cloud.stack) == []
    with psycopg.connect(cloud.stack.database_url, autocommit=True) as connection:
        summary = summarise(connection)
    assert summary.fills > 0
    assert set(summary.by_status) <= {"filled", "submitted", "rejected"}
    assert rows(cloud.stack, "select distinct broker from public.broker_accounts") == [("tastytrade",)]
    assert rows(cloud.stack, "select distinct feed from public.bars") == [("dxfeed",)]


def test_break_glass_when_the_functions_are_down_then_it_flattens_and_the_cloud_adopts_it_when_it_is_back(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stack = cloud.stack
    # In lock-step nothing happens between two pushes, so the trader is moved on until it holds something.
    for _ in range(20):
        if rows(stack, "select symbol from public.position_books where quantity <> 0"):
            break
        play(stack, 5)
    assert rows(stack, "select symbol from public.position_books where quantity <> 0") == [("SPY",)]
    for part in DOWN:
        cloud.kill(part, hold=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTTRADER_TASTYTRADE_URL", stack.url("tastytrade"))
    monkeypatch.setenv("AGENTTRADER_BREAK_GLASS_CLIENT_SECRET", stack.secrets.tastytrade_secret)
    monkeypatch.setenv("AGENTTRADER_BREAK_GLASS_REFRESH_TOKEN", stack.secrets.tastytrade_trading_grant)
    whose = ["--broker", "tastytrade", "--account", TASTYTRADE_ACCOUNT, "--paper"]
    assert run(["break-glass", *whose, "--yes-flatten", TASTYTRADE_ACCOUNT, "--json"]) == Exit.FINE
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["clean"] is True
    for part in reversed(DOWN):
        cloud.restart(part)
    play(stack, 12)
    assert failed(stack) == []
    assert rows(stack, "select status from public.trades where source = 'external'") == [("filled",)]
    assert rows(stack, "select text from public.reconciliation_breaks where status = 'open'") == []
