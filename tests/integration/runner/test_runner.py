"""The function runner as a process: real gunicorn, real functions framework, stand-ins for the functions."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.bus.cloudevent import Push
from local.bus.delivery import Courier
from tests.machine import free_port

WIRING = """
defaults: { memory: 256Mi, timeout: 10s, concurrency: 4, min_instances: 0, max_instances: 1 }
topics:
  busy: { event: TradePlaced, ordered_by: trade_id }
functions:
  hears: { in: risk, trigger: { topic: busy } }
  wakes: { in: report, trigger: { schedule: { cron: "* * * * *", time_zone: UTC } } }
  hook: { in: relay, trigger: { webhook: outbox } }
  works: { in: ingest, trigger: worker }
"""

SOURCE = """
import os, json, base64, signal
from pathlib import Path
import functions_framework

NAME = os.environ["FUNCTION_TARGET"]
HEARD = Path(__file__).with_name("heard.txt")

def hook(request):
    if request.path == "/die":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"pid": os.getpid(), "path": request.path, "method": request.method}

def hears(event):
    data = json.loads(base64.b64decode(event.data["message"]["data"]))
    if data.get("fail"):
        raise RuntimeError("refused on purpose")
    with HEARD.open("a") as file:
        file.write(f"{NAME} {event['type']} {event['id']} {data['n']}\\n")

wakes = hears
"""


def push(number: int = 1, **more: Any) -> Push:
    data = json.dumps({"n": number, **more}).encode()
    return Push("busy", "hears", f"id-{number}", datetime(2024, 1, 2, tzinfo=UTC), data, {}, "key")


class Runner:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "wiring.yaml").write_text(WIRING)
        (folder / "main.py").write_text(SOURCE)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.courier = Courier(f"http://127.0.0.1:{self.port}")

    def command(self) -> list[str]:
        command = [sys.executable, "-m", "local.runner", "--port", str(self.port), "--threads", "4"]
        return [*command, "--source", str(self.folder / "main.py"), "--wiring", str(self.folder / "wiring.yaml")]

    def start(self) -> None:
        with (self.folder / "log.txt").open("a") as log:
            self.process = subprocess.Popen(self.command(), stderr=log, stdout=log)
        self.until(lambda: self.get("/health")[0] == 200)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                if condition():
                    return
            except (OSError, http.client.HTTPException):
                pass
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def get(self, path: str, method: str = "GET") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            text = response.read()
            is_json = response.getheader("Content-Type") == "application/json"
            return response.status, json.loads(text) if is_json else text.decode()
        finally:
            connection.close()

    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(15)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    found = Runner(tmp_path_factory.mktemp("runner"))
    found.start()
    yield found
    assert found.process is not None
    if found.process.poll() is None:
        found.stop(signal.SIGKILL)


def test_health_when_asked_then_it_names_every_function_but_the_workers(runner: Runner) -> None:
    assert runner.get("/health") == (200, {"status": "ok", "functions": ["hears", "hook", "wakes"]})


@pytest.mark.parametrize("function", ["hears", "wakes"])
def test_function_when_a_cloud_event_is_posted_then_it_hears_it_under_its_own_name(
    runner: Runner, function: str
) -> None:
    heard = runner.folder / "heard.txt"
    heard.unlink(missing_ok=True)
    assert runner.courier.deliver(function, push(7), 10).accepted
    assert heard.read_text() == f"{function} google.cloud.pubsub.topic.v1.messagePublished id-7 7\n"


def test_function_when_it_raises_then_the_answer_is_500_with_the_reason(runner: Runner) -> None:
    answer = runner.courier.deliver("hears", push(fail=True), 10)
    assert (answer.status, answer.accepted, answer.reached) == (500, False, True)


def test_webhook_when_posted_without_a_closing_slash_then_it_is_not_redirected(runner: Runner) -> None:
    status, body = runner.get("/hook", "POST")
    assert (status, body["path"], body["method"]) == (200, "/", "POST")


@pytest.mark.parametrize("path", ["/nope", "/works", "/"])
def test_any_path_when_no_function_is_there_then_404_names_those_that_are(runner: Runner, path: str) -> None:
    status, body = runner.get(path, "POST")
    assert status == 404
    assert body["code"] == "UNKNOWN_FUNCTION"


def test_worker_when_it_is_killed_then_another_answers_and_no_wiring_is_lost(runner: Runner) -> None:
    before = runner.get("/hook")[1]["pid"]
    os.kill(before, signal.SIGKILL)
    runner.until(lambda: runner.get("/hook")[1]["pid"] != before)
    assert runner.courier.deliver("hears", push(), 10).accepted


def test_courier_when_the_function_kills_its_process_then_the_answer_says_it_was_reached(runner: Runner) -> None:
    answer = runner.courier.deliver("hook/die", push(), 10)
    assert (answer.status, answer.reached) == (None, True)
    assert "broke" in answer.error
    runner.until(lambda: runner.courier.deliver("hears", push(), 10).accepted)


def test_runner_when_the_port_is_taken_then_it_says_so_and_exits_with_3(runner: Runner) -> None:
    done = subprocess.run(runner.command(), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert str(runner.port) in done.stderr
    assert "Traceback" not in done.stderr


def test_runner_when_its_master_is_killed_then_the_port_is_free_and_the_next_starts(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.start()
    worker = runner.get("/hook")[1]["pid"]
    runner.stop(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}/stat").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the worker outlived its master"
    # The last connection of the dead may still be reset by the system; after that nobody answers.
    while runner.courier.deliver("hears", push(), 10).reached:
        assert time.monotonic() < deadline, "somebody answers on the port of the dead"
    runner.start()
    assert runner.courier.deliver("hears", push(), 10).accepted
    assert runner.stop(signal.SIGTERM) == 0


def test_runner_when_an_entry_point_is_missing_then_it_names_the_function_and_exits(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    (tmp_path / "main.py").write_text("def hears(event): ...\n")
    done = subprocess.run(runner.command(), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "BAD_ENTRY_POINT" in done.stderr
    assert "wakes" in done.stderr
    assert "Traceback" not in done.stderr


def test_gunicorn_when_it_runs_then_it_leaves_no_control_socket_behind(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    with (tmp_path / "log.txt").open("a") as log:
        runner.process = subprocess.Popen(runner.command(), env=environment, stderr=log, stdout=log)
    runner.until(lambda: runner.get("/health")[0] == 200)
    runner.stop()
    assert list(home.iterdir()) == []
