"""Every kind of strategy in the local cloud: each trades and says why, also where a cloud loses its memory."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from functions.core.identity import named_uuid
from functions.core.instruments import is_option
from functions.strategy.catalogue import kinds, schema
from local.cli.app import run
from local.cli.demo_strategies import EVERY_KIND, DemoStrategy
from local.cli.exits import Exit
from local.cli.strategy_summary import StrategySummary, summarise_strategies
from local.supervisor.cloud import Cloud
from tests.chaos.arena import Ledger, arena, trade

# A session of every kind in a whole cloud is a minute: each kind has its scenarios in tests/unit/strategy.
pytestmark = pytest.mark.long
OUTSIDE = "brought_by_a_package"
PLAN = replace(
    EVERY_KIND,
    strategies=(*EVERY_KIND.strategies, DemoStrategy("Outside", OUTSIDE, {"window": 2, "quantity": "10"})),
)
OPTION_KINDS = {"covered_call", "cash_secured_put", "wheel", "credit_spread", "iron_condor"}
# The open and eleven minutes: the option kinds decide at 9:35 and 9:40, where shares that were bought get a call.
PUSHES = 12
# The bar that is told next is the one that every kind decides on.
STRUCK_AFTER = 5
STRUCK = ("hotstore", "functions", "stream_market_data")


@dataclass
class Played:
    """A run: its ledger, what each strategy did, what the catalogue says, and how often parts were started again."""

    ledger: Ledger
    strategies: tuple[StrategySummary, ...]
    catalogue: dict[str, dict[str, Any]]
    restarts: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package with one strategy, installed where this process and those that it starts find it."""
    folder = tmp_path_factory.mktemp("package")
    assert run(["strategy", "new", OUTSIDE, "--folder", str(folder)]) == Exit.FINE
    site = folder / "site"
    # Without the network: hatchling is here already.
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", *options, str(folder / OUTSIDE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    path = os.pathsep.join(part for part in (str(site), os.environ.get("PYTHONPATH", "")) if part)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", path)
        _look_again()
        yield site
    sys.modules.pop(OUTSIDE, None)
    _look_again()


@pytest.fixture(scope="module")
def undisturbed(package: Path) -> Played:
    with arena(plan=PLAN) as cloud:
        return play(cloud, ())


@pytest.fixture(scope="module")
def struck(package: Path) -> Played:
    with arena(plan=PLAN) as cloud:
        return play(cloud, STRUCK)


def play(cloud: Cloud, parts: tuple[str, ...]) -> Played:
    def strike(played: int) -> None:
        if played == STRUCK_AFTER:
            for part in parts:
                cloud.kill(part)

    ledger = trade(cloud, PUSHES, patience=120, settled=strike)
    with psycopg.connect(cloud.stack.database_url, autocommit=True) as connection:
        strategies = summarise_strategies(connection)
        rows = connection.execute("select kind, config_schema from public.strategy_kinds").fetchall()
    restarts = {name: int(process["restarts"]) for name, process in cloud.processes().items()}
    return Played(ledger, strategies, dict(rows), restarts)


def filled(ledger: Ledger) -> dict[str, set[str]]:
    """The symbols that each kind traded."""
    kind_of = {named_uuid("arena", "strategy", one.kind): one.kind for one in PLAN.strategies}
    owner = {row["id"]: kind_of[row["strategy_id"]] for row in ledger.rows["trades"]}
    found: dict[str, set[str]] = {kind: set() for kind in kind_of.values()}
    for row in ledger.rows["fills"]:
        found[owner[row["trade_id"]]].add(row["symbol"])
    return found


def _look_again() -> None:
    importlib.invalidate_caches()
    kinds.cache_clear()


@pytest.mark.timeout(400)
def test_every_kind_when_a_session_begins_then_each_trades_and_the_books_agree(undisturbed: Played) -> None:
    assert undisturbed.ledger.verified == ()
    assert {one.kind for one in undisturbed.strategies} == set(kinds())
    idle = {one.kind: one.last_reason for one in undisturbed.strategies if not one.fills}
    assert idle == {}
    # Options too, not only the shares that a call is sold against.
    assert {
        kind for kind, symbols in filled(undisturbed.ledger).items() if any(map(is_option, symbols))
    } == OPTION_KINDS
    assert {one.kind: one.unrealised for one in undisturbed.strategies if one.unrealised is None} == {}


@pytest.mark.timeout(400)
def test_every_decision_when_made_then_it_says_why(undisturbed: Played) -> None:
    decisions = undisturbed.ledger.rows["decisions"]
    by_kind = {one.kind: one.decisions for one in undisturbed.strategies}
    assert len(decisions) == sum(by_kind.values())
    lengths = {one.kind: one.timeframe for one in PLAN.strategies}
    # Of every bar one, also where a strategy only watched.
    assert by_kind == {kind: (PUSHES - 1) // (5 if lengths[kind] == "5Min" else 1) for kind in by_kind}
    assert [row for row in decisions if not row["reason"].strip()] == []
    assert Counter(row["refused"] for row in decisions) == {None: len(decisions)}


@pytest.mark.timeout(400)
def test_outside_kind_when_its_package_is_installed_then_it_is_catalogued_and_trades(undisturbed: Played) -> None:
    assert undisturbed.catalogue[OUTSIDE] == schema(OUTSIDE)
    (outside,) = (one for one in undisturbed.strategies if one.kind == OUTSIDE)
    assert outside.fills > 0


@pytest.mark.timeout(400)
def test_every_kind_when_hot_store_and_processes_are_lost_then_trades_and_reasons_are_the_same(
    undisturbed: Played, struck: Played
) -> None:
    assert {name: count for name, count in struck.restarts.items() if count} == dict.fromkeys(STRUCK, 1)
    assert struck.ledger.rows == undisturbed.ledger.rows
    assert struck.ledger.broker == undisturbed.ledger.broker
    assert struck.ledger.verified == ()
