"""The supervisor against small processes: order, restarts, refusals, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.core.errors import BadInput
from local.stack import PROJECT, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.errors import AlreadyRunning, PortTaken, StartFailed, ToolMissing
from local.supervisor.graph import checked, with_needed
from local.supervisor.notice import Notice
from local.supervisor.part import Node, Part, Step
from local.supervisor.ports import is_free
from local.supervisor.steps import StepBook
from local.supervisor.tracked import Tracked

MakePart = Callable[..., Part]
MakePort = Callable[[], int]


def is_alive(pid: int) -> bool:
    """True for a process that runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pid_at(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return int(answer.read())


def pid_of(cloud: Cloud, name: str) -> int:
    pid = cloud.processes()[name]["pid"]
    assert isinstance(pid, int)
    return pid


def test_cloud_when_started_then_every_part_answers_and_is_recorded(server: MakePart, free_port: MakePort) -> None:
    port = free_port()
    stack = Stack.create()
    with Cloud(stack, nodes=[server("one", port)]) as cloud:
        record = json.loads((stack.state / "stack.json").read_text())
        assert record["pid"] == os.getpid()
        assert record["processes"]["one"]["pid"] == pid_at(port) == pid_of(cloud, "one")
        assert (stack.state / "stack.json").stat().st_mode & 0o777 == 0o600


def test_cloud_when_a_part_is_killed_then_it_is_restarted(server: MakePart, free_port: MakePort) -> None:
    port = free_port()
    heard: list[Notice] = []
    with Cloud(Stack.create(), nodes=[server("one", port)], listener=heard.append) as cloud:
        first = pid_at(port)
        cloud.kill("one")
        cloud.wait_ready("one")
        assert pid_at(port) != first
        assert not is_alive(first)
        assert cloud.processes()["one"]["restarts"] == 1
    assert any(notice.kind == "exited" and "signal 9" in notice.text for notice in heard)


def test_cloud_when_a_part_dies_by_another_hand_then_it_is_restarted(server: MakePart, free_port: MakePort) -> None:
    port = free_port()
    again = threading.Event()

    def listen(notice: Notice) -> None:
        if notice.kind == "restarting":
            again.set()

    with Cloud(Stack.create(), nodes=[server("one", port)], listener=listen) as cloud:
        first = pid_at(port)
        os.kill(first, signal.SIGKILL)
        assert again.wait(10)
        cloud.wait_ready("one")
        assert pid_at(port) != first


def test_cloud_when_a_part_is_killed_and_held_then_it_stays_down_until_restart(
    server: MakePart, free_port: MakePort
) -> None:
    port = free_port()
    with Cloud(Stack.create(), nodes=[server("one", port)]) as cloud:
        cloud.kill("one", hold=True)
        assert is_free(port)
        assert cloud.processes()["one"]["pid"] is None
        cloud.restart("one")
        assert pid_at(port) == pid_of(cloud, "one")


def test_cloud_when_stopped_then_nothing_is_left_and_the_order_is_reversed(
    server: MakePart, free_port: MakePort, tmp_path: Path
) -> None:
    ports = [free_port() for _ in range(3)]
    stack = Stack.create()
    parts = [
        server("base", ports[0]),
        server("middle", ports[1], after=("base",)),
        server("top", ports[2], after=("middle",)),
    ]
    cloud = Cloud(stack, nodes=parts)
    cloud.start()
    pids = [pid_of(cloud, name) for name in ("base", "middle", "top")]
    cloud.stop()
    assert not any(is_alive(pid) for pid in pids)
    assert (tmp_path / "order.txt").read_text().split() == ["top", "middle", "base"]
    assert json.loads((stack.state / "stack.json").read_text())["pid"] is None


def test_cloud_when_a_part_ignores_sigterm_then_it_is_killed(
    free_port: MakePort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.supervisor.supervisor._GRACE_SECONDS", 0.2)
    script = tmp_path / "deaf.py"
    script.write_text(
        "import signal, socket, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\ntime.sleep(600)\n"
    )
    port = free_port()
    cloud = Cloud(
        Stack.create(), nodes=[Part("deaf", (sys.executable, str(script), str(port)), dict(os.environ), port)]
    )
    cloud.start()
    pid = pid_of(cloud, "deaf")
    cloud.stop()
    assert not is_alive(pid)


def test_cloud_when_the_supervisor_is_killed_then_no_orphan_is_left(
    server: MakePart, free_port: MakePort, tmp_path: Path
) -> None:
    port = free_port()
    part = server("one", port)
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, threading\n"
        "from local.stack import Stack\nfrom local.supervisor.cloud import Cloud\n"
        "from local.supervisor.part import Part\nimport os\n"
        f"part = Part('one', {part.command!r}, dict(os.environ), {port}, health='/health')\n"
        "Cloud(Stack.create(), nodes=[part]).start()\nprint('up', flush=True)\nthreading.Event().wait()\n"
    )
    outer = subprocess.Popen([sys.executable, str(script)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert outer.stdout is not None
    assert outer.stdout.readline() == "up\n"
    child = pid_at(port)
    descriptor = os.pidfd_open(child)
    try:
        outer.kill()
        outer.wait()
        waiter = threading.Thread(target=_wait_for_end, args=(descriptor,))
        waiter.start()
        waiter.join(10)
        assert not waiter.is_alive()
    finally:
        outer.stdout.close()
        os.close(descriptor)

    heard: list[Notice] = []
    with Cloud(Stack.create(), nodes=[part], listener=heard.append):
        assert pid_at(port) != child
    assert any("ended without stopping" in notice.text for notice in heard)


def _wait_for_end(descriptor: int) -> None:
    import select

    select.select([descriptor], [], [])


def test_cloud_when_started_twice_then_the_second_names_the_first(server: MakePart, free_port: MakePort) -> None:
    part = server("one", free_port())
    stack = Stack.create()
    with Cloud(stack, nodes=[part]), pytest.raises(AlreadyRunning) as refusal:
        Cloud(stack, nodes=[part]).start()
    assert str(os.getpid()) in refusal.value.text
    assert stack.url("gateway") in refusal.value.text
    assert "agenttrader down" in refusal.value.text


def test_cloud_when_a_port_is_taken_then_the_sentence_names_port_part_and_remedy(
    server: MakePart, free_port: MakePort
) -> None:
    first, second = free_port(), free_port()
    with (
        socket.create_server(("127.0.0.1", second)),
        pytest.raises(PortTaken) as refusal,
    ):
        Cloud(Stack.create(), nodes=[server("one", first), server("two", second)]).start()
    assert str(second) in refusal.value.text
    assert "two" in refusal.value.text
    assert "AGENTTRADER_PORT_BASE" in refusal.value.text
    assert is_free(first)


def test_cloud_when_a_tool_is_missing_then_nothing_is_started(server: MakePart, free_port: MakePort) -> None:
    port = free_port()
    lame = Part("lame", ("nothing",), missing="Deno is not installed; run `make setup`")
    with pytest.raises(ToolMissing, match="make setup"):
        Cloud(Stack.create(), nodes=[server("one", port), lame]).start()
    assert is_free(port)


def test_cloud_when_a_part_exits_on_the_way_up_then_its_last_words_are_told_and_the_rest_stops(
    server: MakePart, free_port: MakePort
) -> None:
    port = free_port()
    broken = Part(
        "broken",
        (sys.executable, "-c", "print('the reason why'); raise SystemExit(3)"),
        dict(os.environ),
        free_port(),
        after=("one",),
    )
    with pytest.raises(StartFailed, match=r"(?s)broken exited with code 3.*the reason why"):
        Cloud(Stack.create(), nodes=[server("one", port), broken]).start()
    assert is_free(port)


def test_cloud_when_a_step_fails_then_the_start_fails_and_what_waits_is_never_started(
    server: MakePart, free_port: MakePort
) -> None:
    ports = [free_port(), free_port()]

    def fail() -> None:
        raise ValueError("a migration did not apply")

    nodes: list[Node] = [
        server("one", ports[0]),
        Step("migrations", fail, after=("one",)),
        server("two", ports[1], ("migrations",)),
    ]
    stack = Stack.create()
    with pytest.raises(StartFailed, match="migrations failed: a migration did not apply"):
        Cloud(stack, nodes=nodes).start()
    assert is_free(ports[0])
    assert not stack.log("two").exists()


def test_cloud_when_only_some_parts_are_asked_for_then_what_they_wait_for_comes_along(
    server: MakePart, free_port: MakePort
) -> None:
    nodes = [server("one", free_port()), server("two", free_port(), ("one",)), server("three", free_port())]
    with Cloud(Stack.create(), nodes=nodes, only=["two"]) as cloud:
        assert set(cloud.processes()) == {"one", "two"}


def test_graph_when_parts_wait_for_each_other_then_it_is_refused() -> None:
    with pytest.raises(BadInput, match="wait for each other"):
        checked([Part("a", (), after=("b",)), Part("b", (), after=("a",))])


def test_graph_when_a_name_is_unknown_or_doubled_then_it_is_refused() -> None:
    with pytest.raises(BadInput, match="not there"):
        checked([Part("a", (), after=("b",))])
    with pytest.raises(BadInput, match="twice"):
        checked([Part("a", ()), Part("a", ())])
    with pytest.raises(BadInput, match="expected one of a"):
        with_needed([Part("a", ())], ["b"])


def test_backoff_when_deaths_are_quick_then_delays_grow_to_a_cap_and_a_long_life_resets_them() -> None:
    tracked = Tracked(Part("a", ()))
    delays = [tracked.schedule(now=tracked.started_at) for _ in range(10)]
    assert delays[0] == 0.0
    assert delays == sorted(delays)
    assert delays[-1] == 5.0
    assert tracked.schedule(now=tracked.started_at + 60) == 0.0


def test_step_when_its_sources_are_unchanged_then_it_is_skipped_and_when_changed_it_runs_again(tmp_path: Path) -> None:
    source = tmp_path / "bootstrap.sql"
    source.write_text("select 1;")
    runs: list[int] = []
    state = tmp_path / "book"
    state.mkdir()
    for _ in range(2):
        StepBook(state).once("bootstrap", [source], lambda: runs.append(1))()
    assert len(runs) == 1
    source.write_text("select 2;")
    StepBook(state).once("bootstrap", [source], lambda: runs.append(1))()
    assert len(runs) == 2


def test_step_when_it_fails_then_it_is_not_remembered_as_done(tmp_path: Path) -> None:
    book = StepBook(tmp_path)

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        book.once("bootstrap", [], fail)()
    runs: list[int] = []
    book.once("bootstrap", [], lambda: runs.append(1))()
    assert runs == [1]
