"""The hot store's process, the Firestore emulator, and the adapters of both."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions.core.hotstore.firestore import FirestoreHotStore
from functions.core.hotstore.local import LocalHotStore
from functions.core.hotstore.port import HotStore
from tests.machine import free_port


class StoreProcess:
    """`python -m local.hotstore` on a port of its own; may be killed and started again on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "local.hotstore", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        _wait_for(self.port, 15)

    def stop(self, how: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(10)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


def _wait_for(port: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port} after {seconds} s"
            time.sleep(0.01)
        else:
            return


@pytest.fixture(scope="session")
def store_process() -> Iterator[StoreProcess]:
    """Shared by the session: tests that stop it take `own_process`."""
    process = StoreProcess()
    process.start()
    yield process
    process.stop()


@pytest.fixture
def own_process() -> Iterator[StoreProcess]:
    process = StoreProcess()
    process.start()
    yield process
    assert process.process is not None
    if process.process.poll() is None:
        process.stop()


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[str]:
    """host:port of a Firestore emulator: FIRESTORE_EMULATOR_HOST, or gcloud's own started here."""
    given = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if given:
        yield given
        return
    java, jar = shutil.which("java"), _emulator_jar()
    if java is None or jar is None:
        pytest.skip("no Firestore emulator: set FIRESTORE_EMULATOR_HOST, or install gcloud's emulator and Java")
    port = free_port()
    main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
    options = ["--host=127.0.0.1", f"--port={port}", "--database-mode=firestore-native"]
    process = subprocess.Popen(
        [java, "-Xmx512m", "-Duser.language=en", "-cp", str(jar), main, "start", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, 60)
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        yield f"127.0.0.1:{port}"
    finally:
        os.environ.pop("FIRESTORE_EMULATOR_HOST", None)
        process.kill()
        process.wait(10)


def _emulator_jar() -> Path | None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    asked = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, check=False
    )
    jar = (
        Path(asked.stdout.strip() or "/nonexistent") / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    )
    return jar if jar.exists() else None


@pytest.fixture(params=["local", "firestore"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[], HotStore]]:
    """connect(): another client of the same store."""
    made: list[HotStore] = []

    def connect() -> HotStore:
        made.append(LocalHotStore(url) if request.param == "local" else FirestoreHotStore("agenttrader-test"))
        return made[-1]

    url = ""
    if request.param == "local":
        process: StoreProcess = request.getfixturevalue("store_process")
        url = process.url
    else:
        request.getfixturevalue("firestore_emulator")
    yield connect
    for store in made:
        store.close()


@pytest.fixture
def store(connect: Callable[[], HotStore]) -> HotStore:
    return connect()


@pytest.fixture
def key() -> str:
    """A key (or a lease's name) that no other test uses; awkward in a URL and in a path on purpose."""
    return f"quote/SPY 240119C00470000/é?&#/{uuid.uuid4()}"
