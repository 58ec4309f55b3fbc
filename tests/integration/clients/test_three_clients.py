"""supabase-js, supabase-py and the generated client go the whole road of a trader, from signing up to the day's report.

The cloud is whole: an order is judged by risk, sent to the broker's simulator and filled there.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from functions.brokers.sealing import Binding, Credential, seal
from functions.core.hotstore.local import LocalHotStore
from functions.core.replay_clock import CLOCK_KEY
from local.cli import demo_trader
from local.conductor.control import Control
from local.conductor.pace import Pace
from local.conductor.replay import replay
from local.stack import PORT_OFFSETS, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from tests.integration.clients.traders import KINDS, Trader
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache

pytestmark = pytest.mark.long
DAY = "2018-02-05"
OPENS_AT = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
REPORTED_AT = datetime(2018, 2, 5, 21, 30, tzinfo=UTC)
BEGINS_AFTER = 3
MARK = "select close from public.bars where symbol = 'SPY' and timeframe = '1Min' order by ends_at desc limit 1"
Step = Callable[["Going"], None]


@dataclass
class Going:
    """One trader on the way; what each step leaves for the next."""

    name: str
    trader: Trader
    number: str
    key: str
    now: datetime = OPENS_AT
    mark: Decimal = Decimal(0)
    account: str = ""
    strategy: str = ""
    orders: list[str] = field(default_factory=list)

    def near(self, part: str) -> str:
        return str((self.mark * Decimal(part)).quantize(Decimal("0.01")))


def link(going: Going) -> None:
    going.account = going.trader.link(going.number)
    key, public = going.trader.sealing_key()
    binding = Binding(going.trader.user, UUID(going.account), "alpaca", "paper", "trading")
    credential = Credential(binding, {"key": going.key, "secret": f"{going.key}-secret"}, datetime.now(UTC))
    going.trader.enter(going.account, key, seal(credential, base64.b64decode(public)))


def create_strategy(going: Going) -> None:
    assert going.trader.link_state(going.account) == "verified"
    going.strategy = going.trader.create_strategy(going.account, "rsi_reversion")


def activate_and_place(going: Going) -> None:
    # From the day's end, so that what is filled below is what was placed by hand.
    assert going.trader.activate(going.strategy, REPORTED_AT.isoformat()) == "active"
    going.orders.append(going.trader.place(going.account, "10", going.near("0.99")))


def replace(going: Going) -> None:
    assert going.trader.status(going.orders[0]) == "submitted"
    going.orders.append(going.trader.replace(going.orders[0], going.near("0.985")))


def cancel(going: Going) -> None:
    assert [going.trader.status(order) for order in going.orders] == ["replaced", "submitted"]
    going.trader.cancel(going.orders[1])


def buy(going: Going) -> None:
    assert going.trader.status(going.orders[1]) == "canceled"
    going.orders.append(going.trader.place(going.account, "5", None))


def nothing(_: Going) -> None:
    """The market goes on."""


STEPS: tuple[Step, ...] = (link, create_strategy, activate_and_place, replace, cancel, buy, nothing)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    folder = new_folder("clients")
    shutil.copytree(calendar_cache(), folder / "cache")
    made = Stack.create(folder, free_ports(max(PORT_OFFSETS.values()) + 1))
    try:
        with Cloud(made, setup=Setup(tape=f"sp500:SPY:{DAY}:{DAY}", throw_away=True)):
            # Somebody's credential must read the market.
            demo_trader.create(made, ["SPY"], OPENS_AT)
            yield made
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def gone(stack: Stack) -> Iterator[dict[str, Going]]:
    """The three of them after their road, step by step between the minutes of the market."""
    with ExitStack() as opened:
        going = []
        for place, (name, kind) in enumerate(KINDS.items(), 1):
            number, key = f"PA3CLIENT{place:03}", f"PKCLIENT{place}"
            at_the_broker = {"account_id": number, "key": key, "secret": f"{key}-secret", "cash": "50000"}
            answer = httpx.post(f"{stack.url('alpaca')}/control/accounts", json=at_the_broker, timeout=10)
            assert answer.is_success, answer.text
            going.append(Going(name, opened.enter_context(closing(kind(stack, f"{name}@example.com"))), number, key))
        steps: list[Step] = [nothing] * BEGINS_AFTER + list(STEPS)

        def act(connection: psycopg.Connection[Any], now: datetime) -> bool:
            step = steps.pop(0)
            mark = connection.execute(MARK).fetchone()
            for one in going:
                one.now, one.mark = now, mark[0] if mark else Decimal(0)
                step(one)
            return True

        replay(stack, Pace(None), act=act, wanted=lambda: bool(steps))
        _report(stack)
        yield {one.name: one for one in going}


def _report(stack: Stack) -> None:
    """The day's report, as the schedule has it written after the close."""
    with closing(LocalHotStore(stack.url("hotstore"))) as hot:
        hot.put(CLOCK_KEY, REPORTED_AT.isoformat())
    with closing(Control("the scheduler", stack.url("scheduler"), timeout=120)) as scheduler:
        scheduler.post("/run", {"functions": ["daily_pnl"], "now": REPORTED_AT.isoformat()})


@pytest.mark.parametrize("name", KINDS)
def test_trader_when_gone_the_whole_road_then_fills_position_pnl_and_report_are_there(
    gone: dict[str, Going], name: str
) -> None:
    going = gone[name]
    trader = going.trader
    assert [trader.status(order) for order in going.orders] == ["replaced", "canceled", "filled"]
    assert sum(quantity for _, quantity in trader.fills(going.orders[-1])) == 5
    assert trader.held() == {"SPY": Decimal(5)}
    assert trader.current_pnl() == 1
    ((account, day, fills),) = trader.reports()
    assert (account, day, fills) == (going.account, DAY, len(trader.fills(going.orders[-1])))
