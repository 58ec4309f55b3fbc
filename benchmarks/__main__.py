"""Runs the benchmarks: `python -m benchmarks` (about a minute), `--json` for machines.

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

from benchmarks.bus_delivery import bus_delivery
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
# A share each, of what the simulator's account can pay for.
_MOST_EXITS = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our layers beside the raw floor.")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--rounds", type=int, default=300, help="measured calls of each contestant, at most")
    parser.add_argument("--fills", action="store_true", help="only the fills that the ledger records a second")
    parser.add_argument("--port-base", type=int, help="first port (default: the first free stretch)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    began = time.monotonic()
    try:
        results = [] if options.fills else run(options.rounds, options.port_base)
        throughput = run_durable(options.port_base)
    except AgentTraderError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    if options.json:
        report = {
            "seconds": round(time.monotonic() - began, 1),
            "results": [asdict(result) for result in results],
            "throughput": [asdict(result) for result in throughput],
        }
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        _show(results)
        _show_throughput(throughput)
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
    state = Path(tempfile.mkdtemp(prefix="agenttrader-benchmarks-"))
    try:
        stack = Stack.create(state, port_base if port_base is not None else _free_base())
        with Cloud(stack, only=parts, setup=Setup(throw_away=True, broker="both", clock="system")):
            yield stack, _settings(stack), LocalHotStore(stack.url("hotstore"))
    finally:
        shutil.rmtree(state, ignore_errors=True)


def run_durable(port_base: int | None = None) -> list[Throughput]:
    """What is measured on a server that loses nothing: a cloud of its own. Raises as `run` does."""
    state = Path(tempfile.mkdtemp(prefix="agenttrader-benchmarks-"))
    try:
        stack = Stack.create(state, port_base if port_base is not None else _free_base())
        with Cloud(stack, only=("gateway",), setup=Setup(throw_away=False)):
            return fill_throughput(stack.database_url, seconds=_SECONDS_OF_FILLS)
    finally:
        shutil.rmtree(state, ignore_errors=True)


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


def _show_throughput(results: list[Throughput]) -> None:
    from rich.console import Console
    from rich.table import Table

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
