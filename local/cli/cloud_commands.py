"""`agenttrader up`, `down` and `status`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich import box
from rich.table import Table

from functions.core.errors import Unavailable
from local.cli.exits import Exit
from local.cli.options import Json, PortBase, State, demo_state, found_stack
from local.cli.screen import Screen
from local.conductor.market import Market
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.stack import Stack, port_base_from_environment, read_record
from local.supervisor.catalogue import catalogue
from local.supervisor.claim import is_claimed, wait_unclaimed
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Brokers, Setup, simulators
from local.supervisor.errors import AlreadyRunning, NotRunning
from local.supervisor.part import Part
from local.supervisor.ports import answers
from local.tape.sessions import new_york
from local.tape.spec import DEFAULT as DEFAULT_TAPE
from local.tape.spec import check_spec, open_tape

_DOWN_SECONDS = 40.0


def up(
    as_json: Json = False,
    state: State = None,
    port_base: PortBase = None,
    tape: Annotated[
        str | None,
        typer.Option(
            help="What the broker simulator plays: sp500:SPY:FIRST:LAST, or minute:SYMBOL[,SYMBOL]:FIRST[:LAST] "
            f"from the files of AGENTTRADER_DATA.  [default: {DEFAULT_TAPE}]",
            metavar="SPEC",
        ),
    ] = None,
    pace: Annotated[str, typer.Option(help="realtime, or N times faster, such as 60x.")] = "realtime",
    seed: Annotated[int, typer.Option(help="Seed of the tape.", min=0)] = 7,
    broker: Annotated[Brokers, typer.Option(help="Whose simulator runs: alpaca, tastytrade, or both.")] = "alpaca",
) -> int:
    """Start the local cloud and keep it running until Ctrl-C or `agenttrader down`.

    Example: agenttrader up --tape sp500:SPY:2018-02-05:2018-02-06 --pace 60x
    """
    screen = Screen.open(as_json)
    speed = Pace.read(pace)
    if tape is not None:
        check_spec(tape)
    refuse_beside(demo_state(state), port_base, "the demo")
    if tape is not None:
        # Opened once, so that whatever is wrong with it is said before anything starts.
        open_tape(tape, seed=seed, calendar=new_york(demo_state(state).parent / "cache"))
    stack = Stack.create(state, port_base)
    setup = Setup(tape=tape, seed=seed, broker=broker)
    with told(screen, Cloud(stack, setup=setup, listener=screen.hear)) as cloud:
        screen.result({"pid": os.getpid(), "state": str(stack.state), **_addresses(stack)})
        say_addresses(screen, stack, broker)
        with contextlib.suppress(KeyboardInterrupt):
            if not speed.lockstep:
                say_tape(screen, stack, pace)

                def hourly(progressed: Progressed) -> None:
                    if progressed.new_hour:
                        screen.note(f"The tape stands at {progressed.at:%Y-%m-%d %H:%M} UTC.")

                ended = replay(stack, speed, progress=hourly, wanted=lambda: cloud.running)
                screen.say(f"The tape stands at {ended:%Y-%m-%d %H:%M} UTC; the cloud stays up.")
            wait_for_end(cloud)
        failed = cloud.failed
    return Exit.ENVIRONMENT if failed else Exit.FINE


def down(as_json: Json = False, state: State = None) -> int:
    """Stop the running local cloud, and wait until nothing of it is left.

    Example: agenttrader down
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    pid = running_pid(stack)
    with screen.waiting(f"Stopping the local cloud (pid {pid})"):
        os.kill(pid, signal.SIGTERM)
        if not wait_unclaimed(stack.state, _DOWN_SECONDS):
            raise Unavailable(
                "STILL_RUNNING", f"the supervisor (pid {pid}) did not end in {_DOWN_SECONDS:g} s", pid=pid
            )
    screen.say("Stopped; nothing is left running.")
    screen.result({"stopped": pid})
    return Exit.FINE


def status(as_json: Json = False, state: State = None) -> int:
    """Show each process: pid, port, health, restarts, last heartbeat. Exit 1 where a process is not well.

    Example: agenttrader status --json
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    pid = running_pid(stack)
    with screen.waiting("Asking each process"):
        rows = process_rows(stack)
    well = all(row["healthy"] for row in rows)
    table = Table(title=f"Local cloud of {stack.state}, supervisor pid {pid}", title_justify="left", box=box.SIMPLE)
    for column in ("process", "pid", "port", "state", "restarts", "last heartbeat"):
        table.add_column(column, justify="right" if column in ("pid", "port", "restarts") else "left")
    for row in rows:
        style = None if row["healthy"] else "red"
        shown = [
            row["name"],
            row["pid"] or "-",
            row["port"] or "-",
            row["state"],
            row["restarts"],
            row["heartbeat"] or "-",
        ]
        table.add_row(*map(str, shown), style=style)
    screen.show(table)
    screen.result({"pid": pid, "state": str(stack.state), **_addresses(stack), "processes": rows})
    return Exit.FINE if well else Exit.CHECK_FAILED


def refuse_beside(state: Path, port_base: int | None, who: str) -> None:
    """Raises AlreadyRunning where the cloud of another folder runs on the ports that this one would take."""
    record = read_record(state)
    ports = port_base if port_base is not None else port_base_from_environment()
    if is_claimed(state) and record.get("port_base") == ports:
        raise AlreadyRunning(
            "ALREADY_RUNNING",
            f"{who} runs on these ports already (pid {record.get('pid')}, {record.get('url')}), and this would be "
            "another one; stop it with `agenttrader down`, or give this one another --port-base",
            pid=record.get("pid"),
        )


def running_pid(stack: Stack) -> int:
    """The supervisor's pid. Raises NotRunning, also where `stack.json` is left from a crash."""
    pid = read_record(stack.state).get("pid")
    if not is_claimed(stack.state) or not isinstance(pid, int):
        left = f" (the last one, pid {pid}, ended without stopping)" if isinstance(pid, int) else ""
        raise NotRunning("NOT_RUNNING", f"no local cloud runs in {stack.state}{left}; start one with `agenttrader up`")
    return pid


def process_rows(stack: Stack) -> list[dict[str, Any]]:
    """What `status` shows, from the record, a look at each port, and the workers' heartbeats."""
    record = read_record(stack.state)
    parts = {node.name: node for node in catalogue(stack, Setup(broker="both")) if isinstance(node, Part)}
    beats = _heartbeats(stack)
    rows = []
    for name, process in record.get("processes", {}).items():
        part = parts.get(name)
        healthy = process["pid"] is not None and (part is None or answers(part))
        shown = "healthy" if healthy else "down" if process["pid"] is None else "does not answer"
        rows.append({"name": name, **process, "state": shown, "healthy": healthy, "heartbeat": beats.get(name)})
    return rows


def _heartbeats(stack: Stack) -> dict[str, str]:
    """Age of each worker's last heartbeat; empty where Postgres does not answer, which `status` then shows as such."""
    try:
        with psycopg.connect(stack.database_url, connect_timeout=2) as connection:
            rows = connection.execute("select name, at from public.heartbeats").fetchall()
    except psycopg.Error:
        return {}
    now = datetime.now(UTC)
    return {name: f"{max(0, round((now - at).total_seconds()))} s ago" for name, at in rows}


def say_addresses(screen: Screen, stack: Stack, broker: Brokers = "alpaca") -> None:
    """Where things are, and how to stop them."""
    screen.say(f"\nThe local cloud is up: {stack.url('gateway')}  (REST, Auth, Realtime, edge functions)")
    screen.say(f"Publishable key:       {stack.publishable_key}")
    for name in simulators(broker):
        screen.say(f"Broker simulator:      {stack.url(name)}  ({name})")
    screen.say(f"Dashboard:             {stack.url('dashboard')}")
    screen.say(f"Logs:                  {stack.state / 'logs'}")
    screen.say(f"Stop with Ctrl-C here, or `{command()} down` elsewhere.")


def say_tape(screen: Screen, stack: Stack, pace: str) -> None:
    """What the market is here, from when on, and how fast it goes."""
    with closing(Market.of(stack)) as market:
        now, days = market.state().now, market.days()
    screen.say(f"Market:                {days[0]} to {days[-1]}, from {now:%Y-%m-%d %H:%M} UTC on, at pace {pace}")


def _addresses(stack: Stack) -> dict[str, str]:
    """What a client of the API needs; the publishable key is no secret."""
    return {"url": stack.url("gateway"), "publishable_key": stack.publishable_key}


def command() -> str:
    """How this command is called from here: by its name where the shell finds it, else by its path."""
    return (
        "agenttrader" if shutil.which("agenttrader") else os.path.relpath(Path(sys.executable).parent / "agenttrader")
    )


@contextlib.contextmanager
def told(screen: Screen, cloud: Cloud) -> Iterator[Cloud]:
    """The cloud while it is up. That it stops takes seconds, and is said."""
    with ExitStack() as stopping, cloud:
        try:
            yield cloud
        finally:
            stopping.enter_context(screen.waiting("Stopping the local cloud"))


def wait_for_end(cloud: Cloud) -> None:
    """Returns when the supervisor gave up; Ctrl-C and SIGTERM raise KeyboardInterrupt out of it."""
    looked = threading.Event()
    while cloud.running:
        looked.wait(0.5)  # a signal interrupts it; the supervisor's own end is noticed within half a second
