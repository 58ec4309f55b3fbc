"""Every kind over whole days, at both brokers and on real minutes; struck every hour, a cloud trades the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest

from functions.strategy.catalogue import kinds
from local.cli import demo_trader
from local.cli.demo_strategies import EVERY_KIND
from local.cli.demo_tape import minute_days, tape_of
from local.cli.strategy_summary import StrategySummary, summarise_strategies
from local.cli.verify_command import verified
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.conductor.settling import Patience
from local.stack import PORT_OFFSETS, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Brokers, Setup
from tests.chaos.arena import ledger_rows
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache

pytestmark = [pytest.mark.soak, pytest.mark.timeout(5400)]

MADE, REAL = date(2018, 2, 5), date(2013, 10, 7)
STRUCK = ("hotstore", "functions", "stream_market_data", "stream_trade_updates")
OVER = """
select p.symbol, p.quantity from public.positions as p join public.instruments as i on i.symbol = p.symbol
where i.kind = 'option' and p.quantity <> 0 and (private.occ_parts(p.symbol))[2] <= to_char(%s::date, 'YYMMDD')
"""


@dataclass(frozen=True)
class Day:
    """What a whole day came to."""

    rows: Mapping[str, list[dict[str, Any]]]
    strategies: tuple[StrategySummary, ...]
    wrong: tuple[str, ...]
    left_over: list[Any]


@pytest.mark.parametrize(
    ("day", "broker"),
    [
        pytest.param(MADE, "both", id="made-minutes-at-both"),
        pytest.param(REAL, "alpaca", id="real-minutes-at-alpaca"),
        pytest.param(REAL, "tastytrade", id="real-minutes-at-tastytrade"),
    ],
)
def test_every_kind_when_a_whole_day_is_played_then_it_trades_the_same_however_often_parts_die(
    day: date, broker: Brokers
) -> None:
    if day == REAL and day not in minute_days(os.environ.get("AGENTTRADER_DATA")).get("SPY", []):
        pytest.skip(f"AGENTTRADER_DATA names no folder with a minute file of SPY on {day}")

    undisturbed, struck = play(day, broker, is_struck=False), play(day, broker, is_struck=True)

    assert undisturbed.wrong == struck.wrong == ()
    # What expired with the day is settled at its close.
    assert undisturbed.left_over == []
    assert {one.kind for one in undisturbed.strategies} == set(kinds())
    assert {one.name: one.last_reason for one in undisturbed.strategies if not one.fills} == {}
    assert [row for row in undisturbed.rows["decisions"] if not row["reason"].strip()] == []
    assert struck.rows == undisturbed.rows


def play(day: date, broker: Brokers, *, is_struck: bool) -> Day:
    folder = new_folder("whole-day")
    shutil.copytree(calendar_cache(), folder / "cache")
    stack = Stack.create(folder, free_ports(max(PORT_OFFSETS.values()) + 1))
    tape = tape_of("SPY", day, day, 7, folder / "cache")
    try:
        with Cloud(stack, setup=Setup(tape=tape.spec, throw_away=True, broker=broker)) as cloud:
            demo_trader.create(stack, tape.symbols, tape.opens_at, broker, EVERY_KIND)

            def hear(progressed: Progressed) -> None:
                if is_struck and progressed.new_hour:
                    for part in STRUCK:
                        cloud.kill(part)

            replay(stack, Pace.read("lockstep"), progress=hear, patience=Patience(seconds=200, rounds=40))
            wrong = tuple(f"{check.name}: {check.detail}" for check in verified(stack).checks if not check.ok)
            with psycopg.connect(stack.database_url, autocommit=True) as connection:
                strategies = summarise_strategies(connection)
                left_over = connection.execute(OVER, [day]).fetchall()
            return Day(ledger_rows(stack), strategies, wrong, left_over)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
