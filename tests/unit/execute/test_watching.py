"""What is sent must be heard of: a worker watches the account, or the sender reads the broker's lists itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.brokers.errors import BadResponse, NotConnected
from functions.core.errors import Unavailable
from functions.core.hotstore.port import Entry
from functions.execute.watching import is_watched, say_watched, send_approved, watched_key
from tests.unit.core.doubles import World
from tests.unit.execute.desk_made import ALICE, BOB, ScriptedBroker, account_row, at_broker, claimed_row, desk_of
from tests.unit.execute.desk_made import waiting as waiting_row


def world_of(*approved: dict[str, Any], **answers: Any) -> World:
    return World(
        {
            "approved_trades": list(approved),
            "claim_trade": lambda given: claimed_row(1) | {"trade_id": given["p_trade_id"]},
            "record_submission": {"status": "submitted"},
            "trading_accounts": [account_row(ALICE), account_row(BOB)],
            "unrecorded_fills": [],
            "working_orders": [],
            "record_account_snapshot": True,
            "record_account_rules": True,
            "record_broker_positions": {"differences": [], "opened": 0, "closed": 0},
        }
        | answers
    )


async def test_send_when_the_worker_watches_then_no_list_is_read() -> None:
    world = world_of(waiting_row(1))
    say_watched(world.ports, ALICE, "stream")
    broker = ScriptedBroker(world.journal, submit=at_broker())
    assert await send_approved(desk_of(world, {ALICE: broker}), ALICE) == 1
    assert world.said("broker") == ["broker.submit"]


async def test_send_when_nobody_watches_then_the_lists_are_read_before_and_after() -> None:
    world = world_of(waiting_row(1), waiting_row(2))
    broker = ScriptedBroker(world.journal, submit=at_broker())
    assert await send_approved(desk_of(world, {ALICE: broker}), ALICE) == 2
    said = world.said("broker.fills", "broker.submit", "broker.positions")
    assert said == [
        "broker.fills",
        "broker.positions",
        "broker.submit",
        "broker.submit",
        "broker.fills",
        "broker.positions",
    ]


async def test_send_when_nothing_is_approved_then_nobody_is_asked() -> None:
    world = world_of()
    assert await send_approved(desk_of(world, {ALICE: ScriptedBroker(world.journal)}), None) == 0
    assert world.said() == ["approved_trades"]


@pytest.mark.parametrize(
    "error", [NotConnected("DOWN", "down"), BadResponse("not a list", {}), ZeroDivisionError("a bug")]
)
async def test_send_when_nobody_watches_and_the_broker_cannot_be_asked_then_only_what_reduces_is_sent(
    error: Exception,
) -> None:
    world = world_of(waiting_row(1), waiting_row(2) | {"reduce_only": True})
    broker = ScriptedBroker(world.journal, fills=error, submit=at_broker())
    assert await send_approved(desk_of(world, {ALICE: broker}), ALICE) == 1
    assert [given["p_trade_id"] for given in world.asked("claim_trade")] == [waiting_row(2)["trade_id"]]
    # It stays approved: whoever is woken next asks again.
    assert world.said("record_attempt") == []


async def test_send_when_one_account_is_unwatched_and_down_then_the_other_is_served() -> None:
    world = world_of(waiting_row(1, BOB), waiting_row(2, ALICE))
    say_watched(world.ports, ALICE, "compared")
    bobs = ScriptedBroker(world.journal, "bobs", clock=NotConnected("DOWN", "down"))
    alices = ScriptedBroker(world.journal, "alices", submit=at_broker())
    assert await send_approved(desk_of(world, {ALICE: alices, BOB: bobs}), None) == 1
    assert world.said("bobs", "alices") == ["bobs.clock", "alices.submit"]


def test_watched_when_the_word_is_old_or_nobody_can_say_then_not() -> None:
    world = World(stream_health_age=75)
    assert not is_watched(world.ports, ALICE)
    say_watched(world.ports, ALICE, "stream")
    assert is_watched(world.ports, ALICE)
    assert not is_watched(world.ports, BOB)

    class Old:
        def get(self, key: str) -> Entry:
            assert key == watched_key(ALICE)
            return Entry({}, 1, datetime.now(UTC) - timedelta(seconds=76))

    class Down:
        def get(self, _: str) -> Entry:
            raise Unavailable("HOT_STORE_DOWN", "down")

    for hot in (Old(), Down()):
        object.__setattr__(world.ports, "hot", hot)
        assert not is_watched(world.ports, ALICE)


def test_say_watched_when_the_hot_store_is_down_then_the_worker_goes_on() -> None:
    world = World()
    world.hot.failures.append(Unavailable("HOT_STORE_DOWN", "down"))
    say_watched(world.ports, ALICE, "stream")
