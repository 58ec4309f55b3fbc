"""The supervisor: one thread that starts, watches, restarts and stops child processes.

Every child is forked by that one thread, and it lives until the last child has ended: on Linux a child is told to end
when the *thread* that forked it ends, so a worker thread of the caller must never fork one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from functions.core.errors import AgentTraderError, BadInput
from local.supervisor.child import Child
from local.supervisor.errors import PortTaken, StartFailed, ToolMissing
from local.supervisor.graph import checked
from local.supervisor.notice import Listener, Notice, nobody
from local.supervisor.part import Part, Step
from local.supervisor.ports import answers, is_free
from local.supervisor.tracked import Tracked

_POLL_SECONDS: Final = 0.02
_START_SECONDS: Final = 90.0
_GRACE_SECONDS: Final = 8.0


class Supervisor:
    """Runs parts and steps in the order of their `after`.

    `start` returns when every part is ready and every step done; from then on a part that dies is started again.
    """

    def __init__(
        self,
        nodes: Sequence[Part | Step],
        *,
        logs: Path,
        cwd: Path,
        listener: Listener = nobody,
        changed: Callable[[], None] = lambda: None,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        """`changed` is called on the supervisor's thread after a pid or a state changed. Raises BadInput BAD_GRAPH."""
        self._nodes = checked(nodes)
        self._parts = {name: Tracked(node) for name, node in self._nodes.items() if isinstance(node, Part)}
        self._steps: dict[str, Future[None] | None] = {
            name: None for name, node in self._nodes.items() if isinstance(node, Step)
        }
        self._done: set[str] = set()
        self._logs, self._cwd = logs, cwd
        self._listener, self._changed = listener, changed
        self._start_seconds = start_seconds
        self._requests: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._up: Future[None] = Future()
        self._stopping = threading.Event()
        self.failed = False
        self._thread: threading.Thread | None = None

    # --- for callers, from any thread -------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts everything. Raises ToolMissing, PortTaken or StartFailed; then nothing of it is left running."""
        self._refuse_missing_tools()
        self._refuse_taken_ports()
        self._logs.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()
        try:
            self._up.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything in reverse order and returns when nothing is left. Safe to call twice."""
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def kill(self, name: str, *, hold: bool = False) -> None:
        """SIGKILL to a part; it is started again at once, or with `hold` only when `restart` is called."""

        def now() -> None:
            tracked = self._require(name)
            if hold:
                tracked.state = "held"
            elif tracked.state == "ready":
                tracked.state = "starting"
            if tracked.child is not None:
                tracked.child.kill()
                tracked.child.wait(_GRACE_SECONDS)
            self._changed()

        self._ask(now)

    def restart(self, name: str, timeout: float = _START_SECONDS) -> None:
        """Stops a part in the ordinary way if it runs, starts it, and returns when it is ready."""

        def now() -> None:
            tracked = self._require(name)
            tracked.state = "held"
            if tracked.child is not None and tracked.alive:
                tracked.child.terminate()
                tracked.child.wait(_GRACE_SECONDS)
                tracked.child.kill()
            tracked.state, tracked.due, tracked.quick_deaths = "down", 0.0, 0

        self._ask(now)
        self.wait_ready(name, timeout)

    def wait_ready(self, name: str, timeout: float = _START_SECONDS) -> None:
        """Returns when the part is ready. Raises StartFailed NOT_READY after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self._require(name).state != "ready":
            if time.monotonic() > deadline or self._stopping.is_set():
                raise self._failure("NOT_READY", self._require(name), f"did not become ready in {timeout:g} s")
            # A short poll of a state that another thread sets; there is nothing to be told about.
            self._stopping.wait(_POLL_SECONDS)

    @property
    def running(self) -> bool:
        return self._thread is not None and not self._stopping.is_set()

    def processes(self) -> dict[str, dict[str, Any]]:
        """Every part's pid (None when down), port, state and number of restarts."""
        return {
            name: {
                "pid": tracked.child.pid if tracked.child is not None and tracked.alive else None,
                "port": tracked.part.port,
                "state": tracked.state,
                "restarts": tracked.restarts,
            }
            for name, tracked in self._parts.items()
        }

    # --- before the start -------------------------------------------------------------------------------------------

    def _refuse_missing_tools(self) -> None:
        missing = [
            f"{tracked.part.name}: {tracked.part.missing}" for tracked in self._parts.values() if tracked.part.missing
        ]
        if missing:
            raise ToolMissing("TOOL_MISSING", "; ".join(missing))

    def _refuse_taken_ports(self) -> None:
        for tracked in self._parts.values():
            port = tracked.part.port
            if port is not None and not is_free(port):
                raise PortTaken(
                    "PORT_TAKEN",
                    f"port {port}, which {tracked.part.name} wants, is taken by another program; stop that program "
                    f"(`ss -ltnp 'sport = :{port}'` names it) or give another --port-base, or AGENTTRADER_PORT_BASE",
                    port=port,
                    part=tracked.part.name,
                )

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._serve_request()
                self._watch()
                self._advance()
        except AgentTraderError as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the children must be stopped and the caller told
            self._give_up(StartFailed("SUPERVISOR_FAILED", f"the supervisor failed: {type(error).__name__}: {error}"))
        finally:
            self._stopping.set()
            self._stop_all()
            if not self._up.done():
                self._up.set_exception(StartFailed("STOPPED", "the local cloud was stopped while it was starting"))
            self._refuse_requests()

    def _give_up(self, error: AgentTraderError) -> None:
        self.failed = True
        if self._up.done():
            self._listener(Notice("note", "supervisor", str(error)))
        else:
            self._up.set_exception(error)

    def _ask(self, action: Callable[[], None]) -> None:
        if self._thread is None or self._stopping.is_set():
            raise StartFailed("NOT_RUNNING", "the local cloud is not running")
        answer: Future[Any] = Future()
        self._requests.put((action, answer))
        answer.result(timeout=_GRACE_SECONDS * 3)

    def _serve_request(self) -> None:
        try:
            action, answer = self._requests.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return
        try:
            answer.set_result(action())
        except AgentTraderError as error:
            answer.set_exception(error)

    def _refuse_requests(self) -> None:
        while not self._requests.empty():
            _, answer = self._requests.get()
            answer.set_exception(StartFailed("NOT_RUNNING", "the local cloud has stopped"))

    def _watch(self) -> None:
        """Notices deaths. Before everything was up once a death fails the start; later it brings a restart."""
        now = time.monotonic()
        for tracked in self._parts.values():
            if tracked.child is None or tracked.state not in ("starting", "ready"):
                continue
            code = tracked.child.exit_code()
            if code is None:
                if tracked.state == "starting" and now - tracked.started_at > self._start_seconds:
                    self._too_slow(tracked)
                continue
            if not self._up.done():
                raise self._failure("PART_FAILED", tracked, f"{_ending(code)} before it was ready")
            delay = tracked.schedule(now)
            again = "starting it again" + (f" in {delay:.1f} s" if delay else " at once")
            lines = tuple(tracked.child.last_lines())
            self._listener(Notice("exited", tracked.part.name, f"{_ending(code)}; {again}", lines=lines))
            tracked.child.kill()  # whatever is left of its group
            self._changed()

    def _too_slow(self, tracked: Tracked) -> None:
        failure = self._failure("PART_SLOW", tracked, f"was not ready after {self._start_seconds:g} s")
        if not self._up.done():
            raise failure
        if tracked.child is not None:
            self._listener(Notice("note", tracked.part.name, failure.text))
            tracked.child.kill()

    def _advance(self) -> None:
        """Starts what may be started, and notices what became ready or done."""
        now = time.monotonic()
        for name, tracked in self._parts.items():
            ready_to_start = tracked.state == "waiting" and self._may_start(name)
            if ready_to_start or (tracked.state == "down" and now >= tracked.due):
                self._spawn(tracked)
            elif tracked.state == "starting" and tracked.alive and answers(tracked.part):
                tracked.state = "ready"
                self._done.add(name)
                self._listener(Notice("ready", name, seconds=time.monotonic() - tracked.started_at))
                self._changed()
        for name in self._steps:
            self._advance_step(name)
        if not self._up.done() and self._done.issuperset(self._nodes):
            self._up.set_result(None)

    def _may_start(self, name: str) -> bool:
        return self._done.issuperset(self._nodes[name].after)

    def _spawn(self, tracked: Tracked) -> None:
        part = tracked.part
        if tracked.state == "down":
            tracked.restarts += 1
        self._listener(Notice("starting" if tracked.state == "waiting" else "restarting", part.name))
        try:
            tracked.child = Child(part.command, part.environment, self._logs / f"{part.name}.log", self._cwd)
        except OSError as error:
            raise StartFailed(
                "PART_FAILED", f"{part.name}: {part.command[0]} cannot be started: {error}; run `make setup`"
            ) from error
        tracked.state, tracked.started_at = "starting", time.monotonic()
        self._changed()

    def _advance_step(self, name: str) -> None:
        running = self._steps[name]
        if running is None:
            if self._may_start(name):
                step = self._nodes[name]
                if isinstance(step, Step):
                    self._steps[name] = _in_thread(step)
        elif running.done() and name not in self._done:
            error = running.exception()
            if error is not None:
                raise StartFailed("STEP_FAILED", f"{name} failed: {error}", step=name) from error
            self._done.add(name)
            self._listener(Notice("done", name))

    # --- the end ----------------------------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """Each part is told to end when nothing that waited for it runs any more."""
        told: dict[str, float] = {}
        while True:
            alive = {name for name, tracked in self._parts.items() if tracked.alive}
            if not alive:
                break
            needed = {wanted for name in alive for wanted in self._all_before(name)}
            needed |= {name for name in alive if alive.intersection(self._parts[name].part.outlives)}
            now = time.monotonic()
            for name in alive:
                child = self._parts[name].child
                if child is None:
                    continue
                if name not in told and name not in needed:
                    told[name] = now
                    child.terminate()
                elif name in told and now - told[name] > _GRACE_SECONDS:
                    self._listener(Notice("note", name, f"did not end in {_GRACE_SECONDS:g} s and was killed"))
                    child.kill()
            time.sleep(_POLL_SECONDS)  # the poll of the loop, not a wait for an effect
        for tracked in self._parts.values():
            if tracked.child is not None:
                tracked.child.kill()
            tracked.state = "stopped"
        self._changed()

    def _all_before(self, name: str) -> set[str]:
        seen: set[str] = set()
        todo = list(self._nodes[name].after)
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo.extend(self._nodes[other].after)
        return seen

    def _require(self, name: str) -> Tracked:
        try:
            return self._parts[name]
        except KeyError:
            raise BadInput("UNKNOWN_PART", f"expected one of {', '.join(self._parts)}, was {name!r}") from None

    def _failure(self, code: str, tracked: Tracked, what: str) -> StartFailed:
        lines = tracked.child.last_lines() if tracked.child is not None else []
        log = self._logs / f"{tracked.part.name}.log"
        said = ("\n  " + "\n  ".join(lines)) if lines else " nothing"
        return StartFailed(code, f"{tracked.part.name} {what}; its log {log} says:{said}")


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"


def _in_thread(step: Step) -> Future[None]:
    result: Future[None] = Future()

    def run() -> None:
        try:
            step.run()
        except BaseException as error:  # noqa: BLE001 - carried to the supervisor's thread, which fails the start
            result.set_exception(error)
        else:
            result.set_result(None)

    threading.Thread(target=run, name=f"step-{step.name}", daemon=True).start()
    return result
