"""Runs the benchmarks: `python -m benchmarks` (about a minute), `--json` for machines.

`--dashboard` measures what a trader sees instead (five minutes); it needs Chromium, and a machine that is idle.

Starts what it needs in a folder of its own, on free ports, and leaves nothing behind. Exit code 0 after a run, 3 where
a part cannot be started.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.api import RATES, Load, api_load
from benchmarks.bus_delivery import bus_delivery
from benchmarks.dashboard.run import Dashboard, dashboard
from benchmarks.dashboard.scene import PARTS as DASHBOARD_PARTS
from benchmarks.dashboard.showing import show as show_dashboard
from benchmarks.deciding import deciding
from benchmarks.exits import exits
from benchmarks.fills import fill_throughput
from benchmarks.judging import judging
from benchmarks.ledger_calls import ledger_calls
from benchmarks.measuring import Result, Throughput
from benchmarks.orders import alpaca_orders, tastytrade_orders
from benchmarks.risk import risk_rules
from benchmarks.storing_bars import storing_bars
from functions.core.errors import AgentTraderError, Misconfigured
from functions.core.hotstore import HotStore
from functions.core.hotstore.local import LocalHotStore
from functions.core.settings import Settings
from local.stack import PORT_OFFSETS, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from local.supervisor.ports import is_free

_PARTS = ("gateway", "bus", "hotstore", "alpaca", "tastytrade", "webhooks")
# The whole road of an order; without them the bus is measured, whose receiver takes the port of the functions.
_ROAD = (*_PARTS, "functions", "installation")
# More than any benchmark makes: the budget is paid for and holds nothing back.
_CALLS_PER_MINUTE = 1_000_000
_PORT_BASES = range(32_700, 23_000, -20)
_SECONDS_EACH = 8.0
_SECONDS_OF_FILLS = 18.0
_SECONDS_OF_LOAD = 4.0
# A share each, of what the simulator's account can pay for.
_MOST_EXITS = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our layers beside the raw floor.")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--rounds", type=int, default=300, help="measured calls of each contestant, at most")
    parser.add_argument("--fills", action="store_true", help="only the fills that the ledger records a second")
    parser.add_argument("--api", action="store_true", help="only the REST API under load, beside the bare gateway")
    parser.add_argument("--dashboard", action="store_true", help="only the dashboard, from commit to pixels")
    parser.add_argument("--port-base", type=int, help="first port (default: the first free stretch)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    began = time.monotonic()
    try:
        if options.dashboard:
            seen = run_dashboard(options.port_base)
            if options.json:
                sys.stdout.write(json.dumps(asdict(seen)) + "\n")
            else:
                show_dashboard(seen)
            return 0
        only = options.fills or options.api
        results = [] if only else run(options.rounds, options.port_base)
        loads = [] if options.fills else run_api(options.port_base)
        throughput = [] if options.api else run_durable(options.port_base)
    except AgentTraderError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    if options.json:
        report = {
            "seconds": round(time.monotonic() - began, 1),
            "results": [asdict(result) for result in results],
            "api": [asdict(load) for load in loads],
            "throughput": [asdict(result) for result in throughput],
        }
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        _show(results)
        _show_loads(loads)
        _show_throughput(throughput)
        sys.stdout.write("The dashboard's benchmarks are run alone: make bench ARGS=--dashboard\n")
    return 0


def run(rounds: int, port_base: int | None = None) -> list[Result]:
    """Every benchmark, on a cloud for the layers and one for the road. Raises as starting does, and NO_FREE_PORTS."""
    with _cloud(_PARTS, port_base) as (stack, settings, hot):
        layers = [
            alpaca_orders(stack, settings, hot, rounds=rounds, seconds=_SECONDS_EACH),
            tastytrade_orders(stack, settings, hot, rounds=rounds, seconds=_SECONDS_EACH),
            *ledger_calls(stack, settings, rounds=rounds, seconds=_SECONDS_EACH),
            storing_bars(stack, rounds=rounds, seconds=_SECONDS_EACH),
            bus_delivery(stack, rounds=rounds, seconds=_SECONDS_EACH),
        ]
    with _cloud(_ROAD, port_base) as (stack, settings, hot):
        return [
            *layers,
            risk_rules(rounds=rounds, seconds=_SECONDS_EACH),
            judging(stack, settings, hot, rounds=rounds, seconds=_SECONDS_EACH),
            exits(stack, hot, rounds=min(rounds, _MOST_EXITS), seconds=2 * _SECONDS_EACH),
            deciding(stack, settings, rounds=rounds, seconds=2 * _SECONDS_EACH),
        ]


@contextmanager
def _cloud(parts: Sequence[str], port_base: int | None) -> Iterator[tuple[Stack, Settings, HotStore]]:
    with _opened(parts, port_base, Setup(throw_away=True, broker="both", clock="system")) as stack:
        yield stack, _settings(stack), LocalHotStore(stack.url("hotstore"))


@contextmanager
def _opened(parts: Sequence[str], port_base: int | None, setup: Setup) -> Iterator[Stack]:
    state = Path(tempfile.mkdtemp(prefix="agenttrader-benchmarks-"))
    try:
        stack = Stack.create(state, port_base if port_base is not None else _free_base())
        with Cloud(stack, only=parts, setup=setup):
            yield stack
    finally:
        shutil.rmtree(state, ignore_errors=True)


def run_api(port_base: int | None = None) -> list[Load]:
    """The REST API under load, on a cloud of its own whose edge function counts no rates. Raises as `run` does."""
    setup = Setup(throw_away=True, clock="system", extra=RATES)
    with _opened(("gateway", "edge"), port_base, setup) as stack:
        return api_load(stack, seconds=_SECONDS_OF_LOAD)


def run_durable(port_base: int | None = None) -> list[Throughput]:
    """What is measured on a server that loses nothing: a cloud of its own. Raises as `run` does."""
    with _opened(("gateway",), port_base, Setup(throw_away=False)) as stack:
        return fill_throughput(stack.database_url, seconds=_SECONDS_OF_FILLS)


def run_dashboard(port_base: int | None = None) -> Dashboard:
    """What a trader sees, on a cloud of its own. Raises as `run` does, and without Chromium or Lighthouse."""
    setup = Setup(throw_away=True, clock="system", extra=RATES)
    with (
        tempfile.TemporaryDirectory(prefix="agenttrader-browser-") as folder,
        _opened(DASHBOARD_PARTS, port_base, setup) as stack,
    ):
        return dashboard(stack, Path(folder), port=_free_base())


def _settings(stack: Stack) -> Settings:
    return Settings.model_validate(
        {
            "supabase_url": stack.url("gateway"),
            "publishable_key": stack.publishable_key,
            "jwt_secret": stack.secrets.jwt_secret,
            "alpaca_trading_url": stack.url("alpaca"),
            "tastytrade_url": stack.url("tastytrade"),
            "broker_calls_per_minute": _CALLS_PER_MINUTE,
        }
    )


def _free_base() -> int:
    for base in _PORT_BASES:
        if all(is_free(base + offset) for offset in PORT_OFFSETS.values()):
            return base
    raise Misconfigured("NO_FREE_PORTS", "no stretch of free ports was found; name one with --port-base")


def _show(results: list[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for result in results:
        table = Table(title=result.title, caption=result.note, min_width=72)
        table.add_column("contestant")
        for column in ("calls", "p50 ms", "p99 ms", "times the floor"):
            table.add_column(column, justify="right")
        for row in result.figures:
            table.add_row(row.name, str(row.count), f"{row.p50_ms:.4f}", f"{row.p99_ms:.4f}", f"{row.ratio:.2f}")
        console.print(table)


def _show_loads(loads: list[Load]) -> None:
    if not loads:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="the REST API under load, beside the bare REST gateway", min_width=72)
    table.caption = "autocannon; a page of fifty trades, and the placing of an order; ratio of the medians"
    for column in ("what", "clients", "way"):
        table.add_column(column, no_wrap=True)
    for column in ("per s", "p50 ms", "p95 ms", "p99 ms", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for load in loads:
        times = (f"{value:.1f}" for value in (load.per_second, load.p50_ms, load.p95_ms, load.p99_ms))
        table.add_row(load.what, str(load.clients), load.way, *times, f"{load.ratio:.2f}")
    Console().print(table)


def _show_throughput(results: list[Throughput]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not results:
        return
    table = Table(title="fills recorded per second", min_width=72)
    table.caption = (
        "psycopg, fsync and synchronous_commit on; a bare INSERT is of the same row into a plain copy of the table, "
        "an INSERT in turn locks the account's row first, as whatever counts an account's executions once must"
    )
    table.add_column("who", no_wrap=True)
    ours, *floors = results[0].rates
    for column in (ours, *floors, *(f"times {floor}" for floor in floors)):
        table.add_column(column, justify="right")
    for row in results:
        table.add_row(
            row.title,
            *(f"{row.rates[name]:.0f}" for name in (ours, *floors)),
            *(f"{row.ratio(ours, floor):.2f}" for floor in floors),
        )
    Console().print(table)


if __name__ == "__main__":
    raise SystemExit(main())
