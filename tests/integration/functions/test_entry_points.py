"""The two doors as processes: the framework's source file and the worker's module."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from functions.brokers.keyring import Keyring, SealingPair
from functions.core.wiring import wiring

ROOT = Path(__file__).resolve().parents[3]
SERVED = [name for name, function in wiring().functions.items() if function.trigger != "worker"]
WORKERS = [name for name, function in wiring().functions.items() if function.trigger == "worker"]
NOWHERE = "http://127.0.0.1:9"

# Loads each target as the cloud does, one process for all: what a cold start imports is asked separately.
_LOAD = """
import importlib.util, os, sys
for name in sys.argv[1:]:
    os.environ["FUNCTION_TARGET"] = name
    spec = importlib.util.spec_from_file_location("main", "functions/main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert callable(getattr(module, name)), name
heavy = {"alpaca", "supabase", "psycopg", "google.cloud.pubsub_v1", "pandas", "numpy"}
print(",".join(sorted(heavy & set(sys.modules))))
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=clean(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def clean(more: Mapping[str, str]) -> dict[str, str]:
    ours = ("AGENTTRADER_", "SUPABASE_", "FUNCTION_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | dict(more)


def complete(**more: str) -> dict[str, str]:
    """The whole environment of a function process, pointing nowhere."""
    return {
        "SUPABASE_URL": NOWHERE,
        "AGENTTRADER_PUBLISHABLE_KEY": "key",
        "AGENTTRADER_JWT_SECRET": "a word that is more than thirty-two bytes long",
        "AGENTTRADER_BUS": "pgmq",
        "AGENTTRADER_BUS_URL": "postgresql://bus:bus@127.0.0.1:9/postgres",
        "AGENTTRADER_HOTSTORE": "local",
        "AGENTTRADER_HOTSTORE_URL": NOWHERE,
    } | more


def test_main_when_each_target_is_loaded_then_its_entry_point_is_there() -> None:
    done = run("-c", _LOAD, *SERVED)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["check_trade", "relay_outbox", "daily_pnl"])
def test_main_when_a_function_starts_cold_then_no_sdk_that_it_does_not_need_is_imported(name: str) -> None:
    done = run("-c", _LOAD, name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("target", "code"), [("", "UNKNOWN_FUNCTION"), ("nothing", "UNKNOWN_FUNCTION"), (WORKERS[0], "NOT_A_FUNCTION")]
)
def test_main_when_the_target_cannot_be_served_then_a_sentence_says_so(target: str, code: str) -> None:
    done = run("-c", "import functions.main", FUNCTION_TARGET=target)
    assert done.returncode != 0
    assert code in done.stderr


def test_worker_when_used_wrongly_then_2_and_the_usage() -> None:
    for arguments in ([], ["one", "two"]):
        done = run("-m", "functions.worker", *arguments)
        assert done.returncode == 2
        assert "python -m functions.worker NAME" in done.stderr


@pytest.mark.parametrize("name", ["nothing", SERVED[0]])
def test_worker_when_there_is_none_of_that_name_then_3_and_the_known_ones(name: str) -> None:
    done = run("-m", "functions.worker", name)
    assert done.returncode == 3
    assert all(worker in done.stderr for worker in WORKERS)


def test_worker_when_a_setting_is_missing_then_3_and_the_variable_is_named() -> None:
    environment = complete()
    del environment["AGENTTRADER_PUBLISHABLE_KEY"]
    done = run("-m", "functions.worker", WORKERS[0], **environment)
    assert done.returncode == 3
    assert "AGENTTRADER_PUBLISHABLE_KEY" in done.stderr


def test_worker_when_there_are_no_private_keys_then_3_and_what_to_set() -> None:
    done = run("-m", "functions.worker", "stream_market_data", **complete())
    assert done.returncode == 3
    assert "AGENTTRADER_DATA_KEYS_FILE" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_worker_when_everything_is_down_then_it_waits_and_ends_cleanly_when_asked(
    how: signal.Signals, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(Keyring("data", (SealingPair.generate(),)).document())
    keys.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as ledger:
        environment = complete(
            SUPABASE_URL=f"http://127.0.0.1:{ledger.getsockname()[1]}",
            AGENTTRADER_DATA_KEYS_FILE=str(keys),
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "functions.worker", "stream_market_data"],
            cwd=ROOT,
            env=clean(environment),
            stderr=subprocess.PIPE,
        )
        try:
            ledger.settimeout(30)
            # It asks whose credential to use: it is running. It is hung up on, as by a ledger that is down.
            ledger.accept()[0].close()
            process.send_signal(how)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, said.decode()
