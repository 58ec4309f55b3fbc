"""One local cloud for the tests of this folder, started by the command itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from local.cli import demo_trader
from local.cli.demo_accounts import DemoAccount, demo_accounts
from local.conductor.control import Control
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.linking import enter_credentials
from local.stack import PORT_OFFSETS, PROJECT, Stack, read_record
from local.supervisor.environment import Brokers
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache

COMMAND = [sys.executable, "-c", "from local.cli.app import main; main()"]


PUSHES = 45
OPENS_AT = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    """The JSON object that a command has printed."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@dataclass(frozen=True, slots=True)
class Running:
    """A cloud that `agenttrader up` runs, and that process."""

    stack: Stack
    process: subprocess.Popen[str]
    announced: dict[str, object]


@pytest.fixture(scope="session")
def port_base() -> int:
    """A base whose ports were all free a moment ago."""
    return free_ports(max(PORT_OFFSETS.values()) + 1)


@pytest.fixture(scope="session")
def running(port_base: int) -> Iterator[Running]:
    """`agenttrader up` of both brokers in a folder of its own, whose tape stands still until a test moves it."""
    folder = new_folder("cloud")
    shutil.copytree(calendar_cache(), folder / "cache")
    environment = os.environ | {"AGENTTRADER_STATE": str(folder), "AGENTTRADER_PORT_BASE": str(port_base)}
    log = (folder / "up.log").open("w")
    process = subprocess.Popen(
        [*COMMAND, "up", "--json", "--pace", "lockstep", "--broker", "both"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (folder / "up.log").read_text()
    announced = json.loads(line)
    assert "error" not in announced, announced
    try:
        yield Running(Stack.load(folder), process, announced)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
        log.close()
        shutil.rmtree(folder)


def processes(running: Running) -> dict[str, Any]:
    found: dict[str, Any] = read_record(running.stack.state)["processes"]
    return found


def one_feed(broker: Brokers) -> tuple[DemoAccount, ...]:
    """The demo's accounts, of which only tastytrade's has a credential for market data: the rarer way is gone here."""

    def trading_only(connection: psycopg.Connection[Any], stack: Stack, account: UUID) -> None:
        keys = {"key": stack.secrets.broker_key, "secret": stack.secrets.broker_secret}
        enter_credentials(connection, account, "trading", keys)

    return tuple(
        replace(account, enter_credentials=trading_only) if account.broker == "alpaca" else account
        for account in demo_accounts(broker)
    )


@pytest.fixture(scope="session")
def traded(running: Running) -> list[Progressed]:
    """A trader whose strategies have traded at both brokers for the first minutes; parts are killed on the way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_trader, "demo_accounts", one_feed)
        demo_trader.create(running.stack, ["SPY"], OPENS_AT, "both")
    seen: list[Progressed] = []
    victims = {5: "functions", 10: "bus", 15: "scheduler", 20: "gateway", 25: "webhooks", 30: "hotstore"}

    def progress(progressed: Progressed) -> None:
        seen.append(progressed)
        victim = victims.get(len(seen))
        if victim is not None:
            os.kill(processes(running)[victim]["pid"], signal.SIGKILL)

    replay(running.stack, Pace(None), progress=progress, wanted=lambda: len(seen) < PUSHES)
    with closing(Control("the scheduler", running.stack.url("scheduler"), timeout=120)) as scheduler:
        # What the cash is after the last fill.
        scheduler.post("/run", {"functions": ["sync_accounts"], "now": seen[-1].at.isoformat()})
    return seen


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, running: Running) -> None:
    """Commands run in this process mean the cloud of these tests."""
    monkeypatch.setenv("AGENTTRADER_STATE", str(running.stack.state))
    monkeypatch.setenv("AGENTTRADER_PORT_BASE", str(running.stack.port_base))
