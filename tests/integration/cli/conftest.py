"""One local cloud for the tests of this folder, started by the command itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.stack import PORT_OFFSETS, PROJECT, Stack
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache

COMMAND = [sys.executable, "-c", "from local.cli.app import main; main()"]


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


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, running: Running) -> None:
    """Commands run in this process mean the cloud of these tests."""
    monkeypatch.setenv("AGENTTRADER_STATE", str(running.stack.state))
    monkeypatch.setenv("AGENTTRADER_PORT_BASE", str(running.stack.port_base))
