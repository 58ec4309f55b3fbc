"""The simulator as a process: how the tape moves, how it starts and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from local.process.listening import listen
from tests.contract.alpaca_simulator.running import ACCOUNTS, ALICE, WITHIN_SECONDS, Running
from tests.machine import free_port

MODULE = "local.simulators.alpaca"


@contextmanager
def process(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running simulator of its own, and its address."""
    port = free_port()
    accounts = folder / "accounts.json"
    accounts.write_text(json.dumps(ACCOUNTS))
    environment = {**os.environ, "AGENTTRADER_STATE": str(folder)}
    command = [sys.executable, "-m", MODULE, "--port", str(port), "--accounts", str(accounts), *flags]
    started = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        yield started, f"http://127.0.0.1:{port}"
    finally:
        started.kill()
        started.communicate()


def state_when(url: str, wanted: str) -> dict[str, object]:
    """The state as soon as `wanted` in it is true; fails when that does not come."""
    deadline = time.monotonic() + 2 * WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            state: dict[str, object] = requests.get(f"{url}/control/state", timeout=5).json()
        except requests.ConnectionError:
            continue
        if state[wanted]:
            return state
    raise AssertionError(f"{wanted} did not come true within {2 * WITHIN_SECONDS} seconds")


def test_pace_when_the_tape_moves_by_itself_then_it_ends_where_lock_step_ends(
    alpaca: Running, state_folder: Path
) -> None:
    alpaca.advance(10_000)
    with process(state_folder, "--pace", "1000000x") as (_, url):
        state = state_when(url, "done")
        assert {**state, "now": ""} == {**alpaca.get("/control/state"), "now": ""}
        refused = requests.post(f"{url}/control/advance", json={}, timeout=5)
        assert (refused.status_code, "lockstep" in refused.json()["message"]) == (422, True)


def test_process_when_it_is_told_to_stop_then_it_ends_with_zero(state_folder: Path) -> None:
    with process(state_folder) as (started, url):
        state_when(url, "now")
        assert ALICE in requests.get(f"{url}/control/book", timeout=5).json()["accounts"]
        started.send_signal(signal.SIGTERM)
        _, errors = started.communicate(timeout=WITHIN_SECONDS)
        assert started.returncode == 0
        assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--tape", "sp500:SPY:2020-01-02"], 2, "NOT_ON_TAPE"),
        (["--tape", "nonsense"], 2, "BAD_TAPE"),
        (["--pace", "backwards"], 2, "BAD_PACE"),
        (["--accounts", "does-not-exist.json"], 3, "BAD_ACCOUNTS_FILE"),
    ],
)
def test_process_when_it_is_started_wrongly_then_a_sentence_says_so(
    flags: list[str], code: int, says: str, state_folder: Path
) -> None:
    with process(state_folder, *flags) as (started, _):
        _, errors = started.communicate(timeout=2 * WITHIN_SECONDS)
    assert started.returncode == code
    assert says in errors.decode()
    assert b"Traceback" not in errors


def test_process_when_the_port_is_taken_then_a_sentence_says_so_and_the_code_is_three(state_folder: Path) -> None:
    taken = listen(0, "another program")
    taken.listen()
    try:
        port = str(taken.getsockname()[1])
        with process(state_folder, "--port", port) as (started, _):
            _, errors = started.communicate(timeout=2 * WITHIN_SECONDS)
    finally:
        taken.close()
    assert started.returncode == 3
    assert f"port {port}" in errors.decode()
    assert b"Traceback" not in errors


def test_advance_when_the_tape_ends_then_the_hour_after_the_close_passes_and_done_is_said(alpaca: Running) -> None:
    for day in ("2018-02-05", "2018-02-06"):
        assert alpaca.advance()["event"] == "open"
        last = alpaca.advance(390)
        assert (last["event"], last["minute_index"], last["session"]) == ("minute", 389, day)
        closed = alpaca.advance()
        assert (closed["event"], closed["is_open"], closed["done"]) == ("close", False, False)
        after = alpaca.advance(12)
        assert (after["event"], after["now"]) == ("after", f"{day}T22:00:00.000000Z")
    assert after["done"]
    end = alpaca.advance()
    assert (end["event"], end["done"], end["now"]) == ("end", True, after["now"])
