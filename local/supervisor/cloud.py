"""The whole local cloud as one thing that is started and stopped: for the command line and for tests.

with Cloud(Stack.create(folder, 26000), only=("gateway", "bus")) as cloud:
    cloud.kill("bus")
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from local.stack import PROJECT, Stack
from local.supervisor.broker_keys import write_keys
from local.supervisor.catalogue import catalogue
from local.supervisor.claim import Claim
from local.supervisor.environment import Setup, function_environment
from local.supervisor.graph import with_needed
from local.supervisor.notice import Listener, Notice, nobody
from local.supervisor.part import Node, Part
from local.supervisor.ports import is_free
from local.supervisor.record import write_running, write_stopped
from local.supervisor.supervisor import Supervisor

_REMAINS_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05


class Cloud:
    """Runs a stack's processes in this process's care; nothing is left when it stops or dies."""

    def __init__(
        self,
        stack: Stack,
        *,
        only: Sequence[str] | None = None,
        setup: Setup | None = None,
        nodes: Sequence[Node] | None = None,
        listener: Listener = nobody,
    ) -> None:
        """`only` names the parts wanted; what they wait for comes along. `nodes` replaces the catalogue."""
        self.stack = stack
        self.setup = setup or Setup()
        every = list(nodes) if nodes is not None else catalogue(stack, self.setup)
        self._nodes = every if only is None else with_needed(every, only)
        self._listener = listener
        self._claim = Claim(stack.state)
        self._supervisor: Supervisor | None = None
        self._started_at = datetime.now(UTC)

    def start(self) -> None:
        """Returns when every part is ready.

        Raises AlreadyRunning, PortTaken, ToolMissing, StartFailed; then nothing of it is left running.
        """
        if self._claim.take():
            self._listener(
                Notice("note", "supervisor", "the last run of this folder ended without stopping; tidying up")
            )
            self._await_remains()
        write_keys(self.stack)
        self._lend_cache()
        self._started_at = datetime.now(UTC)
        self._supervisor = Supervisor(
            self._nodes,
            logs=self.stack.state / "logs",
            cwd=PROJECT,
            listener=self._listener,
            changed=self._write_record,
        )
        try:
            self._supervisor.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything in reverse order; returns when nothing is left. Safe to call twice."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
            write_stopped(self.stack)
        self._claim.release()

    def kill(self, name: str, *, hold: bool = False) -> None:
        """SIGKILL; the part is started again at once, or with `hold` when `restart` is called."""
        self._running().kill(name, hold=hold)

    def restart(self, name: str) -> None:
        """Stops a part if it runs, starts it, returns when it is ready."""
        self._running().restart(name)

    def wait_ready(self, name: str, timeout: float = 30.0) -> None:
        """Returns when a part that was killed is ready again. Raises StartFailed NOT_READY."""
        self._running().wait_ready(name, timeout)

    def url(self, name: str) -> str:
        """`http://127.0.0.1:PORT` of a part."""
        return self.stack.url(name)

    def env(self) -> dict[str, str]:
        """The environment a function process of this cloud sees."""
        return function_environment(self.stack, self.setup)

    def processes(self) -> dict[str, dict[str, Any]]:
        """Each part's pid, port, state and number of restarts."""
        return self._running().processes()

    @property
    def failed(self) -> bool:
        """True where the supervisor gave up by itself, whose reason the listener was told."""
        return self._supervisor is not None and self._supervisor.failed

    @property
    def running(self) -> bool:
        """False after `stop`, and after the supervisor itself gave up."""
        return self._supervisor is not None and self._supervisor.running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the cloud is not started")
        return self._supervisor

    def _write_record(self) -> None:
        if self._supervisor is not None:
            write_running(self.stack, self._supervisor.processes(), asdict(self.setup), self._started_at)

    def _lend_cache(self) -> None:
        """The exchange's calendar takes seconds to make, so a fresh folder begins with the one of an older stack."""
        mine = self.stack.state / "cache"
        for other in (self.stack.state.parent / "cache", PROJECT / ".agenttrader" / "cache"):
            if other.is_dir() and not mine.exists():
                shutil.copytree(other, mine)

    def _await_remains(self) -> None:
        """The kernel is ending the children of a crashed run: their ports are free in a moment."""
        ports = [node.port for node in self._nodes if isinstance(node, Part) and node.port is not None]
        deadline = time.monotonic() + _REMAINS_SECONDS
        while not all(is_free(port) for port in ports) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)  # processes of a past run: there is nothing to be told about
